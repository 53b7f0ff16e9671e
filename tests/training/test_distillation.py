"""Distillation: the targets are the teacher's, the student comes closer to them, and a resume changes nothing."""

import json
import re
import shutil

import numpy as np
import pytest
import soundfile
from killed import assert_same_weights, killed_at_checkpoint
from toy_audio import OPTIONS, RATE, tone
from toy_data import DIM, SEED, make_config, make_data

from nnet.bin.extract_embeddings import main as extract
from nnet.bin.train_nnet import main
from nnet.config import load_config
from nnet.datadir.directory import DataDir, write_table
from nnet.dataset import speaker_indices
from nnet.errors import InputError
from nnet.feats.options import MelOptions
from nnet.feats.spectrum import compute_fbank
from nnet.kaldi.ark import ArkWriter
from nnet.model.directory import load_speaker_net
from nnet.model.extraction import embed_utterance
from nnet.model.speaker_net import attach_loss, build_model
from nnet.ops import mx
from nnet.training.data import training_loader, validation_loader
from nnet.training.distributed import Group
from nnet.training.finetune import initialize_from
from nnet.training.validation import validate

NOTHING = {"type": "none"}  # no classification loss
DIMS = {"network": {"type": "tdnn", "dims": [12, 12, 16], "kernels": [5, 3, 1], "dilations": [1, 2, 1]}}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_data(folder / "train", utterances=6)
    make_data(folder / "valid", utterances=2, seed=1)
    for table in ("utt2spk", "utt2num_frames", "feats.scp"):  # other ids than those of the training set
        path = folder / "valid" / table
        path.write_text(re.sub(r"(?m)^(s\d+)-u", r"\1-v", path.read_text()))
    return folder


@pytest.fixture(scope="module")
def teacher(data):
    config = make_config(data / "teacher.json", training={"epochs": 4})
    train(data, config, data / "teacher")
    return data / "teacher"


def train(data, config, directory, *options):
    main([*options, str(config), str(data / "train"), str(data / "valid"), str(directory)])
    return mx.load(str(directory / "model.safetensors"))


def log_of(directory):
    return [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]


def test_without_labels_validation_may_be_of_others(data, teacher, tmp_path):
    make_data(tmp_path / "valid", speakers=2, first_speaker=30)
    (tmp_path / "train").symlink_to(data / "train")
    config = make_config(tmp_path / "c.json", loss=NOTHING, distillation={"teacher": str(teacher)}, **DIMS)
    train(tmp_path, config, tmp_path / "exp", "--set", "training.epochs=1")
    with pytest.raises(InputError, match="speaker s030 of .* is not one of the 6 training speakers"):
        train(tmp_path, config, tmp_path / "labels", "--set", "loss.type=softmax")


def keep(teacher, data, out):
    """The teacher's embeddings of whole utterances of the training and validation sets, in one folder."""
    out.mkdir()
    for name in ("train", "valid"):
        extract([str(teacher), str(data / name), str(out / name)])
    (out / "xvector.scp").write_text("".join(sorted((out / f"{n}.scp").read_text() for n in ("train", "valid"))))
    return out


@pytest.mark.parametrize("loss", ["cosine", "mse"])
def test_the_teacher_itself_is_at_no_distance(data, teacher, tmp_path, loss):
    path = make_config(tmp_path / "c.json", loss=NOTHING, distillation={"teacher": str(teacher), "loss": loss})
    config, valid = load_config(path), DataDir(data / "valid")
    spk2int = speaker_indices(valid.utt2spk)
    with validation_loader(config, valid, spk2int) as loader:
        mx.random.seed(SEED)
        model = build_model(config, DIM)
        attach_loss(model, config, len(spk2int), loader.target_dims)
        assert validate(model, loader.epoch(0))[0] > 0.01, "another network"
        initialize_from(model, teacher, ("loss.*",))
        assert validate(model, loader.epoch(0))[0] < 1e-6


def test_frames_are_compared_with_those_before_the_teachers_pooling(data, teacher, tmp_path):
    section = {"teacher": str(teacher), "frames": 2.0, "weight": 3.0}
    config = load_config(make_config(tmp_path / "c.json", loss=NOTHING, distillation=section))
    valid = DataDir(data / "valid")
    spk2int = speaker_indices(valid.utt2spk)
    with validation_loader(config, valid, spk2int) as loader:
        model = build_model(config, DIM)
        attach_loss(model, config, len(spk2int), loader.target_dims)
        initialize_from(model, teacher, ("loss.*",))
        batches = list(loader.epoch(0))
    frame_map = model.distillation.frame_map
    for scale, expected in ((1.0, 0.0), (0.5, 3.0 * 2.0 * 0.25), (0.0, 3.0 * 2.0)):
        frame_map.weight, frame_map.bias = scale * mx.eye(model.network.out_dim), mx.zeros(model.network.out_dim)
        assert validate(model, batches)[0] == pytest.approx(expected, abs=1e-5)
    features, _, embeddings, frames = batches[0]
    net, _, _ = load_speaker_net(teacher)
    for node, targets in ((net.node, embeddings), (list(net.network.endpoint_dims)[-1], frames)):
        assert np.allclose(net.extract(mx.array(features), node), targets, atol=1e-5)


@pytest.mark.parametrize("where", ["teacher", "embeddings", "frames"])
@pytest.mark.parametrize("sections", [{}, {"loss": NOTHING, "embedding": {"dims": [10]}}])
def test_a_smaller_student_comes_close_with_or_without_labels(data, teacher, tmp_path, where, sections):
    if where == "embeddings":
        source = {where: str(keep(teacher, data, tmp_path / "kept"))}
    else:
        source = {"teacher": str(teacher), "frames": float(where == "frames")}
    config = make_config(tmp_path / "c.json", **DIMS, **sections, distillation=source | {"weight": 2.0},
                         training={"epochs": 6}, optimizer={"type": "adam"})  # fmt: skip
    weights = train(data, config, tmp_path / "exp")
    log = log_of(tmp_path / "exp")
    if "loss" in sections:
        # The projection to the teacher's dimension is trained with the network, and stays out of the embedding.
        assert weights["distillation.projection.weight"].shape == (12, 10)
        assert not [name for name in weights if name.startswith("loss.")]
        assert log[-1]["valid_loss"] < log[0]["valid_loss"] / 3
        assert log[-1]["dev_eer"] < 35, "without a label"
    assert log[-1]["valid_loss"] < log[0]["valid_loss"]
    net, _, _ = load_speaker_net(tmp_path / "exp")
    vector = embed_utterance(net, np.zeros((50, DIM), np.float32))
    assert len(vector) == sections.get("embedding", {"dims": [12]})["dims"][-1]


def test_kept_targets_are_those_of_the_chunks_utterances(data, teacher, tmp_path):
    kept = keep(teacher, data, tmp_path / "kept")
    config = load_config(make_config(tmp_path / "c.json", distillation={"embeddings": str(kept)}))
    train_data = DataDir(data / "train")
    spk2int = speaker_indices(train_data.utt2spk)
    net, _, _ = load_speaker_net(teacher)
    with training_loader(config, train_data, spk2int, Group(), train_data.feats_conf) as loader:
        whole = {u: embed_utterance(net, f) for u, f in _features(train_data)}
        _, labels, targets = next(iter(loader.epoch(3, 1)))
        speakers = {u: spk2int[s] for u, s in train_data.utt2spk.items()}
        for label, target in zip(labels, targets, strict=True):
            nearest = min(whole, key=lambda u: np.abs(whole[u] - target).max())
            assert np.allclose(whole[nearest], target, atol=1e-5) and speakers[nearest] == label
    lines = (kept / "xvector.scp").read_text().splitlines(keepends=True)
    (kept / "xvector.scp").write_text("".join(lines[:5] + lines[7:]))
    with pytest.raises(InputError, match=r'xvector.scp: no embedding of "s\d+-u\d" and 1 other'):
        training_loader(config, train_data, spk2int, Group(), train_data.feats_conf)


def _features(data):
    from nnet.kaldi.ark import read_matrix

    return [(u, read_matrix(rx)) for u, rx in data.feats.items()]


def test_a_resumed_distillation_equals_an_undisturbed_one(data, teacher, tmp_path):
    config = make_config(tmp_path / "c.json", **DIMS, loss=NOTHING, embedding={"dims": [10]},
                         distillation={"teacher": str(teacher), "frames": 0.5}, training={"save_every": 2})  # fmt: skip
    expected = train(data, config, tmp_path / "a")
    with killed_at_checkpoint(3):
        train(data, config, tmp_path / "b")
    resumed = train(data, config, tmp_path / "b", "--resume", "true", "--set", "data.num_workers=2")
    assert_same_weights(expected, resumed)


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    """Recordings, and prepared features of 12 and of 20 filter banks of the validation set."""
    folder = tmp_path_factory.mktemp("audio")
    for name in ("train", "valid", "valid20", "noise", "coded"):
        path = folder / name
        path.mkdir()
        prefix = "train" if name == "coded" else name[:5]
        sounds = {f"s{s}-{prefix}{u}": tone(s, SEED + 10 * s + u) for s in range(3) for u in range(2)}
        if name == "coded":
            sounds = {u: np.clip(samples, -0.1, 0.1) for u, samples in sounds.items()}
        for utterance, samples in sounds.items():
            soundfile.write(path / f"{utterance}.wav", samples, RATE)
        write_table(path / "wav.scp", {u: str(path / f"{u}.wav") for u in sounds})
        write_table(path / "utt2spk", {u: u.split("-")[0] for u in sounds})
        if name.startswith("valid"):
            options = OPTIONS if name == "valid" else type(OPTIONS)(**OPTIONS.to_dict() | {"num_mel_bins": 20})
            conf = {"type": "fbank", "options": options.to_dict(), "cmvn": "none", "silence_removed": False}
            (path / "feats_conf.json").write_text(json.dumps(conf))
            with ArkWriter(str(path / "feats.ark"), str(path / "feats.scp")) as writer:
                for utterance, samples in sorted(sounds.items()):
                    writer.write(utterance, compute_fbank(samples, options))
    return folder


@pytest.mark.parametrize("heard", ["train", "coded"])
def test_the_student_hears_noise_and_other_features_than_the_teacher(audio, tmp_path, heard):
    on_the_fly = {"source": "audio", "steps_per_epoch": 2, "batch_size": 6}
    config = make_config(tmp_path / "t.json", data=on_the_fly, training={"epochs": 1})
    main([str(config), str(audio / "train"), str(audio / "valid20"), str(tmp_path / "teacher")])
    noise = {"noises": str(audio / "noise"), "noise_snrs": [0.0], "probability": 1.0}
    path = make_config(tmp_path / "c.json", data=on_the_fly, loss=NOTHING, augmentation=noise, training={"epochs": 1},
                       distillation={"teacher": str(tmp_path / "teacher"), "clean": str(audio / "train")})  # fmt: skip
    config, valid = load_config(path), DataDir(audio / "valid")
    data = DataDir(audio / heard)
    net, _, about = load_speaker_net(tmp_path / "teacher")
    with training_loader(config, data, speaker_indices(data.utt2spk), Group(), valid.feats_conf) as loader:
        features, _, targets = next(iter(loader.epoch(0)))
        clean, _ = next(iter(loader.targets.clean.epoch(0)))
        assert features.shape[:2] == clean.shape[:2] and (features.shape[2], clean.shape[2]) == (12, 20)
        for chunk, target in zip(clean, targets, strict=True):
            assert np.allclose(embed_utterance(net, chunk), target, atol=1e-5)
        # The clean chunks are rows of the recordings' features.
        whole = [compute_fbank(tone(s, SEED + 10 * s + u), type(OPTIONS)(**about["feats_conf"]["options"]))
                 for s in range(3) for u in range(2)]  # fmt: skip
        frames = len(clean[0])
        assert all(
            min(np.abs(f[i : i + frames] - chunk).max() for f in whole for i in range(len(f) - frames + 1)) < 1e-3
            for chunk in clean
        )
    main([str(path), str(audio / heard), str(audio / "valid"), str(tmp_path / "student")])
    assert 0 < log_of(tmp_path / "student")[-1]["valid_loss"] < 2


def test_what_cannot_be_taught_is_refused(audio, data, teacher, tmp_path):
    for section in ({}, {"teacher": "a", "embeddings": "b"}):
        with pytest.raises(InputError, match="distillation: give either teacher, a model directory, or embeddings"):
            load_config(make_config(tmp_path / "c.json", distillation=section))
    for key, value in (("frames", 1.0), ("clean", "data")):
        with pytest.raises(InputError, match=f"distillation.{key} needs distillation.teacher, not kept embeddings"):
            load_config(make_config(tmp_path / "c.json", distillation={"embeddings": "b", key: value}))
    shorter = shutil.copytree(data / "train", tmp_path / "shorter")
    lines = (shorter / "feats.scp").read_text().splitlines(keepends=True)
    (shorter / "feats.scp").write_text("".join(lines[1:]))
    section = {"teacher": str(teacher), "clean": str(shorter)}
    with pytest.raises(InputError, match="shorter and .*train .distillation.clean. have other utterances or lengths"):
        train(data, make_config(tmp_path / "c.json", distillation=section), tmp_path / "exp00")
    other = {"network": {"type": "tdnn", "dims": [12], "kernels": [3], "dilations": [1]}}
    config = make_config(tmp_path / "c.json", **other, distillation={"teacher": str(teacher), "frames": 1.0})
    with pytest.raises(InputError, match="of a chunk the network gives .* frames, the teacher .*; choose a network of"):
        train(data, config, tmp_path / "exp0")
    with pytest.raises(InputError, match="loss.type none trains nothing: add the section distillation"):
        load_config(make_config(tmp_path / "c.json", loss=NOTHING))
    config = make_config(tmp_path / "c.json", distillation={"teacher": str(teacher)})
    other = shutil.copytree(data, tmp_path / "other")
    for path in other.glob("*/feats_conf.json"):
        path.write_text(path.read_text().replace('"none"', '"sliding"'))
    with pytest.raises(InputError, match="its features are not those of the teacher .*; set data.source to audio, or"):
        train(other, config, tmp_path / "exp")
    for path in other.glob("*/feats_conf.json"):
        path.write_text(path.read_text().replace('"num_ceps"', '"frame_shift": 20.0, "num_ceps"'))
    with pytest.raises(InputError, match="the teacher .* has another frame_shift; keep its embeddings"):
        train(other, config, tmp_path / "exp2")
    for path in other.glob("*/feats_conf.json"):  # features of another type lie elsewhere, too
        path.write_text(json.dumps(json.loads(path.read_text()) | {"type": "mel", "options": MelOptions().to_dict()}))
    with pytest.raises(InputError, match="the teacher .* has another .*layout; keep its embeddings"):
        train(other, config, tmp_path / "exp3")
    clean = shutil.copytree(data / "train", tmp_path / "clean")
    path = clean / "feats_conf.json"
    path.write_text(path.read_text().replace('"none"', '"sliding"'))
    config = make_config(tmp_path / "c.json", distillation={"teacher": str(teacher), "clean": str(clean)})
    with pytest.raises(InputError, match="clean: its features are not those of the teacher"):
        train(data, config, tmp_path / "exp4")
