"""Engines of extraction: the same embeddings by MLX and ONNX Runtime; which one is chosen; what is missing is named."""

import importlib.util
import logging

import numpy as np
import pytest
from own_system import FrameNet
from toy_data import DIM, SEED, make_config

from nnet.bin.extract_embeddings import main as extract_embeddings
from nnet.config import load_config
from nnet.errors import InputError
from nnet.model.engine import MlxEngine, OnnxEngine, engine_of
from nnet.model.extraction import embed_utterance, embed_utterances
from nnet.model.speaker_net import build_model
from nnet.ops import mx
from nnet.ops.lanes import on_cpu

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(params=["tdnn", "campplus"])
def model(request, tmp_path):
    networks = {
        "tdnn": {"type": "tdnn", "dims": [16, 16, 24], "kernels": [5, 3, 1], "dilations": [1, 2, 1]},
        "campplus": {"type": "campplus", "growth": 4, "init_channels": 8, "blocks": [2, 2], "head_channels": 4,
                     "segment": 20},
    }  # fmt: skip
    return made(tmp_path, network=networks[request.param])


def made(folder, **sections):
    mx.random.seed(SEED)
    model = build_model(load_config(str(make_config(folder / "c.json", **sections))), DIM)
    model(mx.random.normal((8, 50, DIM)))
    mx.eval(model.parameters())
    return model.eval()


def stream():
    lengths = [30, 45, 30, 200, 45, 30, 9, 61, 300, 77]
    rng = np.random.default_rng(SEED)
    return [(f"u{i}", rng.normal(size=(n, DIM)).astype(np.float32)) for i, n in enumerate(lengths)]


def test_both_engines_give_the_same(model):
    engines = [engine_of(model, model.node, name) for name in ("mlx", "onnx")]
    assert [type(engine) for engine in engines] == [MlxEngine, OnnxEngine]
    with pytest.raises(InputError, match="engine must be one of mlx, onnx, not 'cuda'"):
        engine_of(model, model.node, "cuda")
    options = {"chunk_size": 100, "min_chunk_size": 10}
    for (key, ours), (other, theirs) in zip(
        *(embed_utterances(model, stream(), engine=engine, **options) for engine in engines), strict=True
    ):
        assert key == other
        assert (ours is None) == (theirs is None) == (key == "u6")
        assert ours is None or np.linalg.norm(ours - theirs) < 1e-5 * np.linalg.norm(ours)


def test_neighbors_do_not_change_a_bit_nor_threads_more_than_a_rounding(model):
    engine = engine_of(model, model.node, "onnx")
    together = dict(embed_utterances(model, stream(), engine=engine))
    for key, vector in embed_utterances(model, stream()[3:], engine=engine):
        assert np.array_equal(vector, together[key]) if vector is not None else together[key] is None
    for key, features in stream():
        alone = embed_utterance(model, features, engine=engine)
        if alone is not None:
            assert np.linalg.norm(alone - together[key]) < 1e-5 * np.linalg.norm(alone)


def test_a_cpu_takes_onnx_runtime_and_a_gpu_mlx(model, monkeypatch):
    assert type(engine_of(model, model.node)) is (OnnxEngine if on_cpu() else MlxEngine)
    with model.computing_in("bfloat16"):
        assert type(engine_of(model, model.node)) is MlxEngine
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert type(engine_of(model, model.node)) is MlxEngine
    with pytest.raises(InputError, match="pip install onnx onnxruntime"):
        engine_of(model, model.node, "onnx")


@pytest.mark.skipif(not on_cpu(), reason="a GPU takes MLX anyway")
def test_a_network_without_a_graph_is_computed_by_mlx(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    model = made(tmp_path, network={"type": f"{FrameNet.__module__}:FrameNet"}, pooling={"type": "own_system:Range"})
    assert type(engine_of(model, model.node)) is MlxEngine
    assert "embeddings are computed by MLX: operation extreme has no form in ONNX" in caplog.text
    with pytest.raises(InputError, match="operation extreme has no form in ONNX"):
        engine_of(model, model.node, "onnx")


def test_an_unknown_engine_is_refused(capsys):
    with pytest.raises(SystemExit):
        extract_embeddings(["--engine", "torch", "m", "d", "o"])
    assert "invalid choice: 'torch'" in capsys.readouterr().err
