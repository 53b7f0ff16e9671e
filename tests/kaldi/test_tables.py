"""Text tables: what is wrong is named with file and line."""

import pytest

from nnet.errors import InputError
from nnet.kaldi import tables


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1\nb 2\na 3\n", r'x:3: duplicate key "a"'),
        ("b 1\na 2\n", r'x:2: "a" comes after "b": not sorted'),
        ("a 1\n\nb 2\n", "x:2: empty line"),
        ("a 1\nb\n", 'x:2: "b" has no value'),
        ("a 1\nb \0\n", "x:2: damaged: NUL"),
        ("a 1\nb\u3000c 2\n", r"x:2: an id holds a blank that is not ASCII \(U\+3000\)"),
    ],
)
def test_a_bad_table_names_the_line(tmp_path, text, message):
    (tmp_path / "x").write_text(text)
    with pytest.raises(InputError, match=message):
        tables.read_table(tmp_path / "x")


def test_a_table(tmp_path):
    (tmp_path / "x").write_text("B  cat x |\na-1\t2 3 \na1 ü\n", encoding="utf-8")
    assert tables.read_table(tmp_path / "x") == {"B": "cat x |", "a-1": "2 3", "a1": "ü"}
    tables.write_table(tmp_path / "y", {"b": 1, "a": 2, "B": 3})
    assert (tmp_path / "y").read_text() == "B 3\na 2\nb 1\n"


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="none: No such file"):
        tables.read_table(tmp_path / "none")
    (tmp_path / "x").write_bytes(b"a \xff\n")
    with pytest.raises(InputError, match="x: not a UTF-8"):
        tables.read_table(tmp_path / "x")


def test_a_last_line_without_an_end_is_read_with_a_warning(tmp_path, caplog):
    (tmp_path / "x").write_text("a 1\nb 2")
    assert tables.read_table(tmp_path / "x") == {"a": "1", "b": "2"}
    assert "x: the last line has no end; is the file whole?" in caplog.text


def test_numbers(tmp_path):
    for word in ("two", "nan", "inf", "1e308"):
        (tmp_path / "x").write_text(f"a 1.5\nb {word}\n")
        with pytest.raises(InputError, match=f"x: \"b\": expected a number, found '{word}'"):
            tables.read_numbers(tmp_path / "x")


def test_speakers(tmp_path):
    (tmp_path / "u").write_text("a-1 a\na-2 a\nb-1 b\n")
    utt2spk = tables.read_utt2spk(tmp_path / "u")
    spk2utt = tables.invert_utt2spk(utt2spk)
    assert spk2utt == {"a": ["a-1", "a-2"], "b": ["b-1"]}
    assert tables.invert_spk2utt(spk2utt) == utt2spk
    with pytest.raises(InputError, match='s: "u" has two speakers, "a" and "b"'):
        tables.invert_spk2utt({"a": ["u"], "b": ["u"]}, "s")
    (tmp_path / "u").write_text("a-1 a b\n")
    with pytest.raises(InputError, match='u: "a-1" must have one speaker'):
        tables.read_utt2spk(tmp_path / "u")
