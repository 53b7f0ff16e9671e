"""Archives: Kaldi's own files decoded to the bit, row ranges, what is damaged, and atomic writing."""

import hashlib
import io
import os
import struct

import numpy as np
import pytest

from nnet.errors import InputError
from nnet.kaldi import ark, matrices, streams

HERE = os.path.dirname(__file__)

# SHA-256 of what Kaldi's copy-feats reads from tests/io/kaldi/mfcc_mN.ark, which it wrote by --compression-method=N
DECODED = {
    ("mfcc_m1.ark", "short-16k"): "b73c4a92998a2d19",  # CM2, for it has 8 rows or fewer
    ("mfcc_m1.ark", "spk1-16k"): "23c61f1767c7a1ce",  # CM
    ("mfcc_m3.ark", "spk1-16k"): "4da93367c4fec62d",  # CM2
    ("mfcc_m5.ark", "short-16k"): "454274641b64a6d0",  # CM3
    ("mfcc_m5.ark", "spk1-16k"): "3f8c5a12005c3aa6",
}


@pytest.mark.parametrize(("name", "key"), DECODED)
def test_compressed_matrices_are_those_that_kaldi_reads(name, key):
    matrix = ark.read_dict(os.path.join(HERE, "archives", name))[key]
    assert hashlib.sha256(matrix.tobytes()).hexdigest()[:16] == DECODED[name, key]


@pytest.mark.parametrize("method", range(1, 6))
def test_every_method_of_the_reference_is_decoded_exactly(kaldi_reference, method):
    feats = kaldi_reference / "feats"
    ours = ark.read_dict(str(feats / f"mfcc_vox_compressed_m{method}.ark"))
    theirs = ark.read_dict(str(feats / f"mfcc_vox_decompressed_m{method}.ark"))
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[key], theirs[key]) for key in theirs)


def test_compression_is_that_of_kaldi_to_the_bit(kaldi_reference, tmp_path):
    feats = kaldi_reference / "feats"
    with ark.ArkWriter(tmp_path / "x.ark", compress=True) as writer:
        for key, matrix in ark.read_ark(str(feats / "mfcc_vox.ark")):
            writer.write(key, matrix)
    assert (tmp_path / "x.ark").read_bytes() == (feats / "mfcc_vox_compressed_m1.ark").read_bytes()


def test_a_matrix_of_one_large_number_survives_compression():
    matrix = np.full((20, 3), 1e9, np.float32)
    matrix[4, 1] = np.nextafter(np.float32(1e9), np.float32(2e9))
    file = io.BytesIO()
    matrices.write_binary(file, matrix, compress=True)
    kept = matrices.read_object(streams.StreamReader(io.BytesIO(file.getvalue()), "x"))
    np.testing.assert_allclose(kept, matrix, rtol=1e-6)


def _matrices():
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(50, 7)).astype(np.float32)
    return {
        "plain": plain,
        "double": plain.astype(float),
        "small": plain[:3],
        "one": plain[:1],
        "constant": plain * 0 + 3,
    }


@pytest.fixture(params=["plain", "compressed"])
def archive(tmp_path, request):
    """`{key: (address, matrix as it is to be read)}`."""
    path = tmp_path / "x.ark"
    with ark.ArkWriter(path, tmp_path / "x.scp", compress=request.param == "compressed") as writer:
        for key, matrix in _matrices().items():
            writer.write(key, matrix)
    addresses = dict(line.split() for line in (tmp_path / "x.scp").read_text().splitlines())
    assert all(address.startswith(f"{path}:") for address in addresses.values())
    return {key: (addresses[key], matrix) for key, matrix in ark.read_dict(f"ark:{path}").items()}


def test_random_access_equals_reading_in_a_row(archive):
    for key, original in _matrices().items():
        address, matrix = archive[key]
        np.testing.assert_allclose(matrix, original, atol=0.05)
        assert np.array_equal(ark.read_matrix(address), matrix.astype(np.float32))
        assert ark.read_matrix(address).dtype == np.float32
        assert ark.matrix_shape(address) == matrix.shape


def test_rows(archive):
    address, matrix = archive["plain"]
    for start, stop in ((0, 50), (0, 1), (13, 27), (49, 50), (20, 20)):
        rows = ark.read_rows(address, start, stop)
        assert np.array_equal(rows, matrix[start:stop])
        assert rows.flags.c_contiguous
        assert rows.dtype == np.float32
    assert np.array_equal(ark.read_matrix(address + "[10:19]"), matrix[10:20])
    assert np.array_equal(ark.read_rows(address + "[10:19]", 2, 5), matrix[12:15])
    assert ark.matrix_shape(address + "[10:19]") == (10, 7)
    for start, stop in ((-1, 3), (40, 51), (5, 4)):
        with pytest.raises(InputError, match=r"x\.ark:\d+.*rows"):
            ark.read_rows(address, start, stop)
    with pytest.raises(InputError, match="rows"):
        ark.read_rows(address + "[10:19]", 0, 11)
    for wrong in ("[40:53]", "[50:52]", "[20:10]"):
        with pytest.raises(InputError, match=r"x\.ark:\d+.*rows .* requested, it has 50"):
            ark.matrix_shape(address + wrong)
        with pytest.raises(InputError, match=r"x\.ark:\d+.*rows .* requested, it has 50"):
            ark.read_matrix(address + wrong)
    assert ark.matrix_shape(address + "[40:52]") == (10, 7) == ark.read_matrix(address + "[40:52]").shape


def test_columns(archive):
    address, matrix = archive["plain"]
    for text, rows, columns in (
        ("[10:19,0:4]", slice(10, 20), slice(0, 5)),
        ("[:,2:2]", slice(None), slice(2, 3)),
        ("[3:5,:]", slice(3, 6), slice(None)),
        ("[:]", slice(None), slice(None)),
    ):
        expected = matrix[rows, columns]
        assert np.array_equal(ark.read_matrix(address + text), expected)
        assert ark.matrix_shape(address + text) == expected.shape
        part = ark.read_rows(address + text, 1, 3)
        assert np.array_equal(part, expected[1:3]) and part.flags.c_contiguous
        assert str(ark.parse_rx(address + text)) == address + text.replace("[3:5,:]", "[3:5]").replace("[:]", "")
    for wrong in ("[0:3,5:7]", "[:,4:3]"):
        for read in (ark.read_matrix, ark.matrix_shape, lambda rx: ark.read_rows(rx, 0, 1)):
            with pytest.raises(InputError, match=r"x\.ark:\d+.*columns .* requested, the matrix has 7"):
                read(address + wrong)


def test_rows_of_a_long_compressed_matrix_leave_the_rest_unread(tmp_path, monkeypatch):
    matrix = np.random.default_rng(1).normal(size=(30000, 20)).astype(np.float32)
    with ark.ArkWriter(tmp_path / "x.ark", tmp_path / "x.scp", compress=True) as writer:
        writer.write("a", matrix)
    address = (tmp_path / "x.scp").read_text().split()[1]
    whole = ark.read_matrix(address)
    counts = []
    pread = os.pread
    monkeypatch.setattr(streams.os, "pread", lambda fd, count, at: counts.append(count) or pread(fd, count, at))
    assert np.array_equal(ark.read_rows(address, 12345, 12545), whole[12345:12545])
    assert sum(counts) < 20 * 200 + 3 * streams.PREFETCH


def test_a_truncated_archive_names_the_entry(archive, tmp_path):
    address, _ = archive["constant"]
    whole = (tmp_path / "x.ark").read_bytes()
    (tmp_path / "x.ark").write_bytes(whole[:-5])
    streams.forget_open_files()
    with pytest.raises(InputError, match=rf"{address}: truncated"):
        ark.read_matrix(address)
    with pytest.raises(InputError, match="truncated"):
        ark.read_rows(address, 40, 50)
    with pytest.raises(InputError, match=rf'x\.scp: "constant": {address}: truncated'):
        list(ark.read_ark(str(tmp_path / "x.scp")))
    with pytest.raises(InputError, match=r'x\.ark: "constant": truncated'):
        list(ark.read_ark(str(tmp_path / "x.ark")))


def test_a_large_compressed_matrix_that_is_cut_off(tmp_path):
    matrix = np.random.default_rng(0).standard_normal((40000, 8), np.float32)
    with ark.ArkWriter(tmp_path / "l.ark", tmp_path / "l.scp", compress=True) as writer:
        writer.write("long", matrix)
    address = (tmp_path / "l.scp").read_text().split()[1]
    np.testing.assert_array_equal(ark.read_rows(address, 100, 300), ark.read_matrix(address)[100:300])
    os.truncate(tmp_path / "l.ark", os.path.getsize(tmp_path / "l.ark") - 20000)
    with pytest.raises(InputError, match=rf"{address}: truncated"):
        ark.read_rows(address, 30000, 30200)


@pytest.mark.parametrize(
    "data",
    [
        b"\0BFM \4\1",
        b"\0BCMX\0\0",
        b"\0BPKL ",
        b"\0B\4\xff\xff\xff\xff",
        b"\0BFV \4\xfb\xff\xff\xff",
        b"\0BXX \0\0\0\0\0",
        b"\0BFM \5\1\0\0\0\4\1\0\0\0",
        b"\0BCM \0\0",
        b"\0",
    ],
)
def test_a_bad_header_is_an_input_error(tmp_path, data):
    path = tmp_path / "x.mat"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"x\.mat"):
        ark.read_matrix(str(path))


@pytest.mark.parametrize("array", [np.ones(7, np.float32), np.ones((5, 3)), np.arange(6, dtype=np.int32)])
def test_whatever_is_cut_off_is_an_input_error(tmp_path, array):
    """kaldiio alone returns what is left of a vector."""
    ark.write_object(tmp_path / "x", array)
    whole = (tmp_path / "x").read_bytes()
    for length in range(1, len(whole)):
        (tmp_path / "x").write_bytes(whole[:length])
        for read in (lambda: ark.read_any(str(tmp_path / "x")), lambda: ark.read_any(f"cat {tmp_path}/x |")):
            streams.forget_open_files()
            with pytest.raises(InputError, match=f"{tmp_path}/x"):
                read()


def test_pickled_python_is_not_run(tmp_path):
    """kaldiio reads an object that starts with PKL by unpickling it."""
    (tmp_path / "x.ark").write_bytes(b"a PKLcbuiltins\nexec\n(S'import os; os.abort()'\ntR.")
    with pytest.raises(InputError, match=r'x\.ark: "a": '):
        list(ark.read_ark(f"ark:{tmp_path}/x.ark"))


def test_a_header_that_promises_more_than_memory_holds(tmp_path):
    data = b"\0BFM " + struct.pack("<bibi", 4, 2**31 - 1, 4, 2**31 - 1)
    (tmp_path / "x.ark").write_bytes(b"a " + data)
    with pytest.raises(InputError, match=r"x\.ark"):
        ark.read_matrix(f"{tmp_path}/x.ark:2")
    with pytest.raises(InputError, match=r"x\.ark"):
        list(ark.read_ark(f"{tmp_path}/x.ark"))
    with pytest.raises(InputError, match=r"x\.ark:2: truncated"):
        ark.matrix_shape(f"{tmp_path}/x.ark:2")


def test_addresses_that_lead_nowhere(archive, tmp_path):
    with pytest.raises(InputError, match="past the end"):
        ark.read_matrix(f"{tmp_path}/x.ark:99999999")
    with pytest.raises(InputError, match="no-such"):
        ark.read_matrix(f"{tmp_path}/no-such.ark:3")
    with pytest.raises(InputError, match="No such file|File name too long"):
        ark.read_matrix(f"{tmp_path}/x.ark:{'9' * 5000}")  # which is no integer
    with pytest.raises(InputError, match="not a Kaldi matrix|text format"):
        ark.read_matrix(f"{tmp_path}/x.ark:9")


def test_vectors_and_integers(tmp_path):
    arrays = {
        "f": np.array([1.5, -2], np.float32),
        "d": np.array([1 / 3, 2e-9]),
        "i": np.array([3, -1, 70000], np.int32),
        "none": np.zeros(0, np.float32),
    }
    with ark.ArkWriter(tmp_path / "v.ark", tmp_path / "v.scp") as writer:
        for key, array in arrays.items():
            writer.write(key, array)
    back = ark.read_dict(f"scp:{tmp_path}/v.scp")
    for key, array in arrays.items():
        assert np.array_equal(back[key], array)
        assert back[key].dtype == array.dtype
    address = (tmp_path / "v.scp").read_text().split()[1]
    assert np.array_equal(ark.read_vector(address), arrays["f"])
    assert ark.read_vector(address + "[1:1]").tolist() == [-2]
    with pytest.raises(InputError, match="rows 1:5 requested, it has 2"):
        ark.read_vector(address + "[1:5]")
    with pytest.raises(InputError, match="expected a matrix, found a vector"):
        ark.read_matrix(address)
    with pytest.raises(InputError, match="expected a matrix, found a vector"):
        ark.read_rows(address, 0, 1)


def test_text_archives(tmp_path):
    arrays = {"m": _matrices()["small"], "v": np.array([1.5, 2], np.float32), "i": np.array([4, 5], np.int32)}
    arrays |= {"none": np.zeros(0, np.int32), "one": np.array([7], np.int32)}
    path = tmp_path / "t.ark"
    with ark.ArkWriter(path, tmp_path / "t.scp", text=True) as writer:
        for key, array in arrays.items():
            writer.write(key, array)
    for specifier in (f"ark,t:{path}", f"scp:{tmp_path}/t.scp", f"ark:cat {path} |"):
        back = ark.read_dict(specifier)
        assert list(back) == list(arrays)
        for key, array in arrays.items():
            assert np.array_equal(back[key], array)
            assert back[key].dtype == array.dtype
    address = (tmp_path / "t.scp").read_text().split()[1]
    assert ark.matrix_shape(address) == (3, 7)
    assert np.array_equal(ark.read_rows(address, 1, 3), arrays["m"][1:])


def test_texts_as_kaldi_writes_them(tmp_path):
    path = tmp_path / "t.ark"
    path.write_text("a  [\n  1 2 \n  3 4 ]\nb  [ 5 6 ]\nc 7 8\nd [ ]\n e  [\n  1 ]\n")
    back = ark.read_dict(f"ark:{path}")
    assert {key: array.tolist() for key, array in back.items()} == {
        "a": [[1, 2], [3, 4]], "b": [5, 6], "c": [7, 8], "d": [], "e": [[1]]
    }  # fmt: skip
    path.write_text("a  [ 1 2.5 ]\n")  # which kaldiio does not read
    assert ark.read_dict(f"ark:{path}")["a"].tolist() == [1, 2.5]
    path.write_text("a  [\n  1 2\n  3 ]\n")
    with pytest.raises(InputError, match=r't\.ark: "a": .*text'):
        ark.read_dict(f"ark:{path}")
    for cut in ("a  [\n  1 2\n", "a 12 3", "a  [ 1 2"):  # 12 3 may have been 12 34, and more
        path.write_text(cut)
        with pytest.raises(InputError, match="truncated"):
            ark.read_dict(f"ark:{path}")
    for numbers in ("[ nan 1 ]", "[\n 1 inf ]", "3000000000 1"):
        path.write_text(f"a {numbers}\n")
        with pytest.raises(InputError, match="NaN or infinity|text format"):
            ark.read_dict(f"ark:{path}")


def test_texts_of_the_reference(kaldi_reference):
    backend = kaldi_reference / "backend"
    mean, text = ark.read_vector(str(backend / "mean.vec")), ark.read_vector(str(backend / "mean.txt"))
    np.testing.assert_allclose(mean, text, rtol=1e-5, atol=1e-6)
    assert ark.read_matrix(str(backend / "lda16.mat")).shape[0] == 16


def test_kaldiio_reads_what_we_write_and_the_other_way_round(tmp_path):
    kaldiio = pytest.importorskip("kaldiio")
    arrays = {k: m for k, m in _matrices().items() if k != "double"}
    for compress in (False, True):
        with ark.ArkWriter(str(tmp_path / "x.ark"), str(tmp_path / "x.scp"), compress=compress) as writer:
            for key, matrix in arrays.items():
                writer.write(key, matrix)
        for key, matrix in kaldiio.load_scp(str(tmp_path / "x.scp")).items():
            np.testing.assert_allclose(matrix, arrays[key], atol=0.05 if compress else 0)
        kaldiio.save_ark(str(tmp_path / "y.ark"), arrays, **({"compression_method": 2} if compress else {}))
        for key, matrix in ark.read_ark(str(tmp_path / "y.ark")):
            np.testing.assert_allclose(matrix, arrays[key], atol=0.05 if compress else 0)


def test_commands(tmp_path):
    ark.write_object(tmp_path / "a.mat", _matrices()["plain"])
    assert np.array_equal(ark.read_matrix(f"cat {tmp_path}/a.mat |"), _matrices()["plain"])
    with pytest.raises(InputError, match="exit status 3"):
        list(ark.read_ark("ark:exit 3 |"))
    with pytest.raises(InputError, match="exit status 1"):
        list(ark.read_ark("ark:false | cat |"))
    assert len(ark.read_matrix(f"cat {tmp_path}/a.mat; head -c 1000000 /dev/zero |")) == 50


def test_single_objects(tmp_path):
    matrix = _matrices()["double"]
    for binary in (True, False):
        ark.write_object(tmp_path / "a.mat", matrix, binary=binary)
        np.testing.assert_allclose(ark.read_any(str(tmp_path / "a.mat")), matrix, rtol=1e-6 * (not binary))
    ark.write_object(tmp_path / "a.vec", matrix[0])
    assert np.array_equal(ark.read_vector(str(tmp_path / "a.vec")), matrix[0])


def test_a_failed_writer_leaves_nothing(tmp_path):
    (tmp_path / "x.scp").write_text("old\n")
    with pytest.raises(RuntimeError), ark.ArkWriter(tmp_path / "x.ark", tmp_path / "x.scp") as writer:
        writer.write("a", np.zeros(3))
        raise RuntimeError
    assert os.listdir(tmp_path) == ["x.scp"]
    assert (tmp_path / "x.scp").read_text() == "old\n"


def test_a_writer_refuses_bad_keys_and_numbers(tmp_path):
    with ark.ArkWriter(tmp_path / "x.ark", compress=True) as writer:
        writer.write("a", np.zeros((9, 2)))
        for key in ("a", "", "b c"):
            with pytest.raises(ValueError, match=r"x\.ark"):
                writer.write(key, np.zeros((9, 2)))
        with pytest.raises(InputError, match=r'x\.ark: "n".*NaN'):
            writer.write("n", np.full((9, 2), np.nan, np.float32))
    with pytest.raises(InputError, match="mean.vec: contains NaN"):
        ark.write_object(tmp_path / "mean.vec", np.array([1, np.inf]))


@pytest.mark.parametrize("array", [np.array([1, np.nan]), np.full((3, 2), np.inf, np.float32)])
def test_what_is_read_is_finite(tmp_path, array):
    with open(tmp_path / "x", "wb") as file:
        matrices.write_binary(file, array)
    for read in (ark.read_any, lambda rx: ark.read_rows(rx, 0, 2))[: array.ndim]:
        with pytest.raises(InputError, match="x: contains NaN or infinity"):
            read(str(tmp_path / "x"))


def test_numbers_beyond_single_precision_are_no_features(tmp_path):
    ark.write_object(tmp_path / "x", np.full((2, 2), 1e300))
    with pytest.raises(InputError, match="x: in single precision: contains NaN or infinity"):
        ark.read_matrix(str(tmp_path / "x"))


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    monkeypatch.setattr("nnet.files._open", lambda path, binary: open("/dev/full", "wb"))  # noqa: SIM115
    with (
        pytest.raises(InputError, match=r"x\.ark: cannot be written: No space"),
        ark.ArkWriter(tmp_path / "x.ark") as writer,
    ):
        writer.write("a", np.zeros(100000))
    assert not (tmp_path / "x.ark").exists()


def test_reading_a_replaced_archive_sees_the_new_one(tmp_path):
    for value in (1, 2):
        with ark.ArkWriter(tmp_path / "x.ark") as writer:
            writer.write("a", np.full((3, 2), value, np.float32))
        assert ark.read_matrix(f"{tmp_path}/x.ark:2")[0, 0] == value


def test_few_files_stay_open(tmp_path):
    for index in range(streams.OPEN_FILES + 10):
        ark.write_object(tmp_path / f"{index}.mat", np.zeros((2, 2), np.float32))
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("cannot count descriptors here")
    streams.forget_open_files()
    before = len(os.listdir("/proc/self/fd"))
    for index in range(streams.OPEN_FILES + 10):
        ark.read_matrix(str(tmp_path / f"{index}.mat"))
    assert len(os.listdir("/proc/self/fd")) - before <= streams.OPEN_FILES


def test_objects_that_kaldi_does_not_have():
    with pytest.raises(ValueError, match="dimensions"):
        matrices.write_binary(io.BytesIO(), np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="no integer matrices"):
        matrices.write_binary(io.BytesIO(), np.zeros((2, 2), int))
