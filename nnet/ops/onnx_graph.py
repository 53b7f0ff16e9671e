"""Writes the operations that a network speaks as an ONNX graph, without PyTorch and without computing anything.

    graph = OnnxGraph()
    y = network(graph.input("feats", ("B", "T", 80)))
    proto = graph.model(y, "embs")

A network is written for channels last; ONNX runtimes want channels first. So a `Node` knows in which of the two orders
its values are, and a transposition is written only where an operation needs the other one: in a convolutional network
once, at its input. A normalization after a convolution goes into its weights, and so does one before a linear layer
or a convolution without padding; one before statistics over time goes into them; any other is written as it is.
"""

import functools

import numpy as np

from nnet.errors import InputError
from nnet.ops.binding import mx
from nnet.ops.value import Value

OPSET, IR_VERSION = 17, 8
_TO_END = 2**31 - 1


class OnnxGraph:
    """A graph that is being written: its nodes and constants."""

    def __init__(self):
        import onnx  # in the extra `cpu`

        self.helper, self.onnx = onnx.helper, onnx
        self.nodes, self.constants, self.inputs = [], {}, []

    def input(self, name, shape):
        """A Node for an input of float32; names in its shape are sizes that are known only when it is run."""
        self.inputs.append(self.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, shape))
        return Node(self, name, tuple(n if isinstance(n, int) else None for n in shape))

    def model(self, output, name, **metadata):
        """The onnx.ModelProto whose one output, of this name, is the Node `output`; with strings as metadata."""
        output = output.channels_last()
        self.nodes.append(self.helper.make_node("Identity", [output.name], [name]))
        shape = [f"{name}_{i}" if n is None else n for i, n in enumerate(output.shape)]
        shape[0] = "B"
        nodes = self._needed(name)
        used = {value for node in nodes for value in node.input}
        graph = self.helper.make_graph(
            nodes,
            "network",
            self.inputs,
            [self.helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, shape)],
            [self.onnx.numpy_helper.from_array(array, n) for n, array in self.constants.items() if n in used],
        )
        model = self.helper.make_model(graph, opset_imports=[self.helper.make_opsetid("", OPSET)])
        model.ir_version, model.producer_name = IR_VERSION, "mlx-kaldi-speaker"
        self.helper.set_model_props(model, metadata)
        self.onnx.checker.check_model(model)
        return model

    def _needed(self, output):
        """The nodes that the output depends on, in order."""
        needed, kept = {output}, []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                needed |= set(node.input)
                kept.append(node)
        return kept[::-1]

    def constant(self, array, dtype=None):
        """The name of a constant: of whole numbers int64, otherwise float32, unless `dtype` says another type."""
        array = np.asarray(array)
        name = f"c{len(self.constants)}"
        self.constants[name] = array.astype(dtype or (np.int64 if array.dtype.kind == "i" else np.float32))
        return name

    def emit(self, kind, inputs, outputs=1, **attributes):
        """Writes a node; the name of its output, or a list of names where it has several."""
        names = [f"v{len(self.nodes)}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(self.helper.make_node(kind, inputs, names, **attributes))
        return names if outputs > 1 else names[0]


class Node(Value):
    """A value of an OnnxGraph.

    Args:
        graph: the OnnxGraph.
        name: of the value.
        shape: its sizes as the network sees it, channels last; None where they are not known yet.
        first: whether the graph's value has its channels first, (B, C, ...).
        conv: what the value is a convolution of, as arguments of `_convolution`; None where it is none.
    """

    dtype = mx.float32

    def __init__(self, graph, name, shape, first=False, conv=None):
        self.graph, self.name, self.shape, self.first, self.conv = graph, name, shape, first, conv
        self._transposed = None

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    def run(self, operation, values, options):
        writer = WRITERS.get(operation.__name__)
        if writer is None:
            raise InputError(f"operation {operation.__name__} has no form in ONNX; this model cannot be exported")
        return writer(*values, **options)

    def channels_first(self):
        """The same value, (B, C, ...) in the graph."""
        return self if self.first or self.ndim < 3 else self._transpose([0, self.ndim - 1, *range(1, self.ndim - 1)])

    def channels_last(self):
        """The same value, (B, ..., C) in the graph."""
        return self._transpose([0, *range(2, self.ndim), 1]) if self.first else self

    def _transpose(self, order):
        if self._transposed is None:
            self._transposed = self._node("Transpose", [self.name], self.shape, not self.first, perm=order)
        return self._transposed

    def axis(self, axis):
        """Where an axis of the network is in the graph."""
        axis %= self.ndim
        if not self.first or axis == 0:
            return axis
        return 1 if axis == self.ndim - 1 else axis + 1

    def _node(self, kind, inputs, shape, first, **attributes):
        return Node(self.graph, self.graph.emit(kind, inputs, **attributes), tuple(shape), first)

    def like(self, kind, *others, shape=None, **attributes):
        """A node of this value and of others by name, in the same order of channels."""
        return self._node(kind, [self.name, *others], self.shape if shape is None else shape, self.first, **attributes)


class Scaled(Node):
    """x scale + shift by channel, written when it is known what follows, which may take it in: see the module."""

    def __init__(self, x, scale, shift):
        self.x, self.scale, self.shift = x, scale, shift
        self.graph, self.shape, self.first, self.conv = x.graph, x.shape, x.first, None
        self._transposed = None

    @functools.cached_property
    def name(self):
        """Of a batch normalization, written now: ONNX Runtime needs one pass for it, two for a product and a sum."""
        arrays = (self.scale, self.shift, np.zeros_like(self.scale), np.ones_like(self.scale))
        return self.graph.emit("BatchNormalization", [self.x.name, *map(self.graph.constant, arrays)], epsilon=0.0)


def _numpy(array):
    return np.asarray(array.astype(mx.float32)) if isinstance(array, mx.array) else np.asarray(array, np.float32)


def _by_channel(x, array):
    """The name of a constant (C,) that meets the channels of x."""
    array = _numpy(array)
    return x.graph.constant(array.reshape(-1, *[1] * (x.ndim - 2)) if x.first else array)


def _scale_shift(x, scale, shift):
    scale, shift = _numpy(scale), _numpy(shift)
    if not x.conv:
        return Scaled(x.channels_first(), scale, shift)
    source, weight, bias, options = x.conv
    bias = shift if bias is None else shift + _numpy(bias) * scale
    return _convolution(source, weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), bias, options)


def _conv(x, weight, bias=None, *, stride, padding, dilation, groups):
    """Weights (O, K.., C) channels last."""
    weight = np.moveaxis(_numpy(weight), -1, 1)
    bias = None if bias is None else _numpy(bias)
    pick = slice(1, None) if x.ndim == 3 else slice(None)
    options = {
        "strides": list(stride[pick]),
        "pads": 2 * list(padding[pick]),
        "dilations": list(dilation[pick]),
        "group": groups,
    }
    if isinstance(x, Scaled) and not any(options["pads"]) and groups == 1:
        axes = tuple(range(2, weight.ndim))
        inside = (weight * x.shift.reshape(1, -1, *[1] * len(axes))).sum(axis=(1, *axes))
        bias = inside if bias is None else bias + inside
        weight = weight * x.scale.reshape(1, -1, *[1] * len(axes))
        x = x.x
    return _convolution(x.channels_first(), weight, bias, options)


def _convolution(x, weight, bias, options):
    """A convolution of x (B, I, ...) with a weight (O, I, ...)."""
    names = [x.name, x.graph.constant(weight)] + ([] if bias is None else [x.graph.constant(bias)])
    axes = zip(x.shape[1:-1], weight.shape[2:], options["strides"], options["pads"], options["dilations"], strict=False)
    sizes = [None if n is None else (n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes]
    shape = (x.shape[0], *sizes, len(weight))
    name = x.graph.emit("Conv", names, kernel_shape=list(weight.shape[2:]), **options)
    return Node(x.graph, name, shape, True, (x, weight, bias, options))


def _linear(x, weight, bias=None):
    weight = _numpy(weight)
    bias = None if bias is None else _numpy(bias)
    if x.ndim > 2:
        ones = [1] * (x.ndim - 2)
        options = {"strides": ones, "pads": [0] * 2 * len(ones), "dilations": ones, "group": 1}
        return _convolution(x.channels_first(), weight.reshape(*weight.shape, *ones), bias, options)
    if isinstance(x, Scaled):
        inside = weight @ x.shift
        bias, weight, x = (inside if bias is None else bias + inside), weight * x.scale, x.x
    names = [x.graph.constant(weight)] + ([] if bias is None else [x.graph.constant(bias)])
    y = x.like("Gemm", *names, shape=(x.shape[0], len(weight)), transB=1)
    return y


def _context_linear(x, context, weight, bias):
    weight = _numpy(weight).reshape(len(weight), -1)
    channels = x.shape[-1]
    context = _linear(context, weight[:, channels:], bias)
    whole = _linear(x, weight[:, :channels])
    one = x.graph.emit("Unsqueeze", [context.name, x.graph.constant(np.array([2]))])
    return whole.like("Add", one)


def _arithmetic(kind):
    """A writer of x ∘ y: of two nodes, or of a node and an array or number on either side."""

    def write(x, y):
        node = x if isinstance(x, Node) else y
        arrays = [_numpy(v) for v in (x, y) if not isinstance(v, Node)]
        nodes = [v for v in (x, y) if isinstance(v, Node)]
        first = max(v.ndim for v in nodes) > 2 and all(array.ndim < 2 for array in arrays)
        first &= len({v.ndim for v in nodes}) == 1 and any(v.first for v in nodes)
        nodes = iter([v.channels_first() if first else v.channels_last() for v in nodes])
        operands = [next(nodes) if isinstance(v, Node) else v for v in (x, y)]
        node = next(v for v in operands if isinstance(v, Node))
        names = [v.name if isinstance(v, Node) else _constant_beside(node, v) for v in operands]
        shape = _broadcast(*(v.shape if isinstance(v, Node) else _numpy(v).shape for v in operands))
        return Node(node.graph, node.graph.emit(kind, names), shape, first)

    return write


_add, _multiply = _arithmetic("Add"), _arithmetic("Mul")


def _constant_beside(node, array):
    array = _numpy(array)
    return _by_channel(node, array) if array.ndim == 1 else node.graph.constant(array)


def _broadcast(one, other):
    size = max(len(one), len(other))
    one, other = ((1,) * (size - len(shape)) + tuple(shape) for shape in (one, other))
    return tuple(b if a == 1 else a for a, b in zip(one, other, strict=True))


def _unary(kind, **attributes):
    return lambda x: x.like(kind, **attributes)


def _relu(x, *, limit=None):
    if limit is None:
        return x.like("Relu")
    return x.like("Clip", *(x.graph.constant(np.float32(bound)) for bound in (0, limit)))


def _maximum(x, other):
    return x.like("Max", x.graph.constant(np.float32(other)))


def _clip(x, *, low, high):
    return x.like("Clip", x.graph.constant(np.float32(low)), x.graph.constant(np.float32(high)))


def _prelu(x, weight):
    return x.like("PRelu", _by_channel(x, weight))


def _reduced(x, kind, axis, keepdims):
    axes = [a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis)]
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)
    where = sorted(x.axis(a) for a in axes)
    if kind == "ReduceSum":
        name = x.graph.emit(kind, [x.name, x.graph.constant(np.array(where))], keepdims=int(keepdims))
    else:
        name = x.graph.emit(kind, [x.name], keepdims=int(keepdims), axes=where)
    # Without the channels, or with nothing between them and the batch, there is one order only.
    return Node(x.graph, name, shape, x.first and len(shape) > 2 and (keepdims or x.ndim - 1 not in axes))


def _mean(x, *, axis, keepdims=False):
    return _reduced(x, "ReduceMean", axis, keepdims)


def _sum(x, *, axis, keepdims=False):
    return _reduced(x, "ReduceSum", axis, keepdims)


def _softmax(x, *, axis):
    return x.like("Softmax", axis=x.axis(axis))


def _mean_and_variance(x, *, unbiased):
    if isinstance(x, Scaled):
        mean, variance = _mean_and_variance(x.x, unbiased=unbiased)
        return _add(_multiply(mean, x.scale), x.shift), _multiply(variance, x.scale**2)
    x = x.channels_first()
    graph = x.graph
    mean = graph.emit("ReduceMean", [x.name], axes=[2], keepdims=1)
    centered = graph.emit("Sub", [x.name, mean])
    squares = graph.emit("Mul", [centered, centered])
    shape = (x.shape[0], x.shape[-1])
    if unbiased:
        total = graph.emit("ReduceSum", [squares, graph.constant(np.array([2]))], keepdims=0)
        less = graph.emit("Sub", [_size(x, 2), graph.constant(np.float32(1))])
        variance = graph.emit("Div", [total, graph.emit("Max", [less, graph.constant(np.float32(1))])])
    else:
        variance = graph.emit("ReduceMean", [squares], axes=[2], keepdims=0)
    mean = graph.emit("Squeeze", [mean, graph.constant(np.array([2]))])
    return Node(graph, mean, shape), Node(graph, variance, shape)


def _size(x, axis):
    """The name of the size of an axis in the graph, as float32."""
    shape = x.graph.emit("Shape", [x.name], start=axis, end=axis + 1)
    return x.graph.emit("Cast", [shape], to=x.graph.onnx.TensorProto.FLOAT)


def _weighted_statistics(x, scores):
    x, scores = x.channels_first(), scores.channels_first()
    graph, time = x.graph, x.graph.constant(np.array([2]))
    weights = graph.emit("Softmax", [scores.name], axis=2)
    mean = graph.emit("ReduceSum", [graph.emit("Mul", [weights, x.name]), time], keepdims=1)
    centered = graph.emit("Sub", [x.name, mean])
    spread = graph.emit("Mul", [weights, graph.emit("Mul", [centered, centered])])
    variance = graph.emit("ReduceSum", [spread, time], keepdims=0)
    shape = (x.shape[0], x.shape[-1])
    return Node(graph, graph.emit("Squeeze", [mean, time]), shape), Node(graph, variance, shape)


def _normalize(x):
    square = _sum(x.like("Mul", x.name), axis=-1, keepdims=True)
    least = x.graph.emit("Max", [square.name, x.graph.constant(np.float32(1e-12))])
    return x.like("Div", x.graph.emit("Sqrt", [least]))


def _layer_norm(x, weight, bias, *, eps):
    x = x.channels_last()
    return x.like("LayerNormalization", *[x.graph.constant(_numpy(a)) for a in (weight, bias)], epsilon=eps)


def _instance_norm(x, weight, bias, *, eps):
    """ONNX Runtime's InstanceNormalization sums less exactly: the variance of 10 s of samples was off by 4e-6."""
    x = x.channels_first()
    graph = x.graph
    centered = graph.emit("Sub", [x.name, graph.emit("ReduceMean", [x.name], axes=[2], keepdims=1)])
    variance = graph.emit("ReduceMean", [graph.emit("Mul", [centered, centered])], axes=[2], keepdims=1)
    deviation = graph.emit("Sqrt", [graph.emit("Add", [variance, graph.constant(np.float32(eps))])])
    scaled = graph.emit("Mul", [centered, graph.emit("Div", [_by_channel(x, weight), deviation])])
    return x._node("Add", [scaled, _by_channel(x, bias)], x.shape, True)


def _max_pool(x, *, size):
    x = x.channels_first()
    frames = None if x.shape[1] is None else x.shape[1] // size
    return x.like("MaxPool", shape=(x.shape[0], frames, x.shape[2]), kernel_shape=[size], strides=[size])


def _lstm(x, input_weight, state_weight, bias):
    """ONNX wants frames first, the gates in the order input, output, forget, cell, and two biases."""
    x, graph = x.channels_last(), x.graph
    directions, _, width = state_weight.shape
    order = np.concatenate([np.arange(width) + width * gate for gate in (0, 2, 1, 3)])
    weights = [_numpy(array)[:, order] for array in (input_weight, state_weight, bias)]
    weights[2] = np.concatenate([weights[2], np.zeros_like(weights[2])], axis=1)
    names = [graph.emit("Transpose", [x.name], perm=[1, 0, 2]), *map(graph.constant, weights)]
    direction = "forward" if directions == 1 else "bidirectional"
    states = graph.emit("LSTM", names, hidden_size=width, direction=direction)  # (T, D, B, H)
    states = graph.emit("Transpose", [states], perm=[2, 0, 1, 3])
    shape = (*x.shape[:2], directions * width)
    return Node(graph, graph.emit("Reshape", [states, graph.constant(np.array([0, 0, shape[2]]))]), shape)


def _gelu(x, *, by_tanh=False):
    """Written in the form that ONNX Runtime knows and computes at once."""
    graph, one, half = x.graph, x.graph.constant(np.float32(1)), x.graph.constant(np.float32(0.5))
    if by_tanh:
        cube = graph.emit("Pow", [x.name, graph.constant(np.float32(3))])
        inner = graph.emit("Add", [x.name, graph.emit("Mul", [cube, graph.constant(np.float32(0.044715))])])
        gate = graph.emit("Tanh", [graph.emit("Mul", [inner, graph.constant(np.float32(np.sqrt(2 / np.pi)))])])
        return x._node("Mul", [graph.emit("Mul", [x.name, half]), graph.emit("Add", [gate, one])], x.shape, x.first)
    gate = graph.emit("Erf", [graph.emit("Div", [x.name, graph.constant(np.float32(np.sqrt(2)))])])
    product = graph.emit("Mul", [x.name, graph.emit("Add", [gate, one])])
    return x._node("Mul", [product, half], x.shape, x.first)


def _weighted_sum(weights, *values):
    total = None
    for weight, value in zip(_numpy(weights), values, strict=True):
        part = _multiply(value, weight)
        total = part if total is None else _add(total, part)
    return total


def _simam(x, *, regularization):
    """x is a map, (B, C, F, T) in the graph."""
    x = x.channels_first()
    graph, axes = x.graph, [2, 3]
    mean = graph.emit("ReduceMean", [x.name], axes=axes, keepdims=1)
    centered = graph.emit("Sub", [x.name, mean])
    squares = graph.emit("Mul", [centered, centered])
    total = graph.emit("ReduceSum", [squares, graph.constant(np.array(axes))], keepdims=1)
    positions = graph.emit("Mul", [_size(x, 2), _size(x, 3)])
    less = graph.emit("Sub", [positions, graph.constant(1.0)])
    variance = graph.emit("Div", [total, graph.emit("Max", [less, graph.constant(1.0)])])
    scale = graph.emit("Mul", [graph.emit("Add", [variance, graph.constant(regularization)]), graph.constant(4.0)])
    energy = graph.emit("Add", [graph.emit("Div", [squares, scale]), graph.constant(0.5)])
    return x.like("Mul", graph.emit("Sigmoid", [energy]))


def _segment_means(x, *, segment):
    x = x.channels_first()
    graph = x.graph
    # Zeros fill the last segment; the sum is divided by the frames that were there.
    one = graph.emit("Shape", [x.name], start=2, end=3)
    rest = graph.emit("Mod", [graph.emit("Neg", [one]), graph.constant(np.array([segment]))])
    pads = graph.emit("Concat", [graph.constant(np.zeros(5, np.int64)), rest], axis=0)
    padded = graph.emit("Pad", [x.name, pads])
    cut = graph.emit("Reshape", [padded, graph.constant(np.array([0, 0, -1, segment]))])
    total = graph.emit("ReduceSum", [cut, graph.constant(np.array([3]))], keepdims=0)
    ones = graph.emit("Expand", [graph.constant(np.float32(1)), one])
    counts = graph.emit("Pad", [ones, graph.emit("Concat", [graph.constant(np.array([0])), rest], axis=0)])
    counts = graph.emit("Reshape", [counts, graph.constant(np.array([-1, segment]))])
    counts = graph.emit("ReduceSum", [counts, graph.constant(np.array([1]))], keepdims=0)
    return Node(graph, graph.emit("Div", [total, counts]), x.shape, True)


def _repeat_frames(x, *, times):
    x = x.channels_first()
    graph = x.graph
    each = graph.emit("Unsqueeze", [x.name, graph.constant(np.array([3]))])
    each = graph.emit("Expand", [each, graph.constant(np.array([1, 1, 1, times]))])
    whole = graph.emit("Reshape", [each, graph.constant(np.array([0, 0, -1]))])
    frames = None if x.shape[1] is None else x.shape[1] * times
    return Node(graph, whole, (x.shape[0], frames, x.shape[2]), True)


def _repeat_segments(x, like, *, segment):
    x, like = x.channels_first(), like.channels_first()
    graph = x.graph
    whole = _repeat_frames(x, times=segment).name
    stop = graph.emit("Shape", [like.name], start=2, end=3)
    start, time = graph.constant(np.array([0])), graph.constant(np.array([2]))
    return Node(graph, graph.emit("Slice", [whole, start, stop, time]), x.shape, True)


def _concat(*values, axis=-1):
    first = values[0].ndim > 2
    values = [v.channels_first() if first else v for v in values]
    ndim = values[0].ndim
    sizes = [v.shape[axis] for v in values]
    shape = list(values[0].shape)
    shape[axis] = None if None in sizes else sum(sizes)
    names = [v.name for v in values]
    at = values[0].axis(axis % ndim)
    return Node(values[0].graph, values[0].graph.emit("Concat", names, axis=at), tuple(shape), first)


def _split(x, *, parts, axis=-1):
    if parts == 1:
        return (x,)
    shape = list(x.shape)
    shape[axis] = None if shape[axis] is None else shape[axis] // parts
    names = x.graph.emit("Split", [x.name], parts, axis=x.axis(axis))  # into equal parts
    return tuple(Node(x.graph, name, tuple(shape), x.first) for name in names)


def _crop(x, *, before, after):
    return _sliced(x, 1, before, -after if after else _TO_END)


def _crop_to_multiple(x, *, of):
    graph, at = x.graph, x.axis(1)
    frames = graph.emit("Shape", [x.name], start=at, end=at + 1)
    stop = graph.emit("Sub", [frames, graph.emit("Mod", [frames, graph.constant(np.array([of]))])])
    start, axis = graph.constant(np.array([0])), graph.constant(np.array([at]))
    return x.like("Slice", start, stop, axis, shape=(x.shape[0], None, *x.shape[2:]))


def _sliced(x, axis, start, stop):
    n = x.shape[axis]
    shape = list(x.shape)
    shape[axis] = None if n is None else len(range(*slice(start, stop).indices(n)))
    numbers = [x.graph.constant(np.array([value])) for value in (start, stop, x.axis(axis))]
    return x.like("Slice", *numbers, shape=shape)


def _slice_of(x, *, index):
    index = index if isinstance(index, tuple) else (index,)
    if Ellipsis in index:
        at = index.index(Ellipsis)
        index = index[:at] + (slice(None),) * (x.ndim - len(index) + 1) + index[at + 1 :]
    for axis, part in enumerate(index):
        if not isinstance(part, slice) or part.step not in (None, 1):
            raise InputError(f"a network that takes [{part}] of a value cannot be exported to ONNX; take a slice")
        if part != slice(None):
            x = _sliced(x, axis, part.start or 0, _TO_END if part.stop is None else part.stop)
    return x


def _as_map(x, *, bins=None):
    """(B, T, F C) → (B, F, T, C), in the graph (B, F C, T) → (B, F, C, T) → (B, C, F, T)."""
    x = x.channels_first()
    batch, frames, features = x.shape
    bins = bins or features
    shape = (batch, bins, frames, features // bins)
    if bins == features:
        return Node(x.graph, x.graph.emit("Unsqueeze", [x.name, x.graph.constant(np.array([1]))]), shape, True)
    cut = x.graph.emit("Reshape", [x.name, x.graph.constant(np.array([0, bins, features // bins, -1]))])
    return Node(x.graph, x.graph.emit("Transpose", [cut], perm=[0, 2, 1, 3]), shape, True)


def _flatten_map(x, *, bin_major=False):
    """(B, F, T, C) → (B, T, C F), in the graph (B, C, F, T) → (B, C F, T); or F and C in the other order."""
    x = x.channels_first()
    batch, bins, frames, channels = x.shape
    name = x.graph.emit("Transpose", [x.name], perm=[0, 2, 1, 3]) if bin_major else x.name
    size = x.graph.constant(np.array([0, channels * bins, -1]))
    return Node(x.graph, x.graph.emit("Reshape", [name, size]), (batch, frames, channels * bins), True)


def _expand_dims(x, *, axis):
    x = x.channels_last()
    shape = list(x.shape)
    shape.insert(axis if axis >= 0 else axis + x.ndim + 1, 1)
    return x.like("Unsqueeze", x.graph.constant(np.array([axis])), shape=shape)


def _swapaxes(x, *, first, second):
    x = x.channels_last()
    order = list(range(x.ndim))
    order[first], order[second] = order[second], order[first]
    return x.like("Transpose", shape=[x.shape[i] for i in order], perm=order)


def _flatten(x, *, start):
    x = x.channels_last()
    rest = x.shape[start:]
    shape = [*x.shape[:start], None if None in rest else int(np.prod(rest))]
    return x.like("Reshape", x.graph.constant(np.array([0] * start + [-1])), shape=shape)


def _unflatten(x, *, axis, shape):
    x = x.channels_last()
    axis %= x.ndim
    size, known = x.shape[axis], int(np.prod([n for n in shape if n != -1]))
    sizes = [n if n != -1 else None if size is None else size // known for n in shape]
    made = [*sizes, *x.shape[axis + 1 :]]
    if made.count(None) > 1:
        raise InputError(f"unflatten of axis {axis} before the time axis has no form in ONNX; swap the axes first")
    target = [*[0] * axis, *[-1 if n is None else n for n in made]]  # 0: as it is
    return x.like("Reshape", x.graph.constant(np.array(target)), shape=[*x.shape[:axis], *made])


def _matmul(x, y):
    x, y = x.channels_last(), y.channels_last()
    return x.like("MatMul", y.name, shape=[*x.shape[:-1], y.shape[-1]])


WRITERS = {
    "absolute": _unary("Abs"),
    "add": _add,
    "as_map": _as_map,
    "cast": lambda x, *, dtype: x,
    "clip": _clip,
    "concat": _concat,
    "context_linear": _context_linear,
    "conv": _conv,
    "crop": _crop,
    "crop_to_multiple": _crop_to_multiple,
    "divide": _arithmetic("Div"),
    "expand_dims": _expand_dims,
    "flatten": _flatten,
    "flatten_map": _flatten_map,
    "gelu": _gelu,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "leaky_relu": lambda x, *, slope: x.like("LeakyRelu", alpha=slope),
    "linear": _linear,
    "lstm": _lstm,
    "matmul": _matmul,
    "max_pool": _max_pool,
    "maximum": _maximum,
    "mean": _mean,
    "mean_and_variance": _mean_and_variance,
    "multiply": _multiply,
    "normalize": _normalize,
    "prelu": _prelu,
    "relu": _relu,
    "repeat_frames": _repeat_frames,
    "repeat_segments": _repeat_segments,
    "scale_shift": _scale_shift,
    "segment_means": _segment_means,
    "sigmoid": _unary("Sigmoid"),
    "simam": _simam,
    "slice_of": _slice_of,
    "softmax": _softmax,
    "softplus": _unary("Softplus"),
    "split": _split,
    "sqrt": _unary("Sqrt"),
    "subtract": _arithmetic("Sub"),
    "sum": _sum,
    "swapaxes": _swapaxes,
    "tanh": _unary("Tanh"),
    "unflatten": _unflatten,
    "weighted_statistics": _weighted_statistics,
    "weighted_sum": _weighted_sum,
}
