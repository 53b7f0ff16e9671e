"""Files of records: complete or not there, whoever is killed and whoever else writes."""

import os
import signal
import subprocess
import sys

import pytest

from nnet.errors import InputError
from nnet.records import append, read_records, reading, rewrite, writing

WRITER = """
import sys
from nnet.records import append, read_records, writing
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for i in range(count):
    with writing(path) as file:
        _, position, _ = read_records(path, file)
        append(path, file, position, f"{name} {i} ".encode() + bytes(5000))
    print(i, flush=True)
"""


def add(path, *payloads):
    with writing(path) as file:
        _, position, _ = read_records(path, file)
        return append(path, file, position, *payloads)


def read(path, start=0, first=None):
    with reading(path) as file:
        return read_records(path, file, start, first)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def start_writer(path, name, count):
    return subprocess.Popen([sys.executable, "-c", WRITER, path, name, str(count)], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "records")
    add(path, b"first", b"second")
    return path


def test_appending_rewrites_nothing(path):
    before = content(path)
    position = add(path, b"third")
    assert content(path)[: len(before)] == before
    assert read(path) == ([b"first", b"second", b"third"], position, True)
    assert read(path, len(before), b"first") == ([b"third"], position, False)


def test_a_record_that_is_not_complete_never_existed(path):
    whole = len(content(path))
    add(path, b"third")
    data = content(path)
    for length in range(whole, len(data)):
        for tail in (b"", bytes(40)) if length == whole else (b"",):
            with open(path, "wb") as file:
                file.write(data[:length] + tail)
            assert read(path)[0] == [b"first", b"second"]
    add(path, b"fourth")
    assert read(path)[0] == [b"first", b"second", b"fourth"]


def test_damage_is_named(path):
    data = content(path)
    for place in range(len(data)):
        with open(path, "wb") as file:
            file.write(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(InputError, match="records: byte .*(damaged|not a record)"):
            read(path)
    with open(path, "w") as file:
        file.write("wav.scp")
    with pytest.raises(InputError, match="byte 0: not a record"):
        add(path, b"third")


def test_a_reader_notices_that_the_file_was_rewritten(path):
    _, position, _ = read(path)
    with writing(path) as file:
        assert read_records(path, file)[0] == [b"first", b"second"]
        rewrite(path, [b"other", b"second", b"third"])
    assert read(path, position, b"first") == ([b"other", b"second", b"third"], os.path.getsize(path), True)


def test_a_rewritten_file_keeps_its_permissions_and_its_links(path, tmp_path):
    os.chmod(path, 0o600)
    (tmp_path / "link").symlink_to(path)
    with writing(tmp_path / "link"):
        rewrite(tmp_path / "link", [b"other"])
    assert (tmp_path / "link").is_symlink() and read(path)[0] == [b"other"]
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_file_that_stays_empty_is_removed(tmp_path):
    with pytest.raises(InputError, match="no reason"), writing(tmp_path / "new"):
        raise InputError("no reason")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="none/new: cannot be written: No such file"), writing(tmp_path / "none/new"):
        pass


def test_a_full_disk_leaves_the_file_as_it_was(path):
    before = content(path)
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 2000},) * 2)"
    command = [sys.executable, "-c", f"{limited}\n{WRITER}", path, "a", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "records: cannot be written: File too large" in done.stderr
    assert content(path) == before


def test_two_writers_lose_nothing(path):
    writers = [start_writer(path, name, 40) for name in ("a", "b")]
    assert [writer.wait() for writer in writers] == [0, 0]
    written = [payload.rstrip(b"\0").decode().split() for payload in read(path)[0][2:]]
    assert [i for name, i in written if name == "a"] == [i for name, i in written if name == "b"]
    assert len(written) == 80


@pytest.mark.parametrize("seen", [1, 7, 30])
def test_a_killed_writer_leaves_whole_records(path, seen):
    """What it said to have written is there, in order, and at most one more."""
    writer = start_writer(path, "a", 100000)
    for _ in range(seen):
        last = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    said = [int(line) for line in writer.stdout.read().splitlines() if line]
    writer.wait()
    last = said[-1] if said else last
    found = [int(payload.split()[1]) for payload in read(path)[0][2:]]
    assert found == list(range(len(found))) and last + 1 <= len(found) <= last + 2
    add(path, b"after")
    assert read(path)[0][-1] == b"after"
