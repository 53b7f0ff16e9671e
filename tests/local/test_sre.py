"""The preparation of telephone corpora: every layout, as training, counted against what was made."""

import os

import numpy as np
import pytest
from corpora.sphere import fake_sph2pipe, mulaw_bytes, mulaw_samples
from corpora.sre import (
    call,
    make_early,
    make_fisher,
    make_mixer6,
    make_sre08,
    make_sre10,
    make_sre12,
    make_switchboard,
    shortened,
    speech,
)
from corpora.sre_segments import make_sre16

from nnet.audio.reading import iter_utterances
from nnet.datadir.directory import DataDir, read_table
from nnet.datadir.validate import validate

OTHERS = (201, 202)


@pytest.fixture
def prepare(local, tmp_path):
    """Prepares corpora {name: folders below tmp_path}; an evaluation of 2016 and training on Mixer 6 come with them."""

    def run(corpora, *options, tests="sre16", expect=0):
        make_sre16(tmp_path / "test", "eval", (301, 302, 303, 304))
        make_mixer6(tmp_path / "mx6", OTHERS, calls=2, sessions=0)
        lines = {"sre16": ["test"], "mixer6": ["mx6"], **{name: np.atleast_1d(f) for name, f in corpora.items()}}
        text = "# where they lie\n\n" + "".join(f"{name} {f}\n" for name, folders in lines.items() for f in folders)
        (tmp_path / "corpora.txt").write_text(text)
        more = ["--max-missing", 0.6, "--tests", tests, *options]
        done = local("prepare_sre.py", *more, tmp_path / "corpora.txt", tmp_path / "data")
        assert done.returncode == expect, done.stderr
        return done.stderr

    run.data = lambda name: DataDir(tmp_path / "data" / name)
    return run


def trained(prepare):
    """{utterance: speaker} of train without what every test has."""
    return {u: s for u, s in prepare.data("train").utt2spk.items() if s not in map(str, OTHERS)}


def skipped(tmp_path, corpus):
    """{name of the file: reason}."""
    lines = (tmp_path / f"data/skipped_{corpus}").read_text().splitlines()
    return {os.path.basename(path): reason for path, reason in (line.split("\t") for line in lines)}


@pytest.mark.parametrize("corpus", ["swb2p1", "swb2p2", "swb2p3", "swbc1", "swbc2"])
def test_switchboard(prepare, tmp_path, corpus):
    used = make_switchboard(tmp_path / "swbd", corpus, (1234, 1235, 1236), 7)
    log = prepare({corpus: "swbd"})
    assert trained(prepare) == used
    train = validate(tmp_path / "data/train", feats=False, text=False)
    assert train.table("spk2gender")["sw1235"] == "m"
    assert train.segments[f"sw1235-{corpus}_10000-b"] == (f"{corpus}_10000", 0.0, 0.2, 1)
    why = skipped(tmp_path, corpus)
    assert why["sw_10001"].startswith("listed in")
    assert why["sw_10002.sph"] == "truncated: 50 bytes fewer than its header declares"
    assert why["sw_10003.sph"] == "has 1 channel, not two sides"
    assert why["sw_99999.sph"] == "not listed in the tables"
    assert why["sw_10000.sph"] == "second copy"
    assert why["readme.txt"] == "not audio"
    assert "6 files skipped" in log
    assert list(read_table(tmp_path / "data/backend_speakers")) == ["201", "202"], "not those of Switchboard"


def test_switchboard_by_calls(prepare, tmp_path):
    make_switchboard(tmp_path / "swbd", "swb2p3", (1234, 1235), 1)
    docs = tmp_path / "swbd/disc1/docs"
    (docs / "callinfo.tbl").unlink()
    (docs / "callstat.tbl").write_text("10000,x,y,1234,1235,F,M\n")
    prepare({"LDC2002S06": "swbd"})
    assert trained(prepare) == {"sw1234-swb2p3_10000-a": "sw1234", "sw1235-swb2p3_10000-b": "sw1235"}


def test_known_bad_calls_are_left_out(prepare, tmp_path):
    make_switchboard(tmp_path / "swbd", "swbc1", (1234, 1235), 1, first_call=40019)
    prepare({"swbc1": "swbd"})
    assert trained(prepare) == {}
    assert "known to be bad" in skipped(tmp_path, "swbc1").values()


def test_both_sides_are_what_their_speakers_say(prepare, tmp_path):
    make_switchboard(tmp_path / "swbd", "swb2p1", (1234, 1235), 1)
    prepare({"swb2p1": "swbd"})
    for utterance, samples, rate in iter_utterances(prepare.data("train"), 8000):
        if utterance.startswith("sw"):
            said = mulaw_samples(mulaw_bytes(speech(int(utterance[2:6]), 0, 0.2)))
            assert rate == 8000
            assert np.array_equal(samples, said)


def test_fisher(prepare, tmp_path):
    calls = [(("2602", "f"), ("1790", "m")), (("2602", "m"), ("1790", "m")), (("7", "f"), ("8", "f"))]
    used = make_fisher(tmp_path / "one", 1, calls) | make_fisher(tmp_path / "two", 2, calls[1:])
    prepare({"fisher1": "one", "LDC2005S13": "two"})
    assert trained(prepare) == used and len(set(used.values())) == 3, "a PIN of two sexes is two speakers"
    train = validate(tmp_path / "data/train", feats=False, text=False)
    assert train.segments["fsh1790m-fisher2_10001-b"] == ("fisher2_10001", 0.0, 0.3, 1)
    assert train.table("spk2gender")["fsh2602f"] == "f"
    assert skipped(tmp_path, "fisher1")["00003"] == "listed in fe_03_p1_calldata.tbl, but missing"
    assert list(read_table(tmp_path / "data/backend_speakers")) == ["201", "202"], "not those of Fisher"


def test_fisher_without_its_table_or_with_holes_in_it(prepare, tmp_path):
    make_fisher(tmp_path / "one", 1, [(("2602", "f"), ("1790", "m")), (("7", "f"), ("8", ""))] * 2)
    prepare({"fisher1": "one"})
    assert "fsh7f-fisher1_00002-a" in trained(prepare)
    assert skipped(tmp_path, "fisher1")["fe_03_00002.sph:b"] == "no PIN and sex in fe_03_p1_calldata.tbl"
    next((tmp_path / "one").rglob("*.tbl")).unlink()
    error = prepare({"fisher1": "one"}, expect=1)
    assert "no fe_03_p1_calldata.tbl" in error and "transcripts" in error


def test_mixer6(prepare, tmp_path):
    used = make_mixer6(tmp_path / "mixer", (2001, 2002, 2003), calls=4)
    prepare({"mixer6": "mixer"})
    train = validate(tmp_path / "data/train", feats=False, text=False)
    assert train.utt2spk == used
    utterance = "2001-mx6_20100110_092658_LDC_2001-ch02"
    assert train.segments[utterance] == ("mx6_20100110_092658_ldc_2001_ch02", 0.1, 0.3, 0)
    assert train.utt2dur[utterance] == pytest.approx(0.2)
    assert skipped(tmp_path, "mixer6")["20100110_092658_LDC_2001_CH03.flac"] == "not listed in the tables"


@pytest.mark.parametrize("corpus", ["sre04", "sre05", "sre06"])
def test_early_evaluations(prepare, tmp_path, corpus):
    used, lines = make_early(tmp_path / "early", corpus, [1001, 1002, 1003])
    (tmp_path / "speaker_list").write_text("\n".join(["9999 f sre2003 tabc A", *lines]) + "\n")
    prepare({corpus: "early", "speaker_list": "speaker_list"})
    assert trained(prepare) == used
    train = validate(tmp_path / "data/train", feats=False, text=False)
    assert train.segments[next(u for u in used if u.endswith("-b"))][3] == 1
    assert skipped(tmp_path, corpus)["._hidden.sph"] == "hidden file"


def test_early_evaluations_need_their_list(prepare, tmp_path):
    make_early(tmp_path / "early", "sre04", [1001, 1002])
    error = prepare({"sre04": "early"}, expect=1)
    assert "openslr.org/resources/15/speaker_list.tgz and add a line `speaker_list PATH`" in error


def test_a_side_of_two_speakers_is_nobodys(prepare, tmp_path):
    used, lines = make_early(tmp_path / "early", "sre04", [1001, 1002])
    lines.append(lines[0].replace("1001 ", "1002 "))
    (tmp_path / "speaker_list").write_text("\n".join(lines) + "\n")
    prepare({"sre04": "early", "speaker_list": "speaker_list"})
    assert trained(prepare) == {u: s for u, s in used.items() if u != "1001-sre04_j10010-a"}
    assert "assigned to two speakers: 1001, 1002" in skipped(tmp_path, "sre04").values()


def test_keyed_evaluations_as_training(prepare, tmp_path):
    used = make_sre08(tmp_path / "train08", tmp_path / "test08", [2001, 2002, 2003])
    used |= make_sre10(tmp_path / "sre10", [2003, 2004])
    prepare({"sre08": ["train08", "test08"], "sre10": "sre10"})
    assert trained(prepare) == used
    assert skipped(tmp_path, "sre10")["t10bad.sph"] == "not listed in the tables"


def test_models_of_2012_are_called_as_in_2010(prepare, tmp_path):
    used = make_sre10(tmp_path / "sre10", [2003, 2004])
    places = {s: f"sp10-01/data/phonecall/tel/t10m{n}.sph:A" for n, s in enumerate((2003, 2004))}
    used |= make_sre12(tmp_path / "sre12", places)
    prepare({"sre10": "sre10", "sre12": "sre12"})
    assert trained(prepare) == used


def test_models_of_2012_alone_have_names_of_their_own(prepare, tmp_path):
    places = {s: f"sp10-01/data/phonecall/tel/t10m{n}.sph:A" for n, s in enumerate((2003, 2004))}
    make_sre12(tmp_path / "sre12", places)
    prepare({"sre12": "sre12"})
    assert set(trained(prepare).values()) == {"sre12_1000", "sre12_1001"}


def test_kaldis_commands_where_they_are_wanted_or_needed(prepare, tmp_path, monkeypatch):
    make_switchboard(tmp_path / "swbd", "swb2p1", (1234, 1235), 1)
    shortened(tmp_path / "swbd/disc1/data/sw_10000.sph", 0, 0.2, 1234, 1235)
    (tmp_path / "swbd/disc1/data/SW_10000.SPH").unlink()
    (tmp_path / "swbd/disc2/COPY/sw_10000.sph").unlink()
    error = prepare({"swb2p1": "swbd"}, expect=1)
    assert "sw_10000.sph: one of 1 files compressed with shorten; reading them needs sph2pipe" in error
    monkeypatch.setenv("PATH", f"{fake_sph2pipe(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}")
    prepare({"swb2p1": "swbd"})
    wav_scp = prepare.data("train").wav_scp
    assert wav_scp["swb2p1_10000"] == f"sph2pipe -f wav -p {tmp_path}/swbd/disc1/data/sw_10000.sph |"
    assert wav_scp["mx6_4000"].endswith("_4000.sph")
    prepare({"swb2p1": "swbd"}, "--sph2pipe", "true")
    data = prepare.data("train")
    assert all(entry.startswith("sph2pipe -f wav -p /") for entry in data.wav_scp.values())
    said = {u: samples for u, samples, _ in iter_utterances(data, 8000)}
    assert np.array_equal(said["sw1235-swb2p1_10000-b"], mulaw_samples(mulaw_bytes(speech(1235, 0, 0.2))))


def test_folders_by_ldcs_numbers(local, prepare, tmp_path):
    used = make_switchboard(tmp_path / "ldc/LDC98S75", "swb2p1", (1234, 1235), 5)
    make_mixer6(tmp_path / "ldc/LDC2013S03_Mixer_6", OTHERS, calls=2, sessions=0)
    make_sre16(tmp_path / "ldc/ldc2019s20", "eval", (301, 302, 303, 304))
    done = local("prepare_sre.py", "--max-missing", 0.6, tmp_path / "ldc", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert trained(prepare) == used


def test_what_is_wrong_is_one_line(prepare, local, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong").mkdir()
    call(tmp_path / "wrong/data/x.sph", 0, 0.1, 1, 2)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed/swb2_d1.tar.gz").write_text("")
    for folder, message in (
        ("empty", "no recordings of Switchboard 2 phase 1 (LDC98S75); found: nothing"),
        ("wrong", "no docs/callinfo.tbl found; expected Switchboard 2 phase 1 (LDC98S75)"),
        ("packed", "found archives that are not unpacked, such as swb2_d1.tar.gz"),
    ):
        error = prepare({"swb2p1": folder}, expect=1)
        assert message in error
        assert "Traceback" not in error
    make_switchboard(tmp_path / "half", "swb2p1", (1234, 1235), 5)
    error = prepare({"swb2p1": "half"}, "--max-missing", "0.1", expect=1)
    assert "1 of the 5 recordings in" in error
    assert "are missing, such as sw_10001; unpack all parts of Switchboard 2 phase 1" in error
    (tmp_path / "half/disc1/docs/callinfo.tbl").write_text("10000 1234 A\n")
    assert "callinfo.tbl:1: expected `sw_CALL.sph,...,PIN,SIDE,...`" in prepare({"swb2p1": "half"}, expect=1)


def test_the_file_of_corpora_is_checked(local, tmp_path):
    for text, message in (
        ("", "no lines `NAME FOLDER`"),
        ("sre99 /tmp\n", "corpora.txt:1: unknown corpus 'sre99'; known: swb2p1"),
        ("sre16 /no/such\n", "corpora.txt:1: /no/such is missing"),
        ("sre16\n", "corpora.txt:1: the folder is missing"),
        ("sre16 /tmp\n", "no corpus to train the back end on: sre04 sre05"),
        ("mixer6 /tmp\n", "no folder of NIST SRE 2016 (LDC2019S20, LDC2016E46, LDC2018E30)"),
    ):
        (tmp_path / "corpora.txt").write_text(text)
        done = local("prepare_sre.py", tmp_path / "corpora.txt", tmp_path / "data")
        assert done.returncode == 1
        assert message in done.stderr
