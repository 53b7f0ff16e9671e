"""What may flow through a network instead of an array, and how operations meet it."""

import functools

from nnet.ops.binding import mx


def operation(function=None, *, prepare=None):
    """Makes a function of arrays an operation on values.

    Args:
        function: function(*arrays, **options) → an array or a tuple of arrays. It must treat each utterance, along
            the first axis, alone. Arrays come by position, all else by name.
        prepare: where the operation has weights: prepare(*weights, **options) → what `function(x, prepared)` computes
            with. So it is done once for a batch that is computed in shards.
    """
    if function is None:
        return functools.partial(operation, prepare=prepare)

    @functools.wraps(function)
    def run(*values, **options):
        for value in values:
            if isinstance(value, Value):
                return value.run(run, values, options)
        return run.on_arrays(*values, **options)

    def prepared(x, *weights, **options):
        return function(x, prepare(*weights, **options))

    run.on_arrays = prepared if prepare else function
    run.function, run.prepare = function, prepare
    return run


class Value:
    """Base of what is not an array and yet flows through a network.

    A subclass says in `run` how operations are computed, and in `ndim` how many axes it has.
    """

    ndim: int

    def run(self, operation, values, options):
        """The result of an operation, a Value or a tuple of them.

        Args:
            operation: made by `nnet.ops.value.operation`; its __name__ tells which one.
            values: its arguments by position: this Value, others of its kind, arrays (weights) and numbers.
            options: its arguments by name.
        """
        raise NotImplementedError

    def __add__(self, other):
        return add(self, other)

    def __radd__(self, other):
        return add(self, other)

    def __sub__(self, other):
        return subtract(self, other)

    def __rsub__(self, other):
        return subtract(other, self)

    def __mul__(self, other):
        return multiply(self, other)

    def __rmul__(self, other):
        return multiply(self, other)

    def __truediv__(self, other):
        return divide(self, other)

    def __rtruediv__(self, other):
        return divide(other, self)

    def __matmul__(self, other):
        return matmul(self, other)

    def __neg__(self):
        return multiply(self, -1.0)

    def __getitem__(self, index):
        return slice_of(self, index=index)


add = operation(mx.add)
subtract = operation(mx.subtract)
multiply = operation(mx.multiply)
divide = operation(mx.divide)
matmul = operation(mx.matmul)


@operation
def slice_of(x, *, index):
    """x[index]; the first axis, that of the batch, stays whole."""
    return x[index]
