"""Parameter counts of the frame-level networks in the sizes of the papers and of WeSpeaker, 80 features a frame."""

import pytest
from built import built

from nnet.networks import NETWORKS
from nnet.ops import tree_flatten

# WeSpeaker's counts less its embedding layers: TSTP and 2·C·256 + 256 for the ResNets; ECAPA's pooling with context,
# its batch normalisation and its linear layer; CAM++'s dense layer.
COUNTS = {
    ("tdnn",): 4_610_524 - (3000 * 512 + 512) - (512 * 512 + 512),
    ("resnet", 34): 6_634_336 - (5120 * 256 + 256),
    ("resnet", 221): 23_792_224 - (20480 * 256 + 256),
    ("resnet", 293): 28_626_016 - (20480 * 256 + 256),
    ("ecapa_tdnn", 512): 6_190_720 - (4608 * 128 + 128 + 128 * 1536 + 1536) - 6144 - (3072 * 192 + 192),
    ("ecapa_tdnn", 1024): 14_657_088 - (4608 * 128 + 128 + 128 * 1536 + 1536) - 6144 - (3072 * 192 + 192),
    ("campplus",): 7_176_224 - 1024 * 512,
}
SIZE = {"resnet": "depth", "ecapa_tdnn": "channels"}


@pytest.mark.parametrize("case", COUNTS)
def test_parameter_counts(case):
    name, *size = case
    network = built(NETWORKS[name], 80, **({SIZE[name]: size[0]} if size else {}))
    assert sum(p.size for _, p in tree_flatten(network.trainable_parameters())) == COUNTS[case]
