import pytest

from nnet.bin import filter_utterances, split_train_valid
from nnet.datadir.directory import DataDir, write_table
from nnet.datadir.validate import validate
from nnet.dataset.split import cut_utterances, session_prefix, split_utterances, utterance_groups
from nnet.errors import InputError
from nnet.kaldi.ark import read_matrix


def speakers(count, utterances):
    return {f"s{s:02}-{u:02}": f"s{s:02}" for s in range(count) for u in range(utterances)}


def split(utt2spk, origins=None, groups=None, **options):
    own = {u: u for u in utt2spk}
    return split_utterances(utt2spk, origins or own, groups or origins or own, **options)


def count_by_speaker(utterances):
    counts = {}
    for utterance in utterances:
        counts[utterance[:3]] = counts.get(utterance[:3], 0) + 1
    return counts


def test_validation_is_spread_and_takes_at_most_its_share():
    utt2spk = speakers(30, 8)
    sets = split(utt2spk, valid_utts=45)
    assert sorted(sets.train + sets.valid) == sorted(utt2spk) and not sets.dev
    counts = count_by_speaker(sets.valid)
    assert len(counts) == 30 and sorted(counts.values()) == [1] * 15 + [2] * 15
    assert split(utt2spk, valid_utts=45) == sets
    assert split(utt2spk, valid_utts=45, seed=1) != sets


def test_the_only_utterance_of_a_speaker_stays_in_training(caplog):
    utt2spk = speakers(5, 8) | {"x-1": "x"}
    sets = split(utt2spk, valid_utts=40)
    assert "x-1" in sets.train and set(count_by_speaker(sets.valid).values()) == {2}
    assert "only 10 of 40 validation utterances" in caplog.text
    with pytest.raises(InputError, match="--cut"):
        split(speakers(30, 1), valid_utts=3)


def test_development_speakers_are_in_no_other_set():
    sets = split(speakers(40, 6), valid_utts=10, dev_speakers=None)
    held_out = count_by_speaker(sets.dev)
    assert held_out and set(held_out.values()) == {6} and len(held_out) == 2
    assert not held_out.keys() & (count_by_speaker(sets.train) | count_by_speaker(sets.valid)).keys()
    assert not split(speakers(19, 6), dev_speakers=None).dev
    with pytest.raises(InputError, match="cannot hold out 3 development speakers"):
        split(speakers(3, 6), dev_speakers=3)
    with pytest.raises(InputError, match="0 of 30 speakers have two"):
        split(speakers(30, 1), dev_speakers=2)


def test_copies_stay_with_their_original_and_out_of_development():
    utt2spk = speakers(25, 8)
    copies = {f"{u}-noise": u for u in utt2spk}
    utt2spk |= {copy: utt2spk[u] for copy, u in copies.items()}
    sets = split(utt2spk, {u: copies.get(u, u) for u in utt2spk}, valid_utts=50, dev_speakers=2)
    assert {u.removesuffix("-noise") for u in sets.valid if u.endswith("-noise")} == {
        u for u in sets.valid if not u.endswith("-noise")
    }
    assert len(sets.dev) == 16 == len(sets.unused) and not any(u.endswith("-noise") for u in sets.dev)


def test_speakers_at_another_speed_are_held_out_with_their_original():
    originals = speakers(30, 4)
    copies = {f"sp0.9-{u}": u for u in originals}
    utt2spk = originals | {copy: f"sp0.9-{originals[u]}" for copy, u in copies.items()}
    sets = split(utt2spk, {u: copies.get(u, u) for u in utt2spk}, valid_utts=50, dev_speakers=None)
    assert count_by_speaker(sets.dev).keys() < set(originals.values()) and len(sets.dev) == 8
    assert sets.unused == [f"sp0.9-{u}" for u in sets.dev]
    assert not {utt2spk[u] for u in sets.dev + sets.unused} & {utt2spk[u] for u in sets.train + sets.valid}


def test_sessions_are_found_through_copies(tmp_path):
    write_table(tmp_path / "utt2spk", dict.fromkeys(("a-v1-1", "a-v1-2-music", "a-v2-1"), "a"))
    write_table(tmp_path / "utt2uniq", {"a-v1-2-music": "a-v1-2"})
    data = DataDir(tmp_path)
    _, groups = utterance_groups(data, session_prefix)
    assert groups["a-v1-1"] == groups["a-v1-2-music"] != groups["a-v2-1"]


def test_a_copy_of_a_copy_goes_back_to_the_recording(tmp_path):
    write_table(tmp_path / "utt2spk", {"a-1": "a", "sp0.9-a-1": "sp0.9-a", "sp0.9-a-1-noise": "sp0.9-a"})
    write_table(tmp_path / "utt2uniq", {"sp0.9-a-1": "a-1", "sp0.9-a-1-noise": "sp0.9-a-1"})
    origins, groups = utterance_groups(DataDir(tmp_path))
    assert set(origins.values()) == set(groups.values()) == {"a-1"}


def test_command_writes_valid_directories(make_data, tmp_path):
    path = make_data("all", {f"s{i:02}": [60] * 8 for i in range(24)})
    out = [str(tmp_path / name) for name in ("train", "valid", "dev")]
    split_train_valid.main(["--valid-utts", "20", "--dev-speakers", "3", str(path), *out])
    sets = [DataDir(o) for o in out]
    assert [len(d.utt2spk) for d in sets] == [148, 20, 24]
    assert sets[1].spk2utt.keys() <= sets[0].spk2utt.keys()
    assert all(d.feats.keys() == d.utt2num_frames.keys() == d.utt2spk.keys() for d in sets)
    for o in out:
        validate(o, wav=False, text=False)


def test_a_development_set_of_an_earlier_split_does_not_stay(make_data, tmp_path):
    many, few = make_data("many", {f"s{i:02}": [60] * 8 for i in range(24)}), make_data("few", {"a": [60] * 8})
    out = [str(tmp_path / name) for name in ("train", "valid", "dev")]
    split_train_valid.main([str(many), *out])
    assert DataDir(out[2]).has("utt2spk")
    split_train_valid.main([str(few), *out])
    assert not DataDir(out[2]).has("utt2spk")


def test_cut_leaves_the_beginning_to_training(make_data, tmp_path):
    path = make_data("all", {f"s{i}": [100] for i in range(10)})
    out = [str(tmp_path / name) for name in ("train", "valid")]
    split_train_valid.main(["--cut", "true", "--valid-utts", "4", str(path), *out])
    train, valid = map(DataDir, out)
    assert len(train.utt2spk) == 10 and len(valid.utt2spk) == 4
    for utterance, rx in train.feats.items():
        rest = read_matrix(valid.feats[utterance])[:, 1].tolist() if utterance in valid.feats else []
        assert read_matrix(rx)[:, 1].tolist() + rest == list(range(100))
        assert train.utt2num_frames[utterance] == 100 - len(rest)


@pytest.mark.parametrize(("beginning", "frames"), [(True, 80), (False, 20)])
def test_the_lengths_of_a_cut_directory_are_those_of_its_pieces(make_data, beginning, frames):
    data = cut_utterances(DataDir(make_data("all", {"a": [100, 50]})), ["a-00"], beginning)
    assert data.utt2num_frames == {"a-00": frames, "a-01": 50}
    assert len(read_matrix(data.feats["a-00"])) == frames


def test_outputs_may_not_replace_the_input(make_data, tmp_path):
    path = make_data("all", {f"s{i}": [60] * 8 for i in range(10)})
    with pytest.raises(InputError, match="would be overwritten by a part of itself"):
        split_train_valid.main([str(path), str(path), str(tmp_path / "valid")])
    with pytest.raises(InputError, match="DEV_OUT"):
        split_train_valid.main(["--dev-speakers", "2", str(path), str(tmp_path / "a"), str(tmp_path / "b")])


def test_filter_counts_as_kaldi_does(make_data, tmp_path, caplog):
    path = make_data("all", {"a": [50, 51, 52], "b": [50, 60], "c": [80, 90]})
    caplog.set_level("INFO")
    filter_utterances.main(["--min-len", "50", "--min-num-utts", "2", str(path), str(tmp_path / "out")])
    assert set(DataDir(tmp_path / "out").utt2spk) == {"a-01", "a-02", "c-00", "c-01"}
    assert "2 utterances have 50 frames or fewer: a-00, b-00" in caplog.text
    assert "1 speakers have fewer than 2 utterances: b" in caplog.text
    with pytest.raises(InputError, match="no utterance is left"):
        filter_utterances.main(["--min-len", "90", str(path), str(tmp_path / "none")])


def test_copies_of_each_other_have_no_original(tmp_path):
    write_table(tmp_path / "utt2spk", {"a-1": "a", "a-2": "a"})
    write_table(tmp_path / "utt2uniq", {"a-1": "a-2", "a-2": "a-1"})
    with pytest.raises(InputError, match="utt2uniq: a-1 is a copy of itself"):
        utterance_groups(DataDir(tmp_path))
