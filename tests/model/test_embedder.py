"""Audio in, embedding out, from Python and from the command line."""

import shutil

import numpy as np
import pytest
import soundfile
from toy_data import make_config

import nnet
from nnet.backend.calibration import Calibration, write_calibration
from nnet.bin import compare
from nnet.bin.embed import main
from nnet.config import load_config
from nnet.errors import InputError
from nnet.feats.cmvn import sliding_cmvn
from nnet.feats.options import MfccOptions
from nnet.feats.spectrum import compute_mfcc
from nnet.feats.vad import VadOptions, energy_vad
from nnet.model.directory import save_config
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of
from nnet.ops import mx

RATE = 16000
VAD = {"vad_energy_threshold": 5.5, "vad_frames_context": 2}


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("model")
    config = load_config(str(make_config(directory / "c.json")))
    mx.random.seed(0)
    save_weights(str(directory / "model.safetensors"), weights_of(build_model(config, 13)))
    options = MfccOptions(sample_frequency=float(RATE)).to_dict()
    conf = {"type": "mfcc", "options": options, "cmvn": "sliding", "silence_removed": True, "vad": VAD}
    save_config(str(directory), config, 13, 5, conf)
    return str(directory)


def speech(seconds, seed):
    rng = np.random.default_rng(seed)
    envelope = np.repeat(rng.uniform(0.01, 1, size=int(10 * seconds)), RATE // 10)
    return (0.1 * envelope * rng.normal(size=len(envelope))).astype(np.float32)


def test_embedding_equals_features_vad_cmvn_network(model_dir):
    samples = speech(3, 0)
    model = nnet.load_model(model_dir)
    raw = compute_mfcc(samples, MfccOptions(dither=0.0))
    feats = sliding_cmvn(raw)[energy_vad(raw, VadOptions(**VAD))]
    expected = np.array(model.net.extract(mx.array(feats[None])))[0]
    assert np.allclose(model.embed(samples, RATE), expected, atol=1e-5)
    assert model.dim == 12


def test_batch_and_files_give_the_same(model_dir, tmp_path):
    recordings = [(speech(s, s), RATE) for s in (2, 3, 2)]
    model = nnet.load_model(model_dir)
    for (samples, rate), vector in zip(recordings, model.embed_batch(recordings), strict=True):
        assert np.allclose(vector, model.embed(samples, rate), atol=1e-5)
    soundfile.write(tmp_path / "a.wav", recordings[0][0], RATE, subtype="FLOAT")
    assert np.allclose(model.embed_file(tmp_path / "a.wav"), model.embed(*recordings[0]), atol=1e-5)


def test_a_long_recording_is_the_mean_of_its_chunks(model_dir):
    samples = speech(6, 1)
    whole, chunked = nnet.load_model(model_dir), nnet.load_model(model_dir, chunk_size=200)
    difference = np.abs(whole.embed(samples, RATE) - chunked.embed(samples, RATE)).max()
    assert 0 < difference < np.abs(whole.embed(samples, RATE)).max()


def test_what_cannot_be_embedded_is_named(model_dir):
    model = nnet.load_model(model_dir)
    with pytest.raises(InputError, match="8000 Hz, the model was trained on 16000 Hz"):
        model.embed(speech(1, 0), 8000)
    with pytest.raises(InputError, match="too short for an embedding: fewer than 9 frames"):
        model.embed(speech(1, 0)[:1000], RATE)
    with pytest.raises(InputError, match="zero"):
        model.embed(np.zeros(RATE, np.float32), RATE)
    with pytest.raises(InputError, match='did you mean "embedding1.affine"'):
        nnet.load_model(model_dir, node="embeding1.affine")
    with pytest.raises(InputError, match="tdnn1.relu gives one vector per frame"):
        nnet.load_model(model_dir, node="tdnn1.relu")
    with pytest.raises(InputError, match="chunks of 5 frames"):
        nnet.load_model(model_dir, chunk_size=5).embed(speech(1, 0), RATE)


def test_the_command_prints_cosines(model_dir, tmp_path, capsys):
    paths = []
    for seed in range(3):
        paths.append(str(tmp_path / f"{seed}.wav"))
        soundfile.write(paths[-1], speech(2, seed), RATE)
    main(["--out", str(tmp_path / "emb"), model_dir, *paths])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(a, b) for a, b, _ in lines] == [(paths[0], paths[1]), (paths[0], paths[2]), (paths[1], paths[2])]
    assert all(-1 <= float(c) <= 1 for _, _, c in lines)
    assert len((tmp_path / "emb.scp").read_text().splitlines()) == 3
    compare.main([model_dir, *paths])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == lines
    with pytest.raises(InputError, match="0.wav: only one file; give a second"):
        compare.main([model_dir, paths[0]])
    for audio in ([paths[0], paths[0]], [paths[0], "my voice.wav"]):
        with pytest.raises(InputError, match="contains spaces or is given twice"):
            main(["--out", str(tmp_path / "emb"), model_dir, *audio])
    with pytest.raises(InputError, match="only one file: give a second"):
        main([model_dir, paths[0]])


def test_a_calibration_in_the_directory_gives_probabilities(model_dir, tmp_path, capsys):
    directory = tmp_path / "model"
    shutil.copytree(model_dir, directory)
    write_calibration(directory / "cosine_calibration.json", Calibration(-3.0, np.array([10.0]), 0.01), {})
    paths = [str(tmp_path / f"{seed}.wav") for seed in range(2)]
    for seed, path in enumerate(paths):
        soundfile.write(path, speech(2, seed), RATE)
    main(["--p-target", "0.2", str(directory), *paths])
    _, _, cosine, probability = capsys.readouterr().out.split()
    odds = 0.25 * np.exp(-3 + 10 * float(cosine))
    assert float(probability) == pytest.approx(odds / (1 + odds), abs=1e-3)
    assert nnet.load_model(directory).probability([0.3, 0.4]).tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-1))])
    with pytest.raises(InputError, match="has no cosine_calibration.json"):
        nnet.load_model(model_dir).probability(0.3)
    write_calibration(directory / "cosine_calibration.json", Calibration(0.0, np.ones(3), 0.01), {})
    with pytest.raises(InputError, match="calibrates 3 columns"):
        _ = nnet.load_model(directory).calibration
