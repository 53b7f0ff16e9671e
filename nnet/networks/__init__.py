"""Frame-level networks, features (B, T, F) → frames (B, T', out_dim), registered by their configuration names.

`NETWORKS["resnet"](input_dim, options)` makes a module; `Network` describes its interface.
"""

from nnet.networks.base import Network
from nnet.networks.campplus import CamPlusPlus
from nnet.networks.df_resnet import DfResNet
from nnet.networks.ecapa_tdnn import EcapaTdnn
from nnet.networks.eres2net import ERes2Net
from nnet.networks.eres2netv2 import ERes2NetV2
from nnet.networks.ftdnn import FTDNN
from nnet.networks.next_tdnn import NextTdnn
from nnet.networks.redimnet import ReDimNet
from nnet.networks.redimnet2 import ReDimNet2
from nnet.networks.repvgg import RepVgg
from nnet.networks.res2net import Res2Net
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
    "repvgg": RepVgg,
    "next_tdnn": NextTdnn,
    "res2net": Res2Net,
    "eres2net": ERes2Net,
    "eres2netv2": ERes2NetV2,
    "redimnet": ReDimNet,
    "redimnet2": ReDimNet2,
}
