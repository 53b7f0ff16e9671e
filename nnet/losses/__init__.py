"""Losses over embeddings, registered by their configuration names.

`LOSSES["softmax"](in_dim, num_speakers, options)` makes a module; `loss(embeddings, labels)` returns LossOutput(loss,
accuracy); `loss.set_progress(step, epoch)` updates margins and annealing and is called before every update with the
completed steps and epochs. Classifier weights are `weight`, (num_speakers, in_dim). A batch must hold at least
`min_segments_per_speaker` segments of each of its speakers.
"""

from nnet.losses.additive import AdditiveAngularMargin, AdditiveMargin
from nnet.losses.angular_triplet import AngularTriplet
from nnet.losses.auxiliary import AuxiliaryLoss, Center, Mhe, Ring
from nnet.losses.base import Loss, LossOutput
from nnet.losses.end_to_end import GE2E, AngularPrototypical, Prototypical
from nnet.losses.generalized_triplet import GeneralizedAngularTriplet
from nnet.losses.margins import ASoftmax
from nnet.losses.none import NoLoss
from nnet.losses.softmax import Softmax
from nnet.losses.sphereface2 import SphereFace2
from nnet.losses.triplet import BatchHardTriplet, SemiHardTriplet

__all__ = ["AUXILIARY_LOSSES", "LOSSES", "AuxiliaryLoss", "Loss", "LossOutput"]

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
    "none": NoLoss,
}

AUXILIARY_LOSSES = {
    "ring": Ring,
    "mhe": Mhe,
    "center": Center,
}
