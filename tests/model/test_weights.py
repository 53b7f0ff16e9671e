"""Files of weights: what is damaged is refused before MLX, which trusts headers, sees it."""

import json
import struct

import pytest

from nnet.errors import InputError
from nnet.model.weights import read_weights, save_weights
from nnet.ops import mx


def _file(path, header, body=bytes(8), length=None):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return str(path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"shape": [1] * 200}, "200 dimensions"),  # MLX ended the process
        ({"shape": [3]}, "truncated or damaged"),
        ({"shape": [-2]}, "damaged: shape"),
        ({"shape": [1 << 62]}, "truncated or damaged"),
        ({"data_offsets": [8, 16]}, "truncated or damaged"),
        ({"data_offsets": [0]}, "damaged"),
        ({"dtype": "F8"}, "type F8"),
        ({"dtype": None}, "dtype"),
    ],
)
def test_damaged_headers(tmp_path, entry, message):
    whole = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    assert read_weights(_file(tmp_path / "w.safetensors", {"a": whole}))["a"].shape == (2,)
    with pytest.raises(InputError, match=f"w.safetensors: a: .*{message}"):
        read_weights(_file(tmp_path / "w.safetensors", {"a": whole | entry}))


@pytest.mark.parametrize(("header", "length"), [({}, 1 << 40), ({}, 0), ([], None), ({"a": 5}, None)])
def test_no_headers(tmp_path, header, length):
    with pytest.raises(InputError, match="w.safetensors: "):
        read_weights(_file(tmp_path / "w.safetensors", header, length=length))


def test_weights_are_numbers(tmp_path):
    path = str(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="w.safetensors: b holds NaN or infinity"):
        save_weights(path, {"a": mx.ones(2), "b": mx.array([1, float("nan")]), "step": mx.array(3)})
    mx.save_safetensors(path, {"a": mx.array([float("inf")])})
    with pytest.raises(InputError, match="w.safetensors: a holds NaN or infinity"):
        read_weights(path)


def test_the_same_arrays_are_the_same_bytes(tmp_path):
    """Of a resumed training, the optimizer's arrays came back in another order, and with it those of the file."""
    arrays = {f"layer{i}.{name}": mx.full((3,), i) for i in range(5) for name in ("weight", "bias")}
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    save_weights(str(files[0]), arrays)
    save_weights(str(files[1]), read_weights(str(files[0])))
    assert files[0].read_bytes() == files[1].read_bytes()
