import tracemalloc

import numpy as np
import pytest

from nnet.dataset.sampler import ChunkSampler, SequentialSampler
from nnet.dataset.utterances import UtteranceTable
from nnet.errors import InputError


def make_table(lengths):
    """`lengths`: dict speaker → frames of each of its utterances."""
    utts = [(f"{spk}-{i}", spk, frames) for spk, all_frames in lengths.items() for i, frames in enumerate(all_frames)]
    ids, speakers, frames = map(list, zip(*utts, strict=True))
    return UtteranceTable("data", ids, speakers, {s: i for i, s in enumerate(sorted(lengths))}, frames, {})


def many(speakers=30, seed=0):
    rng = np.random.default_rng(seed)
    return make_table({f"s{i:02}": list(rng.integers(250, 900, rng.integers(3, 9))) for i in range(speakers)})


def sampler(table, **options):
    return ChunkSampler(table, **({"batch_size": 8, "min_frames": 100, "max_frames": 200} | options))


def speaker_of(batch):
    return batch.labels.tolist()


def test_a_batch_depends_on_seed_epoch_and_index_only():
    a, b = sampler(many(), seed=3), sampler(many(), seed=3)
    later = b.batch(2, 1)
    b.batch(0, 0)
    first = a.batch(2, 1)
    for name in ("rows", "starts", "labels"):
        np.testing.assert_array_equal(getattr(first, name), getattr(later, name))
    assert first.length == later.length and first.seeds == later.seeds
    others = [sampler(many(), seed=4).batch(2, 1), a.batch(2, 2), a.batch(1, 1)]
    assert all(first.rows.tolist() != other.rows.tolist() for other in others)


def test_chunks_lie_within_their_utterances_and_lengths_cover_the_range():
    table = many()
    s = sampler(table, max_frames=103, steps_per_epoch=200)
    batches = [s.batch(0, i) for i in range(200)]
    assert {p.length for p in batches} == {100, 101, 102, 103}
    for p in batches:
        assert (p.starts >= 0).all() and (p.starts + p.length <= table.frames[p.rows]).all()
        np.testing.assert_array_equal(p.labels, table.labels[p.rows])
    starts = np.concatenate([p.starts / (table.frames[p.rows] - p.length) for p in batches])
    assert starts.min() < 0.01 and starts.max() > 0.99 and abs(starts.mean() - 0.5) < 0.02


def test_speakers_are_drawn_equally_often_and_never_twice_in_a_batch():
    s = sampler(many(), steps_per_epoch=60)  # 480 draws are 16 orders of 30 speakers
    batches = [speaker_of(s.batch(0, i)) for i in range(60)]
    assert all(len(set(b)) == 8 for b in batches)
    assert set(np.bincount(np.concatenate(batches))) == {16}


def test_a_batch_larger_than_the_number_of_speakers_repeats_them():
    s = sampler(many(5), batch_size=12)
    assert set(np.bincount(speaker_of(s.batch(0, 0)))) == {2, 3}


def test_segments_of_a_speaker_come_together_and_from_different_utterances():
    table = many()
    s = sampler(table, batch_size=12, segments_per_speaker=3)
    for i in range(s.steps_per_epoch):
        batch = s.batch(0, i)
        groups = batch.labels.reshape(4, 3)
        assert (groups == groups[:, :1]).all() and len(set(groups[:, 0])) == 4
        assert len(set(batch.rows)) == 12


def test_a_speaker_with_few_utterances_gives_different_parts_of_them():
    table = make_table({"a": [900], "b": [900, 900]})
    s = sampler(table, batch_size=8, segments_per_speaker=4, steps_per_epoch=20)
    for i in range(20):
        batch = s.batch(0, i)
        for row in set(batch.rows):
            starts = batch.starts[batch.rows == row]
            assert len(set(starts)) == len(starts)
        one = batch.starts[batch.labels == 0]
        assert (np.diff(one * 4 // (900 - batch.length + 1)) == 1).all()  # one in each quarter


def test_only_utterances_that_are_long_enough_are_drawn_where_there_are_any(caplog):
    table = make_table({"a": [300, 150, 50], "b": [90, 80]})
    s = sampler(table, batch_size=2, min_frames=200, max_frames=200, steps_per_epoch=50)
    rows = np.concatenate([s.batch(0, i).rows for i in range(50)])
    assert {table.utterance(r) for r in rows} == {"a-0", "b-0", "b-1"}
    assert "1 speakers have no utterance of 200 frames" in caplog.text and "(b)" in caplog.text
    assert "2 of 5 utterances are shorter" in caplog.text and "(a-1, a-2)" in caplog.text


def test_sampling_by_utterance_draws_each_once_an_epoch():
    table = many()
    s = sampler(table, sampling="utterance")
    rows = np.concatenate([s.batch(1, i).rows for i in range(s.steps_per_epoch)])
    assert len(rows) == -(-table.num_utterances // 8) * 8
    assert set(rows[: table.num_utterances]) == set(range(table.num_utterances))


@pytest.mark.parametrize("segments", [1, 2])
def test_ranks_share_the_batch_of_one_process(segments):
    options = {"batch_size": 12, "segments_per_speaker": segments}
    whole = sampler(many(), **options).batch(1, 2)
    parts = [sampler(many(), **options, rank=r, num_ranks=3).batch(1, 2) for r in range(3)]
    assert all(p.length == whole.length for p in parts)
    for name in ("rows", "starts", "labels", "seeds"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(whole, name))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 9, "segments_per_speaker": 2}, "is not a multiple of"),
        ({"batch_size": 8, "num_ranks": 3}, "is not a multiple of"),
        ({"batch_size": 62, "segments_per_speaker": 2}, "31 different speakers"),
        ({"segments_per_speaker": 2, "sampling": "utterance"}, 'need sampling "speaker"'),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        sampler(many(), **options)


def test_sequential_sampler_visits_every_utterance_once_the_same_way():
    table = make_table({"a": [300, 150, 50], "b": [90, 80]})
    s = SequentialSampler(table, batch_size=2, frames=100)
    batches = [s.batch(0, i) for i in range(s.steps_per_epoch)]
    assert [len(p.rows) for p in batches] == [2, 2, 1] and {p.length for p in batches} == {100}
    assert sorted(np.concatenate([p.rows for p in batches])) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(s.batch(7, 0).starts, batches[0].starts)


def test_cost_of_a_plan_does_not_grow_with_the_speakers_utterances():
    # 100,000 utterances of one speaker: nothing per batch may be as large as that.
    table = make_table({"a": [300] * 100_000, "b": [300] * 100_000})
    s = sampler(table, batch_size=4, steps_per_epoch=10, segments_per_speaker=2)
    s.batch(0, 0)
    tracemalloc.start()
    s.batch(0, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000
