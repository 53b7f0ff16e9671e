"""Frame-level networks, features (B, T, F) → frames (B, T', out_dim), registered by their configuration names.

`NETWORKS["resnet"](input_dim, options)` makes a module; `Network` describes its interface.
"""

from nnet.networks.base import Network
from nnet.networks.campplus import CamPlusPlus
from nnet.networks.df_resnet import DfResNet
from nnet.networks.ecapa_tdnn import EcapaTdnn
from nnet.networks.ftdnn import FTDNN
from nnet.networks.resnet import ResNet
from nnet.networks.simam_resnet import SimAmResNet
from nnet.networks.tdnn import ETDNN, TDNN

__all__ = ["NETWORKS", "Network"]

NETWORKS = {
    "tdnn": TDNN,
    "etdnn": ETDNN,
    "ftdnn": FTDNN,
    "resnet": ResNet,
    "simam_resnet": SimAmResNet,
    "df_resnet": DfResNet,
    "ecapa_tdnn": EcapaTdnn,
    "campplus": CamPlusPlus,
}
