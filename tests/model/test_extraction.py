"""Embeddings of utterances: chunks, short ones, and that neighbours make no difference."""

import threading

import numpy as np
import pytest
from toy_data import DIM, make_config

from nnet.config import load_config
from nnet.errors import InputError
from nnet.model import extraction
from nnet.model.extraction import chunks_of, embed_utterance, embed_utterances
from nnet.model.speaker_net import build_model
from nnet.ops import mx


@pytest.fixture
def model(tmp_path):
    mx.random.seed(0)
    model = build_model(load_config(str(make_config(tmp_path / "c.json"))), DIM)
    model(mx.random.normal((8, 50, DIM)))  # running statistics that are not the initial ones
    mx.eval(model.parameters())
    return model.eval()


def features(frames, seed):
    return np.random.default_rng(seed).normal(size=(frames, DIM)).astype(np.float32)


def test_an_embedding_does_not_depend_on_its_neighbours(model, monkeypatch):
    lengths = [30, 45, 30, 200, 45, 30, 9, 61]
    stream = [(f"u{i}", features(n, i)) for i, n in enumerate(lengths)]
    together = list(embed_utterances(model, stream))
    assert [key for key, _ in together] == [key for key, _ in stream]
    for (_, vector), (_, feats) in zip(together, stream, strict=True):
        assert np.allclose(vector, embed_utterance(model, feats), atol=1e-5)
    monkeypatch.setattr(extraction, "WINDOW", 3)
    for (_, vector), (_, other) in zip(together, embed_utterances(model, stream), strict=True):
        assert np.allclose(vector, other, atol=1e-5)


def test_chunks_are_averaged_by_their_lengths(model):
    feats = features(50, 1)
    whole, rest = embed_utterance(model, feats[:40]), embed_utterance(model, feats[40:])
    assert np.allclose(embed_utterance(model, feats, chunk_size=40), (40 * whole + 10 * rest) / 50, atol=1e-5)


def test_a_short_rest_is_left_out_and_a_short_utterance_has_none(model):
    feats = features(50, 1)
    assert np.allclose(embed_utterance(model, feats, chunk_size=45), embed_utterance(model, feats[:45]), atol=1e-5)
    assert embed_utterance(model, feats, min_chunk_size=51) is None
    assert embed_utterance(model, feats[:8]) is None


def test_chunks_that_give_no_embedding_are_refused(model):
    feats = features(50, 1)
    assert np.allclose(embed_utterance(model, feats, chunk_size=-1), embed_utterance(model, feats), atol=1e-5)
    for chunk_size in (0, 8, 24, -2):
        with pytest.raises(InputError, match=f"chunks of {chunk_size} frames are too short: at least 25"):
            embed_utterance(model, feats, chunk_size, min_chunk_size=25)


def test_long_utterances_are_not_held_in_great_numbers(model, monkeypatch):
    monkeypatch.setattr(extraction, "WINDOW_FRAMES", 100)
    lengths = [30, 45, 30, 200, 200, 45, 30, 30]
    seen, read = [], []
    for key, _ in embed_utterances(model, ((i, read.append(i) or features(n, i)) for i, n in enumerate(lengths))):
        seen.append(key)
        assert sum(lengths[i] for i in read if i not in seen) <= 2 * (100 + 200)
    assert seen == list(range(8))


def test_a_very_long_utterance_is_computed_in_several_windows(model, monkeypatch):
    stream = [("a", features(30, 0)), ("b", features(505, 1)), ("c", features(9, 2)), ("d", features(70, 3))]
    expected = list(embed_utterances(model, stream, 40, 12))
    monkeypatch.setattr(extraction, "WINDOW_FRAMES", 100)
    found = list(embed_utterances(model, stream, 40, 12))
    assert [key for key, _ in found] == list("abcd") and found[2][1] is None
    for (_, vector), (_, other) in zip(found, expected, strict=True):
        assert vector is other is None or np.allclose(vector, other, atol=1e-5)


def test_spans():
    assert chunks_of(25, 10, 5) == [(0, 10), (10, 20), (20, 25)]
    assert chunks_of(25, -1, 5) == [(0, 25)] and chunks_of(0, -1, 1) == []
    assert chunks_of(24, 10, 5) == [(0, 10), (10, 20)]
    assert chunks_of(4, 10, 5) == []


def test_spans_that_overlap():
    assert chunks_of(25, 10, 5, 0.5) == [(0, 10), (5, 15), (10, 20), (15, 25)]
    assert chunks_of(26, 10, 5, 0.5) == [(0, 10), (5, 15), (10, 20), (15, 25), (20, 26)]
    assert chunks_of(10, 10, 5, 0.5) == [(0, 10)] == chunks_of(10, -1, 5, 0.5)
    assert chunks_of(4, 10, 5, 0.5) == [] == chunks_of(0, 10, 1, 0.5)
    for frames in range(60):  # tf-kaldi-speaker: ceil((T - chunk) / (chunk / 2)) + 1 chunks, if T is longer than one
        count = -(-(frames - 10) // 5) + 1 if frames > 10 else min(frames, 1)
        assert len(chunks_of(frames, 10, 1, 0.5)) == count
        assert chunks_of(frames, 10, 1) == [(i, min(i + 10, frames)) for i in range(0, frames, 10)]


def test_normalized_chunks_that_overlap_are_those_of_tf_kaldi(model):
    feats = features(55, 1)
    chunks = [feats[:30], feats[15:45], feats[30:]]
    lengths, vectors = [len(f) for f in chunks], [embed_utterance(model, f) for f in chunks]
    units = [vector / np.linalg.norm(vector) for vector in vectors]
    expected = sum(n * unit for n, unit in zip(lengths, units, strict=True))
    made = embed_utterance(model, feats, chunk_size=30, overlap=0.5, normalize=True)
    assert np.allclose(made, expected / np.linalg.norm(expected), atol=1e-5)
    plain = sum(n * vector for n, vector in zip(lengths, vectors, strict=True)) / sum(lengths)
    assert np.allclose(embed_utterance(model, feats, chunk_size=30, overlap=0.5), plain, atol=1e-5)


def test_a_vector_for_each_frame_is_no_embedding(model):
    with pytest.raises(InputError, match="tdnn1.relu gives one vector per frame"):
        embed_utterance(model, features(50, 1), node="tdnn1.relu")


def test_threads_share_what_a_model_keeps(model):
    x = features(30, 0)
    embed_utterance(model, x, node=next(n for n in model.endpoint_dims if n.startswith("embedding1")))
    results = []
    thread = threading.Thread(target=lambda: results.append(embed_utterance(model, x, node="output")))
    thread.start()
    thread.join()
    assert np.array_equal(results[0], embed_utterance(model, x, node="output"))


def test_every_node_can_be_extracted(model):
    for node, dim in model.endpoint_dims.items():
        shape = model.extract(mx.array(features(30, 0)[None]), node).shape
        assert shape[0] == 1 and shape[-1] == dim, node


def test_an_embedding_is_a_number(model):
    """Features of 1e38 are finite, but what the network makes of them is not."""
    with pytest.raises(InputError, match="u1: its embedding is not a number"):
        list(embed_utterances(model, [("u0", features(50, 0)), ("u1", 1e38 * np.sign(features(50, 1)))]))
