"""A system of classes from outside the package, as a user would write them: one of each kind."""

from dataclasses import dataclass

from nnet import ops
from nnet.losses import AuxiliaryLoss, Loss, LossOutput
from nnet.losses.base import cross_entropy, top1
from nnet.losses.schedules import MarginSchedule, MarginScheduleOptions
from nnet.networks import Network
from nnet.networks.layers import Linear
from nnet.ops import mx, nn, optimizers
from nnet.ops.vectors import normalize
from nnet.optim.optimizers import DecayOptions, Optimizer
from nnet.optim.schedules import Schedule
from nnet.options import option
from nnet.poolings import Pooling


@dataclass(frozen=True)
class FrameNetOptions:
    """Two affine layers on single frames."""

    width: int = option(16, "Width of both layers.", low=1)


class FrameNet(Network):
    """Two affine layers with ReLU on single frames."""

    def __init__(self, input_dim, options=FrameNetOptions()):
        super().__init__()
        self.layer1 = Linear(input_dim, options.width)
        self.layer2 = Linear(options.width, options.width)
        self.out_dim, self.min_frames = options.width, 1
        self.endpoint_dims = {"layer1": options.width}

    def __call__(self, x, endpoints=None):
        x = ops.relu(self.layer1(x))
        if endpoints is not None:
            endpoints["layer1"] = x
        return ops.relu(self.layer2(x))


@dataclass(frozen=True)
class RangeOptions:
    """The largest and the smallest value over time."""

    smallest: bool = option(True, "The smallest value as well; false: the largest alone.")


class Range(Pooling):
    """The largest and the smallest value over time."""

    def __init__(self, in_dim, options=RangeOptions(), endpoint_dims=None):
        super().__init__()
        self.smallest = options.smallest
        self.out_dim = in_dim * (1 + options.smallest)

    def __call__(self, x, endpoints=None):
        return ops.concat(extreme(x), -extreme(-x)) if self.smallest else extreme(x)


@ops.operation
def extreme(x):
    """An operation of one's own, on arrays: the largest value over time of each utterance, (B, T, C) → (B, C)."""
    return mx.max(x, axis=1)


@dataclass(frozen=True)
class CosineMarginOptions(MarginScheduleOptions):
    """Scaled cosines with a margin on the target."""

    scale: float = option(16.0, "Factor of the cosines.", above=0)


class CosineMargin(Loss):
    """Softmax on scaled cosines, of which the target's is lowered by a margin in training."""

    def __init__(self, in_dim, num_speakers, options=CosineMarginOptions()):
        super().__init__(options)
        self.weight = nn.init.glorot_uniform()(mx.zeros((num_speakers, in_dim)))
        self.schedule = MarginSchedule(options)
        self.set_progress(0, 0.0)

    def set_progress(self, step, epoch):
        self._margin = mx.array(float(self.schedule.at(epoch)))

    def __call__(self, embeddings, labels):
        cosine = normalize(embeddings) @ normalize(self.weight).T
        targets = labels[:, None] == mx.arange(len(self.weight))
        margin = self._margin if self.training else 0.0
        return LossOutput(cross_entropy(self.options.scale * (cosine - margin * targets), labels), top1(cosine, labels))


@dataclass(frozen=True)
class LengthOptions:
    """Mean squared length of the embeddings."""

    weight: float = option(0.001, "Weight of the term.", low=0)


class Length(AuxiliaryLoss):
    """Mean squared length of the embeddings."""

    def __init__(self, in_dim, num_speakers, options=LengthOptions()):
        super().__init__(options)

    def term(self, embeddings, labels, loss):
        return mx.mean(mx.sum(embeddings * embeddings, axis=-1))


@dataclass(frozen=True)
class SignOptions(DecayOptions):
    """Momentum of which only the sign counts."""

    momentum: float = option(0.9, "Decay of the mean gradient.", low=0, below=1)


class Sign(Optimizer):
    """w ← w − rate · sign(v), v the running mean of the gradients: Lion (Chen et al. 2023) of equal betas."""

    def __init__(self, options=SignOptions()):
        super().__init__(options, optimizers.Lion(0.0, betas=[options.momentum] * 2))


@dataclass(frozen=True)
class ConstantOptions:
    """The same rate all the time."""

    learning_rate: float = option(0.003, "The rate.", above=0)


class Constant(Schedule):
    """The same rate all the time."""

    def __init__(self, epochs, options=ConstantOptions()):
        super().__init__(epochs, options)

    def rate(self, epoch):
        return self.options.learning_rate


class Plain:
    """No class of ours."""


class Undeclared(Network):
    """Takes no options."""


@dataclass(frozen=True)
class UndocumentedOptions:
    width: int = 16


class Undocumented(Network):
    """Takes options that say nothing of their range."""

    def __init__(self, input_dim, options=UndocumentedOptions()):
        super().__init__()
