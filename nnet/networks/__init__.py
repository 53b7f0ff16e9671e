"""Frame-level networks: features (B, T, F) → frames (B, T', out_dim); the options are in `nnet.config.networks`.

Every network has `out_dim`, `min_frames` (the fewest frames that it takes) and `endpoint_dims` (the name and width of
each frame-level output that a pooling or an extraction can ask for); a call with a dict as `endpoints` fills it.
"""

import dataclasses

from nnet.config.networks import NETWORK_OPTIONS
from nnet.networks.campplus import CamPlusPlus
from nnet.networks.ecapa_tdnn import EcapaTdnn
from nnet.networks.ftdnn import FTDNN
from nnet.networks.resnet import ResNet
from nnet.networks.tdnn import TDNN

NETWORKS = {
    "tdnn": TDNN,
    "etdnn": TDNN,
    "ftdnn": FTDNN,
    "resnet": ResNet,
    "ecapa_tdnn": EcapaTdnn,
    "campplus": CamPlusPlus,
}


def build_network(name, input_dim, **options):
    """The network NAME of `NETWORKS`; what `options` does not say has the default of its dataclass."""
    return NETWORKS[name](input_dim, **dataclasses.asdict(NETWORK_OPTIONS[name](**options)))
