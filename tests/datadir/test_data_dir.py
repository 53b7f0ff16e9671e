"""Data directories: the rules, and what each tool makes of one."""

import itertools
import json
import logging
import os
import pathlib
import subprocess
import sys

import pytest

from nnet.datadir.combine import combine
from nnet.datadir.derive import Renaming, _balance, copy, evenly, select_utterances, split, subset
from nnet.datadir.directory import DataDir
from nnet.datadir.fix import fix
from nnet.datadir.validate import read_selection, validate
from nnet.errors import InputError
from nnet.kaldi.tables import read_table

UTTERANCES = [f"{speaker}-{number}" for speaker in "abc" for number in range(4)]
FEATS_CONF = {"type": "mfcc", "options": {}, "cmvn": "none", "silence_removed": False}


def _write(path, **files):
    os.makedirs(path, exist_ok=True)
    for name, lines in files.items():
        name = name.replace("_scp", ".scp")
        (path / name).write_text("".join(line + "\n" for line in lines))
    return DataDir(path)


@pytest.fixture
def plain(tmp_path):
    """A directory without segments: 3 speakers of 4 utterances."""
    path = tmp_path / "plain"
    _write(
        path,
        utt2spk=[f"{u} {u[0]}" for u in UTTERANCES],
        spk2utt=[f"{s} " + " ".join(u for u in UTTERANCES if u[0] == s) for s in "abc"],
        wav_scp=[f"{u} {u}.wav" for u in UTTERANCES],
        feats_scp=[f"{u} f.ark:{i}" for i, u in enumerate(UTTERANCES)],
        utt2num_frames=[f"{u} {100 - i}" for i, u in enumerate(UTTERANCES)],
        utt2dur=[f"{u} {i + 1}.5" for i, u in enumerate(UTTERANCES)],
        spk2gender=["a f", "b m", "c f"],
    )
    (path / "feats_conf.json").write_text(json.dumps(FEATS_CONF))
    return DataDir(path)


@pytest.fixture
def segmented(tmp_path):
    """A directory with segments: two utterances a recording."""
    return _write(
        tmp_path / "segmented",
        utt2spk=[f"{u} {u[0]}" for u in UTTERANCES],
        spk2utt=[f"{s} " + " ".join(u for u in UTTERANCES if u[0] == s) for s in "abc"],
        segments=[f"{u} rec{i // 2:02d} {i % 2 * 3} {i % 2 * 3 + 2.5}" for i, u in enumerate(UTTERANCES)],
        wav_scp=[f"rec{i:02d} sox {i}.sph |" for i in range(6)],
        reco2dur=[f"rec{i:02d} 6" for i in range(6)],
    )


def _valid(data):
    return validate(data, feats=DataDir(data).has("feats.scp"), text=False)


def test_reading(plain, segmented):
    assert plain.spk2utt["b"] == ["b-0", "b-1", "b-2", "b-3"]
    assert plain.utt2num_frames["a-0"] == 100
    assert plain.feats_conf == FEATS_CONF
    assert plain.segments is None
    assert segmented.segments["a-1"] == ("rec00", 3.0, 5.5, None)
    assert segmented.feats_conf is None
    with pytest.raises(InputError, match="no such data directory"):
        DataDir(plain.path + "x")
    with pytest.raises(InputError, match=r"vad\.scp: No such file"):
        plain.vad  # noqa: B018


@pytest.mark.parametrize(
    "line",
    ["a-0 r 2 1", "a-0 r x 1", "a-0 r 1", "a-0 r 1 2 3 4", "a-0 r -1 2", "a-0 r 1 2 -1"]
    + [f"a-0 r {times}" for times in ("nan 1", "0 nan", "0 inf", "1e307 1e308", "-inf -1")],
)
def test_bad_segments(segmented, line):
    data = _write(pathlib.Path(segmented.path), segments=[line])
    with pytest.raises(InputError, match='segments: "a-0"'):
        data.segments  # noqa: B018


def read_lines(data, name):
    with open(data.file(name)) as file:
        return file.readlines()


def test_valid_ones_are_valid(plain, segmented):
    assert _valid(plain.path).path == plain.path
    _valid(segmented.path)


BROKEN = [
    ("utt2spk", "a-0 a\na-0 a\n", 'utt2spk:2: duplicate key "a-0"'),
    ("utt2spk", "b-0 b\na-0 a\n", "utt2spk:2: .*not sorted"),
    ("utt2spk", "a-0\n", "utt2spk:1: .*no value"),
    ("utt2spk", "", "no utterances"),
    ("spk2utt", "a a-0\n", "spk2utt: inconsistent with utt2spk"),
    ("wav.scp", "a-0 x.wav\n", r"wav\.scp: 11 entries of utt2spk missing: a-1, a-2, a-3 and 8 more"),
    ("feats.scp", None, r"feats\.scp: no such file; --no-feats allows it"),
    ("spk2gender", "a m\nb f\nc f\nd m\n", "spk2gender: 1 entries are not in spk2utt: d"),
    ("utt2num_frames", "".join(f"{u} 0\n" for u in UTTERANCES), 'utt2num_frames: "a-0" is 0, must be above 0'),
]


@pytest.mark.parametrize(("name", "text", "message"), BROKEN)
def test_broken_ones_are_named(plain, name, text, message):
    if text is None:
        os.remove(plain.file(name))
    else:
        with open(plain.file(name), "w") as file:
            file.write(text)
    with pytest.raises(InputError, match=message):
        validate(plain.path, text=False)


def test_an_utterance_without_speaker(plain):
    with open(plain.file("wav.scp"), "a") as file:
        file.write("d-0 d.wav\n")
    with pytest.raises(InputError, match=r"wav\.scp: 1 entries are not in utt2spk: d-0"):
        validate(plain.path, text=False)


def test_speakers_out_of_order(tmp_path):
    path = tmp_path / "x"
    _write(path, utt2spk=["a b", "b a"], spk2utt=["a b", "b a"], wav_scp=["a 1", "b 2"])
    with pytest.raises(InputError, match='utt2spk: "b" of speaker "a" comes after "a" of "b"'):
        validate(path, feats=False, text=False)
    validate(path, feats=False, text=False, speaker_order=False)


def test_fix_keeps_what_all_files_have(plain, caplog):
    with open(plain.file("wav.scp"), "w") as file:  # unsorted, one twice, one without speaker, one without value
        file.writelines(f"{u} {u}.wav\n" for u in [*reversed(UTTERANCES[1:]), "c-3", "zz"])
        file.write("b-9\n")
    before = read_lines(plain, "wav.scp")
    with open(plain.file("utt2num_frames"), "w") as file:
        file.writelines(f"{u} {0 if u == 'b-1' else 7}\n" for u in UTTERANCES)
    with caplog.at_level(logging.INFO):
        fix(plain.path)
    assert list(_valid(plain.path).utt2spk) == [u for u in UTTERANCES if u not in ("a-0", "b-1")]
    assert read_lines(plain, ".backup/wav.scp") == before
    assert "removed: a-0, b-1" in caplog.text
    caplog.clear()
    fix(plain.path)
    assert not caplog.records


def test_fix_puts_aside_lengths_that_lack_utterances(plain, caplog):
    with open(plain.file("utt2dur"), "w") as file:
        file.writelines(f"{u} 7\n" for u in UTTERANCES[1:])
    with open(plain.file("wav.scp"), "w") as file:
        file.writelines(f"{u} cut -d'\t' {u} |\n" for u in reversed(UTTERANCES))
    fix(plain.path)
    fixed = _valid(plain.path)
    assert list(fixed.utt2spk) == UTTERANCES and not fixed.has("utt2dur")
    assert f"utt2dur: lacks {UTTERANCES[0]}" in caplog.text
    assert fixed.wav_scp[UTTERANCES[0]] == f"cut -d'\t' {UTTERANCES[0]} |"
    with open(plain.file("wav.scp"), "a") as file:
        file.write("z\xa0z z.wav\n")
    with pytest.raises(InputError, match=r"wav\.scp:13: an id holds a blank that is not ASCII \(U\+00A0\)"):
        fix(plain.path)


def test_fix_with_segments(segmented):
    os.remove(segmented.file("spk2utt"))
    with open(segmented.file("wav.scp"), "w") as file:
        file.writelines(f"rec{i:02d} x.wav\n" for i in (5, 1, 9))
    fix(segmented.path)
    fixed = validate(segmented.path, feats=False, text=False)
    assert list(fixed.utt2spk) == ["a-2", "a-3", "c-2", "c-3"]
    assert list(fixed.wav_scp) == ["rec01", "rec05"]
    assert list(fixed.table("reco2dur")) == ["rec01", "rec05"]


def test_fix_makes_utt2spk_and_refuses_contradictions(plain):
    os.remove(plain.file("utt2spk"))
    fix(plain.path)
    assert len(_valid(plain.path).utt2spk) == 12
    with open(plain.file("wav.scp"), "a") as file:
        file.write("a-0 other.wav\n")
    with pytest.raises(InputError, match=r'wav\.scp:13: "a-0" has two values, "a-0.wav" and'):
        fix(plain.path)


def test_fix_refuses_to_leave_nothing(plain):
    with open(plain.file("feats.scp"), "w") as file:
        file.write("other x\n")
    with pytest.raises(InputError, match="no utterance is in all"):
        fix(plain.path)
    assert len(read_table(plain.file("utt2spk"))) == 12


def test_copy_renames(plain, segmented, tmp_path):
    copy(plain, tmp_path / "copy", Renaming(utt_prefix="p-", utt_suffix="-noise", spk_prefix="p-"))
    copied = _valid(tmp_path / "copy")
    assert copied.utt2spk["p-a-0-noise"] == "p-a"
    assert copied.wav_scp["p-a-0-noise"] == "a-0.wav"
    assert copied.table("utt2uniq")["p-a-0-noise"] == "a-0"
    assert copied.table("spk2gender") == {"p-a": "f", "p-b": "m", "p-c": "f"}
    assert copied.feats_conf == FEATS_CONF
    copy(segmented, tmp_path / "copy", Renaming(utt_suffix="-x"))
    with pytest.raises(InputError, match="' x': an id cannot contain a blank"):
        Renaming(spk_suffix=" x")
    copied = validate(tmp_path / "copy", feats=False, text=False)
    assert copied.segments["a-1-x"][0] == "rec00"
    assert not copied.has("feats_conf.json")
    with pytest.raises(InputError, match="source and destination are the same"):
        copy(plain, plain.path)


def test_subsets(plain, segmented, tmp_path):
    subset(segmented, ["a-1", "b-2"], tmp_path / "sub")
    part = validate(tmp_path / "sub", feats=False, text=False)
    assert part.spk2utt == {"a": ["a-1"], "b": ["b-2"]}
    assert list(part.wav_scp) == ["rec00", "rec03"]
    subset(plain, select_utterances(plain, "first", 2), tmp_path / "sub")
    assert not DataDir(tmp_path / "sub").has("segments")
    assert list(_valid(tmp_path / "sub").table("spk2gender")) == ["a"]


def test_choices(plain):
    assert select_utterances(plain, "first", 2) == ["a-0", "a-1"]
    assert select_utterances(plain, "last", 2) == ["c-2", "c-3"]
    assert select_utterances(plain, "shortest", 3) == ["c-1", "c-2", "c-3"]
    assert len(select_utterances(plain, "even", 5)) == 5
    assert select_utterances(plain, "per-spk", 1) == [evenly(own, 1)[0] for own in plain.spk2utt.values()]
    assert len(select_utterances(plain, "per-spk", 9)) == 12
    chosen = select_utterances(plain, "speakers", 5)
    assert len(chosen) == 8
    assert chosen == select_utterances(plain, "speakers", 5)
    with pytest.raises(InputError, match="13 utterances requested, the directory has 12"):
        select_utterances(plain, "even", 13)


def test_evenly_takes_as_many_as_asked():
    for length, count in itertools.product(range(12), repeat=2):
        if count <= length:
            taken = evenly(list(range(length)), count)
            assert len(taken) == count
            assert sorted(set(taken)) == taken


def test_selections(plain, tmp_path):
    (tmp_path / "list").write_text("a-0\nq\nb-1 x\n")
    with pytest.raises(InputError, match="list: 1 ids are not in utt2spk: q"):
        read_selection(tmp_path / "list", plain.utt2spk, "utt2spk")


def test_split(plain, segmented):
    for by_utterance, parts in ((False, 3), (False, 2), (True, 5)):
        paths = split(segmented, parts, by_utterance)
        assert paths[0] == segmented.file(f"split{parts}{'utt' if by_utterance else ''}/1")
        pieces = [validate(path, feats=False, text=False) for path in paths]
        assert [u for piece in pieces for u in piece.utt2spk] == UTTERANCES
        if not by_utterance:
            assert sum(len(piece.spk2utt) for piece in pieces) == 3
    with pytest.raises(InputError, match="has 3 speakers, too few for 4 jobs.*--per-utt"):
        split(plain, 4)
    with pytest.raises(InputError, match="has 12 utterances, too few for 13 jobs; use fewer jobs$"):
        split(plain, 13, True)
    with pytest.raises(InputError, match="into 0 parts"):
        split(plain, 0)


def test_split_again_takes_the_new_files(plain):
    split(plain, 2)
    os.remove(plain.file("utt2dur"))
    paths = split(plain, 2)
    assert not DataDir(paths[0]).has("utt2dur")


def test_balance_leaves_no_part_empty():
    for sizes in itertools.product((1, 5, 30), repeat=5):
        for parts in range(1, 6):
            assignment = _balance(list(sizes), parts)
            assert sorted(assignment) == assignment
            assert set(assignment) == set(range(parts))
    assert _balance([1] * 12, 4) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_combine(plain, tmp_path, caplog):
    copy(plain, tmp_path / "b", Renaming(utt_prefix="x-", spk_prefix="x-"))
    os.remove(tmp_path / "b" / "utt2dur")
    other = DataDir(tmp_path / "b")
    combine(tmp_path / "all", [plain, other])
    union = _valid(tmp_path / "all")
    assert len(union.utt2spk) == 24
    assert len(union.spk2utt) == 6
    assert union.feats_conf == FEATS_CONF
    assert not union.has("utt2dur")
    assert "utt2dur is not combined" in caplog.text
    with pytest.raises(InputError, match='"a-0" is in '):
        combine(tmp_path / "all", [plain, plain])
    with pytest.raises(InputError, match="source and destination are the same"):
        combine(plain.path, [plain, other])
    (tmp_path / "b" / "feats_conf.json").write_text(json.dumps(FEATS_CONF | {"type": "fbank"}))
    with pytest.raises(InputError, match=r"feats_conf\.json: features differ from those of"):
        combine(tmp_path / "all", [plain, DataDir(tmp_path / "b")])


def test_combine_with_and_without_segments(plain, segmented, tmp_path):
    copy(plain, tmp_path / "b", Renaming(utt_prefix="x-", spk_prefix="x-"))
    combine(tmp_path / "all", [segmented, DataDir(tmp_path / "b")])
    union = validate(tmp_path / "all", feats=False, text=False)
    assert union.segments["x-a-0"] == ("x-a-0", 0.0, 1.5, None)
    assert union.segments["a-1"] == ("rec00", 3.0, 5.5, None)
    os.remove(tmp_path / "b" / "utt2dur")
    with pytest.raises(InputError, match=r"get_utt2dur\.sh"):
        combine(tmp_path / "all", [segmented, DataDir(tmp_path / "b")])


def test_segments_need_a_common_wav_scp(plain, segmented, tmp_path):
    copy(plain, tmp_path / "b", Renaming(utt_prefix="b-", spk_prefix="b-"))
    (tmp_path / "b/wav.scp").unlink()
    combine(tmp_path / "all", [segmented, DataDir(tmp_path / "b")])
    assert validate(tmp_path / "all", feats=False, text=False, wav=False).segments is None


def test_tables_in_place_of_files(plain, tmp_path):
    frames = dict.fromkeys(UTTERANCES, "7")
    speakers = dict.fromkeys(UTTERANCES, "d")
    derived = plain.with_tables({"utt2num_frames": frames, "utt2spk": speakers, "wav.scp": None})
    derived = derived.with_tables({"utt2dur": None, "spk2gender": None})
    assert set(derived.utt2num_frames.values()) == {7} and derived.spk2utt == {"d": UTTERANCES}
    assert plain.utt2num_frames["a-0"] == 100 and plain.has("wav.scp")
    assert not derived.has("wav.scp") and not derived.has("utt2dur") and derived.has("feats.scp")
    with pytest.raises(InputError, match=r"wav\.scp: not available in this derived data directory"):
        derived.table("wav.scp")
    subset(derived, UTTERANCES[:2], tmp_path / "part")
    written = DataDir(tmp_path / "part")
    assert written.utt2num_frames == {"a-0": 7, "a-1": 7} and written.spk2utt == {"d": UTTERANCES[:2]}
    assert not written.has("wav.scp") and written.feats_conf == FEATS_CONF


@pytest.mark.parametrize("program", ["augment_data --noises DATA DATA OUT", "check_data --train DATA DATA DATA/trials"])
def test_a_directory_without_utterances_is_named(tmp_path, program):
    for name in ("wav.scp", "utt2spk", "trials"):
        (tmp_path / name).touch()
    words = program.replace("DATA", str(tmp_path)).replace("OUT", str(tmp_path / "out")).split()
    done = subprocess.run([sys.executable, "-m", f"nnet.bin.{words[0]}", *words[1:]], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"error: {tmp_path}/utt2spk: no utterances")
