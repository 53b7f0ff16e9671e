import pytest
from built import built

from nnet.errors import InputError
from nnet.networks import NETWORKS


def test_every_stage_needs_its_number_of_blocks():
    with pytest.raises(InputError, match=r"network.blocks \[3, 3, 9\] must have 4 numbers"):
        built(NETWORKS["df_resnet"], 20, blocks=(3, 3, 9))
