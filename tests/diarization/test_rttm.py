"""RTTM and UEM: what is read, what is written, and what is refused."""

import logging

import pytest

from nnet.diarization.rttm import Turn, read_rttm, read_uem, write_rttm
from nnet.errors import InputError


def written(path, text):
    path.write_text(text)
    return path


def test_reads_lines_in_any_order_sorted(tmp_path):
    path = written(
        tmp_path / "rttm",
        ";; a comment\n"
        "SPEAKER b 1 3.5 1.25 <NA> <NA> x <NA> <NA>\n"
        "\n"
        "SPEAKER a 1 2 1 <NA> <NA> x <NA> <NA>\n"
        "SPEAKER a 2 0.5 1 <NA> <NA> y 0.9\n",  # nine fields, as before 2009
    )
    turns = read_rttm(path)
    assert turns == {"a": [Turn("a", 0.5, 1.5, "y"), Turn("a", 2, 3, "x")], "b": [Turn("b", 3.5, 4.75, "x")]}
    assert list(turns) == ["a", "b"]


def test_counts_what_it_skips(tmp_path, caplog):
    path = written(
        tmp_path / "rttm",
        "SPKR-INFO a 1 <NA> <NA> <NA> unknown x <NA>\n"
        "LEXEME a 1 0.1 0.2 well lex x <NA>\n"
        "LEXEME a 1 0.3 0.2 well lex x <NA>\n"
        "SPEAKER a 1 2 0 <NA> <NA> x <NA> <NA>\n"
        "SPEAKER a 1 2 1 <NA> <NA> x <NA> <NA>\n",
    )
    with caplog.at_level(logging.WARNING):
        assert read_rttm(path) == {"a": [Turn("a", 2, 3, "x")]}
    assert f"{path}: skipped 2 LEXEME lines, 1 SPKR-INFO lines, 1 turns of no duration" in caplog.text


@pytest.mark.parametrize(
    "line, message",
    [
        ("SPEAKER a 1 -0.5 1 <NA> <NA> x <NA> <NA>", "start must be a number of seconds, 0 or more, not '-0.5'"),
        ("SPEAKER a 1 0.5 -1 <NA> <NA> x <NA> <NA>", "duration must be a number of seconds, 0 or more, not '-1'"),
        ("SPEAKER a 1 nan 1 <NA> <NA> x <NA> <NA>", "start .* not 'nan'"),
        ("SPEAKER a 1 0 inf <NA> <NA> x <NA> <NA>", "duration .* not 'inf'"),
        ("SPEAKER a 1 0 1e300 <NA> <NA> x <NA> <NA>", "duration .* not '1e300'"),
        ("SPEAKER a 1 0 <NA> <NA> <NA> x <NA> <NA>", "duration .* not '<NA>'"),
        ("SPEAKER a 1 0 1 <NA> <NA> <NA> <NA> <NA>", "has no speaker"),
        ("SPEAKER a 1 0 1 <NA> <NA> x", "has 8 fields, expected 10"),
        ("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA> <NA>", "has 11 fields, expected 10"),
        ("speaker a 1 0 1 <NA> <NA> x <NA> <NA>", '"speaker" is no type of an RTTM line'),
        ("a 0.0 1.0 x", '"a" is no type of an RTTM line'),
    ],
)
def test_a_malformed_line_is_named(tmp_path, line, message):
    path = written(tmp_path / "rttm", f"SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n{line}\n")
    with pytest.raises(InputError, match=f"{path}:2: .*{message}") as error:
        read_rttm(path)
    assert "\n" not in str(error.value)


def test_writes_what_it_reads(tmp_path):
    turns = [Turn("b", 0, 1.0004, "x"), Turn("a", 2, 3.25, "y"), Turn("a", 0.1, 0.3, "x")]
    path = tmp_path / "rttm"
    write_rttm(path, turns)
    assert path.read_text() == (
        "SPEAKER a 1 0.100 0.200 <NA> <NA> x <NA> <NA>\n"
        "SPEAKER a 1 2.000 1.250 <NA> <NA> y <NA> <NA>\n"
        "SPEAKER b 1 0.000 1.000 <NA> <NA> x <NA> <NA>\n"
    )
    read = [turn for turns in read_rttm(path).values() for turn in turns]
    again = tmp_path / "again"
    write_rttm(again, read)
    assert again.read_text() == path.read_text()


def test_neighboring_turns_stay_neighbors_when_rounded(tmp_path):
    path = tmp_path / "rttm"
    write_rttm(path, [Turn("a", 0.0004, 1.0006, "x"), Turn("a", 1.0006, 2.3337, "y")])
    first, second = read_rttm(path)["a"]
    assert first.end == second.start == 1.001


def test_counts_turns_that_round_to_nothing(tmp_path, caplog):
    path = tmp_path / "rttm"
    with caplog.at_level(logging.WARNING):
        write_rttm(path, [Turn("a", 1, 1.0001, "x")])
    assert path.read_text() == "" and "left out 1 turns" in caplog.text
    assert read_rttm(path) == {}


@pytest.mark.parametrize(
    "turn", [Turn("a b", 0, 1, "x"), Turn("a", 0, 1, ""), Turn("a", -1, 1, "x"), Turn("a", 2, 1, "x")]
)
def test_refuses_to_write_what_is_no_turn(tmp_path, turn):
    path = written(tmp_path / "rttm", "before\n")
    with pytest.raises(InputError, match="not written"):
        write_rttm(path, [turn])
    assert path.read_text() == "before\n"


def test_reads_regions(tmp_path):
    path = written(tmp_path / "uem", "b 1 0 10\na 1 20 30.5\n;; x\na 1 1 2\n")
    assert read_uem(path) == {"a": [(1, 2), (20, 30.5)], "b": [(0, 10)]}


@pytest.mark.parametrize(
    "line, message",
    [
        ("a 1 5 5", "ends at 5, not after its start at 5"),
        ("a 1 -1 5", "start must be"),
        ("a 1 0 nan", "end must be"),
        ("a 0 5", "has 3 fields, expected 4"),
    ],
)
def test_a_malformed_region_is_named(tmp_path, line, message):
    path = written(tmp_path / "uem", f"{line}\n")
    with pytest.raises(InputError, match=f"{path}:1: .*{message}"):
        read_uem(path)
