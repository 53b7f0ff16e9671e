"""Recurrent layers over sequences (B, T, C)."""

from nnet.ops.activation import sigmoid, tanh
from nnet.ops.binding import mx
from nnet.ops.value import operation


@operation
def lstm(x, input_weight, state_weight, bias):
    """Computes a layer of an LSTM (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000), from state 0.

    All directions are computed together, one frame after the other, so that the cost of a frame hardly grows with the
    batch: many short sequences at once are much faster than one after the other.

    Args:
        x: (B, T, I).
        input_weight: (D, 4 H, I) for D = 1 (forward in time) or 2 directions (the second one backward); rows of the
            input, forget and output gates, then of the cell.
        state_weight: (D, 4 H, H), in the same order.
        bias: (D, 4 H).

    Returns:
        (B, T, D H), the states of the directions side by side
    """
    directions, width = state_weight.shape[0], state_weight.shape[2]
    frames = x.shape[1]
    inputs = mx.matmul(x[None], mx.swapaxes(input_weight, 1, 2)[:, None]) + bias[:, None, None]  # (D, B, T, 4 H)
    # What each direction reads at its nth step: T arrays (D, B, 4 H).
    steps = [inputs[:1]] if directions == 1 else [inputs[:1], inputs[1:, :, ::-1]]
    steps = mx.split(mx.contiguous(mx.moveaxis(mx.concatenate(steps), 2, 0)), frames)
    weight = mx.contiguous(mx.swapaxes(state_weight, 1, 2))
    state = cell = mx.zeros((directions, x.shape[0], width), x.dtype)
    states = []
    for step in steps:
        gates = mx.addmm(step[0], state, weight)
        let_in, keep, let_out = mx.split(sigmoid(gates[..., : 3 * width]), 3, axis=-1)
        cell = keep * cell + let_in * tanh(gates[..., 3 * width :])
        state = let_out * tanh(cell)
        states.append(state)
    states = mx.stack(states, axis=2)  # (D, B, T, H)
    return states[0] if directions == 1 else mx.concatenate([states[0], states[1, :, ::-1]], axis=-1)
