"""Scoring of RTTM files: which recordings count, what is said, and the report."""

import html.parser
import json
import logging
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from nnet.bin import score_diarization
from nnet.diarization.rttm import Turn, write_rttm
from nnet.errors import InputError

REFERENCE = [
    Turn("a", 0, 10, "Ann"),
    Turn("a", 8, 20, "B<o>b"),
    Turn("b", 0, 10, "Ann"),
    Turn("long", 0, 700, "Ann"),
]
HYPOTHESIS = [
    Turn("a", 0, 9, "1"),
    Turn("a", 9, 20, "2"),
    Turn("a", 22, 23, "3"),
    Turn("long", 0, 700, "1"),
    Turn("other", 0, 5, "1"),
]


@pytest.fixture
def files(tmp_path):
    """Paths of a reference and a hypothesis."""
    paths = tmp_path / "ref.rttm", tmp_path / "hyp.rttm"
    for path, turns in zip(paths, (REFERENCE, HYPOTHESIS), strict=True):
        write_rttm(path, turns)
    return [str(path) for path in paths]


def table(text):
    return [line.split() for line in text.splitlines()]


def test_prints_a_row_for_each_recording_and_their_sum(files, capsys):
    score_diarization.main(files)
    _, a, b, long, total, *_, last = table(capsys.readouterr().out)
    assert a == ["a", "13.64", "9.09", "4.55", "0.00", "9.17", "22.00", "2", "3"]  # missed: 8-9 Bob, 9-10 Ann
    assert b == ["b", "100.00", "100.00", "0.00", "0.00", "100.00", "10.00", "1", "0"]
    assert long[:2] == ["long", "0.00"]
    assert total == ["all", "1.78", "1.64", "0.14", "0.00", "29.58", "732.00", "4", "4"]
    assert " ".join(last).endswith("is right in 1 of 3 recordings.")


def test_collar_and_overlap(files, capsys):
    score_diarization.main([*files, "--collar", "0.25", "--overlap", "false"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:2] == ["a", "5.88"]  # one second of 22 to 23, of 0.25 to 7.75 and 10.25 to 19.75
    assert lines[-1].startswith("Collar 0.25 s on each side, overlaps not scored; ")


def test_says_which_recordings_are_not_on_both_sides(files, caplog):
    with caplog.at_level(logging.WARNING):
        score_diarization.main(files)
    assert "1 recordings (b) are not in the hypothesis: all their speech counts as missed" in caplog.messages
    assert "1 recordings (other) are in the hypothesis only: not scored" in caplog.messages


def test_says_that_turns_of_one_speaker_overlap(files, caplog):
    write_rttm(files[1], [*HYPOTHESIS, Turn("a", 3, 4, "1"), Turn("a", 20, 21, "2")])
    with caplog.at_level(logging.WARNING):
        score_diarization.main(files)
    assert (
        "1 turns of the hypothesis overlap one of the same speaker: it counts once (--overlap false: not at all)"
        in caplog.messages
    )


def test_a_uem_names_the_recordings_and_regions(files, tmp_path, capsys, caplog):
    (tmp_path / "uem").write_text("a 1 0 8\nsilence 1 0 5\n")
    write_rttm(files[1], [Turn("a", 0, 20, "1"), Turn("silence", 1, 2, "1")])
    with caplog.at_level(logging.WARNING):
        score_diarization.main([*files, "--uem", str(tmp_path / "uem")])
    _, a, silence, total, _ = table(capsys.readouterr().out)
    assert a == ["a", "0.00", "0.00", "0.00", "0.00", "0.00", "8.00", "1", "1"]
    assert silence == ["silence", "–", "–", "–", "–", "–", "0.00", "0", "1"]
    assert total[:4] == ["all", "12.50", "0.00", "12.50"]
    assert "2 recordings (b, long) are not in the UEM: not scored" in caplog.messages
    assert any(message.startswith("1 recordings (silence) are in the UEM, but without") for message in caplog.messages)


@pytest.mark.parametrize(
    "reference, hypothesis, message",
    [
        (REFERENCE, HYPOTHESIS[-1:], r"no recording of the hypothesis \(other\) is in the reference \(a, b, long\)"),
        ([], HYPOTHESIS, "there is nothing to score"),
    ],
)
def test_refuses_what_cannot_be_scored(files, reference, hypothesis, message):
    for path, turns in zip(files, (reference, hypothesis), strict=True):
        write_rttm(path, turns)
    with pytest.raises(InputError, match=message):
        score_diarization.main(files)


def test_an_empty_hypothesis_is_all_missed(files, capsys):
    write_rttm(files[1], [])
    score_diarization.main(files)
    assert table(capsys.readouterr().out)[-2][:3] == ["all", "100.00", "100.00"]


def test_report(files, tmp_path, capsys):
    score_diarization.main([*files, "--report", str(tmp_path / "report")])
    shown = capsys.readouterr().out
    results = json.loads((tmp_path / "report/metrics.json").read_text())
    assert results["recordings"]["a"]["assignment"] == {"1": "Ann", "2": "B<o>b"}
    assert results["total"]["missed"] == pytest.approx(12) and results["collar"] == 0.0
    page = (tmp_path / "report/report.html").read_text()
    assert page.count("<svg") == 3 and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "B<o>b" not in page
    checker = html.parser.HTMLParser()
    checker.feed(page)
    checker.close()
    captions = [part.partition("<")[0] for part in page.split("<figcaption>")[1:]]
    assert [caption.split(":")[0] for caption in captions] == ["b", "a", "long"]  # the worst first
    for row in shown.splitlines()[1:4]:
        assert all(f"<td>{cell}</td>" in page for cell in row.split()[1:])


def test_time_lines_pair_a_speaker_with_the_assigned_one(files, tmp_path):
    score_diarization.main([*files, "--report", str(tmp_path / "report")])
    svg = ElementTree.parse(tmp_path / "report/timeline_2.svg").getroot()  # of a
    space = "{http://www.w3.org/2000/svg}"
    bars = {}
    for path in svg.iter(f"{space}path"):
        if (title := path.find(f"{space}title")) is not None:
            bars.setdefault(title.text, []).append(path.get("stroke"))
    assert list(bars) == ["Ann = 1", "B<o>b = 2", "3"]
    assert len(set(bars["Ann = 1"])) == 1 and len(bars["Ann = 1"]) == 2
    assert len({colors[0] for colors in bars.values()}) == 3
    long = ElementTree.parse(tmp_path / "report/timeline_3.svg").getroot()  # in strips of five minutes
    labels = [text.text for text in long.iter(f"{space}text")]
    assert labels[0] == "0:00" and "10:00" in labels and labels[-1].startswith("Ann = 1")


def test_the_script_hands_on_options_and_errors(files, root, tmp_path):
    def script(*words):
        words = ["steps/score_diarization.sh", *words]
        return subprocess.run(words, cwd=root, capture_output=True, text=True)

    done = script("--collar", "0.25", *files)
    assert done.returncode == 0 and "Collar 0.25 s" in done.stdout
    done = script(files[0], str(tmp_path / "none"))
    assert done.returncode == 1 and done.stderr.splitlines()[-1].endswith("none: No such file or directory")
    assert script(files[0]).returncode == 1
