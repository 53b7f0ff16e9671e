"""Losses over embeddings.

`build_loss(type, in_dim, num_speakers, **options)` gives a module; `loss(embeddings, labels)` gives LossOutput(loss,
accuracy); `loss.set_progress(step, epoch)` moves margins and annealing and is called before every update, with what
has been done so far. Classifier weights are `weight`, (num_speakers, in_dim). Batches hold at least
`min_segments_per_speaker` segments of a speaker. The options are described in nnet/config/losses.py.
"""

import dataclasses

from nnet.config.losses import AUXILIARY_LOSS_OPTIONS, LOSS_OPTIONS
from nnet.losses.additive import AdditiveAngularMargin, AdditiveMargin
from nnet.losses.angular_triplet import AngularTriplet
from nnet.losses.auxiliary import Center, Mhe, Ring
from nnet.losses.base import Loss, LossOutput
from nnet.losses.end_to_end import GE2E, AngularPrototypical, Prototypical
from nnet.losses.generalized_triplet import GeneralizedAngularTriplet
from nnet.losses.margins import ASoftmax
from nnet.losses.softmax import Softmax
from nnet.losses.sphereface2 import SphereFace2
from nnet.losses.triplet import BatchHardTriplet, SemiHardTriplet

__all__ = ["AUXILIARY_LOSSES", "LOSSES", "Loss", "LossOutput", "build_auxiliary_loss", "build_loss"]

LOSSES = {
    "softmax": Softmax,
    "a_softmax": ASoftmax,
    "additive_margin": AdditiveMargin,
    "additive_angular_margin": AdditiveAngularMargin,
    "sphereface2": SphereFace2,
    "semihard_triplet": SemiHardTriplet,
    "batch_hard_triplet": BatchHardTriplet,
    "angular_triplet": AngularTriplet,
    "generalized_angular_triplet": GeneralizedAngularTriplet,
    "ge2e": GE2E,
    "prototypical": Prototypical,
    "angular_prototypical": AngularPrototypical,
}

AUXILIARY_LOSSES = {
    "ring": Ring,
    "mhe": Mhe,
    "center": Center,
}


def build_loss(name, in_dim, num_speakers, **options):
    """The loss NAME of `LOSSES`; what `options` does not say has the default of its dataclass."""
    return LOSSES[name](in_dim, num_speakers, **dataclasses.asdict(LOSS_OPTIONS[name](**options)))


def build_auxiliary_loss(name, in_dim, num_speakers, **options):
    """The loss NAME of `AUXILIARY_LOSSES`; what `options` does not say has the default of its dataclass."""
    return AUXILIARY_LOSSES[name](in_dim, num_speakers, **dataclasses.asdict(AUXILIARY_LOSS_OPTIONS[name](**options)))
