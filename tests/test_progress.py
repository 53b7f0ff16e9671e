"""nnet.progress: passes everything on, and describes the rest."""

import logging

from nnet import progress as module
from nnet.progress import clock, describe, progress


def test_every_element_passes():
    assert list(progress(range(5), label="x")) == [0, 1, 2, 3, 4]
    assert list(progress(iter("ab"))) == ["a", "b"]


def test_a_log_gets_lines(monkeypatch, caplog):
    monkeypatch.setattr(module, "FIRST_SECONDS", 0)
    monkeypatch.setattr(module, "SECONDS_BETWEEN", 0)
    with caplog.at_level(logging.INFO):
        list(progress(["a", "b"], label="work", unit="utt"))
    assert [r.message.split(",")[0] for r in caplog.records] == ["work: 1 of 2 utt (50 %)", "work: 2 of 2 utt (100 %)"]


def test_describe_and_clock():
    assert describe(300, 1000, 24, "feats", "utt") == "feats: 300 of 1000 utt (30 %), 12.5 a second, 0:00:56 left"
    assert describe(3, None, 1) == "3, 3 a second"
    assert clock(3725.4) == "1:02:05"
