"""Terms that are added to a loss in training: ring, minimum hyperspherical energy, centre."""

from nnet.errors import InputError
from nnet.losses.batch import same_speaker
from nnet.ops import mx, nn
from nnet.ops.vectors import normalize, norms


class AuxiliaryLoss(nn.Module):
    """Base of the auxiliary losses: `term(embeddings, labels, loss)` gives a scalar, `weight` times the term.

    loss is the main loss, whose classifier some terms read.
    """

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def __call__(self, embeddings, labels, loss):
        return self.weight * self.term(embeddings, labels, loss)

    def term(self, embeddings, labels, loss):
        """The term without its weight: (B, D), (B,), Loss → scalar."""
        raise NotImplementedError


class Ring(AuxiliaryLoss):
    """Ring loss (Zheng et al. 2018, arXiv 1803.00130): mean of (‖x‖ − R)², R learnt; without ½, as tf-kaldi-speaker."""

    def __init__(self, in_dim, num_speakers, *, weight, initial_radius):
        super().__init__(weight)
        self.radius = mx.array([initial_radius])

    def term(self, embeddings, labels, loss):
        gap = mx.squeeze(norms(embeddings), -1) - self.radius
        return mx.mean(gap * gap)


class Mhe(AuxiliaryLoss):
    """Minimum hyperspherical energy of the classifier (Liu et al. 2018, arXiv 1805.09298, eq. 1, s = 2).

    d being the squared distance, at length 1, of the weight of a speaker in the batch from that of another speaker:
    `form` "mean_of_inverses" is the mean of 1/d (the paper), "inverse_of_mean" 1 / (mean of d + 1e-6), the speaker
    itself in the mean (tf-kaldi-speaker).
    """

    def __init__(self, in_dim, num_speakers, *, weight, form):
        super().__init__(weight)
        self.num_speakers, self.form = num_speakers, form

    def term(self, embeddings, labels, loss):
        if "weight" not in loss:
            raise InputError("auxiliary type mhe needs a loss with a classifier, such as softmax or additive_margin")
        weights = normalize(loss.weight)
        centers = len(weights) // self.num_speakers
        rows = mx.flatten(labels[:, None] * centers + mx.arange(centers))  # every centre of the batch's speakers
        chosen = weights[rows]
        if self.form == "inverse_of_mean":
            mean = 2 - 2 * mx.sum(mx.mean(chosen, axis=0) * mx.mean(weights, axis=0))
            return 1 / (mean + 1e-6)
        distances = 2 - 2 * chosen @ weights.T
        itself = mx.full((len(rows), 1), mx.inf)
        distances = mx.put_along_axis(mx.maximum(distances, 1e-6), rows[:, None], itself, axis=1)
        return mx.sum(1 / distances) / (len(rows) * (len(weights) - 1))


class Center(AuxiliaryLoss):
    """Centre loss (Wen et al. 2016, eq. 2-4): half the mean of ‖x − c_y‖².

    In training the centres then move: c_y ← c_y − rate·Σ_i (c_y − x_i) / (1 + n_y) over the n_y embeddings x_i of
    speaker y in the batch.
    """

    def __init__(self, in_dim, num_speakers, *, weight, rate):
        super().__init__(weight)
        self.rate = rate
        self.centers = mx.zeros((num_speakers, in_dim))
        self.unfreeze()

    def unfreeze(self, *args, **kwargs):
        super().unfreeze(*args, **kwargs)
        self.freeze(keys=["centers"], recurse=False)

    def term(self, embeddings, labels, loss):
        gaps = embeddings - self.centers[labels]
        if self.training:
            counts = mx.sum(same_speaker(labels), axis=1)
            steps = self.rate * gaps / (1 + counts)[:, None]
            self.centers = mx.stop_gradient(self.centers.at[labels].add(steps))
        return 0.5 * mx.mean(mx.sum(gaps * gaps, axis=-1))
