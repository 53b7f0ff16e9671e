"""Gradient descent on the trainable weights of a module, with the optimiser's state as plain arrays.

Each rule is a function of one weight; `Optimizer` walks over the weights, applies the weight decay of their section
and keeps what a resume needs in `state`, a flat dict of arrays that safetensors can hold.
"""

from nnet.ops import mx, tree_flatten, tree_unflatten


def clip_gradients(grads, max_norm):
    """Scales all gradients together so that their joint L2 norm is at most `max_norm`; returns (grads, norm)."""
    norm = gradient_norm(grads)
    if max_norm is None:
        return grads, norm
    scale = mx.minimum(max_norm / (norm + 1e-6), 1.0)
    flat = [(name, g * scale) for name, g in tree_flatten(grads)]
    return tree_unflatten(flat), norm


def gradient_norm(grads):
    """The L2 norm of all gradients together."""
    return mx.sqrt(sum(mx.sum(mx.square(g)) for _, g in tree_flatten(grads)))


class Optimizer:
    """The walk over the weights that every rule shares.

    Args:
        weight_decay: L2 decay of every weight but the loss's own.
        loss_weight_decay: that of the weights under `loss.`; None: the same.
        decay_all: False spares vectors (biases, batch normalisation).
    """

    slots = ()
    decoupled = False  # whether the decay bypasses the gradient (AdamW)

    def __init__(self, weight_decay=0.0, loss_weight_decay=None, decay_all=True):
        self.weight_decay = weight_decay
        self.loss_weight_decay = weight_decay if loss_weight_decay is None else loss_weight_decay
        self.decay_all = decay_all
        self.steps = 0
        self.state = {}

    def update(self, module, grads, rate):
        """Moves the weights of `module` along `grads` (a tree as `module.trainable_parameters()` gives) at `rate`."""
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
        if weight.ndim < 2 and not self.decay_all:
            return 0.0
        return self.loss_weight_decay if name.startswith("loss.") else self.weight_decay

    def _slot(self, name, slot, weight):
        key = f"{slot}:{name}"
        if key not in self.state:
            self.state[key] = mx.zeros_like(weight)
        return self.state[key]

    def step(self, grad, slots, name):
        """The direction in which a weight moves for a rate of 1; stores new slot values in `self.state`."""
        raise NotImplementedError


class Sgd(Optimizer):
    """w ← w − rate · g."""

    def step(self, grad, slots, name):
        return grad


class Momentum(Optimizer):
    """v ← momentum · v + g; w ← w − rate · v, or rate · (g + momentum · v) with Nesterov (Sutskever et al. 2013)."""

    slots = ("velocity",)

    def __init__(self, momentum=0.9, nesterov=False, **decay):
        super().__init__(**decay)
        self.momentum, self.nesterov = momentum, nesterov

    def step(self, grad, slots, name):
        velocity = self.momentum * slots["velocity"] + grad
        self.state[f"velocity:{name}"] = velocity
        return grad + self.momentum * velocity if self.nesterov else velocity


class Adam(Optimizer):
    """Bias-corrected means of the gradient and of its square (Kingma & Ba 2015, algorithm 1)."""

    slots = ("mean", "square")

    def __init__(self, beta1=0.9, beta2=0.999, eps=1e-8, **decay):
        super().__init__(**decay)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def step(self, grad, slots, name):
        mean = self.beta1 * slots["mean"] + (1 - self.beta1) * grad
        square = self.beta2 * slots["square"] + (1 - self.beta2) * mx.square(grad)
        self.state[f"mean:{name}"], self.state[f"square:{name}"] = mean, square
        mean_hat = mean / (1 - self.beta1**self.steps)
        square_hat = square / (1 - self.beta2**self.steps)
        return mean_hat / (mx.sqrt(square_hat) + self.eps)


class AdamW(Adam):
    """Adam whose weight decay does not pass through the moments (Loshchilov & Hutter 2019, algorithm 2)."""

    decoupled = True


OPTIMIZERS = {"sgd": Sgd, "momentum": Momentum, "adam": Adam, "adamw": AdamW}


def build_optimizer(choice):
    """The optimiser that a configuration's `optimizer` section asks for."""
    return OPTIMIZERS[choice.type](**choice.kwargs())
