"""Shape operations: maps and sequences, concatenation and splitting, axes."""

from nnet.ops.binding import mx
from nnet.ops.copies import concatenated
from nnet.ops.value import operation


@operation
def as_map(x, *, bins=None):
    """Reshapes frames (B, T, F * C) to a map (B, F, T, C), bin-major: feature f * C + c; by default of one channel."""
    return mx.unflatten(x, 2, (bins or x.shape[2], -1)).transpose(0, 2, 1, 3)


@operation
def flatten_map(x, *, bin_major=False):
    """Flattens a map (B, F, T, C) to frames (B, T, C * F), channel-major as in WeSpeaker: feature c * F + f.

    With `bin_major`, it is feature f * C + c: the inverse of `as_map`.
    """
    order = (0, 2, 1, 3) if bin_major else (0, 2, 3, 1)
    return mx.flatten(x.transpose(*order), 2)


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
def crop_to_multiple(x, *, of):
    """Removes the last frames of x (B, T, C), so that their number is a multiple of `of`."""
    return x[:, : x.shape[1] // of * of]


@operation
def repeat_frames(x, *, times):
    """Repeats each frame: (B, T, C) → (B, T * times, C)."""
    return mx.repeat(x, times, axis=1)


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
