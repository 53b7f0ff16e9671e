"""Shape operations: maps and sequences, concatenation and splitting, axes."""

from nnet.ops.binding import mx
from nnet.ops.copies import concatenated
from nnet.ops.value import operation


@operation
def as_map(x):
    """Reshapes features (B, T, F) to a map of one channel, (B, F, T, 1)."""
    return mx.swapaxes(x, 1, 2)[..., None]


@operation
def flatten_map(x):
    """Flattens a map (B, F, T, C) to frames (B, T, C * F), channel-major as in WeSpeaker: feature c * F + f."""
    batch, bins, frames, channels = x.shape
    return x.transpose(0, 2, 3, 1).reshape(batch, frames, channels * bins)


@operation
def concat(*arrays, axis=-1):
    """Concatenates arrays along an axis, by default the channels."""
    return concatenated(arrays, axis)


@operation
def split(x, *, parts, axis=-1):
    """Splits x into `parts` equal parts along an axis; returns a tuple."""
    return tuple(mx.split(x, parts, axis=axis))


@operation
def crop(x, *, before, after):
    """Removes the first `before` and the last `after` frames of x (B, T, C)."""
    return x[:, before : x.shape[1] - after]


@operation
def repeat_segments(x, like, *, segment):
    """Repeats the values of each segment for its frames: x (B, S, C) → (B, T, C), with T from `like` (B, T, ...).

    A single segment is returned as (B, 1, C), which broadcasts.
    """
    return x if x.shape[1] == 1 else mx.repeat(x, segment, axis=1)[:, : like.shape[1]]


@operation
def expand_dims(x, *, axis):
    """Inserts an axis of size 1."""
    return mx.expand_dims(x, axis)


@operation
def swapaxes(x, *, first, second):
    """Swaps two axes."""
    return mx.swapaxes(x, first, second)


@operation
def flatten(x, *, start):
    """Merges all axes from `start` on into one."""
    return mx.flatten(x, start)


@operation
def unflatten(x, *, axis, shape):
    """Splits one axis into several of the sizes `shape`, one of which may be -1."""
    return mx.unflatten(x, axis, shape)
