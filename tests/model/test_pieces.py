"""Which pieces of recordings are compared in a calibration."""

import numpy as np

from nnet.model.pieces import PER_RECORDING, Pieces, _spans, nontarget_pairs, target_pairs


def pieces(speaker, recording, start, stop):
    count = len(speaker)
    return Pieces(np.zeros((count, 2)), np.ones(count), *map(np.array, (speaker, recording, start, stop)))


def test_pieces_follow_each_other_within_the_recording():
    for seed in range(20):
        spans = _spans(9.5, np.random.default_rng(seed))
        assert 0 < len(spans) <= PER_RECORDING and spans[0][0] == 0 and spans[-1][1] <= 9.5
        assert all(before[1] == after[0] for before, after in zip(spans, spans[1:], strict=False))
    assert _spans(0.9, np.random.default_rng(0)) == []


def test_targets_are_of_different_recordings_where_there_are_enough():
    found = pieces([0, 0, 0, 1, 1], [0, 0, 1, 2, 2], [0, 2, 0, 0, 2], [2, 4, 2, 2, 4])
    i, j, across = target_pairs(found)
    assert sorted(zip(i, j, strict=True)) == [(0, 2), (1, 2)] and across


def test_otherwise_they_do_not_overlap():
    found = pieces([0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [0, 2, 1, 0, 0], [2, 4, 3, 1, 1])
    i, j, across = target_pairs(found)
    assert sorted(zip(i, j, strict=True)) == [(0, 1)] and not across


def test_nontargets_are_of_different_speakers():
    speaker = np.arange(30) % 3
    found = pieces(speaker, np.arange(30), np.zeros(30), np.ones(30))
    for most, count in ((1000, 300), (50, 50)):
        i, j = nontarget_pairs(found, most)
        assert len(i) <= count and (speaker[i] != speaker[j]).all()
    assert len(nontarget_pairs(found, 1000)[0]) == 300
