"""Files of torch.save in both formats against torch.load; then files that are damaged or mean harm."""

import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nnet.errors import InputError
from nnet.pretrained.torch_file import MAGIC, PROTOCOL, read_torch_state

BOTH = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def _save(torch, tmp_path, content, zipped=True):
    path = str(tmp_path / "model.pt")
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


@BOTH
def test_tensors_of_every_type_equal_pytorchs(torch, tmp_path, zipped):
    x = torch.arange(-6, 6).reshape(3, 4)
    types = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    state = {name: (x + 0.3 if "float" in name else x).to(getattr(torch, name)) for name in types}
    read = read_torch_state(_save(torch, tmp_path, state, zipped))[0]
    assert list(read) == types
    for name, tensor in state.items():
        expected = tensor.float().numpy() if name == "bfloat16" else tensor.numpy()
        assert read[name].dtype == expected.dtype
        assert np.array_equal(read[name], expected), name


@BOTH
def test_views_shared_storages_and_odd_shapes(torch, tmp_path, zipped):
    base = torch.randn(6, 4)
    state = {
        "base": base,
        "transposed": base.T,
        "part": base[2:5, 1::2],
        "row": base[3],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "parameter": torch.nn.Parameter(base * 2),
        "again": base,
    }
    read = read_torch_state(_save(torch, tmp_path, state, zipped))[0]
    for name, tensor in state.items():
        assert np.array_equal(read[name], tensor.detach().numpy()), name


@BOTH
@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_within_a_checkpoint(torch, tmp_path, zipped, wrapper):
    state = torch.nn.Linear(3, 2).state_dict()
    content = {"epoch": 3, wrapper: state, "optimizer": {"state": {0: {"step": torch.ones(1)}}, "lr": [0.1]}}
    read = read_torch_state(_save(torch, tmp_path, content, zipped))[0]
    assert {n: a.shape for n, a in read.items()} == {"weight": (2, 3), "bias": (2,)}


@BOTH
def test_a_pickled_module_is_refused_by_name(torch, tmp_path, zipped):
    with pytest.raises(InputError, match=r"refused: .*(torch\.nn\.modules\.linear\.Linear|module)"):
        read_torch_state(_save(torch, tmp_path, torch.nn.Linear(3, 2), zipped))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_other_pickle_protocols(torch, tmp_path, protocol):
    path = str(tmp_path / "model.pt")
    torch.save(torch.nn.Linear(3, 2).state_dict(), path, pickle_protocol=protocol)
    assert read_torch_state(path)[0].keys() == {"weight", "bias"}


@BOTH
def test_a_file_cut_short_anywhere_is_refused(torch, tmp_path, zipped):
    path = _save(torch, tmp_path, {"a": torch.randn(20)}, zipped)
    whole = Path(path).read_bytes()
    for length in range(0, len(whole) - 1, 37):
        Path(path).write_bytes(whole[:length])
        with pytest.raises(InputError, match="model.pt"):
            read_torch_state(path)


def test_a_changed_byte_is_noticed(torch, tmp_path):
    path = _save(torch, tmp_path, {"a": torch.full((100,), 7.0)})
    data = bytearray(Path(path).read_bytes())
    place = data.index(struct.pack("<f", 7.0))
    data[place] ^= 1
    Path(path).write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read_torch_state(path)


class _Evil:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def _zip(path, records, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in records.items():
            archive.writestr(name, data)
    return str(path)


@BOTH
def test_code_in_a_pickle_is_refused_and_not_run(tmp_path, zipped):
    marker = tmp_path / "ran"
    evil = pickle.dumps({"a": _Evil(marker)}, protocol=2)
    path = str(tmp_path / "model.pt")
    if zipped:
        _zip(path, {"archive/data.pkl": evil, "archive/version": b"3\n"})
    else:
        head = [pickle.dumps(x, protocol=2) for x in (MAGIC, PROTOCOL, {"little_endian": True})]
        Path(path).write_bytes(b"".join(head) + evil + pickle.dumps([], protocol=2))
    with pytest.raises(InputError, match=r"refused: it refers to (posix|nt|os)\.system"):
        read_torch_state(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "name", ["builtins.eval", "builtins.getattr", "numpy.core.multiarray._reconstruct", "os.popen"]
)
def test_other_globals_are_refused_by_name(tmp_path, name):
    module, function = name.rsplit(".", 1)
    data = b"\x80\x02c" + f"{module}\n{function}\n".encode() + b"."
    with pytest.raises(InputError, match=f"refers to {name}"):
        read_torch_state(_zip(tmp_path / "model.pt", {"archive/data.pkl": data}))


def test_a_zip_bomb_is_refused(tmp_path):
    bomb = _zip(tmp_path / "model.pt", {"archive/data.pkl": bytes(1 << 24)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="compressed"):
        read_torch_state(bomb)


def test_records_that_overlap_are_refused(tmp_path):
    path = _zip(tmp_path / "model.pt", {"archive/data.pkl": bytes(1000), "archive/data/0": bytes(1000)})
    data = bytearray(Path(path).read_bytes())
    first, second = (i for i in range(len(data)) if data[i : i + 4] == b"PK\x01\x02")
    data[second + 42 : second + 46] = data[first + 42 : first + 46]  # both entries point to one record
    Path(path).write_bytes(data)
    with pytest.raises(InputError, match="model.pt"):
        read_torch_state(path)


@pytest.mark.parametrize("name", ["../data.pkl", "/data.pkl", "archive/../../data.pkl", "archive\\..\\data.pkl"])
def test_a_record_that_climbs_out_is_refused(tmp_path, name):
    records = {"archive/data.pkl": pickle.dumps({}, protocol=2), name: b"x"}
    with pytest.raises(InputError, match="leaves the archive|damaged"):
        read_torch_state(_zip(tmp_path / "model.pt", records))


def test_a_record_without_a_name_is_refused(tmp_path):
    path = _zip(tmp_path / "model.pt", {"archive/data.pkl": pickle.dumps({}, protocol=2), "??": b"x"})
    data = (tmp_path / "model.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(data.replace(b"??", b"\0?"))  # a name ends at NUL
    with pytest.raises(InputError, match="damaged or truncated"):
        read_torch_state(path)


def _pickled(value):
    return pickle.dumps(value, protocol=2)[2:-1]  # without the instructions that begin and end a pickle


def _tensor(offset, shape, strides, count=4):
    """The records of an archive with {"a": a tensor of these numbers}, its storage holding 0 1 2 3."""
    storage = b"(" + _pickled("storage") + b"ctorch\nFloatStorage\n" + _pickled("0") + _pickled("cpu") + _pickled(count)
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"tQ" + _pickled(offset)
    tensor += _pickled(shape) + _pickled(strides) + _pickled(False) + _pickled({}) + b"tR"
    data = b"\x80\x02}" + _pickled("a") + tensor + b"s."
    return {"archive/data.pkl": data, "archive/data/0": np.arange(4, dtype="<f4").tobytes()}


def test_a_tensor_made_by_hand_is_read(tmp_path):
    path = _zip(tmp_path / "model.pt", _tensor(1, (3,), (1,)))
    assert read_torch_state(path)[0]["a"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "offset, shape, strides",
    [
        (2, (3,), (1,)),
        (0, (2, 2), (1, 9)),
        (0, (1 << 40,), (0,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1,)),
        (0, (0, 1 << 70), (1, 1)),
        (0, (1,) * 100, (1,) * 100),
        (0, (1, 1), (1 << 80, 1)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(tmp_path, offset, shape, strides):
    with pytest.raises(InputError, match="model.pt"):
        read_torch_state(_zip(tmp_path / "model.pt", _tensor(offset, shape, strides)))


def test_a_storage_of_another_size_is_refused(tmp_path):
    with pytest.raises(InputError, match="missing or has another size"):
        read_torch_state(_zip(tmp_path / "model.pt", _tensor(0, (2,), (1,), count=5)))


def test_many_tensors_of_one_storage_are_refused(tmp_path):
    records = _tensor(0, (4,), (1,))
    begin, end = b"\x80\x02}", b"s."
    entry = records["archive/data.pkl"].removeprefix(begin).removesuffix(end).removeprefix(_pickled("a")) + b"s"
    entries = [b"X\x05\x00\x00\x00%05d" % i + entry for i in range(2000)]
    records["archive/data.pkl"] = begin + b"".join(entries) + b"."
    assert len(read_torch_state(_zip(tmp_path / "model.pt", records))[0]) == 2000
    records["archive/data.pkl"] = records["archive/data.pkl"].replace(_pickled((4,)), _pickled((1 << 20,)))
    with pytest.raises(InputError, match="far more than the file has room for"):
        read_torch_state(_zip(tmp_path / "model.pt", records))


# A tuple of itself twice, sixty times over: to hash it or to write it down would take for ever.
_DOUBLED = b")" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(60))


@pytest.mark.parametrize(
    "data",
    [
        b"ccollections\nOrderedDict\n]" + _DOUBLED + b"K\x01\x86a\x85R.",
        _DOUBLED + b"X\x01\x00\x00\x00a\x93.",
        b"(" + _DOUBLED + b"NNNNtQ.",
        b"}" + _DOUBLED + b"K\x01s.",
        b"]" * 100000 + b"a" * 99999 + b"X\x01\x00\x00\x00a\x93.",
    ],
    ids=["key of pairs", "global", "storage", "key", "deep"],
)
def test_endless_values_are_refused_at_once(tmp_path, data):
    with pytest.raises(InputError, match="in a wrong place"):
        read_torch_state(_zip(tmp_path / "model.pt", {"archive/data.pkl": b"\x80\x02" + data}))


def test_endless_nesting_does_no_harm(tmp_path):
    data = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."  # a dict that holds itself
    with pytest.raises(InputError, match="no dict of tensors"):
        read_torch_state(_zip(tmp_path / "model.pt", {"archive/data.pkl": data}))


@pytest.mark.parametrize(
    "data", [b"", b"\x80\x02", b"\x80\x02.", b"\x80\x02R.", b"garbage", b"\x80\x02(i__main__\nX\n."]
)
def test_broken_pickles_are_one_line(tmp_path, data):
    with pytest.raises(InputError) as caught:
        read_torch_state(_zip(tmp_path / "model.pt", {"archive/data.pkl": data}))
    assert "model.pt" in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_checkpoint_is_said(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"RIFF....WAVEfmt ")
    with pytest.raises(InputError, match="model.pt"):
        read_torch_state(str(path))
