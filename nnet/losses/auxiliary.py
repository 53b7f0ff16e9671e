"""Auxiliary losses, added to the main loss in training: ring, minimum hyperspherical energy, center."""

from dataclasses import dataclass

from nnet.errors import InputError
from nnet.losses.batch import same_speaker
from nnet.ops import mx, nn
from nnet.ops.vectors import normalize, norms
from nnet.options import option


class AuxiliaryLoss(nn.Module):
    """Base class of auxiliary losses; the constructor is `AuxiliaryLoss(in_dim, num_speakers, options)`.

    Calling it with (embeddings, labels, loss) returns `options.weight` times `term`, a scalar; loss is the main loss,
    whose classifier some terms use.
    """

    def __init__(self, options):
        super().__init__()
        self.options = options

    def __call__(self, embeddings, labels, loss):
        return self.options.weight * self.term(embeddings, labels, loss)

    def term(self, embeddings, labels, loss):
        """Computes the unweighted term: (B, D), (B,), Loss → scalar."""
        raise NotImplementedError


@dataclass(frozen=True)
class RingOptions:
    """Ring loss: pulls the norms of embeddings to a learned radius."""

    weight: float = option(0.01, "Weight of the term.", low=0)
    initial_radius: float = option(20.0, "Initial radius.", above=0)


class Ring(AuxiliaryLoss):
    """Ring loss (Zheng et al. 2018, arXiv 1803.00130): mean of (‖x‖ − R)², R learned; no ½, as in tf-kaldi-speaker."""

    def __init__(self, in_dim: int, num_speakers: int, options: RingOptions = RingOptions()):
        super().__init__(options)
        self.radius = mx.array([options.initial_radius])

    def term(self, embeddings, labels, loss):
        gap = mx.squeeze(norms(embeddings), -1) - self.radius
        return mx.mean(gap * gap)


@dataclass(frozen=True)
class MheOptions:
    """Minimum hyperspherical energy: pushes classifier weights away from each other."""

    weight: float = option(0.01, "Weight of the term.", low=0)
    form: str = option(
        "mean_of_inverses",
        "Mean of the inverse squared distances (the paper), or inverse of their mean (tf-kaldi-speaker).",
        choices=("mean_of_inverses", "inverse_of_mean"),
    )


class Mhe(AuxiliaryLoss):
    """Minimum hyperspherical energy of the classifier (Liu et al. 2018, arXiv 1805.09298, eq. 1, s = 2).

    d is the squared distance between the length-normalized weights of a speaker in the batch and of another speaker;
    with sub-centers, between each of its centers and each of the others'.
    `form` "mean_of_inverses" is the mean of 1/d (the paper); "inverse_of_mean" is 1 / (mean of d + 1e-6), where the
    mean includes the speaker itself (tf-kaldi-speaker).

    Raises:
        InputError: there is one training speaker, or the main loss has no classifier.
    """

    def __init__(self, in_dim: int, num_speakers: int, options: MheOptions = MheOptions()):
        super().__init__(options)
        if num_speakers < 2:
            raise InputError("auxiliary type mhe needs two training speakers or more")
        self.num_speakers = num_speakers

    def term(self, embeddings, labels, loss):
        if "weight" not in loss:
            raise InputError("auxiliary type mhe needs a loss with a classifier, such as softmax or additive_margin")
        weights = normalize(loss.weight)
        centers = len(weights) // self.num_speakers
        rows = mx.flatten(labels[:, None] * centers + mx.arange(centers))  # every center of the batch's speakers
        chosen = weights[rows]
        if self.options.form == "inverse_of_mean":
            mean = 2 - 2 * mx.sum(mx.mean(chosen, axis=0) * mx.mean(weights, axis=0))
            return 1 / (mean + 1e-6)
        distances = mx.maximum(2 - 2 * chosen @ weights.T, 1e-6)
        own = rows[:, None] // centers == mx.arange(len(weights)) // centers
        return mx.sum(mx.where(own, 0, 1 / distances)) / (len(rows) * (len(weights) - centers))


@dataclass(frozen=True)
class CenterOptions:
    """Center loss: pulls embeddings to the running center of their speaker."""

    weight: float = option(0.003, "Weight of the term.", low=0)
    rate: float = option(0.5, "Step size by which a center moves towards its embeddings in a batch.", low=0, high=1)


class Center(AuxiliaryLoss):
    """Center loss (Wen et al. 2016, eq. 2-4): half the mean of ‖x − c_y‖².

    In training the centers are then updated: c_y ← c_y − rate·Σ_i (c_y − x_i) / (1 + n_y) over the n_y embeddings x_i
    of speaker y in the batch.
    """

    def __init__(self, in_dim: int, num_speakers: int, options: CenterOptions = CenterOptions()):
        super().__init__(options)
        self.centers = mx.zeros((num_speakers, in_dim))
        self.unfreeze()

    def unfreeze(self, *args, **kwargs):
        super().unfreeze(*args, **kwargs)
        self.freeze(keys=["centers"], recurse=False)

    def term(self, embeddings, labels, loss):
        gaps = embeddings - self.centers[labels]
        if self.training:
            counts = mx.sum(same_speaker(labels), axis=1)
            steps = self.options.rate * gaps / (1 + counts)[:, None]
            self.centers = mx.stop_gradient(self.centers.at[labels].add(steps))
        return 0.5 * mx.mean(mx.sum(gaps * gaps, axis=-1))
