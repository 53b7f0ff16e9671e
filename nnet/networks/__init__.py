"""Frame-level networks: features (B, T, F) → frames (B, T', out_dim); the options are in `nnet.config.networks`."""

import dataclasses

from nnet.config.networks import NETWORK_OPTIONS
from nnet.networks.tdnn import TDNN

NETWORKS = {
    "tdnn": TDNN,
}


def build_network(name, input_dim, **options):
    """The network NAME of `NETWORKS`; what `options` does not say has the default of its dataclass."""
    return NETWORKS[name](input_dim, **dataclasses.asdict(NETWORK_OPTIONS[name](**options)))
