"""local/prune_campplus.py: the whole of a network is the network again, a part of it is more like it than chance."""

import json

import kaldiio
import numpy as np
import pytest

from nnet.config import load_config
from nnet.feats.options import FbankOptions
from nnet.model.directory import load_speaker_net, save_config
from nnet.model.extraction import embed_utterances
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of
from nnet.ops import mx

BINS, FRAMES = 16, 60
CONF = {
    "type": "fbank",
    "options": FbankOptions(num_mel_bins=BINS).to_dict(),
    "cmvn": "utterance",
    "silence_removed": False,
}


def write_config(path, blocks=(2, 3), head_channels=8, **embedding):
    """Writes the configuration of a tiny CAM++."""
    config = {
        "network": {
            "type": "campplus",
            "growth": 8,
            "init_channels": 16,
            "blocks": blocks,
            "head_channels": head_channels,
        },
        "pooling": {"type": "statistics"},
        "embedding": {"dims": [12], "last": "bn", "bias": False, "bn_affine": False, "node": "output"} | embedding,
    }
    path.write_text(json.dumps(config))
    return str(path)


def draw_voice(rng, frames):
    """Draws features (frames, BINS) that differ in spectrum and in how fast they change."""
    walk = np.cumsum(rng.normal(size=(frames, BINS)), axis=0)
    return ((rng.normal(size=(frames, BINS)) + rng.random() * walk) * rng.exponential(size=BINS)).astype(np.float32)


@pytest.fixture
def teacher(tmp_path):
    mx.random.seed(1)
    config = load_config(write_config(tmp_path / "large.json"))
    model = build_model(config, BINS)
    model.train()
    for _ in range(20):  # statistics of batch normalization
        mx.eval(model(mx.random.normal((8, FRAMES, BINS))), model.parameters())
    (tmp_path / "large").mkdir()
    save_weights(str(tmp_path / "large/model.safetensors"), weights_of(model))
    save_config(str(tmp_path / "large"), config, BINS, None, CONF)
    rng = np.random.default_rng(1)
    data = {f"u{n:03d}": draw_voice(rng, FRAMES + n % 3) for n in range(120)}
    (tmp_path / "data").mkdir()
    kaldiio.save_ark(str(tmp_path / "data/feats.ark"), data, scp=str(tmp_path / "data/feats.scp"))
    (tmp_path / "data/utt2spk").write_text("".join(f"{name} {name}\n" for name in data))
    return tmp_path


@pytest.fixture
def prune(local, teacher):
    """Runs the program: function of a configuration and the name of the model directory to write."""
    numbers = ["--windows", 32, "--utterances", 120]
    return lambda config, out: local(
        "prune_campplus.py", *numbers, teacher / "large", config, teacher / "data", teacher / out
    )


def similarity(folder, one, other):
    """Mean cosine of the centered embeddings by two models of new features."""
    rng = np.random.default_rng(2)
    feats = [draw_voice(rng, FRAMES) for _ in range(40)]
    vectors = []
    for name in (one, other):
        net, _, _ = load_speaker_net(str(folder / name))
        found = np.stack([vector for _, vector in embed_utterances(net, enumerate(feats))])
        vectors.append(found - found.mean(axis=0))
    return np.mean(np.sum(vectors[0] * vectors[1], axis=1) / np.prod(np.linalg.norm(vectors, axis=2), axis=0))


def test_a_network_is_cut_out_of_itself(teacher, prune):
    assert prune(write_config(teacher / "same.json"), "same").returncode == 0
    assert similarity(teacher, "large", "same") > 0.95

    config = write_config(teacher / "half.json", blocks=(1, 2), head_channels=5)
    assert prune(config, "half").returncode == 0
    mx.random.seed(2)
    (teacher / "random").mkdir()
    random = build_model(load_config(config), BINS)
    save_weights(str(teacher / "random/model.safetensors"), weights_of(random))
    save_config(str(teacher / "random"), load_config(config), BINS, None, CONF)
    half, chance = (similarity(teacher, "large", name) for name in ("half", "random"))
    assert half > 0.5 > chance + 0.2, (half, chance)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blocks": (2, 4)}, "none of them larger"),
        ({"blocks": (2,)}, "must have the blocks"),
        ({"head_channels": 9}, "none of them larger"),
        ({"dims": [10]}, "pooling and embedding must be those"),
    ],
)
def test_a_larger_network_is_refused(teacher, prune, change, words):
    done = prune(write_config(teacher / "other.json", **change), "other")
    assert done.returncode == 1 and words in done.stderr
    assert not (teacher / "other").exists()


def test_features_of_another_kind_are_refused(teacher, prune):
    kaldiio.save_ark(
        str(teacher / "data/feats.ark"), {"u000": np.zeros((9, 5), np.float32)}, scp=str(teacher / "data/feats.scp")
    )
    (teacher / "data/utt2spk").write_text("u000 u000\n")
    done = prune(write_config(teacher / "other.json"), "other")
    assert done.returncode == 1 and "features of 5 dimensions; the large network needs 16" in done.stderr
