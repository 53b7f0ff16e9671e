"""Options that fit no network are one line that says what fits."""

import pytest
from built import built

from nnet.errors import InputError
from nnet.networks import NETWORKS

BAD = [
    (
        "tdnn",
        {"dims": (8, 8)},
        r"dims has 2 values, network\.kernels 5 and network\.dilations 5; give one per layer each",
    ),
    ("tdnn", {"dims": (), "kernels": (), "dilations": ()}, r"network\.dims is empty; give at least one layer"),
    ("resnet", {"channels": 8, "se_reduction": 16}, r"se_reduction 16 .* at most the 8 channels of the first stage"),
    ("resnet", {"depth": 50, "channels": 2, "se_reduction": 9}, r"se_reduction 9 .* at most the 8 channels"),
    ("ecapa_tdnn", {"channels": 20}, r"channels 20 must be a multiple of network\.scale 8"),
    ("campplus", {"growth": 1, "bn_size": 1}, r"growth 1 · network\.bn_size 1, .* at least 2"),
    ("repvgg", {"variant": "B2g4", "base_width": 10}, r"gives 25 channels, .* 4 groups .* B2g4; take a multiple of 8"),
    ("next_tdnn", {"kernels": (7, 64)}, r"kernels \[7, 64\]: 64 is even; only odd kernels"),
    ("next_tdnn", {"channels": 16, "kernels": (3, 5, 7)}, r"channels 16 must be a multiple of .* network\.kernels, 3"),
    ("next_tdnn", {"kernels": ()}, r"network\.kernels is empty"),
    ("redimnet", {"strides": (1, 2, 1, 2, 1, 2)}, r"strides \[1, 2, 1, 2, 1, 2\] need a multiple of 8 bins, not 20"),
    ("redimnet2", {"strides": (1, 5)}, r"network\.strides, .* must have one value per stage each"),
    ("next_tdnn", {"light": True}, r"kernels \[7, 65\]: network\.light takes one kernel, such as \[65\]"),
]


@pytest.mark.parametrize("network, options, message", BAD)
def test_options_that_fit_no_network(network, options, message):
    with pytest.raises(InputError, match=message) as caught:
        built(NETWORKS[network], 20, **options)
    assert "\n" not in str(caught.value)
