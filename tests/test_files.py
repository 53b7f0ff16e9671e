"""Writing of files: whole or not at all, whoever else writes them."""

import os

import pytest

from nnet.errors import InputError
from nnet.files import atomic_write


def test_atomic_write_leaves_all_or_nothing(tmp_path):
    path = tmp_path / "x"
    with atomic_write(path) as file:
        file.write("new")
        assert not path.exists()
    assert path.read_text() == "new"
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write("half")
        raise RuntimeError
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["x"]
    with (
        pytest.raises(InputError, match="no-dir/x: cannot be written: No such file"),
        atomic_write(tmp_path / "no-dir" / "x"),
    ):
        pass


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="other"), atomic_write(tmp_path / "x"):
        open(tmp_path / "other")  # noqa: SIM115


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    """Both wrote to x.tmp: the file was a mixture, and one of them reported success for it."""
    path = tmp_path / "x"
    (tmp_path / "x.01234567.tmp").write_text("left by a killed writer")
    with atomic_write(path) as first:
        first.write("first " * 1000)
        first.flush()
        with atomic_write(path) as second:
            second.write("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first " * 1000
    assert os.listdir(tmp_path) == ["x"]


def test_a_durable_file_reaches_the_disk_before_its_name(tmp_path, monkeypatch):
    events = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("sync"), sync(fd)))
    monkeypatch.setattr(os, "replace", lambda *paths: (events.append("rename"), replace(*paths)))
    with atomic_write(tmp_path / "x", durable=True) as file:
        file.write("new")
    assert events == ["sync", "rename", "sync"]
