"""Checks the header of a safetensors file before MLX reads it, which trusts it and may end the process.

The file starts with the length of the header (uint64), and the header: a JSON object {name: {"dtype", "shape",
"data_offsets": [first, stop] after the header}}, with a description of the file under "__metadata__".
"""

import math
import os
import struct

from nnet.errors import InputError
from nnet.files import check_entries, decode_text, parse_json

MAX_HEADER = 100 << 20  # bytes, the format's own limit
MAX_DIMENSIONS = 8
# Bytes of an element; the types that MLX reads.
WIDTHS = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4}
WIDTHS |= {"U64": 8, "I64": 8, "F64": 8, "C64": 8}


def check_safetensors(path):
    """Raises InputError unless the header of the file is complete and its arrays lie within the file."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size - 8
            head = file.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
            if not 2 <= length <= min(size, MAX_HEADER):
                raise InputError(f"{path}: not a safetensors file, or truncated: a header of {length} bytes")
            header = parse_json(decode_text(file.read(length), path), path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    header.pop("__metadata__", None)
    for name, entry in header.items():
        check_entries({name: entry}, {name: dict}, path)
        _check_array(entry, size - length, f"{path}: {name}")


def _check_array(entry, space, where):
    check_entries(entry, {"dtype": str, "shape": list, "data_offsets": list}, where)
    if entry["dtype"] not in WIDTHS:
        raise InputError(f"{where}: arrays of type {entry['dtype']} are not supported; known: {', '.join(WIDTHS)}")
    numbers = [*entry["shape"], *entry["data_offsets"]]
    if any(type(n) is not int or n < 0 for n in numbers) or len(entry["data_offsets"]) != 2:
        raise InputError(f"{where}: damaged: shape {entry['shape']} at {entry['data_offsets']}")
    if len(entry["shape"]) > MAX_DIMENSIONS:
        raise InputError(f"{where}: has {len(entry['shape'])} dimensions, more than {MAX_DIMENSIONS}")
    first, stop = entry["data_offsets"]
    if stop - first != math.prod(entry["shape"]) * WIDTHS[entry["dtype"]] or stop > space:
        raise InputError(f"{where}: truncated or damaged: bytes {first} to {stop} for shape {entry['shape']}")
