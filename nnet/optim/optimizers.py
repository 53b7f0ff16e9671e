"""Gradient descent on the trainable weights of a module, by the rules of mlx.optimizers.

What is added here is the weight decay by section of the network, and a state that safetensors can hold.
"""

import math
from dataclasses import dataclass

from nnet.ops import optimizers, tree_flatten, tree_map, tree_map_with_path, tree_unflatten
from nnet.options import option


def clip_gradients(grads, max_norm):
    """Scales all gradients together so that their joint L2 norm is at most `max_norm`; returns (grads, norm).

    None does not clip: the norm alone is computed.
    """
    clipped, norm = optimizers.clip_grad_norm(grads, math.inf if max_norm is None else max_norm)
    return grads if max_norm is None else clipped, norm


@dataclass(frozen=True)
class DecayOptions:
    """Weight decay."""

    weight_decay: float = option(0.0, "L2 decay of the weights of network, pooling and embedding.", low=0)
    loss_weight_decay: float | None = option(None, "L2 decay of the loss's own weights; null: as weight_decay.", low=0)
    decay_all: bool = option(True, "Decay biases and batch normalization as well; false: matrices and kernels only.")


class Optimizer:
    """Base of the optimizers, which are built as `Optimizer(options)`: a rule of mlx.optimizers and the weight decay.

    The decay is not the rule's own, which would be the same for all weights, and which MLX's Adam lacks.

    Args:
        options: with those of `DecayOptions`.
        rule: an mlx.optimizers.Optimizer without weight decay; every update sets its learning rate.
    """

    decoupled = False  # whether the decay bypasses the gradient (AdamW)

    def __init__(self, options: DecayOptions, rule: optimizers.Optimizer):
        self.options, self.rule = options, rule

    def update(self, module, grads, rate):
        """Moves the weights of `module` along `grads` (a tree as `module.trainable_parameters()` gives) at `rate`."""
        weights = module.trainable_parameters()
        decays = tree_map_with_path(self._decay, weights)
        if self.decoupled:
            weights = tree_map(lambda w, decay: w * (1 - rate * decay) if decay else w, weights, decays)
        else:
            grads = tree_map(lambda g, w, decay: g + decay * w if decay else g, grads, weights, decays)
        self.rule.learning_rate = rate
        module.update(self.rule.apply_gradients(grads, weights))

    def _decay(self, name, weight):
        options = self.options
        if weight.ndim < 2 and not options.decay_all:
            return 0.0
        if name.startswith("loss.") and options.loss_weight_decay is not None:
            return options.loss_weight_decay
        return options.weight_decay

    def memory(self, module, name):
        """Returns the dict of arrays that the rule remembers of the weight `name`; empty if it is frozen."""
        self.rule.init(module.trainable_parameters())  # what is not there yet
        memory = self.rule.state
        for part in name.split("."):
            memory = memory.get(part, {})
        return memory

    @property
    def steps(self):
        """The number of updates so far."""
        return self.rule.step.item()

    @property
    def state(self):
        """What a resume needs, a flat dict of arrays."""
        return dict(tree_flatten(self.rule.state))

    @state.setter
    def state(self, arrays):
        self.rule.state = tree_unflatten(list(arrays.items()))


@dataclass(frozen=True)
class SgdOptions(DecayOptions):
    """Plain stochastic gradient descent."""


class Sgd(Optimizer):
    """Stochastic gradient descent: w ← w − rate · g."""

    def __init__(self, options: SgdOptions = SgdOptions()):
        super().__init__(options, optimizers.SGD(0.0))


@dataclass(frozen=True)
class MomentumOptions(DecayOptions):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013)."""

    momentum: float = option(0.9, "Decay of the velocity.", low=0, high=1)
    nesterov: bool = option(False, "Nesterov's momentum, which looks ahead along the velocity.")


class Momentum(Optimizer):
    """Momentum: v ← m · v + g; w ← w − rate · v, or rate · (g + m · v) with Nesterov (Sutskever et al. 2013)."""

    def __init__(self, options: MomentumOptions = MomentumOptions()):
        momentum = options.momentum
        nesterov = options.nesterov and momentum > 0  # MLX refuses to look ahead along a velocity that is the gradient
        super().__init__(options, optimizers.SGD(0.0, momentum, nesterov=nesterov))


@dataclass(frozen=True)
class AdamOptions(DecayOptions):
    """Adam (Kingma & Ba 2015, algorithm 1); weight decay is added to the gradient."""

    beta1: float = option(0.9, "Decay of the mean of the gradients.", low=0, below=1)
    beta2: float = option(0.999, "Decay of the mean of their squares.", low=0, below=1)
    eps: float = option(1e-8, "Added to the root of the mean square.", above=0)


class Adam(Optimizer):
    """Adam, with bias-corrected means of the gradient and of its square (Kingma & Ba 2015, algorithm 1)."""

    def __init__(self, options: AdamOptions = AdamOptions()):
        betas = [options.beta1, options.beta2]
        super().__init__(options, optimizers.Adam(0.0, betas, options.eps, bias_correction=True))


@dataclass(frozen=True)
class AdamWOptions(AdamOptions):
    """AdamW (Loshchilov & Hutter 2019, algorithm 2): Adam with decoupled weight decay."""


class AdamW(Adam):
    """Adam with decoupled weight decay, applied after the moments (Loshchilov & Hutter 2019, algorithm 2)."""

    decoupled = True

    def __init__(self, options: AdamWOptions = AdamWOptions()):
        super().__init__(options)


OPTIMIZERS = {"sgd": Sgd, "momentum": Momentum, "adam": Adam, "adamw": AdamW}
