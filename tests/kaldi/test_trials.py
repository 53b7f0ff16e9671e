import numpy as np
import pytest

from nnet.errors import InputError
from nnet.kaldi import text_columns
from nnet.kaldi import trial_pairs as coded_pairs
from nnet.kaldi.trials import ScoreWriter, read_scores, read_trials, write_scores, write_trials

LIST = "a x target\na y nontarget\nb x nontarget\nb y target\n"


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


@pytest.fixture(params=["at once", "in blocks", "by several processes"])
def block_size(request, monkeypatch):
    if request.param != "at once":
        monkeypatch.setattr(text_columns, "BLOCK_BYTES", 20)
    if request.param == "by several processes":
        monkeypatch.setattr(coded_pairs, "PART_BYTES", 10)
        monkeypatch.setattr(coded_pairs, "_processes", lambda: 3)


def test_trials(write, block_size):
    trials = read_trials(write("trials", LIST))
    assert trials.enroll_ids == ["a", "b"] and trials.test_ids == ["x", "y"]
    assert trials.enroll.tolist() == [0, 0, 1, 1] and trials.test.tolist() == [0, 1, 0, 1]
    assert trials.target.tolist() == [True, False, False, True]
    assert len(trials) == 4 and trials.name(2) == "b x"


def test_a_blank_that_is_not_ascii_is_part_of_a_word_in_kaldi(write, block_size):
    with pytest.raises(InputError, match=r"trials:3: an id holds a blank that is not ASCII \(U\+00A0\)"):
        read_trials(write("trials", "a b\nc d\ne\xa0f g\nh i\n"), labels=False)


def test_scores_in_any_order(write, block_size, caplog):
    trials = read_trials(write("trials", LIST))
    same = read_scores(write("s", "a x 1\na y 2.5\nb x -3e2\nb y 4\n"), trials)
    assert same.tolist() == [1.0, 2.5, -300.0, 4.0]
    assert read_scores(write("s", "b y 4\na y 2\nc z 9\nb x 3\na x 1\n"), trials).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert "ignored 1 scores of pairs that are not in" in caplog.text


def test_round_trip(write, tmp_path):
    write_trials(tmp_path / "t", [("a", "x", True), ("b", "x", False)])
    trials = read_trials(tmp_path / "t")
    scores = np.array([0.1234567, -12345.678])
    write_scores(tmp_path / "s", trials, scores)
    assert (tmp_path / "s").read_text() == "a x 0.123457\nb x -12345.678000\n"
    np.testing.assert_allclose(read_scores(tmp_path / "s", trials), scores, atol=1e-6)
    unlabelled = read_trials(tmp_path / "s", labels=False)
    assert unlabelled.target is None and len(unlabelled) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a x target\na y impostor\n", r"trials:2: .*not 'impostor'"),
        ("a x target\na y\n", "trials:2: has 2 words, expected 3"),
        ("a x target\na y target b\nx nontarget\n", "trials:2: has 4 words, expected 3"),
        ("a x target\n\nb y target\n", "trials:2: has 0 words"),
        ("a x\n", "trials:1: has 2 words, expected 3"),
        ("a x target\nb x nontarget\na x target\n", 'trials: 1 duplicate trial, such as "a x"'),
        ("", "trials: is empty"),
        (b"\x00B\xff\xfe", "not a UTF-8 text file"),
        ("a x target\na y\0 target\n", "trials: damaged: NUL"),
    ],
)
def test_bad_trials(write, block_size, text, message):
    with pytest.raises(InputError, match=message):
        read_trials(write("trials", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a x 1\na y 2\nb x 3\n", 'no score for 1 of the 4 trials of .*such as "b y"'),
        ("c z 1\n", "no score for 4 of the 4"),
        ("a x 1\na y nan\nb x 3\nb y 4\n", "s:2: .*finite number, .*not 'nan'"),
        ("a x 1\na y 2\nb x -inf\nb y 4\n", "s:3: .*finite number, .*not '-inf'"),
        ("a x 1\na y 2\nb x 3\nb y four\n", "s:4: .*finite number, .*not 'four'"),
        ("a x 1\na y 2\nb x 3\nb y 1e308\n", "s:4: .*at most 1e.30, not '1e308'"),
        ("a x 1\na y 2\nb x 3\nb y 4.2", "s: truncated: the last line has no end"),  # may have been 4.25
        ("a x 1\na y 2\nb x 3\nb y 4\na x 1\n", '1 duplicate trial, such as "a x"'),
    ],
)
def test_bad_scores(write, block_size, text, message):
    trials = read_trials(write("trials", LIST))
    with pytest.raises(InputError, match=message):
        read_scores(write("s", text), trials)


def test_scores_appear_whole_or_not_at_all(tmp_path):
    with pytest.raises(InputError, match='s: the score of "a y" is not finite'), ScoreWriter(tmp_path / "s") as writer:
        writer.write(["a", "a"], ["x", "y"], [1.0, np.nan])
    with pytest.raises(RuntimeError), ScoreWriter(tmp_path / "s") as writer:
        writer.write(["a"], ["x"], [1.0])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
