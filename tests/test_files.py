"""Files: written whole or not at all, whoever else writes them; text and JSON read with faults in one line."""

import os

import pytest

from nnet.errors import InputError
from nnet.files import atomic_write, check_entries, read_json, write_json
from nnet.kaldi.tables import read_numbers


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "must be a JSON object"),
        ("5", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
        ('{"a": 9223372036854775808}', "beyond 64 bits"),
        ('{"a": NaN}', "NaN is not a finite number"),
        ('{"a": 1e999}', "1e999 is not a finite number"),
        ('{"a": 1, "a": 2}', "duplicate key a"),
        (b'{"\xff": 1}', "not a UTF-8 text file"),
        ('{"a": 1\0}', "damaged: NUL at byte 7"),
    ],
)
def test_json_of_another_shape_is_one_line(tmp_path, content, message):
    (tmp_path / "x.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=f"x.json: .*{message}") as caught:
        read_json(tmp_path / "x.json")
    assert len(str(caught.value).splitlines()) == 1


def test_json_holds_what_it_must_and_no_nan(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1, "b": True})
    check_entries(read_json(tmp_path / "x.json"), {"a": int, "b": bool}, "x")
    for kinds, message in (({"c": int}, "x: c is missing"), ({"b": int}, "x: b cannot be True")):
        with pytest.raises(InputError, match=message):
            check_entries({"a": 1, "b": True}, kinds, "x")
    with pytest.raises(InputError, match="x.json: not written: a number in it is NaN"):
        write_json(tmp_path / "x.json", {"a": float("nan")})


def test_a_message_does_not_echo_a_damaged_file(tmp_path):
    (tmp_path / "utt2dur").write_text("a " + "x" * 200_000 + "\n")
    with pytest.raises(InputError) as caught:
        read_numbers(tmp_path / "utt2dur")
    assert len(str(caught.value)) < 1100 and str(caught.value).startswith(f'{tmp_path}/utt2dur: "a": expected a number')
