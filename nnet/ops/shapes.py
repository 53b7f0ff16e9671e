"""Operations that change shapes: maps and sequences, parts side by side, axes."""

from nnet.ops.binding import mx
from nnet.ops.copies import concatenated
from nnet.ops.value import operation


@operation
def as_map(x):
    """Features (B, T, F) as a map of one channel, (B, F, T, 1)."""
    return mx.swapaxes(x, 1, 2)[..., None]


@operation
def flatten_map(x):
    """A map (B, F, T, C) as frames (B, T, C * F), channel-major as in WeSpeaker: feature c * F + f."""
    batch, bins, frames, channels = x.shape
    return x.transpose(0, 2, 3, 1).reshape(batch, frames, channels * bins)


@operation
def concat(*arrays, axis=-1):
    """The arrays side by side along an axis, by default that of the channels."""
    return concatenated(arrays, axis)


@operation
def split(x, *, parts, axis=-1):
    """x in so many equal parts along an axis: a tuple."""
    return tuple(mx.split(x, parts, axis=axis))


@operation
def crop(x, *, before, after):
    """x (B, T, C) without its first `before` and its last `after` frames."""
    return x[:, before : x.shape[1] - after]


@operation
def repeat_segments(x, like, *, segment):
    """Each segment's values for all its frames: x (B, S, C) → (B, T, C), T being the frames of `like` (B, T, ...).

    A single segment stays (B, 1, C), which broadcasts.
    """
    return x if x.shape[1] == 1 else mx.repeat(x, segment, axis=1)[:, : like.shape[1]]


@operation
def expand_dims(x, *, axis):
    """x with a new axis of size 1."""
    return mx.expand_dims(x, axis)


@operation
def swapaxes(x, *, first, second):
    """x with two axes exchanged."""
    return mx.swapaxes(x, first, second)


@operation
def flatten(x, *, start):
    """All axes from `start` on as one."""
    return mx.flatten(x, start)


@operation
def unflatten(x, *, axis, shape):
    """One axis as several of these sizes, of which one may be -1."""
    return mx.unflatten(x, axis, shape)
