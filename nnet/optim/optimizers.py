"""Optimizers of the trainable weights of a module.

Each update rule is a function of one weight. `Optimizer` iterates over the weights, applies the weight decay of their
section, and keeps its state, which a resume needs, in a flat dict of arrays that safetensors can store.
"""

from dataclasses import dataclass

from nnet.ops import mx, tree_flatten, tree_unflatten
from nnet.options import option


def clip_gradients(grads, max_norm):
    """Scales gradients to a global L2 norm of at most `max_norm` (None: no limit); returns (gradients, norm before)."""
    norm = gradient_norm(grads)
    if max_norm is None:
        return grads, norm
    scale = mx.minimum(max_norm / (norm + 1e-6), 1.0)
    flat = [(name, g * scale) for name, g in tree_flatten(grads)]
    return tree_unflatten(flat), norm


def gradient_norm(grads):
    """Computes the global L2 norm of all gradients."""
    return mx.sqrt(sum(mx.sum(mx.square(g)) for _, g in tree_flatten(grads)))


@dataclass(frozen=True)
class DecayOptions:
    """Weight decay."""

    weight_decay: float = option(0.0, "L2 decay of the weights of network, pooling and embedding.", low=0)
    loss_weight_decay: float | None = option(None, "L2 decay of the loss's own weights; null: as weight_decay.", low=0)
    decay_all: bool = option(True, "Decay biases and batch normalization as well; false: matrices and kernels only.")


class Optimizer:
    """Base class of the optimizers, built as `Optimizer(options)`: iterates over the weights and applies weight decay.

    A subclass defines `step`, and lists in `slots` the arrays it keeps for each weight.
    """

    slots: tuple[str, ...] = ()
    decoupled = False  # whether weight decay is not added to the gradient (AdamW)

    def __init__(self, options: DecayOptions):
        self.options = options
        self.steps = 0
        self.state: dict[str, mx.array] = {}

    def update(self, module, grads, rate):
        """Updates the weights of `module` at learning rate `rate`; `grads` is a tree like trainable_parameters()."""
        self.steps += 1
        weights = dict(tree_flatten(module.trainable_parameters()))
        moved = [(name, self._move(name, weights[name], g, rate)) for name, g in tree_flatten(grads)]
        module.update(tree_unflatten(moved))

    def _move(self, name, weight, grad, rate):
        decay = self._decay(name, weight)
        if decay and not self.decoupled:
            grad = grad + decay * weight
        step = self.step(grad, {slot: self._slot(name, slot, weight) for slot in self.slots}, name)
        if decay and self.decoupled:
            step = step + decay * weight
        return weight - rate * step

    def _decay(self, name, weight):
        options = self.options
        if weight.ndim < 2 and not options.decay_all:
            return 0.0
        if name.startswith("loss.") and options.loss_weight_decay is not None:
            return options.loss_weight_decay
        return options.weight_decay

    def _slot(self, name, slot, weight):
        key = f"{slot}:{name}"
        if key not in self.state:
            self.state[key] = mx.zeros_like(weight)
        return self.state[key]

    def step(self, grad, slots, name):
        """Returns the step of a weight for a learning rate of 1, and stores new slot values in `self.state`."""
        raise NotImplementedError


@dataclass(frozen=True)
class SgdOptions(DecayOptions):
    """Plain stochastic gradient descent."""


class Sgd(Optimizer):
    """Stochastic gradient descent: w ← w − rate · g."""

    def __init__(self, options: SgdOptions = SgdOptions()):
        super().__init__(options)

    def step(self, grad, slots, name):
        return grad


@dataclass(frozen=True)
class MomentumOptions(DecayOptions):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013)."""

    momentum: float = option(0.9, "Decay of the velocity.", low=0, high=1)
    nesterov: bool = option(False, "Nesterov's momentum, which looks ahead along the velocity.")


class Momentum(Optimizer):
    """Momentum: v ← m · v + g; w ← w − rate · v, or rate · (g + m · v) with Nesterov (Sutskever et al. 2013)."""

    slots = ("velocity",)

    def __init__(self, options: MomentumOptions = MomentumOptions()):
        super().__init__(options)

    def step(self, grad, slots, name):
        momentum = self.options.momentum
        velocity = momentum * slots["velocity"] + grad
        self.state[f"velocity:{name}"] = velocity
        return grad + momentum * velocity if self.options.nesterov else velocity


@dataclass(frozen=True)
class AdamOptions(DecayOptions):
    """Adam (Kingma & Ba 2015, algorithm 1); weight decay is added to the gradient."""

    beta1: float = option(0.9, "Decay of the mean of the gradients.", low=0, high=1)
    beta2: float = option(0.999, "Decay of the mean of their squares.", low=0, high=1)
    eps: float = option(1e-8, "Added to the root of the mean square.", above=0)


class Adam(Optimizer):
    """Adam, with bias-corrected means of the gradient and of its square (Kingma & Ba 2015, algorithm 1)."""

    slots = ("mean", "square")

    def __init__(self, options: AdamOptions = AdamOptions()):
        super().__init__(options)

    def step(self, grad, slots, name):
        beta1, beta2 = self.options.beta1, self.options.beta2
        mean = beta1 * slots["mean"] + (1 - beta1) * grad
        square = beta2 * slots["square"] + (1 - beta2) * mx.square(grad)
        self.state[f"mean:{name}"], self.state[f"square:{name}"] = mean, square
        mean_hat = mean / (1 - beta1**self.steps)
        square_hat = square / (1 - beta2**self.steps)
        return mean_hat / (mx.sqrt(square_hat) + self.options.eps)


@dataclass(frozen=True)
class AdamWOptions(AdamOptions):
    """AdamW (Loshchilov & Hutter 2019, algorithm 2): Adam with decoupled weight decay."""


class AdamW(Adam):
    """Adam with decoupled weight decay, applied after the moments (Loshchilov & Hutter 2019, algorithm 2)."""

    decoupled = True

    def __init__(self, options: AdamWOptions = AdamWOptions()):
        super().__init__(options)


OPTIMIZERS = {"sgd": Sgd, "momentum": Momentum, "adam": Adam, "adamw": AdamW}
