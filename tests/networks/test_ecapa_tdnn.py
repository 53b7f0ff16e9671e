import pytest
from built import built

from nnet.errors import InputError
from nnet.networks import NETWORKS


def test_channels_that_do_not_divide_into_groups_are_refused():
    with pytest.raises(InputError, match="multiple of network.scale 8"):
        built(NETWORKS["ecapa_tdnn"], 20, channels=20)
