"""Reads TensorFlow's checkpoints (tensor bundles, "version 2") without TensorFlow.

NAME.index is a table in LevelDB's format: blocks of sorted, prefix-compressed keys, an index block with the offsets of
these blocks, and a footer with the offset of the index block. The value of a tensor's name is a protocol buffer
(BundleEntryProto) with its type, shape and offset in NAME.data-00000-of-00001; the value of the empty key is the header
(BundleHeaderProto). TensorFlow does not compress these tables.
"""

import math
import os

import numpy as np

from nnet.errors import InputError

FOOTER, MAGIC = 48, 0xDB4775248B80FB57
LONGEST_KEY = 4096
# NumPy types of TensorFlow's type numbers (types.proto); bfloat16 is read as its bits.
TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 14: "<u2", 19: "<f2"}
BFLOAT16 = 14


def read_bundle(name):
    """Reads a checkpoint: dict from tensor name to array. Tensors that are not numeric are skipped.

    Args:
        name: common prefix of the checkpoint's files, without .index.

    Raises:
        InputError: a file is missing, damaged or truncated.
    """
    path = name + ".index"
    with open(path, "rb") as file:
        data = file.read()
    try:
        entries = dict(_table(data))
        header = _fields(entries.pop(b""))
        if _last(header, 2) != 0:
            raise InputError(f"{path}: big-endian checkpoints are not supported")
        tensors = {key.decode(): _fields(value) for key, value in entries.items()}
        return {key: _tensor(name, t, _last(header, 1)) for key, t in tensors.items() if _last(t, 1) in TYPES}
    except (KeyError, IndexError, ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: not a readable TensorFlow checkpoint: damaged or truncated ({error})") from None


def _table(data):
    """Yields (key, value) of every entry of a table."""
    if len(data) < FOOTER or int.from_bytes(data[-8:], "little") != MAGIC:
        raise ValueError("wrong magic number at the end")
    _, place = _handle(data, len(data) - FOOTER)
    (offset, size), _ = _handle(data, place)
    for _, value in _block(data, offset, size):
        yield from _block(data, *_handle(value, 0)[0])


def _handle(data, place):
    """Decodes a block handle: ((offset, size), position after it)."""
    offset, place = _varint(data, place)
    size, place = _varint(data, place)
    return (offset, size), place


def _block(data, offset, size):
    """Yields (key, value) of every entry of a block, up to its restart points and their count (4 bytes each)."""
    if offset + size >= len(data) or data[offset + size] != 0:
        raise ValueError("a block is compressed or lies outside the file")
    block = data[offset : offset + size]
    end = size - 4 * (1 + int.from_bytes(block[-4:], "little"))
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + own]
        if len(key) > LONGEST_KEY or place + own + length > end:
            raise ValueError("an entry is too long")
        yield key, block[place + own : place + own + length]
        place += own + length


def _varint(data, place):
    """Decodes a varint (seven bits per byte, lowest first): (number, position after it)."""
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > 63:
            raise ValueError("a number is too long")


def _fields(message):
    """Decodes a protocol buffer: dict from field number to the list of its values, numbers or bytes."""
    fields, place = {}, 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(message, place)
        else:
            size, place = _varint(message, place) if kind == 2 else ({1: 8, 5: 4}[kind], place)
            value, place = message[place : place + size], place + size
        if place > len(message):
            raise ValueError("a message is truncated")
        fields.setdefault(number, []).append(value)
    return fields


def _last(fields, number):
    """Returns the last value of a numeric field, 0 if it is absent."""
    return fields.get(number, [0])[-1]


def _tensor(name, entry, shards):
    shape = [_last(_fields(dim), 1) for message in entry.get(2, []) for dim in _fields(message).get(2, [])]
    kind, offset, size = np.dtype(TYPES[_last(entry, 1)]), _last(entry, 4), _last(entry, 5)
    if math.prod(shape) * kind.itemsize != size or 7 in entry:  # field 7: partitioned variables
        raise ValueError(f"a tensor of shape {shape} with {size} bytes")
    path = f"{name}.data-{_last(entry, 3):05d}-of-{shards:05d}"
    if not os.path.isfile(path) or os.path.getsize(path) < offset + size:
        raise InputError(f"{path}: missing or truncated; the checkpoint needs it beside its .index")
    array = np.fromfile(path, kind, math.prod(shape), offset=offset).reshape(shape)
    return (array.astype(np.uint32) << 16).view(np.float32) if _last(entry, 1) == BFLOAT16 else array
