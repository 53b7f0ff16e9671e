"""Every table of Kaldi's through every tool: kept with the right keys, or left out because it no longer applies."""

import numpy as np
import pytest

from nnet.audio.augmented_copies import merge_copies
from nnet.bin import filter_utterances
from nnet.datadir.combine import combine
from nnet.datadir.derive import Renaming, copy, split, subset
from nnet.datadir.directory import ALL_FILES, DataDir, write_table
from nnet.datadir.durations import recording_durations, utterance_durations
from nnet.datadir.fix import fix
from nnet.datadir.job_outputs import JobTables, merge_job_outputs
from nnet.datadir.validate import validate
from nnet.dataset.split import cut_utterances
from nnet.errors import InputError
from nnet.kaldi.ark import write_ark

SPEAKERS = ("a", "b", "c")
UTTERANCES = {f"{s}-{i}": s for s in SPEAKERS for i in range(4)}
TABLES = {"segments", "feats.scp", "vad.scp", "text", "utt2lang", "utt2uniq", "utt2dur", "utt2num_frames", "wav.scp"}
TABLES |= {"reco2dur", "reco2file_and_channel", "spk2gender", "cmvn.scp", "utt2spk", "spk2utt"}
BY_FEATURES = {"feats.scp", "vad.scp", "utt2num_frames", "cmvn.scp"}


def test_these_are_all_tables():
    assert set(ALL_FILES) - TABLES == {"feats_conf.json", "frame_shift"}


@pytest.fixture
def data(tmp_path):
    """A valid directory with all tables: two utterances a recording, and both recordings of a speaker are hers."""
    path = tmp_path / "data"
    path.mkdir()
    recordings = {u: f"rec-{u[0]}{int(u[2]) // 2}" for u in UTTERANCES}
    write_ark(tmp_path / "f.ark", {u: np.ones((50 + i, 3)) for i, u in enumerate(UTTERANCES)}, path / "feats.scp")
    write_ark(tmp_path / "v.ark", {u: np.ones(50 + i) for i, u in enumerate(UTTERANCES)}, path / "vad.scp")
    write_ark(tmp_path / "c.ark", {s: np.ones((2, 4)) for s in SPEAKERS}, path / "cmvn.scp")
    for name, table in {
        "segments": {u: f"{recordings[u]} {int(u[2]) % 2 * 3} {int(u[2]) % 2 * 3 + 2.5}" for u in UTTERANCES},
        "text": {u: f"words of {u}" for u in UTTERANCES},
        "utt2lang": dict.fromkeys(UTTERANCES, "xx"),
        "utt2uniq": {u: u for u in UTTERANCES},
        "utt2dur": dict.fromkeys(UTTERANCES, 2.5),
        "utt2num_frames": {u: 50 + i for i, u in enumerate(UTTERANCES)},
        "wav.scp": {r: f"{r}.wav" for r in recordings.values()},
        "reco2dur": dict.fromkeys(recordings.values(), 6),
        "reco2file_and_channel": {r: f"{r} A" for r in recordings.values()},
        "spk2gender": {"a": "f", "b": "m", "c": "f"},
        "utt2spk": UTTERANCES,
        "spk2utt": {s: " ".join(u for u in UTTERANCES if u[0] == s) for s in SPEAKERS},
    }.items():
        write_table(path / name, table)
    return validate(path)


def kept(path):
    """The tables of a directory that is valid."""
    result = validate(path, feats=False, text=False, wav=False)
    return {name for name in TABLES if result.has(name)}


def test_copies_subsets_splits_and_unions_keep_all(data, tmp_path):
    copy(data, tmp_path / "copy", Renaming(utt_prefix="x-", spk_prefix="x-"))
    subset(data, ["a-1", "b-2", "b-3"], tmp_path / "part")
    combine(tmp_path / "all", [data, DataDir(tmp_path / "copy")])
    filter_utterances.main(["--min-len", "52", "--min-num-utts", "2", data.path, str(tmp_path / "long")])
    made = [tmp_path / name for name in ("copy", "part", "all", "long")]
    for path in (*made, *split(data, 2), *split(data, 6, by_utterance=True)):
        assert kept(path) == TABLES, path
    assert DataDir(tmp_path / "copy").table("text")["x-a-1"] == "words of a-1"
    assert DataDir(tmp_path / "part").table("spk2gender") == {"a": "f", "b": "m"}
    assert list(DataDir(tmp_path / "part").table("reco2dur")) == ["rec-a0", "rec-b1"]
    assert list(DataDir(tmp_path / "part").table("cmvn.scp")) == ["a", "b"]
    assert list(DataDir(tmp_path / "long").spk2utt) == ["b", "c"], "only one utterance of a is long enough"


def test_a_repair_takes_what_is_left_in_all_of_them(data):
    write_table(data.file("spk2gender"), {"a": "f", "b": "m"})
    write_table(data.file("text"), {u: "word" for u in UTTERANCES if u != "a-3"})
    fix(data.path)
    assert kept(data.path) == TABLES
    fixed = DataDir(data.path)
    assert list(fixed.utt2spk) == [u for u in UTTERANCES if u[0] in "ab" and u != "a-3"]
    assert list(fixed.table("cmvn.scp")) == ["a", "b"]
    assert list(fixed.table("reco2dur")) == ["rec-a0", "rec-a1", "rec-b0", "rec-b1"]


def test_other_features_leave_out_what_was_made_of_the_old_ones(data, tmp_path):
    with JobTables(str(tmp_path / "out.1"), ("num_frames",)) as tables:
        for utterance in UTTERANCES:
            tables.add(utterance, num_frames=40)
    merge_job_outputs(str(tmp_path / "new"), str(tmp_path / "out"), 1, {"utt2num_frames": "num_frames"}, data.path)
    assert kept(tmp_path / "new") == TABLES - BY_FEATURES | {"utt2num_frames"}


def test_pieces_have_neither_times_nor_words(data, tmp_path):
    pieces = cut_utterances(data, list(UTTERANCES), beginning=True)
    subset(pieces, list(UTTERANCES), tmp_path / "pieces")
    gone = {"wav.scp", "segments", "vad.scp", "utt2dur", "reco2dur", "reco2file_and_channel", "text"}
    assert kept(tmp_path / "pieces") == TABLES - gone


def test_augmented_copies_replace_a_directory_of_old(data, tmp_path):
    copy(data, tmp_path / "copies")
    with JobTables(str(tmp_path / "out.1"), ("scp", "dur", "uniq", "augment", "utt2spk")) as tables:
        for u, s in UTTERANCES.items():
            tables.add(f"{u}-noise", scp="x.ark:5", dur=2.5, uniq=u, augment="noise", utt2spk=s)
    merge_copies(data, str(tmp_path / "copies"), str(tmp_path / "out"), 1)
    made = {"wav.scp", "utt2dur", "utt2uniq", "utt2spk", "spk2utt"}
    assert kept(tmp_path / "copies") == made | {"text", "utt2lang", "spk2gender", "vad.scp"}
    assert DataDir(tmp_path / "copies").table("text")["a-1-noise"] == "words of a-1"


def test_durations_come_from_the_tables_that_there_are(data):
    assert set(utterance_durations(data).values()) == {2.5}
    assert set(recording_durations(data).values()) == {6.0}
    open_ended = {u: text.rsplit(" ", 1)[0] + " -1" for u, text in data.table("segments").items()}
    assert sorted(set(utterance_durations(data.with_tables({"segments": open_ended})).values())) == [3.0, 6.0]
    whole = {u: f"{u}.wav" for u in UTTERANCES}
    assert recording_durations(data.with_tables({"segments": None, "wav.scp": whole, "reco2dur": None}))["a-1"] == 2.5


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("reco2dur", "0", 'reco2dur: "rec-a0" is 0'), ("spk2gender", "female", 'spk2gender: "a" is female, expected f')],
)
def test_wrong_values_are_named(data, name, value, message):
    table = data.table(name)
    write_table(data.file(name), table | {next(iter(table)): value})
    with pytest.raises(InputError, match=message):
        validate(data.path)
