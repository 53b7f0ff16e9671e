"""NIST's evaluations as tests: models, segments and trials are those of the keys, per language and source."""

import pytest
from corpora.sre import make_mixer6, make_sre08, make_sre10, make_sre12
from corpora.sre_segments import make_sre16, make_sre18, make_sre21

from nnet.datadir.directory import DataDir
from nnet.datadir.validate import validate
from nnet.kaldi.trials import read_trials

SPEAKERS = (301, 302, 303, 304)


@pytest.fixture
def prepare(local, tmp_path):
    """Prepares evaluations from {corpus: folders}; training is on Mixer 6."""

    def run(tests, corpora, *options, expect=0):
        make_mixer6(tmp_path / "mx6", (301, 401), calls=2, sessions=0)
        lines = ["mixer6 mx6", *(f"{name} {folder}" for name, folders in corpora.items() for folder in folders.split())]
        (tmp_path / "corpora.txt").write_text("\n".join(lines) + "\n")
        more = ["--max-missing", 0.5, "--tests", tests, *options]
        done = local("prepare_sre.py", *more, tmp_path / "corpora.txt", tmp_path / "data")
        assert done.returncode == expect, done.stderr
        return done.stderr

    return run


def checked(path):
    """A data directory that is whole, and the models in it that have several utterances or begin them."""
    return validate(path, feats=False, text=False)


def counts(path):
    trials = read_trials(path)
    return int(trials.target.sum()), int((~trials.target).sum())


def test_2016(prepare, tmp_path):
    made = make_sre16(tmp_path / "LDC2019S20", "eval", SPEAKERS)
    dev = make_sre16(tmp_path / "LDC2019S20", "dev", (311, 312, 313, 314), tests=1, unlabeled=5)
    prepare("sre16", {"sre16": "LDC2019S20"})
    data = checked(tmp_path / "data/sre16")
    assert {m: len(data.spk2utt[m]) for m in made["models"]} == made["models"]
    assert set(data.utt2spk) - set(made["segments"]) == {u for m in made["models"] for u in data.spk2utt[m]}
    assert data.table("utt2lang")["teval1x0_sre16"] == "yue"
    assert counts(data.file("trials_sre16_tgl")) == made["trials"]["tgl"]
    assert counts(data.file("trials_sre16_yue")) == made["trials"]["yue"]
    pooled = tuple(sum(pair) for pair in zip(*made["trials"].values(), strict=True))
    assert counts(data.file("trials_sre16")) == pooled
    assert counts(checked(tmp_path / "data/sre16_dev").file("trials_sre16_dev_ceb")) == dev["trials"]["ceb"]
    assert list(checked(tmp_path / "data/sre16_unlabeled").utt2spk) == [f"umajor{n}_sre16" for n in range(5)]


def test_2016_without_development_part(prepare, tmp_path):
    make_sre16(tmp_path / "eval", "eval", SPEAKERS)
    log = prepare("sre16", {"sre16": "eval"})
    assert "scores of sre16 will not be calibrated" in log
    assert not (tmp_path / "data/sre16_dev").exists()
    assert not (tmp_path / "data/sre16_unlabeled").exists()


def test_2018(prepare, tmp_path):
    make_sre18(tmp_path / "dev", "dev", SPEAKERS)
    make_sre18(tmp_path / "eval", "eval", SPEAKERS)
    prepare("sre18 sre18_vast", {"sre18": "dev eval"})
    data = checked(tmp_path / "data/sre18")
    assert len(data.spk2utt["cmn20_sre18"]) == 3
    assert counts(data.file("trials_sre18")) == (8, 24)
    assert counts(data.file("trials_sre18_pstn")) == counts(data.file("trials_sre18_voip")) == (4, 12)
    assert len(checked(tmp_path / "data/sre18_unlabeled").utt2spk) == 3
    video = checked(tmp_path / "data/sre18_vast")
    assert video.spk2utt["vast1_sre18"] == [f"vast1_sre18-eevalvast10_sre18.flac-0{n}" for n in (1, 2)]
    assert video.segments["vast1_sre18-eevalvast10_sre18.flac-02"] == ("eevalvast10_sre18", 0.2, 0.35, 0)
    assert video.segments["tevalvast10_sre18.flac"][1:3] == (0.0, 0.4)
    assert counts(checked(tmp_path / "data/sre18_vast_dev").file("trials_sre18_vast_dev")) == (8, 24)


def test_only_folders_of_the_release_tell_what_is_unlabelled(prepare, tmp_path):
    make_sre18(tmp_path / "unlabeled/eval", "eval", SPEAKERS)
    prepare("sre18", {"sre18": "unlabeled/eval"})
    assert not (tmp_path / "data/sre18_unlabeled").exists()


def test_2021(prepare, tmp_path):
    make_sre21(tmp_path / "eval", "eval", SPEAKERS, tests=3)
    make_sre21(tmp_path / "dev", "dev", SPEAKERS)
    prepare("sre21", {"sre21": "dev eval"})
    data = checked(tmp_path / "data/sre21")
    assert counts(data.file("trials_sre21")) == (12, 36)
    assert counts(data.file("trials_sre21_mandarin")) == (4, 12)
    assert data.wav_scp["m1_sre21-eeval1_sre21.flac"].endswith("data/audio/enrollment/eeval1_sre21.flac")
    assert counts(checked(tmp_path / "data/sre21_dev").file("trials_sre21_dev_cantonese")) == (4, 12)


def test_2008(prepare, tmp_path):
    make_sre08(tmp_path / "train08", tmp_path / "test08", SPEAKERS)
    log = prepare("sre08", {"sre08": "train08 test08"})
    data = checked(tmp_path / "data/sre08")
    assert counts(data.file("trials_sre08")) == (8, 24)
    assert data.segments["f08t01_b"] == ("f08t01", 0.0, 0.2, 1)
    assert data.spk2utt["sre08_8001"] == ["sre08_8001-t08m1_a"]
    assert list(DataDir(tmp_path / "data/train").spk2utt) == ["401"], "301 is tested"
    assert "excluded 1 utterances of test speakers or test calls" in log


def test_2010(prepare, tmp_path):
    make_sre10(tmp_path / "sre10", SPEAKERS)
    prepare("sre10", {"sre10": "sre10"})
    data = checked(tmp_path / "data/sre10")
    assert counts(data.file("trials_sre10")) == (4, 12), "those of common condition 5"
    assert "sre10_10999" not in data.spk2utt
    assert list(DataDir(tmp_path / "data/train").spk2utt) == ["401"]


def test_2012(prepare, tmp_path):
    make_sre10(tmp_path / "sre10", SPEAKERS)
    places = {s: f"sp10-01/data/phonecall/tel/t10m{n}.sph:A" for n, s in enumerate(SPEAKERS)}
    make_sre12(tmp_path / "sre12", places)
    prepare("sre12", {"sre12": "sre12", "sre10": "sre10"})
    data = checked(tmp_path / "data/sre12")
    assert counts(data.file("trials_sre12")) == (8, 24)
    assert data.spk2utt["sre12_1002"] == ["sre12_1002-t10m2_a", "sre12_1002-t12m2_a"]
    assert list(DataDir(tmp_path / "data/train").spk2utt) == ["401"], "the models are the people of 2010"
    error = prepare("sre12", {"sre12": "sre12"}, expect=1)
    assert "models of NIST SRE 2012 (LDC2016E45) use recordings of sre10, such as sp10-01/" in error


def test_keys_of_another_release(prepare, tmp_path):
    make_sre16(tmp_path / "eval", "eval", SPEAKERS)
    docs = tmp_path / "eval/data/eval/R149_0_1/docs"
    key = docs / "sre16_eval_trial_key.tsv"
    text = key.read_text()
    key.write_text(text.replace("1001_sre16\t", "2001_sre16\t"))
    error = prepare("sre16", {"sre16": "eval"}, expect=1)
    assert "sre16_eval_trial_key.tsv: model 2001_sre16, one of 1, is not in" in error
    assert "are they of the same release?" in error
    key.write_text(text.replace("\ttarget\n", "\tyes\n"))
    assert "sre16_eval_trial_key.tsv:2: expected target or nontarget, found 'yes'" in prepare(
        "sre16", {"sre16": "eval"}, expect=1
    )
    key.write_text(text.replace("targettype", "truth"))
    assert "sre16_eval_trial_key.tsv:1: no column targettype; its columns are: modelid, segment" in prepare(
        "sre16", {"sre16": "eval"}, expect=1
    )
    key.write_text(text.replace("teval", "other"))
    assert "sre16_eval_trial_key.tsv are missing" in prepare("sre16", {"sre16": "eval"}, expect=1)
    key.unlink()
    assert "no docs/sre16_eval_trial_key.tsv found" in prepare("sre16", {"sre16": "eval"}, expect=1)


def test_missing_recordings_are_counted(prepare, tmp_path):
    make_sre16(tmp_path / "eval", "eval", SPEAKERS)
    (tmp_path / "eval/data/eval/R149_0_1/data/test/teval1x0_sre16.sph").unlink()
    log = prepare("sre16", {"sre16": "eval"})
    assert "skipped 2 of 16 trials without audio" in log
    assert (
        "teval1x0_sre16\tlisted in sre16_eval_trial_key.tsv, but missing"
        in (tmp_path / "data/skipped_sre16").read_text()
    )
    for folder in ("test", "enrollment"):
        for path in (tmp_path / "eval/data/eval/R149_0_1/data" / folder).iterdir():
            path.unlink()
    error = prepare("sre16", {"sre16": "eval"}, expect=1)
    assert "eval: no recordings of NIST SRE 2016" in error
