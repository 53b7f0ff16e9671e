"""Reads the pickle inside a PyTorch file as data: nothing in it is imported, called or executed.

A small stack machine over `pickletools.genops` handles dicts, lists, tuples, numbers, strings and tensors. It accepts
only the globals listed below and names any other one in its error.
"""

import pickletools
from typing import NamedTuple

from nnet.errors import InputError

# NumPy types of torch's storage classes; bfloat16 is read as its bits.
STORAGES = {
    "torch.FloatStorage": "f4",
    "torch.DoubleStorage": "f8",
    "torch.HalfStorage": "f2",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}
REBUILDERS = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.Size",
}
# Metadata of pyannote.audio beside its weights: kept as a name, never instantiated.
OPAQUE = {
    "pyannote.audio.core.task.Specifications",
    "pyannote.audio.core.task.Problem",
    "pyannote.audio.core.task.Resolution",
    "torch.torch_version.TorchVersion",
}


class Global(NamedTuple):
    """A global that the pickle refers to by name."""

    name: str


class Storage(NamedTuple):
    """A reference to the record `key` of the file with `count` elements of NumPy type `dtype`."""

    dtype: str
    key: str
    count: int


class Tensor(NamedTuple):
    """A view of a storage; offset and strides are in elements."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


class Opaque(NamedTuple):
    """An object that is skipped."""

    name: str


KEYS = (str, int, type(None))  # allowed types of dict keys; hashing nested tuples could take forever
_MARK = Global("the mark on the stack")
_NUMBERS = {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "BINFLOAT", "FLOAT"}
_STRINGS = {"BINUNICODE", "SHORT_BINUNICODE", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "STRING", "BINBYTES"}
_STRINGS |= {"SHORT_BINBYTES"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}


def read_pickle(stream, path):
    """Reads one pickle and returns its object.

    Args:
        stream: binary file, positioned at the start of a pickle; left positioned after it.
        path: names the file in errors.

    Raises:
        InputError: an object that does not belong in a checkpoint, or a broken pickle.
    """
    machine = _Machine(path)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: not a readable PyTorch checkpoint: its pickle is broken ({error})") from None
    raise InputError(f"{path}: not a readable PyTorch checkpoint: its pickle ends too early")


class _Machine:
    def __init__(self, path):
        self.path, self.stack, self.memo = path, [], {}

    def pop(self):
        return self.stack.pop()

    def step(self, name, argument):
        """Executes one instruction."""
        if name in ("PROTO", "FRAME"):
            return
        if name in _NUMBERS or name in _STRINGS:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self.memo[int(argument)])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[int(argument)] = self.stack[-1]
        else:
            handler = getattr(self, f"_{name.lower()}", None)
            if handler is None:
                raise InputError(f"{self.path}: refused: its pickle uses {name}, which no checkpoint needs")
            handler(argument)

    def _memoize(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def _mark(self, _):
        self.stack.append(_MARK)

    def _since_mark(self):
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1  # an IndexError below the bottom is reported as a broken pickle
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def _tuple(self, _):
        self.stack.append(tuple(self._since_mark()))

    def _tuple1(self, _):
        self.stack.append((self.pop(),))

    def _tuple2(self, _):
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def _tuple3(self, _):
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def _list(self, _):
        self.stack.append(self._since_mark())

    def _append(self, _):
        item = self.pop()
        _of_type(self.stack[-1], list).append(item)

    def _appends(self, _):
        items = self._since_mark()
        _of_type(self.stack[-1], list).extend(items)

    def _dict(self, _):
        items = self._since_mark()
        self.stack.append({})
        self._set(items)

    def _setitem(self, _):
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def _setitems(self, _):
        self._set(self._since_mark())

    def _set(self, items):
        target = _of_type(self.stack[-1], dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_of_type(key, KEYS)] = value

    def _global(self, argument):
        self.stack.append(self._known(argument.replace(" ", ".", 1)))

    def _stack_global(self, _):
        name, module = _of_type(self.pop(), str), _of_type(self.pop(), str)
        self.stack.append(self._known(f"{module}.{name}"))

    def _known(self, name):
        if name in STORAGES or name in REBUILDERS or name in OPAQUE:
            return Global(name)
        raise InputError(
            f"{self.path}: refused: it refers to {name}, but only tensors and dicts are read; nothing was executed"
        )

    def _binpersid(self, _):
        kind, cls, key, _, count, *view = self.pop()
        if _of_type(kind, str) != "storage" or (view and view[0] is not None):
            raise InputError(
                f"{self.path}: refused: it holds a {kind} that is not a plain storage; save the model's state_dict"
            )
        if _of_type(cls, Global).name not in STORAGES:
            raise InputError(f"{self.path}: refused: {cls.name} is not a storage")
        self.stack.append(Storage(STORAGES[cls.name], _of_type(key, str), _of_type(count, int)))

    def _reduce(self, _):
        arguments, function = _of_type(self.pop(), tuple), _of_type(self.pop(), Global)
        self.stack.append(self._rebuild(function.name, arguments))

    def _newobj(self, _):
        self._reduce(None)

    def _rebuild(self, name, arguments):
        if name in OPAQUE:
            return Opaque(name)
        if name == "collections.OrderedDict":
            pairs = _of_type(arguments[0], list) if arguments else []
            return {_of_type(key, KEYS): value for key, value in pairs}
        if name == "torch._utils._rebuild_parameter":
            return _of_type(arguments[0], Tensor)
        if name == "torch.Size":
            return _of_type(arguments[0], tuple)
        if name in REBUILDERS:
            storage, offset, shape, strides = arguments[:4]
            numbers = [_of_type(n, int) for n in (offset, *shape, *strides)]
            if min(numbers) < 0 or len(shape) != len(strides):
                raise ValueError(f"a tensor of offset {offset}, shape {shape}, strides {strides}")
            return Tensor(_of_type(storage, Storage), offset, tuple(shape), tuple(strides))
        raise ValueError(f"a call of {name}")

    def _build(self, _):
        self.pop()  # the _metadata of a state_dict, the attributes of what is opaque
        _of_type(self.stack[-1], (dict, Opaque))


def _of_type(value, cls):
    if not isinstance(value, cls) or isinstance(value, bool):
        raise TypeError(f"a {type(value).__name__} in a wrong place")
    return value
