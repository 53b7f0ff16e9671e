"""Trial lists and score files."""

import numpy as np
import pytest

from nnet.errors import InputError
from nnet.io import trials as module
from nnet.io.trials import read_scores, read_trials, write_scores, write_trials

LINES = [("s1", "u1", True), ("s1", "u2", False), ("s2", "u1", False), ("s2", "u3", True)]


@pytest.fixture
def trials(tmp_path):
    write_trials(tmp_path / "trials", LINES)
    return read_trials(tmp_path / "trials")


def test_a_list_is_coded(trials):
    assert trials.enroll_ids == ["s1", "s2"]
    assert trials.test_ids == ["u1", "u2", "u3"]
    assert trials.enroll.tolist() == [0, 0, 1, 1]
    assert trials.test.tolist() == [0, 1, 0, 2]
    assert trials.target.tolist() == [True, False, False, True]
    assert len(trials) == 4


def test_blocks_make_no_difference(trials, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_CHARACTERS", 5)
    again = read_trials(tmp_path / "trials")
    assert np.array_equal(again.keys, trials.keys)
    assert np.array_equal(again.target, trials.target)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a b target\na c\n", "trials:2: has 2 words where 3"),
        ("a b target\na c d nontarget\n", "trials:2: has 4 words where 3"),
        ("a b target\na c maybe\n", "trials:2: .*not 'maybe'"),
        ("a b target\nc b target\na b nontarget\n", 'repeats an earlier trial, such as "a b"'),
    ],
)
def test_bad_lists(tmp_path, text, message):
    (tmp_path / "trials").write_text(text)
    with pytest.raises(InputError, match=message):
        read_trials(tmp_path / "trials")


def test_scores_in_any_order(trials, tmp_path):
    scores = np.array([1.5, -2, 0.25, 3])
    write_scores(tmp_path / "scores", trials, scores)
    assert np.array_equal(read_scores(tmp_path / "scores", trials), scores)
    lines = (tmp_path / "scores").read_text().splitlines()
    (tmp_path / "scores").write_text("\n".join([*reversed(lines), "x u1 5"]))
    assert np.array_equal(read_scores(tmp_path / "scores", trials), scores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-1], 'lacks the scores of 1 of the 4 trials.*"s2 u3"'),
        (lambda lines: [*lines, lines[0]], 'repeats an earlier trial, such as "s1 u1"'),
        (lambda lines: [*lines[:2], "s2 u1 nan", lines[3]], "scores:3: .*finite number"),
        (lambda lines: [*lines[:2], "s2 u1 x", lines[3]], "scores:3: .*finite number"),
    ],
)
def test_bad_scores(trials, tmp_path, change, message):
    write_scores(tmp_path / "scores", trials, np.arange(4.0))
    lines = (tmp_path / "scores").read_text().splitlines()
    (tmp_path / "scores").write_text("\n".join(change(lines)) + "\n")
    with pytest.raises(InputError, match=message):
        read_scores(tmp_path / "scores", trials)
