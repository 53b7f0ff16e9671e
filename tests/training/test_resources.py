"""nnet/training/resources.py and nnet/bin/estimate.py: what the stages of a recipe will take."""

import pytest
from toy_data import make_config

from nnet.bin import estimate
from nnet.errors import InputError
from nnet.training.resources import Features, Network, Size, estimate_stages, most_disk

TRAIN, TEST = Size(100, 10_000, 20.0), Size(10, 1000, 2.0)
NETWORK = Network(1e6, 256, 1, 3, lambda utterances: 200 * utterances, 10, 1e5, 2e9)


def needs(copies, vad=False):
    return {n.stage: n for n in estimate_stages(TRAIN, TEST, copies, Features(80, vad, 16000.0, 100.0), NETWORK, 8, 4)}


def test_sizes_and_times_grow_with_what_they_depend_on():
    plain, augmented = needs(0), needs(20_000)
    assert sorted(plain) == [1, 3, 4, 5, 6]
    assert plain[1].kept == pytest.approx(22 * 360_000 * 80, rel=0.02)
    assert needs(0, vad=True)[1].kept - plain[1].kept == pytest.approx(4 * 22 * 360_000, rel=0.02)
    assert plain[1].hours == pytest.approx(22 / 100 / 4), "of eight jobs four run at a time"
    assert augmented[2].passing == pytest.approx(40 * 3600 * 32_000, rel=0.02)
    assert augmented[3].kept == pytest.approx(3 * plain[3].kept)
    assert augmented[4].hours == pytest.approx(3 * plain[4].hours)
    assert plain[4].hours == pytest.approx(10_000 * 200 * 10 / 1e5 / 3600)
    assert augmented[5] == plain[5]


def test_the_most_that_lies_on_disk_at_a_time():
    stages = list(needs(20_000).values())
    kept = sum(n.kept for n in stages)
    assert most_disk(stages) == max(kept, stages[0].kept + stages[1].kept + stages[1].passing)


def test_the_estimate_of_an_imagined_corpus(tmp_path, capsys):
    config = make_config(tmp_path / "tiny.json")
    words = ["--test", "40:4874:11.2", "--feats-type", "mfcc", "--vad", "true", "--copies", "1000000", "--kinds", "4"]
    estimate.main(["--train", "5994:1092009:2360.2", *words, str(config)])
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines[1:7]] == list("123456")
    assert lines[7].startswith("disk: ")
    assert lines[8].endswith("enough")
    estimate.main(["--train", "2:10:0.1", *words, str(config)])
    assert float(capsys.readouterr().out.splitlines()[2].split()[2]) < 0.01, "no more copies than there can be"


def test_a_size_that_is_none(tmp_path):
    with pytest.raises(InputError, match="neither a data directory nor SPEAKERS"):
        estimate.size_of(str(tmp_path / "nowhere"))
