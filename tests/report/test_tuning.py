"""The page that compares trainings."""

import json
from pathlib import Path

import pytest
from html_page import Page
from toy_data import DIM, make_config

from nnet.bin import tuning_curves
from nnet.config import load_config
from nnet.errors import InputError
from nnet.model.directory import save_config
from nnet.report.tuning import differences, read_run, tuning_sections


@pytest.fixture
def train(tmp_path):
    """Makes a model directory as a training leaves it: what differs, the EER of each epoch, that of a trial list."""
    path = make_config(tmp_path / "c.json", loss={"type": "additive_margin"})

    def train(name, overrides, eers, measured=None):
        folder = tmp_path / name
        folder.mkdir()
        save_config(str(folder), load_config(str(path), overrides), DIM, 6, None)
        lines = [{"epoch": e, "train_loss": 3 / e, "valid_loss": None, "dev_eer": eer} for e, eer in enumerate(eers, 1)]
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        if measured is not None:
            (folder / "report/O").mkdir(parents=True)
            (folder / "report/O/metrics.json").write_text(json.dumps({"systems": {"cosine": {"eer": measured}}}))
        return str(folder)

    return train


def test_a_sweep(train, tmp_path, capsys):
    folders = [
        train("m1", ["loss.margin=0.1", "training.log_every=7"], [9.0, 7.0], 0.05),
        train("m2", ["loss.margin=0.2"], [9.0, 5.0, 6.0], 0.04),
        train("m2b", ["loss.margin=0.2", "training.seed=5"], [8.0, 6.0]),
    ]
    (Path(folders[0]) / "diarization").mkdir()
    (Path(folders[0]) / "diarization/metrics.json").write_text('{"recordings": {}}')
    tuning_curves.main([str(tmp_path / "tuning.html"), *folders])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[1:] for line in lines[1:]] == [
        ["0.1", "0", "2", "1.5000", "–", "7.000", "5.000"],
        ["0.2", "0", "3", "1.0000", "–", "5.000", "4.000"],
        ["0.2", "5", "2", "1.5000", "–", "6.000", "–"],
    ]
    text = (tmp_path / "tuning.html").read_text()
    page = Page(text)
    assert page.open == [] and page.counts["svg"] == 4, "EER and training loss over epochs; EER over margin and seed"
    assert "differ in loss.margin, training.seed." in text and "O cosine" in text
    assert all(address.startswith("#") for address in page.addresses)


def test_points_of_a_sweep_are_means_over_what_else_differs(train, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "nnet.report.plots.curves_plot", lambda curves, *labels: drawn.append((labels[0], curves)) or ""
    )
    runs = [read_run(train(f"m{i}", [f"loss.margin={m}", f"training.seed={i}"], [e])) for i, (m, e) in
            enumerate([(0.3, 4.0), (0.1, 8.0), (0.3, 6.0)])]  # fmt: skip
    tuning_sections(runs)
    assert dict(drawn)["loss.margin"] == {"development, best epoch": [(0.1, 8.0), (0.3, 5.0)]}


def test_other_networks_differ_in_their_type(train):
    runs = [read_run(train("a", [], [3.0])), read_run(train("b", ["network.type=ecapa_tdnn"], [3.0]))]
    assert differences(runs) == {"network.type": ["tdnn", "ecapa_tdnn"]}


def test_a_training_without_epochs_is_named(train, tmp_path):
    folder = train("a", [], [])
    with pytest.raises(InputError, match=r"a/log\.jsonl: no epoch has finished"):
        tuning_curves.main([str(tmp_path / "t.html"), folder])
    assert not (tmp_path / "t.html").exists()
