import numpy as np
import pytest

from nnet.errors import InputError
from nnet.kaldi.ark import ArkWriter
from nnet.kaldi.vectors import read_vectors


@pytest.fixture
def write(tmp_path):
    """A function that writes {key: array} to NAME.ark and NAME.scp."""

    def write(name, arrays, **options):
        with ArkWriter(tmp_path / f"{name}.ark", tmp_path / f"{name}.scp", **options) as writer:
            for key, array in arrays.items():
                writer.write(key, array)
        return tmp_path / f"{name}.scp"

    return write


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("text", [False, True])
def test_scp_and_archive(write, dtype, text):
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype(dtype)
    scp = write("x", {f"u{i}": v for i, v in enumerate(vectors)}, text=text)
    for path in (scp, scp.with_suffix(".ark"), f"ark:{scp.with_suffix('.ark')}", f"scp:{scp}"):
        keys, read = read_vectors(path)
        assert keys == [f"u{i}" for i in range(5)]
        np.testing.assert_allclose(read, vectors, rtol=1e-6)


def test_several_archives_in_any_order(write, tmp_path):
    parts = [write(name, {f"{name}{i}": np.full(4, float(i)) for i in range(3)}) for name in "ab"]
    lines = sorted((line for part in parts for line in part.read_text().splitlines()), key=lambda line: line[1])
    (tmp_path / "all.scp").write_text("".join(f"{line}\n" for line in lines))
    keys, read = read_vectors(tmp_path / "all.scp")
    assert keys == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert read[:, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_bad_entries_are_named(write, tmp_path):
    scp = write("x", {"u1": np.ones(3, np.float32), "u2": np.ones(4, np.float32), "u3": np.ones((2, 3), np.float32)})
    lines = scp.read_text().splitlines()
    with pytest.raises(InputError, match='"u2" has shape .4,., expected a vector of 3 dimensions'):
        read_vectors(scp)
    scp.write_text(lines[2] + "\n")
    with pytest.raises(InputError, match='"u3" has shape'):
        read_vectors(scp)
    ark = scp.with_suffix(".ark")
    ark.write_bytes(ark.read_bytes()[:20])
    for line in lines[:2]:
        scp.write_text(line + "\n")
        with pytest.raises(InputError, match="truncated|past the end"):
            read_vectors(scp)
    scp.write_text("")
    with pytest.raises(InputError, match="x.scp"):
        read_vectors(scp)
    scp.write_text(f"u1 {tmp_path}/x.ark:{'9' * 5000}\n")
    with pytest.raises(InputError, match="No such file|File name too long"):
        read_vectors(scp)
    with pytest.raises(InputError, match='"u1" has no dimensions'):
        read_vectors(write("x", {"u1": np.zeros(0, np.float32)}))
