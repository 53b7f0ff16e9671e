"""The pages in docs/: their examples are followed in a copy of the checkout, and the files that they name are there."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from slurm_here import needs_slurm
from test_imports import RANKS, WITHOUT_MLX
from toy_checkpoint import RATE, make_checkpoint, make_speech
from toy_data import make_config, make_data

import nnet
from nnet.bin.convert_checkpoint import main as main_convert
from nnet.config import load_config
from nnet.datadir.directory import DataDir
from nnet.feats.options import FbankOptions
from nnet.kaldi.ark import read_dict
from nnet.model.directory import load_speaker_net
from nnet.model.speaker_net import build_model
from nnet.model.weights import weights_of
from nnet.ops import mx
from resnet_embedding import load_resnet34_embedding

COPIED = ("nnet", "local", "steps", "utils", "path.sh", "setup.py", "resnet_embedding.py")


def sections(page):
    """{heading: text} of a page; what stands above the first heading is called ""."""
    heading, *parts = re.split(r"^## (.+)\n", page, flags=re.MULTILINE)
    return {"": heading} | dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.fixture(scope="module")
def page(root):
    return sections((root / "docs/extending.md").read_text())


@pytest.fixture
def checkout(root, tmp_path):
    """A copy of the checkout beside data and a configuration that are small enough for a test."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in COPIED:
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, folder / name)
    make_data(folder / "data/train")
    make_data(folder / "data/valid", utterances=2, seed=1)
    (folder / "nnet_conf").mkdir()
    make_config(folder / "nnet_conf/xvector.json")
    return folder


@pytest.fixture
def follow(page, checkout, monkeypatch):
    """Gives a function that writes the files of a section, applies its changes and runs its commands."""
    monkeypatch.setenv("SV_PYTHON", sys.executable)
    monkeypatch.delenv("SV_READY", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def run(heading):
        for name, text in re.findall(r"`(\S+)`:\n\n```python\n(.*?)```", page[heading], re.DOTALL):
            (checkout / name).parent.mkdir(exist_ok=True)
            (checkout / name).write_text(text)
        for changes in blocks(page[heading], "diff"):
            shell("git apply", checkout, changes)
        commands = blocks(page[""], "sh") + blocks(page[heading], "sh")
        return shell("\n".join(["set -euo pipefail", *commands]), checkout)

    return run


@pytest.fixture
def come_from(root, checkout, follow):
    """Gives a function that runs what docs/predecessors.md has under a heading, in one language."""
    page = sections((root / "docs/predecessors.md").read_text())

    def run(heading, language="sh"):
        if language == "python":
            code = "\n".join(blocks(page[heading], "python")) + "\nprint(*np.shape(embedding), *mel_spectrogram.shape)"
            return shell(f"{sys.executable} -", checkout, code)
        return shell("\n".join(["set -euo pipefail; . ./path.sh", *blocks(page[heading], language)]), checkout)

    return run


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def shell(script, folder, text=None):
    """What a script of bash prints; an error of it is one here."""
    # In a folder of a repository, git apply would leave out what is ignored there.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    command = ["bash", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def trained(checkout, name, monkeypatch):
    """The model in exp/NAME, loaded with the modules of own/ at hand."""
    monkeypatch.syspath_prepend(checkout / "own")
    return load_speaker_net(str(checkout / "exp" / name))[0]


def test_a_network(follow, checkout, monkeypatch):
    shown = follow("A network")
    assert "network.layers " in shown and "every gradient finite" in shown
    model = trained(checkout, "gated_tdnn", monkeypatch)
    assert type(model.network).__name__ == "GatedTdnn" and model.endpoint_dims["first"] == 64
    assert type(trained(checkout, "recurrent", monkeypatch).network.gru).__name__ == "GRU"
    monkeypatch.chdir(checkout)
    for name in ("gated_tdnn", "recurrent"):
        vectors = read_dict(f"scp:exp/{name}/embeddings_valid/xvector.scp")
        assert len(vectors) == 12 and all(np.isfinite(vector).all() for vector in vectors.values())


def test_a_pooling(follow, checkout, monkeypatch):
    follow("A pooling")
    pooling = trained(checkout, "soft_maximum", monkeypatch).pooling
    x = np.random.default_rng(0).normal(size=(2, 7, 24)).astype(np.float32)
    weights = np.exp(2 * x) / np.exp(2 * x).sum(axis=1, keepdims=True)
    expected = np.concatenate([x.mean(axis=1), (weights * x).sum(axis=1)], axis=1)
    np.testing.assert_allclose(np.array(pooling(mx.array(x))), expected, atol=1e-5)


def test_a_loss(follow, checkout, monkeypatch):
    assert follow("A loss").splitlines()[-1] == "true"
    trained(checkout, "squared_margin", monkeypatch)
    loss = load_config(str(checkout / "exp/squared_margin/config.json")).loss.build(4, 3)
    embeddings, labels = mx.array(np.eye(4, dtype=np.float32)[:3]), mx.array([0, 1, 2])
    with_margin = loss(embeddings, labels).loss.item()
    loss.eval()
    assert with_margin > loss(embeddings, labels).loss.item()


@pytest.fixture
def speech(checkout):
    """data/speech, and data/noise to mix in."""
    make_speech(checkout / "data/speech")
    make_speech(checkout / "data/noise", speakers=1)
    return checkout / "data/speech"


def test_an_augmentation(follow, checkout, speech):
    assert "clip (true or false; default false): Cut off the samples" in follow("An augmentation")
    both = DataDir(checkout / "data/speech_all")
    assert len(both.utt2spk) == 2 * len(DataDir(speech).utt2spk)
    assert both.table("utt2uniq")["s0-u0-clipped"] == "s0-u0" and both.utt2spk["s0-u0-clipped"] == "s0"
    made = DataDir(checkout / "data/speech_augmented").table("utt2augment")
    assert {name.rpartition("-")[2] for name in made} == {"noise", "clip"}


def test_a_corpus(follow, checkout):
    paths = make_speech(checkout / "made")
    for utterance, path in paths.items():
        word = checkout / "corpus/words" / utterance.replace("-", "/")
        word.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, f"{word}.wav")
    (checkout / "conf").mkdir()
    (checkout / "conf/fbank.conf").write_text(f"--num-mel-bins=12\n--sample-frequency={RATE}\n")
    follow("A corpus")
    data = DataDir(checkout / "data/words")
    assert list(data.utt2spk) == sorted(paths) == list(data.feats) and data.utt2spk["s2-u3"] == "s2"


def test_a_toolkits_checkpoints(follow, checkout, monkeypatch):
    overrides = ["network.bn_affine=true", "embedding.dims=[12]", "embedding.order=none"]
    config = load_config(str(checkout / "nnet_conf/xvector.json"), overrides)
    model = build_model(config, 20)
    model.eval()
    rng = np.random.default_rng(0)
    theirs = {}
    for name, weight in weights_of(model).items():
        array = rng.uniform(0.1, 1, weight.shape).astype(np.float32)
        model.load_weights([(name, mx.array(array))], strict=False)
        name = re.sub(r"network\.tdnn(\d)", lambda m: f"frames.{int(m[1]) - 1}", name).replace("affine", "conv")
        name = name.replace("embedding.layers.0.conv", "segment")
        theirs[name] = np.moveaxis(array, -1, 1) if array.ndim == 3 else array
    (checkout / "acme").mkdir()
    np.savez(checkout / "acme/weights.npz", **theirs)
    (checkout / "acme/config.yaml").write_text(f"dilations: {list(config.network.options.dilations)}\n")
    follow("A toolkit's checkpoints")
    converted, _, about = load_speaker_net(str(checkout / "exp/acme"))
    feats = mx.array(rng.normal(size=(2, 50, 20)).astype(np.float32))
    np.testing.assert_allclose(np.array(converted.extract(feats)), np.array(model.extract(feats)), rtol=1e-4)
    assert about["feats_conf"]["options"]["window_type"] == "hamming"
    assert FbankOptions.from_dict(about["feats_conf"]["options"]).num_mel_bins == 20


def test_coming_from_the_mlx_port(come_from, checkout, monkeypatch):
    make_checkpoint(checkout / "weights.npz", depth=34, bins=80, dim=256)
    soundfile.write(checkout / "a.wav", np.random.default_rng(0).normal(0, 0.1, RATE), RATE)
    assert come_from("mlx-community's ResNet34", "python").split() == ["1", "256", "1", "98", "80"]
    monkeypatch.chdir(checkout)
    samples, _ = nnet.read_audio("a.wav")
    feats = nnet.compute_fbank(samples, nnet.FbankOptions(num_mel_bins=80, window_type="hamming", dither=0.0))
    model = load_resnet34_embedding("weights.npz")
    main_convert(["weights.npz", "exp/resnet34"])
    ours = nnet.load_model("exp/resnet34").embed_file("a.wav")
    np.testing.assert_allclose(
        np.array(model(mx.array((feats - feats.mean(axis=0))[None])))[0], ours, rtol=1e-3, atol=1e-5
    )
    # librosa.power_to_db(mel, ref=np.max): 10 log10 of energies over their maximum, at least -80
    energies = np.exp(feats)
    decibels = np.maximum(10 * np.log10(energies / energies.max()), -80).astype(np.float32)
    embedding = np.array(model(mx.array(decibels[None])))
    assert embedding.shape == (1, 256) and np.isfinite(embedding).all()


def test_coming_from_tf_kaldi(come_from, checkout):
    pytest.importorskip("tensorboardX")
    shown = come_from("tf-kaldi-speaker")
    assert [line.split()[:2] for line in shown.splitlines() if line.startswith("exp/")] == [
        ["exp/margin_0.1", "0.1"],
        ["exp/margin_0.3", "0.3"],
    ]
    page = (checkout / "exp/tuning.html").read_text()
    assert "EER over loss.margin" in page and "development eer (%) over the epochs" in page
    assert list((checkout / "exp/margin_0.3/tensorboard").glob("events.out.tfevents.*"))
    for name in ("xvector", "spk_xvector"):
        vectors = read_dict(
            f"ark:{checkout}/exp/margin_0.1/embeddings_valid/{name}{'.1' if name == 'xvector' else ''}.ark"
        )
        np.testing.assert_allclose([np.linalg.norm(v) for v in vectors.values()], 1, rtol=1e-5)
    assert len(read_dict(f"ark:{checkout}/exp/margin_0.1/class_centers/class_center.ark")) == 6
    assert load_speaker_net(str(checkout / "exp/mfcc"))[2]["input_dim"] == 5


def test_coming_from_kaldi(come_from, checkout, speech):
    (checkout / "exp").mkdir()
    plda = nnet.Plda(np.arange(3.0), np.eye(3), np.array([4.0, 2.0, 1.0]))
    nnet.write_plda(checkout / "exp/plda", plda)
    for name, table in (("spk2gender", {f"s{i}": "f" for i in range(3)}), ("text", DataDir(speech).utt2spk)):
        nnet.write_table(speech / name, table)
    assert "valid, 12 utterances of 3 speakers" in come_from("Kaldi")
    assert DataDir(speech).numbers("reco2dur") == DataDir(speech).utt2dur == dict.fromkeys(DataDir(speech).utt2spk, 1.5)
    assert (checkout / "exp/plda.txt").read_bytes().startswith(b"<Plda> ")
    assert nnet.read_plda(str(checkout / "exp/plda.txt")).psi.tolist() == plda.psi.tolist()
    smooth = nnet.read_plda(str(checkout / "exp/plda_smooth"))
    np.testing.assert_allclose(smooth.psi, plda.smoothed(0.1).psi, rtol=1e-6)


@pytest.fixture
def scale(root, checkout, follow):
    """Gives a function that runs what docs/scaling.md has under a heading, and then another line."""
    page = sections((root / "docs/scaling.md").read_text())

    def run(heading, last=""):
        return shell("\n".join(["set -euo pipefail; . ./path.sh", *blocks(page[heading], "sh"), last]), checkout)

    return run


def test_scaling_on_one_machine(scale, checkout):
    scale("One machine")
    assert load_speaker_net(str(checkout / "exp/two"))


@needs_slurm
def test_scaling_by_slurm(scale, checkout):
    job = "sbatch --wait --nodes=1 --ntasks-per-node=2 --cpus-per-task=1 --mem=600M train.sbatch"
    scale("Slurm", f"OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 {job}")  # the threads that utils/slurm.sh asks for
    first, second = (mx.load(str(checkout / f"exp/{name}/model.safetensors")) for name in ("slurm", "job"))
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(np.array(first[name]), np.array(second[name]), atol=1e-5)
    for name in ("slurm", "job"):
        assert (checkout / f"exp/{name}/train.log").read_text().count("training finished") == 1
    assert " epoch 3 of 3: " in (checkout / "exp/train.out").read_text()
    assert not list(checkout.glob(".tasks-*"))


def test_the_walk_names_scripts_programs_and_modules_that_there_are(root):
    page = (root / "docs/architecture.md").read_text()
    rows = [line.split("|")[3:6] for line in page.split("## What may")[0].splitlines() if line.startswith("|")][2:]
    scripts, programs, modules = (re.findall(r"`([^`]+)`", " ".join(column)) for column in zip(*rows, strict=True))
    others = re.findall(r"`((?:\w+/)+\w+\.py)`", page.split("How to follow a feature")[1])
    assert len(rows) > 15 and len(others) > 15
    for name in scripts:
        assert list(root.glob(name if "/" in name else f"steps/{name}")), name
    for name in [f"nnet/bin/{name}.py" for name in programs] + [f"nnet/{name}" for name in modules]:
        assert (root / name).is_file(), name
    for name in others:
        assert (root / name).is_file() or (root / "nnet" / name).is_file(), name


def test_the_ranks_are_those_that_imports_are_tested_for(root):
    page = (root / "docs/architecture.md").read_text().split("## What may")[1]
    lines = re.findall(r"^\d+\. (.+(?:\n    .+)*)", page, re.MULTILINE)
    parts = set().union(*RANKS)
    assert [set(re.findall(r"`(\w+)`", line)) & parts for line in lines] == RANKS
    (without,) = re.findall(r"^(`kaldi`.+)\bload without MLX", page, re.MULTILINE)
    assert re.findall(r"`(\w+)`", without) == WITHOUT_MLX


def test_links_lead_somewhere(root):
    pages = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("egs/*/README.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())]
    local = [(page, link) for page, link in links if not link.startswith("http")]
    assert {"docs/architecture.md", "docs/extending.md", "docs/report.png"} <= {link for _, link in local}
    assert not [(page.name, link) for page, link in local if not (page.parent / link).exists()]
