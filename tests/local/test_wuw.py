"""The preparation of the WUW Corpus II: who called by written-down rules, and nobody's name in what is written."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import soundfile
from corpora.speech import voice
from corpora.sphere import mulaw_samples
from corpora.wuw import call, made_up, make_wuw
from toy_checkpoint import make_checkpoint

from nnet.audio.reading import iter_utterances, read_audio
from nnet.bin.convert_checkpoint import main as convert
from nnet.datadir.directory import DataDir, read_table
from nnet.datadir.validate import validate
from nnet.kaldi.trials import read_trials


@pytest.fixture
def names(root, monkeypatch):
    """The module of the rules."""
    monkeypatch.syspath_prepend(str(root / "local"))
    import wuw_callers

    return wuw_callers


@pytest.mark.parametrize(
    "said, name",
    [
        ("Anna Quendel", ("anna", "quendel")),
        ("[click/] {breath} Anna B. Quendel [/click]", ("anna", "quendel")),
        ("{clicking/} Anna Anna Quen- Quendel {/clicking]", ("anna", "quendel")),
        ("((Anna)) ~b Quendel", ("anna", "quendel")),
        ("<as> what was that </as>", None),
        ("Anna (( ))", None),
        ("welcome to the ((line))", None),
        ("Anna", None),
        ("", None),
    ],
)
def test_a_name_is_what_is_left_without_markup(names, said, name):
    assert names.spoken_name(said) == name


def test_edits_are_counted(names):
    assert [names.distance(*pair) for pair in (("", "ab"), ("abc", "abc"), ("kitten", "sitting"))] == [2, 0, 3]


@pytest.mark.parametrize(
    "one, other, same, near",
    [
        (("anna", "quendel"), ("anna", "quendle"), False, True),  # two letters of seven
        (("anna", "quendel"), ("anne", "quendell"), True, True),
        (("bob", "rosenbaum"), ("robert", "rosenbaum"), True, True),
        (("bob", "rosenbaum"), ("robert", "rivers"), False, True),  # the same initial
        (("bob", "rosenbaum"), ("boris", "schachtelhalm"), False, False),
        (("jk", "rosenbaum"), ("clara", "rosenboom"), False, True),  # initials
        (("jk", "rosenbaum"), ("clara", "rivers"), False, False),
    ],
)
def test_names_are_the_same_near_or_others(names, one, other, same, near):
    assert (names.same(one, other), names.near(one, other)) == (same, near)
    assert (names.same(other, one), names.near(other, one)) == (same, near)


def test_calls_find_their_callers_and_the_doubtful_ones_the_reason(names):
    said = [
        ("Anna Quendel", "f", 1, ""),
        ("Boris Rosenbaum", "m", 2, ""),
        ("anna quendell", "f", 1, ""),
        ("[noise]", "f", 0, "no name"),
        ("Anna Quendle", "f", 1, ""),  # near the second spelling
        ("Boris Rosenbaum", "f", 2, "sex differs"),
        ("Boris Rosenbaum", "m", 2, ""),
        ("Boris Reinfarn", "m", 3, "name near caller 2"),
        ("Clara Wermut", "f", 4, "sex differs"),  # one of each: nobody knows
        ("Clara Wermut", "m", 4, "sex differs"),
    ]
    calls = [names.Call(str(n), words, sex, "cell") for n, (words, sex, _, _) in enumerate(said)]
    assert [(c.caller, c.doubt) for c in names.find_callers(calls)] == [(who, why) for _, _, who, why in said]


@pytest.fixture(scope="module")
def whole_corpus(tmp_path_factory):
    """Callers 1 to 8 called twice, the second time from another phone in every other case; 9 to 12 once."""
    calls = []
    for again in (False, True):
        for speaker in range(8):
            phone = "cellphone" if again and speaker % 2 else "landlinephone"
            calls.append(call(made_up(speaker), speaker, "female" if speaker < 4 else "male", phone))
    calls += [call(made_up(speaker), speaker, "male") for speaker in range(8, 12)]
    calls.append(call("[noise]", 40))
    return make_wuw(tmp_path_factory.mktemp("whole") / "wuw", calls)


@pytest.fixture
def corpus(whole_corpus, tmp_path):
    """A copy of it, to damage."""
    return shutil.copytree(whole_corpus, tmp_path / "wuw")


def test_data_directories(local, corpus, tmp_path):
    done = local("prepare_wuw.py", "--kinds", "sentences keywords calls", corpus, tmp_path / "data")
    assert done.returncode == 0, done.stderr
    sets = {}
    for kind, each in (("sentences", 5), ("keywords", 5), ("calls", 1)):
        for part, calls in (("", 2), ("_dev", 2), ("_unlabeled", 1)):
            data = validate(tmp_path / "data" / f"{kind}{part}", feats=False, text=False)
            sets[kind + part] = set(data.spk2utt)
            if part != "_dev":
                assert {len(own) for own in data.spk2utt.values()} <= {each * calls}, kind
    assert len(sets["sentences"]) + len(sets["sentences_dev"]) == 8 and len(sets["sentences_unlabeled"]) == 4
    assert not (sets["sentences"] & sets["sentences_dev"] or sets["sentences"] & sets["sentences_unlabeled"])
    train = validate(tmp_path / "data/callers", feats=False, text=False)
    assert set(train.spk2utt) == sets["sentences_unlabeled"] == set(DataDir(tmp_path / "data/voices").spk2utt)
    assert {len(own) for own in train.spk2utt.values()} == {6}, "five sentences, and the words in one piece"


def test_trials_are_of_different_calls_and_one_sex_and_divided_by_phone(local, corpus, tmp_path):
    assert local("prepare_wuw.py", corpus, tmp_path / "data").returncode == 0
    folder = tmp_path / "data/sentences"
    sex, phone = read_table(folder / "spk2gender"), read_table(folder / "utt2phone")
    lists = {}
    for suffix in ("", "_same_phone", "_other_phone"):
        trials = read_trials(folder / f"trials_sentences{suffix}")
        lists[suffix] = {
            (trials.enroll_ids[e], trials.test_ids[t]): bool(target)
            for e, t, target in zip(trials.enroll, trials.test, trials.target, strict=True)
        }
    for (one, other), target in lists[""].items():
        (speaker, number, _), (other_speaker, other_number, _) = one.split("-"), other.split("-")
        assert number != other_number and sex[speaker] == sex[other_speaker]
        assert target == (speaker == other_speaker)
        assert ((one, other) in lists["_same_phone"]) == (phone[one] == phone[other])
    assert lists["_same_phone"] | lists["_other_phone"] == lists[""]
    assert len({tuple(sorted(pair)) for pair in lists[""]}) == len(lists[""])


def test_samples_are_those_of_the_corpus(local, corpus, tmp_path):
    assert local("prepare_wuw.py", "--kinds", "calls", corpus, tmp_path / "data").returncode == 0
    utterance, samples, rate = next(iter_utterances(DataDir(tmp_path / "data/calls")))
    number = utterance.split("-")[1]
    parts = [corpus / f"calls/{number}/WUWII{number}_{n:03d}.ulaw" for n in range(6, 11)]
    coded = np.concatenate([np.frombuffer(part.read_bytes(), np.uint8) for part in parts])
    assert rate == 8000 and np.array_equal(samples, mulaw_samples(coded))


def test_no_name_is_written_but_on_request(local, corpus, tmp_path):
    done = local("prepare_wuw.py", "--names", tmp_path / "names.tsv", corpus, tmp_path / "data")
    assert done.returncode == 0
    texts = [p.read_text() for p in (tmp_path / "data").rglob("*") if p.is_file() and p.suffix != ".wav"]
    texts += [done.stderr, *(p.name for p in (tmp_path / "data").rglob("*"))]
    words = {word for speaker in range(12) for word in made_up(speaker).split()}
    assert not [word for word in words for text in texts if word in text.lower()]
    rows = [line.split("\t") for line in (tmp_path / "names.tsv").read_text().splitlines()]
    assert rows[0] == ["caller", "call", "sex", "phone", "use", "said"]
    assert rows[1] == ["1", "00000", "f", "landline", rows[1][4], made_up(0)] and rows[2][1] == "00008"
    table = (tmp_path / "data/callers.tsv").read_text().splitlines()
    assert [line.split("\t") for line in table] == [row[:-1] for row in rows]
    assert (tmp_path / "data/doubtful.tsv").read_text().splitlines()[1:] == ["00020\t-\tno name"]


def test_a_caller_of_many_calls_has_no_more_than_others(local, tmp_path):
    few = range(6, 11)  # sentences only
    calls = [call(made_up(s), s, numbers=(0, *few)) for s in range(6)] * 2 + [call(made_up(0), 0, numbers=(0, 6))] * 7
    make_wuw(tmp_path / "wuw", [*calls, call(made_up(6), 6), call(made_up(7), 7)])
    done = local("prepare_wuw.py", "--max-calls", 3, tmp_path / "wuw", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    uses = [line.split("\t") for line in (tmp_path / "data/callers.tsv").read_text().splitlines()[1:]]
    own = [number for caller, number, _, _, use in uses if caller == "1" and use in ("dev", "test")]
    assert own == ["00000", "00013", "00016"], "evenly spread: his nine calls are 0, 6, 12 to 18"
    assert "spare: 1 callers, 6 calls" in done.stderr


def test_stubs_are_left_out_and_counted(local, corpus, tmp_path):
    stub = corpus / "calls/00001/WUWII00001_007.ulaw"
    stub.write_bytes(stub.read_bytes()[:18])
    content = json.loads((corpus / "data.json").read_text())
    for entry in content["entries"]:
        if entry["filePath"].endswith("00001_007.ulaw"):
            entry["checksum"] = hashlib.md5(stub.read_bytes()).hexdigest()
    (corpus / "data.json").write_text(json.dumps(content))
    done = local("prepare_wuw.py", corpus, tmp_path / "data")
    assert done.returncode == 0
    assert "1 utterances shorter than 0.5 s are left out: calls/00001/WUWII00001_007.ulaw" in done.stderr
    utterances = [u for s in ("sentences", "sentences_dev") for u in DataDir(tmp_path / "data" / s).utt2spk]
    assert len([u for u in utterances if "-00001-" in u]) == 4


@pytest.mark.parametrize("change", ["missing", "changed", "no_table", "entry", "phone"])
def test_what_is_missing_or_damaged_is_named(local, corpus, tmp_path, change):
    path, table = corpus / "calls/00003/WUWII00003_004.ulaw", corpus / "data.json"
    content = json.loads(table.read_text())
    told = f"{path}: "
    if change == "missing":
        path.unlink()
    elif change == "changed":
        path.write_bytes(path.read_bytes()[:-1])
    elif change == "no_table":
        table.unlink()
        told = f"{table}: missing"
    elif change == "entry":
        del content["entries"][4]["checksum"]
        told = "data.json: entry 5: no checksum"
    else:
        content["entries"][4]["phonetype"] = "two cans"
        told = "unknown phonetype 'two cans'"
    if change in ("entry", "phone"):
        table.write_text(json.dumps(content))
    done = local("prepare_wuw.py", corpus, tmp_path / "data")
    assert done.returncode == 1 and told in done.stderr


def outside_the_band(samples):
    """The share of the power below 100 Hz and above 3,750 Hz."""
    power, hertz = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / 8000)
    return power[(hertz < 100) | (hertz > 3750)].sum() / power.sum()


def test_telephone_channels(local, corpus, tmp_path):
    assert local("prepare_wuw.py", corpus, tmp_path / "data").returncode == 0
    source = DataDir(tmp_path / "data/callers")
    for out, jobs in (("one", 1), ("two", 2)):
        done = local("code_telephone.py", "--nj", jobs, tmp_path / "data/callers", tmp_path / out)
        assert done.returncode == 0, done.stderr
    one, two = (validate(tmp_path / name, feats=False, text=False) for name in ("one", "two"))
    assert one.utt2spk == source.utt2spk and set(read_table(tmp_path / "one/utt2codec").values()) == {"ulaw", "gsm"}
    lengths = {u: len(samples) for u, samples, _ in iter_utterances(source)}
    for utterance, path in one.wav_scp.items():
        samples, rate = read_audio(path)
        assert rate == 8000 and 0 <= len(samples) - lengths[utterance] <= 320, "GSM fills its last frames"
        assert np.array_equal(samples, read_audio(two.wav_scp[utterance])[0])
    outside = [outside_the_band(read_audio(path)[0]) for path in one.wav_scp.values()]
    before = [outside_the_band(samples) for _, samples, _ in iter_utterances(source)]
    assert np.mean(outside) < 0.5 * np.mean(before)
    done = local("code_telephone.py", "--codecs", "ulaw evrc", tmp_path / "data/callers", tmp_path / "one")
    assert done.returncode == 1 and "unknown codec 'evrc'; known: ulaw gsm" in done.stderr


def test_voices_make_calls_doubtful(names):
    import wuw_voices

    calls = [names.Call(str(n), "", "f", "cell", caller) for n, caller in enumerate((1, 1, 1, 2, 2, 3, 4))]
    axes = np.eye(5)
    vectors = [
        axes[0],
        axes[0],
        axes[4],
        axes[1],
        axes[1],
        axes[0],
        axes[2],
    ]  # the third call of caller 1; caller 3 is 1
    vectors = {str(n): vector for n, vector in enumerate(vectors)}
    calls = wuw_voices.doubt_other_voices(calls, vectors)
    assert [call.number for call in calls if call.doubt == "voice differs"] == ["2"]
    calls = wuw_voices.doubt_alike_voices(calls, vectors)
    assert [(call.number, call.doubt) for call in calls if call.doubt] == [
        ("2", "voice differs"),
        ("5", "voice near caller 1"),
    ]


def test_a_model_hears_the_calls(names, tmp_path):
    import wuw_voices

    convert([make_checkpoint(tmp_path / "weights.npz"), str(tmp_path / "toy")])
    for number, speaker in (("1", 1), ("2", 1), ("3", 2), ("4", 3)):
        soundfile.write(tmp_path / f"{number}.wav", voice(speaker, 1.5, 0, 8000), 8000, subtype="ULAW")
    vectors = wuw_voices.embed_calls(list("1234"), tmp_path, tmp_path / "toy")
    assert vectors["1"] @ vectors["2"] == pytest.approx(1, abs=1e-4), "the same audio"
    assert max(vectors["1"] @ vectors["3"], vectors["1"] @ vectors["4"]) < 0.7
