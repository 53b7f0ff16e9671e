"""Files of `torch.save`, written without PyTorch: the zip archive with a state dict of float32 tensors."""

import pickle
import zipfile

import numpy as np

from nnet.files import atomic_write

BEGIN, END = b"\x80\x02", b"."  # protocol 2
MARK, TUPLE, REDUCE, SETITEMS, PERSISTENT_ID = b"(", b"t", b"R", b"u", b"Q"
ORDERED_DICT = b"ccollections\nOrderedDict\n)" + REDUCE
REBUILD, FLOATS = b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n"


def write_torch_state(path, state):
    """Writes name → array as the state dict that `torch.load(path, weights_only=True)` gives back.

    Each tensor is float32 and has a storage of its own.
    """
    arrays = {name: np.array(array, "<f4", order="C") for name, array in state.items()}
    with atomic_write(path, binary=True) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", _pickle_of(arrays))
        archive.writestr("archive/byteorder", b"little")
        for key, array in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{key}", array.tobytes())
        archive.writestr("archive/version", b"3\n")


def _pickle_of(arrays):
    entries = [_plain(name) + _tensor(key, array) for key, (name, array) in enumerate(arrays.items())]
    return BEGIN + ORDERED_DICT + MARK + b"".join(entries) + SETITEMS + END


def _tensor(key, array):
    """The instructions that make a tensor: its storage, offset, shape, strides, requires_grad, hooks."""
    strides = tuple(step // array.itemsize for step in array.strides)
    storage = MARK + _plain("storage") + FLOATS + _plain(str(key)) + _plain("cpu") + _plain(array.size)
    view = _plain(0) + _plain(array.shape) + _plain(strides) + _plain(False)
    return REBUILD + MARK + storage + TUPLE + PERSISTENT_ID + view + ORDERED_DICT + TUPLE + REDUCE


def _plain(value):
    """The instructions that make a number, a string or a tuple of numbers."""
    return pickle.dumps(value, protocol=2)[len(BEGIN) : -len(END)]
