"""The scripts of stages 1 and 3, as a recipe calls them."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from nnet.datadir.directory import DataDir
from nnet.kaldi.ark import read_matrix


@pytest.fixture
def recipe(root, tmp_path):
    """A folder with the links of a recipe, and a function that runs a script in it."""
    for name in ("steps", "utils", "path.sh"):
        os.symlink(root / name, tmp_path / name)

    def run(*words):
        environment = {**os.environ, "SV_PYTHON": sys.executable}
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return tmp_path, run


def write_data(folder, kaldi, names):
    folder.mkdir(parents=True)
    (folder / "wav.scp").write_text("".join(f"{name} {kaldi / name}.wav\n" for name in names))
    (folder / "utt2spk").write_text("".join(f"{name} {name.split('-')[0]}\n" for name in names))
    (folder / "spk2utt").write_text("".join(f"{name.split('-')[0]} {name}\n" for name in names))


def test_a_folder_with_the_runners_variable_in_its_name_is_refused(recipe, kaldi):
    folder, run = recipe
    write_data(folder / "data/JOBS", kaldi, ["spk1-16k"])
    done = run("steps/make_mfcc.sh", "--mfcc-config", str(kaldi / "mfcc_vox.conf"), "data/JOBS")
    assert done.returncode == 1 and "parallel jobs cannot use a folder with JOB in its name" in done.stderr
    assert not list((folder / "data/JOBS/log").iterdir()) and not (folder / "data/JOBS/feats.scp").exists()


def test_features_of_a_recipe(recipe, kaldi):
    folder, run = recipe
    write_data(folder / "data/x", kaldi, ["short-16k", "spk1-16k", "spk2-16k"])
    steps = [
        ["steps/make_mfcc.sh", "--nj", "9", "--mfcc-config", str(kaldi / "mfcc_vox.conf"), "data/x"],
        ["steps/compute_vad_decision.sh", "--nj", "2", "--vad-config", str(kaldi / "vad.conf"), "data/x"],
        ["steps/prepare_feats.sh", "--nj", "1", "--cmvn", "utterance", "--remove-silence", "false", "data/x", "data/y"],
        ["utils/validate_data_dir.sh", "--no-text", "data/y"],
    ]
    for words in steps:
        result = run(*words)
        assert result.returncode == 0, result.stderr
    data = DataDir(folder / "data/y")
    assert data.utt2num_frames == {"short-16k": 4, "spk1-16k": 486, "spk2-16k": 760}
    assert abs(read_matrix(data.feats["spk1-16k"]).mean()) < 0.1
    assert data.feats_conf["cmvn"] == "utterance"


def test_filter_banks_and_bad_audio(recipe, kaldi):
    folder, run = recipe
    write_data(folder / "data/x", kaldi, ["spk1-16k", "zeros-16k"])
    (folder / "fbank.conf").write_text("--num-mel-bins=80\n")
    speech = soundfile.read(kaldi / "spk1-16k.wav")[0]
    soundfile.write(folder / "stereo.wav", np.column_stack([speech, 0 * speech]), 16000)
    wavs = folder / "data/x/wav.scp"
    wavs.write_text(wavs.read_text().replace(str(kaldi / "spk1-16k.wav"), str(folder / "stereo.wav")))
    words = ["steps/make_fbank.sh", "--fbank-config", "fbank.conf"]
    result = run(*words, "--nj", "two", "data/x")
    assert result.returncode == 1 and "--nj must be a number above 0, not 'two'" in result.stderr
    result = run(*words, "data/x")
    assert result.returncode != 0
    assert 'data/x/split2utt/2: "zeros-16k": all 16000 samples are zero' in result.stderr
    assert not (folder / "data/x/feats.scp").exists()
    result = run(*words, "--skip-bad", "true", "data/x")
    assert result.returncode == 0, result.stderr
    assert "1 of 2 utterances skipped" in result.stderr
    assert "stereo.wav: 2 channels, using the first" in result.stderr
    data = DataDir(folder / "data/x")
    assert list(data.feats) == list(data.utt2spk) == ["spk1-16k"]
    assert read_matrix(data.feats["spk1-16k"]).shape == (484, 80)
    (folder / "mel.conf").write_text("--layout=torchaudio\n")
    result = run("steps/make_mel.sh", "--mel-config", "mel.conf", "--skip-bad", "true", "data/x")
    assert result.returncode == 0, result.stderr
    assert read_matrix(DataDir(folder / "data/x").feats["spk1-16k"]).shape == (487, 72)


def test_augmented_copies_with_the_originals_vad(recipe, kaldi):
    folder, run = recipe
    write_data(folder / "data/x", kaldi, ["spk1-16k", "spk2-16k"])
    write_data(folder / "data/noise", kaldi, ["spk2-16k"])
    config = ["--nj", "2", "--mfcc-config", str(kaldi / "mfcc_vox.conf")]
    for words in [
        ["steps/make_mfcc.sh", *config, "data/x"],
        ["steps/compute_vad_decision.sh", "--vad-config", str(kaldi / "vad.conf"), "data/x"],
        ["steps/augment_data.sh", "--nj", "9", "--noises", "data/noise", "--music", "data/noise", "data/x", "data/aug"],
        ["steps/make_mfcc.sh", *config, "data/aug"],
        ["utils/combine_data.sh", "data/both", "data/x", "data/aug"],
        ["steps/prepare_feats.sh", "--nj", "2", "data/both", "data/ready"],
    ]:
        result = run(*words)
        assert result.returncode == 0, result.stderr
    ready = DataDir(folder / "data/ready")
    assert list(ready.feats) == [f"spk{i}-16k{kind}" for i in (1, 2) for kind in ("", "-music", "-noise")]
    for utterance, original in ready.table("utt2uniq").items():
        assert ready.utt2num_frames[utterance] == ready.utt2num_frames[original]
    assert ready.feats_conf["vad"]["vad_frames_context"] == 2


def test_features_that_kaldi_made(recipe, kaldi, mfccs):
    folder, run = recipe
    write_data(folder / "data/x", kaldi, list(mfccs))
    ark = (kaldi / "mfcc_vox.ark").read_bytes()
    offsets = {name: ark.index(f"{name} ".encode()) + len(name) + 1 for name in mfccs}
    scp = "".join(f"{name} {kaldi / 'mfcc_vox.ark'}:{offset}\n" for name, offset in offsets.items())
    (folder / "data/x/feats.scp").write_text(scp)
    prepare = ["steps/prepare_feats.sh", "--nj", "1", "--remove-silence", "false", "data/x", "data/y"]
    result = run(*prepare)
    assert result.returncode != 0 and "nnet.bin.describe_feats" in result.stderr
    describe = ["bash", "-c", '. ./path.sh && python -m nnet.bin.describe_feats "$@"', "-", "data/x"]
    result = run(*describe)
    assert result.returncode == 1 and '"short-16k" has 30 values per frame, but the options give 13' in result.stderr
    assert run(*describe, "--config", str(kaldi / "mfcc_vox.conf")).returncode == 0
    assert "already exists" in run(*describe).stderr
    result = run(*prepare)
    assert result.returncode == 0, result.stderr
    conf = DataDir(folder / "data/y").feats_conf
    assert (conf["type"], conf["cmvn"], conf["options"]["num_ceps"]) == ("mfcc", "sliding", 30)
