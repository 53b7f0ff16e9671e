import json
import re

import numpy as np
import pytest
from html_page import Page

from nnet.bin import compute_metrics
from nnet.errors import InputError
from nnet.kaldi.trials import read_trials, write_scores, write_trials
from nnet.metrics.conditions import condition_labels
from nnet.report.tables import as_html, as_markdown, as_text

SPEAKERS, UTTERANCES = 12, 4


@pytest.fixture
def trials(tmp_path):
    """A list of 12 models against 48 utterances."""
    pairs = [(f"s{s:02}", f"s{t:02}-{u}", s == t) for s in range(SPEAKERS) for t in range(SPEAKERS) for u in range(4)]
    write_trials(tmp_path / "trials", pairs)
    return read_trials(tmp_path / "trials")


@pytest.fixture
def paths(tmp_path, trials):
    """The list and two score files, the second of them worse."""
    rng = np.random.default_rng(0)
    for name, distance in (("a", 4.0), ("b", 2.0)):
        scores = distance * trials.target - distance / 2 + rng.normal(size=len(trials))
        write_scores(tmp_path / f"{name}.scores", trials, scores)
    return [str(tmp_path / name) for name in ("trials", "a.scores", "b.scores")]


def test_screen(paths, capsys):
    compute_metrics.main([*paths, "--cost", "1,2,0.2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "system",
        "targets",
        "nontargets",
        "EER",
        "%",
        "minDCF08",
        "minDCF10",
        "minDCF(0.01)",
        "minDCF(1,2,0.2)",
    ]
    assert lines[1].split()[:3] == ["a.scores", "48", "528"]
    assert float(lines[1].split()[3]) < float(lines[2].split()[3])
    assert "minDCF08: Cmiss 10, Cfa 1, P 0.01; normalized as in Kaldi and NIST, multiply by 0.1 for DETware's" in lines
    assert "minDCF(1,2,0.2): Cmiss 1, Cfa 2, P 0.2;" in lines[-1]


def test_paired_differences(paths, tmp_path, capsys):
    compute_metrics.main([*paths, "--compare", "a.scores:b.scores", "--report", str(tmp_path / "report")])
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith("a.scores - b.scores")]
    gap, low, high = map(float, re.findall(r"[-+]\d+\.\d+", line)[:3])
    assert low < gap < high < 0
    figures = json.loads((tmp_path / "report/metrics.json").read_text())
    (pair,) = figures["differences"]
    rates = [figures["systems"][name]["eer"] for name in ("a.scores", "b.scores")]
    assert pair["eer"][0] == pytest.approx(rates[0] - rates[1])
    assert "Paired differences" in (tmp_path / "report/report.html").read_text()
    with pytest.raises(InputError, match="--compare a:b.scores: no system 'a'; there are: a.scores b.scores"):
        compute_metrics.main([*paths, "--compare", "a:b.scores"])


def test_report(paths, tmp_path, capsys):
    write = (tmp_path / "utt2gender").write_text
    write("".join(f"s{s:02}-{u} {'fm'[s % 2]}\n" for s in range(SPEAKERS) for u in range(UTTERANCES)))
    log = [{"epoch": e, "train_loss": 3.0 / e, "valid_loss": 3.5 / e, "dev_eer": 9.0 / e} for e in (1, 2, 3)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    folder = tmp_path / "report"
    options = ["--condition", str(tmp_path / "utt2gender"), "--train-log", str(tmp_path / "log.jsonl")]
    options += ["--title", "<script>alert(1)</script> | title"]
    compute_metrics.main([*paths, "--report", str(folder), "--bootstrap", "20", *options])
    assert "95 %" in capsys.readouterr().out
    images = {"det.svg", "calibration.svg", "scores_1.svg", "scores_2.svg", "training.svg"}
    assert {p.name for p in folder.iterdir()} == images | {"report.md", "report.html", "metrics.json"}

    text = (folder / "report.html").read_text()
    page = Page(text)
    assert page.open == [] and page.counts["svg"] == len(images)
    assert all(address.startswith("#") for address in page.addresses)  # nothing is fetched
    assert "@import" not in text and not re.search(r"url\((?!#)", text)

    markdown = (folder / "report.md").read_text()
    assert set(re.findall(r"\]\((.*?)\)", markdown)) == images
    assert "| f | 24 |" in markdown
    assert "<script" not in text + markdown and r"&lt;script&gt;alert(1)&lt;/script&gt; \| title" in markdown

    results = json.loads((folder / "metrics.json").read_text())
    figures = results["systems"]["a.scores"]
    assert results["num_speakers"] == SPEAKERS and results["bootstrap"] == 20
    assert figures["intervals"]["eer"][0] < figures["eer"] < figures["intervals"]["eer"][1]
    assert set(figures["conditions"]["utt2gender"]) == {"f", "m"}


def test_the_same_scores_give_the_same_report(paths, tmp_path):
    for name in ("one", "two"):
        compute_metrics.main(["--report", str(tmp_path / name), "--bootstrap", "5", *paths])
    assert (tmp_path / "one" / "report.html").read_bytes() == (tmp_path / "two" / "report.html").read_bytes()


@pytest.mark.parametrize("last", ["c.scores", "folder"])
def test_a_missing_score_file_is_named_and_no_report_is_made_of_it(paths, tmp_path, last):
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=rf"{last}: no such score file; .* --report DIR"):
        compute_metrics.main([*paths, str(tmp_path / last)])
    assert sorted(tmp_path.iterdir()) == before


def test_systems_are_told_apart_by_the_end_of_their_paths(tmp_path):
    assert list(compute_metrics._names(["x/a/s", "x/b/s"])) == ["a/s", "b/s"]
    assert list(compute_metrics._names(["x/a/s", "x/b/t"])) == ["s", "t"]
    assert list(compute_metrics._names(["s", "b/s"])) == ["s", "b/s"]


@pytest.mark.parametrize("cost", ["1,1", "a,b,c", "1,1,0", "0,1,0.5", "inf,1,0.5"])
def test_bad_cost(paths, cost):
    with pytest.raises(InputError, match=f"--cost {cost}"):
        compute_metrics.main([*paths, "--cost", cost])


@pytest.mark.parametrize("kind", ["target", "nontarget"])
def test_a_list_of_one_kind_only(tmp_path, kind):
    (tmp_path / "trials").write_text(f"a x {kind}\na y {kind}\n")
    (tmp_path / "scores").write_text("a x 1\na y 2\n")
    with pytest.raises(InputError, match=f"trials: all 2 trials are {kind}s"):
        compute_metrics.main([str(tmp_path / "trials"), str(tmp_path / "scores")])


def test_conditions(trials):
    names, groups = condition_labels(trials, {"s00": "x", "s00-0": "x", "s01-0": "y"}, "map")
    found = {trials.name(i): names[g] for i, g in enumerate(groups) if g >= 0}
    assert found["s00 s00-0"] == "x" and found["s00 s01-0"] == "x / y" and found["s05 s01-0"] == "y"
    assert "s05 s05-1" not in found
    with pytest.raises(InputError, match="map: contains none"):
        condition_labels(trials, {"z": "x"}, "map")


def test_tables_of_one_name_are_one(tmp_path):
    for side, text in (("enroll", "a f\nb m\n"), ("test", "b m\nc f\n"), ("other", "a m\n")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "utt2gender").write_text(text)
    paths = [str(tmp_path / side / "utt2gender") for side in ("enroll", "test", "other")]
    assert compute_metrics.read_conditions(paths[:2]) == {"utt2gender": {"a": "f", "b": "m", "c": "f"}}
    with pytest.raises(InputError, match='other/utt2gender: "a" is "m" here, "f" in another table'):
        compute_metrics.read_conditions(paths)


def test_numbers_are_cut_into_ranges(trials):
    durations = {key: str(1.0 + i) for i, key in enumerate(trials.test_ids)}
    names, groups = condition_labels(trials, durations, "utt2dur")
    assert len(names) == 3 and names[0].startswith("below ") and names[2].endswith(" and more")
    np.testing.assert_allclose(np.bincount(groups) / len(groups), 1 / 3, atol=0.02)


def test_tables():
    rows = [["system", "EER %"], ["a|b", "1.0"], ["<c>", "10.0"]]
    assert as_text(rows) == "system  EER %\na|b       1.0\n<c>      10.0\n"
    assert as_markdown(rows).splitlines()[1:3] == ["| --- | --: |", "| a\\|b | 1.0 |"]
    assert "&lt;c&gt;" in as_html(rows)
