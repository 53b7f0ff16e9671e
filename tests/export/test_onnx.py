"""ONNX graphs give MLX's embeddings, whatever the length; from samples too; and say what they cannot do."""

import importlib.util
import json
import logging
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from toy_checkpoint import make_checkpoint
from toy_data import SEED

from nnet import ops
from nnet.bin.convert_checkpoint import main as convert
from nnet.bin.export_model import main as export
from nnet.config import build_config, load_config
from nnet.errors import InputError
from nnet.export.onnx import write_onnx
from nnet.export.onnx_features import features_from_samples
from nnet.feats.front_end import FrontEnd
from nnet.feats.options import FEATURE_OPTIONS, FbankOptions, MelOptions, MfccOptions
from nnet.model.engine import onnx_model, open_session
from nnet.model.speaker_net import build_model
from nnet.networks.embedding import Embedding, EmbeddingOptions
from nnet.networks.layers import BatchNorm
from nnet.ops import mx, tree_flatten, tree_unflatten
from nnet.ops.onnx_graph import OnnxGraph
from nnet.poolings import POOLINGS, Pooling

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

DIM = 80
NARROW = {
    "resnet": "network.channels=8",
    "simam_resnet": "network.channels=8 network.depth=18",
    "df_resnet": "network.channels=4 network.blocks=[1,1,2,1]",
    "ftdnn": "network.width=64",
    "repvgg": "network.base_width=8",
    "next_tdnn": "network.channels=16",
    "redimnet": "network.channels=4",
    "redimnet2": "network.channels=4",
}
NARROW |= dict.fromkeys(("res2net", "eres2net", "eres2netv2"), "network.channels=8 network.blocks=[1,1,1,1]")


def trained_like(config, dim=DIM):
    """A model in eval mode whose normalizations know their inputs, with other biases and slopes than a fresh one's."""
    mx.random.seed(SEED)
    model, rng = build_model(config, dim), np.random.default_rng(SEED)
    own = [(n, w) for n, w in tree_flatten(model.trainable_parameters()) if w.ndim == 1]
    model.update(tree_unflatten([(n, w + mx.array(rng.normal(0, 0.3, w.shape), w.dtype)) for n, w in own]))
    norms = [module for module in model.modules() if isinstance(module, BatchNorm)]
    momentums = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    model.train()
    model(mx.array(features(16, max(100, model.network.min_frames), dim)))
    for norm, momentum in zip(norms, momentums, strict=True):
        norm.momentum = momentum
    mx.eval(model.parameters())
    return model.eval()


def features(batch, frames, dim):
    """Features whose utterances differ in level and spread, so that their embeddings do too."""
    rng = np.random.default_rng([SEED, frames])
    level, spread = rng.normal(0, 1, (batch, 1, dim)), rng.uniform(0.2, 3, (batch, 1, dim))
    return (level + spread * rng.standard_normal((batch, frames, dim))).astype(np.float32)


def sensitivity(model, x, expected, node):
    """How far the last bits of its features move an embedding: random deep networks make much of a rounding."""
    signs = np.random.default_rng(1).choice([-1, 1], x.shape)
    other = np.array(model.extract(mx.array((x * (1 + 2.0**-24 * signs)).astype(np.float32)), node))
    return (np.linalg.norm(other - expected, axis=1) / np.linalg.norm(expected, axis=1)).max()


def assert_parity(model, dim=DIM, node=None, shapes=((2, 137), (5, 60), (1, 301))):
    run = open_session(onnx_model(model, node).SerializeToString())
    assert [value.name for value in run.get_inputs() + run.get_outputs()] == ["feats", "embs"]
    found = []
    for batch, frames in ((1, model.network.min_frames), *shapes):
        x = features(batch, frames, dim)
        expected, ours = np.array(model.extract(mx.array(x), node)), run.run(None, {"feats": x})[0]
        assert ours.shape == expected.shape
        error = (np.linalg.norm(ours - expected, axis=1) / np.linalg.norm(expected, axis=1)).max()
        assert error < 1e-5 or error < 4 * sensitivity(model, x, expected, node)
        found.append(ours[0])
    # No constant: other features give another embedding.
    assert np.linalg.norm(found[1] - found[2]) > 0.01 * np.linalg.norm(found[1])


def test_every_configuration(root):
    for path in sorted((root / "nnet_conf").glob("*.json")):
        if re.fullmatch(r"redimnet2?_b[1-6]|resnet(101|152|221|293)|df_resnet(114|183|237)", path.stem):
            continue  # the same as a smaller one
        kind = load_config(path).network.type
        config = load_config(path, [NARROW[kind]] if kind in NARROW else [])
        dim = config.features.dim or DIM
        assert_parity(trained_like(config, dim), dim)


@pytest.mark.parametrize(
    "name, smaller", [("xvector", []), ("campplus", ["network.growth=8", "network.blocks=[2,2,2]"])]
)
def test_a_minute(root, name, smaller):
    assert_parity(trained_like(load_config(root / f"nnet_conf/{name}.json", smaller)), shapes=((1, 6000), (1, 5999)))


TOY = {"type": "tdnn", "dims": [16, 16, 24], "kernels": [5, 3, 1], "dilations": [1, 2, 1]}
VARIANTS = {
    "context": {"pooling": {"type": "channel_attention", "global_context": True}},
    "channelwise": {"pooling": {"type": "attentive_statistics", "channelwise": True}},
    "heads": {"pooling": {"type": "self_attention", "num_heads": 2, "split_key": True, "nonlinear": True}},
    "endpoints": {"pooling": {"type": "self_attention", "key_input": "tdnn2.relu", "value_input": "tdnn2.bn"}},
    "ghosts": {"pooling": {"type": "vlad", "num_ghosts": 2, "key_dims": [8], "value_dims": [6]}},
    "tanh": {"pooling": {"type": "self_attention", "key_dims": [8], "relu": "prelu", "value_dims": [8, 8]}},
    "prelu": {"network": TOY | {"relu": "prelu", "order": "bn-relu"}},
    "lrelu": {"network": TOY | {"relu": "lrelu", "slope": 0.2}, "embedding": {"dims": [8], "input_bn": True}},
    "gates": {"network": {"type": "resnet", "depth": 18, "channels": 4, "se_reduction": 2}},
    "dilated branches": {"network": {"type": "repvgg", "variant": "RSBB_A0", "base_width": 4}},
    "groups and gates": {"network": {"type": "repvgg", "variant": "D2SE", "base_width": 8}},
    "light blocks": {"network": {"type": "next_tdnn", "channels": 8, "blocks": 1, "kernels": [9], "light": True}},
    "bottlenecks": {"network": {"type": "resnet", "depth": 50, "channels": 2, "se_reduction": 2}},
}
REDIMNET = {"channels": 4, "strides": [2], "blocks": [1], "expansions": [1.0], "reductions": [6]}
VARIANTS |= {
    "convnext": {"network": REDIMNET | {"type": "redimnet", "group": 2, "expansions": [2.0], "out_channels": 8}},
    "bin gates": {"network": REDIMNET | {"type": "redimnet", "block": "gated"}},
    "map head": {"network": REDIMNET | {"type": "redimnet2", "time_strides": [4], "out_map": True, "out_channels": 6}},
}
VARIANTS |= {name: {"pooling": {"type": name}} for name in POOLINGS}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_pooling_and_variant(name):
    sections = {"network": TOY, "embedding": {"dims": [12, 10]}} | VARIANTS[name]
    dim = 12 if sections["network"]["type"].startswith("redimnet") else 13  # its strides must divide the bins
    assert_parity(trained_like(build_config(sections, name), dim), dim)


def test_every_endpoint_of_an_utterance():
    model = trained_like(build_config({"network": TOY, "embedding": {"dims": [12, 10]}}, "toy"), 13)
    for node in set(model.endpoint_dims) - set(model.network.endpoint_dims):
        assert_parity(model, 13, node)


class Halves(Pooling):
    """Means of even and of odd frames, and the difference between the means of two halves."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = 3 * in_dim

    def __call__(self, x, endpoints=None):
        x = ops.crop_to_multiple(x, of=2)
        pairs = ops.flatten(ops.unflatten(x, axis=1, shape=(-1, 2)), start=2)
        first, second = (ops.mean(half, axis=1) for half in ops.split(x, parts=2, axis=1))
        return ops.concat(ops.mean(pairs, axis=1), first - second)


def test_axes_of_unknown_size_are_divided():
    model = trained_like(build_config({"network": TOY}, "toy"), 13)
    model.pooling = Halves(model.network.out_dim)
    model.embedding = Embedding(model.pooling.out_dim, EmbeddingOptions(dims=(8,)))
    model.network.min_frames += 1  # a pair of frames
    assert_parity(model.eval(), 13)


def test_what_has_no_form_in_onnx_is_named():
    graph = OnnxGraph()
    x = graph.input("x", ("B", "T", 3))

    @ops.operation
    def median(x):
        return mx.median(x, axis=1)

    with pytest.raises(InputError, match="operation median has no form in ONNX"):
        median(x)
    with pytest.raises(InputError, match=r"takes \[2\] of a value cannot be exported to ONNX; take a slice"):
        x[:, 2]
    with pytest.raises(InputError, match="uses functions of MLX itself"):
        ops.with_arrays(lambda x: x, x)


def conf_of(options, **settings):
    kind = next(name for name, cls in FEATURE_OPTIONS.items() if isinstance(options, cls))
    return {"type": kind, "options": options.to_dict(), "cmvn": "none", "silence_removed": False} | settings


FRONT_ENDS = {
    "WeSpeaker": conf_of(FbankOptions(num_mel_bins=80), cmvn="utterance"),
    "mirrored": conf_of(FbankOptions(num_mel_bins=40, snip_edges=False, sample_frequency=8000.0)),
    "magnitudes": conf_of(FbankOptions(use_power=False, window_type="hamming", preemphasis_coefficient=0.9)),
    "linear": conf_of(FbankOptions(use_log_fbank=False, remove_dc_offset=False, round_to_power_of_two=False)),
    "tfmel": conf_of(MelOptions(), cmvn="utterance"),
    "tfmel, normalized": conf_of(MelOptions(num_mel_bins=60, normalize_signal=True)),
    "torchaudio": conf_of(MelOptions(layout="torchaudio", offset=1e-6)),
    "torchaudio, normalized": conf_of(MelOptions(layout="torchaudio", normalize_signal=True), cmvn="utterance"),
}


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_features_from_samples_are_ours(name):
    conf, graph = FRONT_ENDS[name], OnnxGraph()
    run = open_session(graph.model(features_from_samples(graph, conf), "feats").SerializeToString())
    front_end = FrontEnd(conf)
    for count in (800, 1000, 16000, 23457):
        rng = np.random.default_rng(count)
        samples = (0.1 * rng.standard_normal(count) * np.sin(np.arange(count) / 900)).astype(np.float32)
        expected = front_end(samples, front_end.sample_rate)
        ours = run.run(None, {"samples": np.stack([samples, samples])})[0]
        assert ours.shape == (2, *expected.shape)
        scale = 1 if conf["options"].get("use_log_fbank", True) else np.abs(expected).max()
        assert np.abs(ours - expected).max() < 1e-3 * scale


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        (conf_of(MfccOptions()), "its features are mfcc"),
        (conf_of(FbankOptions(), silence_removed=True), "silence is removed by a VAD"),
        (conf_of(FbankOptions(), cmvn="sliding"), "its mean normalization slides"),
        (conf_of(FbankOptions(use_energy=True)), "its features hold the energy"),
        (None, "does not say how its features were made"),
    ],
)
def test_front_ends_without_a_graph_are_refused(conf, reason):
    with pytest.raises(InputError, match=f"--features true: .*{reason}"):
        features_from_samples(OnnxGraph(), conf)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    convert([make_checkpoint(folder / "weights.npz"), str(folder / "model")])
    return folder / "model"


def test_the_command_writes_a_file_that_needs_nothing_else(model_dir, tmp_path, caplog):
    import nnet

    caplog.set_level(logging.INFO)
    export(["--onnx", "true", "--features", "true", str(model_dir), str(tmp_path / "out")])
    assert "cosine with MLX's embedding of a test recording: 1.000000" in caplog.text
    run = open_session((tmp_path / "out/model.onnx").read_bytes())
    metadata = run.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["feats_conf"])["type"] == "fbank"
    samples = (0.1 * np.random.default_rng(0).standard_normal((1, 32000))).astype(np.float32)
    embedder = nnet.load_model(model_dir, engine="mlx")
    expected = embedder.embed(samples[0], embedder.front_end.sample_rate)
    assert metadata["node"] == embedder.node
    ours = run.run(None, {"samples": samples})[0][0]
    assert np.linalg.norm(ours - expected) < 1e-4 * np.linalg.norm(expected)


def test_weights_of_eight_bits(tmp_path):
    network = {"type": "resnet", "depth": 18, "channels": 16}
    model = trained_like(build_config({"network": network, "embedding": {"dims": [64]}}, "toy"))
    sizes, embeddings = [], []
    x = features(3, 200, DIM)
    for quantize in (False, True):
        path = write_onnx(tmp_path, model, {"feats_conf": None}, quantize=quantize)
        content = (tmp_path / "model.onnx").read_bytes()
        assert path == str(tmp_path / "model.onnx")
        sizes.append(len(content))
        embeddings.append(open_session(content).run(None, {"feats": x})[0])
    assert sizes[1] < 0.3 * sizes[0]
    cosines = np.sum(embeddings[0] * embeddings[1], axis=1) / np.prod(np.linalg.norm(embeddings, axis=2), axis=0)
    assert (cosines > 0.99).all() and not np.array_equal(*embeddings)


def test_a_graph_that_gives_other_embeddings_is_refused(tmp_path, monkeypatch):
    model = trained_like(build_config({"network": TOY, "embedding": {"dims": [12]}}, "toy"))
    write = OnnxGraph.constant
    monkeypatch.setattr(OnnxGraph, "constant", lambda self, array, dtype=None: write(self, np.abs(array), dtype))
    with pytest.raises(InputError, match=r"model\.onnx: ONNX Runtime's embedding differs from MLX's by"):
        write_onnx(tmp_path, model, {"feats_conf": None})
    assert not list(tmp_path.iterdir())


def test_options_of_the_graph_need_the_graph(model_dir, tmp_path):
    with pytest.raises(InputError, match="add --onnx true"):
        export(["--quantize", "int8", str(model_dir), str(tmp_path / "out")])


def test_missing_packages_are_named(tmp_path, monkeypatch):
    model = trained_like(build_config({"network": TOY, "embedding": {"dims": [12]}}, "toy"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install onnx onnxruntime"):
        write_onnx(tmp_path, model, {"feats_conf": None})


def test_the_script_of_the_documentation_prints_the_cosine_of_compare(root, model_dir, tmp_path, capsys):
    from nnet.bin.compare import main as compare

    wavs = [tmp_path / f"{name}.wav" for name in "ab"]
    for seed, path in enumerate(wavs):
        rng = np.random.default_rng(seed)
        voice = np.sin(np.cumsum(0.05 + 0.02 * seed + 0.01 * rng.standard_normal(32000)))
        soundfile.write(path, 0.1 * voice + 0.02 * rng.standard_normal(32000), 16000, subtype="PCM_16")
    export(["--onnx", "true", "--features", "true", str(model_dir), str(tmp_path / "out")])
    script = re.search(r"```python\n(.*?)```", (root / "docs/onnx.md").read_text(), re.DOTALL)[1]
    command = [sys.executable, "-c", script, str(tmp_path / "out/model.onnx"), *map(str, wavs)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    compare([str(model_dir), *map(str, wavs)])
    line = capsys.readouterr().out
    assert float(done.stdout) == pytest.approx(float(re.search(r"-?\d\.\d{3,}", line)[0]), abs=2e-4), line
