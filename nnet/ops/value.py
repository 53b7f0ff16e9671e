"""The base class of objects that can take the place of an array in a network, and dispatch of operations on them."""

import functools

from nnet.ops.binding import mx


def operation(function=None, *, prepare=None):
    """Decorator that makes a function of arrays an operation on arrays and Values.

    Args:
        function: function(*arrays, **options) → an array or a tuple of arrays. It must treat each utterance (first
            axis) independently. Arrays are positional arguments, everything else keyword arguments.
        prepare: for an operation with weights: prepare(*weights, **options) → `prepared`, the second argument of
            `function(x, prepared)`. It is called once for a batch in shards.
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
    """Base class of objects that take the place of an array in a network.

    A subclass implements operations in `run`, and has `ndim`, the number of axes.
    """

    ndim: int

    def run(self, operation, values, options):
        """Computes an operation: a Value or a tuple of them.

        Args:
            operation: made by `nnet.ops.value.operation`; identified by its __name__.
            values: its positional arguments: this Value, others of the same kind, arrays (weights) and numbers.
            options: its keyword arguments.
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
    """Returns x[index]; the index must not touch the first axis, the batch."""
    return x[index]
