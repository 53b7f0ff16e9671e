"""Copies of arrays. On a CPU, MLX makes them value by value, so it pays to choose what counts as a value."""

from nnet.compute import mx
from nnet.compute.inference import inferring
from nnet.compute.lanes import on_cpu


def copied(view):
    """The values of a view one after the other. On a CPU a product with 1 is twice as fast as MLX's own copy."""
    return view * 1.0


def padded(x, bins, frames):
    """x (B, F, T, C) with zeros (before, after) its bins and its frames; without a gradient."""
    return assembled([x], bins, frames) if any(bins + frames) else x


def assembled(pieces, bins, frames):
    """Maps [(B, F, T, C), ...] one after the other in time, with zeros around them as in `padded`; no gradient."""
    dtype, pieces = pieces[0].dtype, _widened(pieces)
    batch, high, _, channels = pieces[0].shape
    long = sum(piece.shape[2] for piece in pieces)
    whole = mx.zeros((batch, high + sum(bins), long + sum(frames), channels), pieces[0].dtype)
    start = frames[0]
    for piece in pieces:
        whole[:, bins[0] : bins[0] + high, start : start + piece.shape[2]] = piece
        start += piece.shape[2]
    return whole.view(dtype)


def concatenated(arrays, axis):
    """The arrays side by side along an axis."""
    wide = _widened(arrays) if inferring() else arrays
    whole = mx.concatenate(wide, axis)
    return whole if wide is arrays else whole.view(arrays[0].dtype)


def _widened(arrays):
    """The arrays with values of eight bytes, where their last axes can be read so: half the values, half the time."""
    if not on_cpu() or len({x.dtype for x in arrays}) > 1 or any(x.shape[-1] * x.itemsize % 8 for x in arrays):
        return arrays
    return [x.view(mx.int64) for x in arrays]
