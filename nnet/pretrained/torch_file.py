"""Reads PyTorch's checkpoint files, both the zip archive and the older stream, without PyTorch."""

import io
import math
import os
import zipfile

import numpy as np

from nnet.errors import InputError
from nnet.pretrained.torch_pickle import Tensor, read_pickle

# Magic number of the older format, and the only protocol version that PyTorch has written.
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# Largest accepted pickle; tensor names and shapes take far less.
MAX_PICKLE = 64 << 20
# Largest accepted number of tensor elements per byte of the file: tensors may share a storage, within reason.
MAX_SHARING = 4
WRAPPERS = ("state_dict", "model_state_dict", "model")


def read_torch_state(path):
    """Reads the state dict of a file written by `torch.save`, and ReDimNet's configuration if it is in there.

    The state dict may be the saved object itself, or its entry `state_dict`, `model_state_dict` or `model`.

    Args:
        path: the file.

    Returns:
        dict from tensor name to NumPy array of the saved type, where bfloat16 becomes float32
        the dict `model_config`, {} if there is none

    Raises:
        InputError: not a file of torch.save, damaged, or with objects other than tensors and dicts.
    """
    with open(path, "rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"
        file.seek(0)
        content, storages = _read_zip(file, path) if is_zip else _read_stream(file, path)
    state = _find_state(content, path)
    numbers = sum(math.prod(tensor.shape) for tensor in state.values())
    if numbers > MAX_SHARING * os.path.getsize(path):
        raise InputError(f"{path}: refused: its tensors have {numbers} elements, far more than the file has room for")
    beside = content.get("model_config")
    arrays = {name: _array(tensor, storages, f"{path}: {name}") for name, tensor in state.items()}
    return arrays, beside if isinstance(beside, dict) else {}


def _find_state(content, path):
    """Finds the dict of tensors, at the top or one level down; refuses entries that are not tensors."""
    seen = content
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            seen = content[wrapper]
            break
    if not isinstance(seen, dict) or not any(isinstance(v, Tensor) for v in seen.values()):
        raise InputError(f"{path}: no dict of tensors in it; save the model's state_dict")
    others = [str(k) for k, v in seen.items() if not (isinstance(k, str) and isinstance(v, Tensor))]
    if others:
        raise InputError(f"{path}: entries that are not tensors: {', '.join(others[:3])}; save the model's state_dict")
    return seen


def _array(tensor, storages, where):
    """Copies a tensor with any strides into a contiguous array."""
    storage, offset, shape, strides = tensor
    values = storages(storage, where)
    size = math.prod(shape)
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if size and (last >= len(values) or size > len(values)):
        raise InputError(f"{where} of shape {shape} reaches beyond its storage of {len(values)} elements")
    try:
        if not size:
            return np.zeros(shape, values.dtype)
        steps = [s * values.itemsize for s in strides]
        return np.lib.stride_tricks.as_strided(values[offset:], shape, steps).copy()
    except (ValueError, OverflowError) as error:
        raise InputError(f"{where}: invalid shape or strides: {error}") from None


def _decode(data, dtype, order):
    """Decodes the bytes of a storage; `order` is '<' (little-endian) or '>'."""
    if dtype == "bfloat16":  # the upper half of a float32
        return (np.frombuffer(data, order + "u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, order + dtype).astype(dtype, copy=False)


def _width(dtype):
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def _read_zip(file, path):
    """Reads a zip archive: (content of its pickle, function that returns the elements of a storage)."""
    records = _records(file, path)
    names = [name for name in records if name.endswith("/data.pkl")]
    if len(names) != 1:
        raise InputError(f"{path}: a zip archive without PyTorch's data.pkl; TorchScript and others are not supported")
    root = names[0][: -len("data.pkl")]
    if len(records[names[0]]) > MAX_PICKLE:
        raise InputError(f"{path}: refused: its pickle is larger than {MAX_PICKLE >> 20} MiB")
    order = ">" if records.get(root + "byteorder") == b"big" else "<"
    cache = {}

    def storage(wanted, where):
        if wanted.key not in cache:
            data = records.get(f"{root}data/{wanted.key}")
            if data is None or len(data) != wanted.count * _width(wanted.dtype):
                raise InputError(f"{where}: its storage {wanted.key} is missing or has another size in the archive")
            cache[wanted.key] = _decode(data, wanted.dtype, order)
        return cache[wanted.key]

    return read_pickle(io.BytesIO(records[names[0]]), path), storage


def _records(file, path):
    """Reads all records of a zip archive into memory: dict from name to bytes.

    PyTorch does not compress, so compressed records (possible zip bombs) and overlapping records are refused.
    """
    file.seek(0, io.SEEK_END)
    size = file.tell()
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            for entry in entries:
                if entry.filename.startswith("/") or ".." in entry.filename.split("/") or "\\" in entry.filename:
                    raise InputError(f"{path}: refused: the path of record {entry.filename} leaves the archive")
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                    raise InputError(f"{path}: refused: record {entry.filename} is compressed; PyTorch's never are")
            if sum(entry.file_size for entry in entries) > size:
                raise InputError(f"{path}: refused: the records of the archive are larger than the file")
            return {entry.filename: archive.read(entry) for entry in entries if not entry.is_dir()}
    except InputError:
        raise
    except Exception as error:  # zipfile raises almost anything for damaged headers
        raise InputError(f"{path}: damaged or truncated ({error}); download it again") from None


def _read_stream(file, path):
    """Reads the format before PyTorch 1.6 (five pickles, then size and elements of each storage); see `_read_zip`."""
    head = [read_pickle(file, path) for _ in range(2)]
    if head != [MAGIC, PROTOCOL]:
        raise InputError(f"{path}: not a file written by torch.save")
    system, content, keys = (read_pickle(file, path) for _ in range(3))
    order = "<" if isinstance(system, dict) and system.get("little_endian", True) else ">"
    if not isinstance(keys, list):
        raise InputError(f"{path}: not a readable PyTorch checkpoint: it has no list of storages")
    data = memoryview(file.read())
    widths = _storage_types(content)
    blocks, place = {}, 0
    for key in keys:
        if key not in widths:
            raise InputError(f"{path}: storage {key} belongs to no tensor of the state dict")
        count = int.from_bytes(data[place : place + 8], "little" if order == "<" else "big")
        start, place = place + 8, place + 8 + count * _width(widths[key])
        if place > len(data):
            raise InputError(f"{path}: truncated; download it again")
        blocks[key] = _decode(data[start:place], widths[key], order)

    def storage(wanted, where):
        if wanted.key not in blocks:
            raise InputError(f"{where}: its storage {wanted.key} is missing")
        return blocks[wanted.key]

    return content, storage


def _storage_types(content):
    """Returns a dict from key to type of the storages of all tensors in the nested dicts and lists of `content`."""
    types, waiting, seen = {}, [content], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, Tensor):
            types[item.storage.key] = item.storage.dtype
        elif isinstance(item, (dict, list, tuple)) and id(item) not in seen:
            seen.add(id(item))
            waiting += item.values() if isinstance(item, dict) else item
    return types
