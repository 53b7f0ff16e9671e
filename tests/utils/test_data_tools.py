"""The scripts in utils/ that stand over data directories: arguments, output, exit status."""

import os
import subprocess

import numpy as np
import pytest
import soundfile

from nnet.kaldi.ark import ArkWriter


@pytest.fixture
def call(root, tmp_path):
    """Runs one of the tools in tmp_path."""

    def call(name, *words):
        return subprocess.run(
            [root / "utils" / f"{name}.sh", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    return call


@pytest.fixture
def data(tmp_path):
    """Four utterances of two speakers, with audio and features."""
    path = tmp_path / "data"
    path.mkdir()
    utterances = ["a-1", "a-2", "b-1", "b-2"]
    rng = np.random.default_rng(0)
    with ArkWriter(tmp_path / "f.ark", path / "feats.scp") as writer:
        for frames, utterance in enumerate(utterances, 5):
            soundfile.write(tmp_path / f"{utterance}.wav", rng.normal(size=800 * frames) / 10, 8000)
            writer.write(utterance, rng.normal(size=(frames, 3)).astype(np.float32))
    (path / "wav.scp").write_text("".join(f"{u} {tmp_path}/{u}.wav\n" for u in utterances))
    (path / "utt2spk").write_text("".join(f"{u} {u[0]}\n" for u in utterances))
    (path / "spk2utt").write_text("a a-1 a-2\nb b-1 b-2\n")
    return path


def test_they_follow_links_and_need_no_folder(call, root, data, tmp_path):
    os.symlink(root / "utils", tmp_path / "utils")
    command = "utils/validate_data_dir.sh --no-text data"
    result = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.stdout == "data: valid, 4 utterances of 2 speakers\n"


def test_turning_round(call, data):
    assert call("utt2spk_to_spk2utt", "data/utt2spk").stdout == "a a-1 a-2\nb b-1 b-2\n"
    assert call("spk2utt_to_utt2spk", "data/spk2utt").stdout == (data / "utt2spk").read_text()


def test_lengths(call, data):
    assert call("get_utt2dur", "--nj", "2", "data").returncode == 0
    assert (data / "utt2dur").read_text() == "a-1 0.5\na-2 0.6\nb-1 0.7\nb-2 0.8\n"
    assert call("get_reco2dur", "data").returncode == 0
    assert (data / "reco2dur").read_text() == (data / "utt2dur").read_text()
    assert call("get_utt2num_frames", "data").returncode == 0
    assert (data / "utt2num_frames").read_text() == "a-1 5\na-2 6\nb-1 7\nb-2 8\n"


def test_copy_subset_split_combine(call, data, tmp_path):
    copied = call("copy_data_dir", "--utt-suffix", "-noise", "data", "copy")
    assert copied.returncode == 0, copied.stderr
    assert (tmp_path / "copy/utt2spk").read_text().startswith("a-1-noise a\n")
    assert call("subset_data_dir", "--per-spk", "data", "1", "one").returncode == 0
    assert (tmp_path / "one/spk2utt").read_text() == "a a-2\nb b-2\n"
    (tmp_path / "list").write_text("b\n")
    assert call("subset_data_dir", "--spk-list", "list", "data", "b").returncode == 0
    assert (tmp_path / "b/utt2spk").read_text() == "b-1 b\nb-2 b\n"
    assert call("split_data", "data", "2").returncode == 0
    assert (data / "split2/2/utt2spk").read_text() == "b-1 b\nb-2 b\n"
    result = call("combine_data", "all", "data", "copy")
    assert result.returncode == 0, result.stderr
    assert len((tmp_path / "all/feats.scp").read_text().splitlines()) == 8


def test_errors_are_one_line(call, data):
    for name, *words in (
        ("split_data", "data", "3"),
        ("split_data", "--per-utt", "data", "5"),
        ("subset_data_dir", "data", "5", "x"),
        ("validate_data_dir", "data"),
        ("copy_data_dir", "none", "x"),
    ):
        result = call(name, *words)
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1, result.stderr
        assert result.stderr.startswith(f"{name}: error: ")


def test_fix_then_valid(call, data):
    lines = (data / "wav.scp").read_text().splitlines()
    (data / "wav.scp").write_text("\n".join(reversed(lines[:3])) + "\n")
    bad = call("validate_data_dir", "--no-text", "data")
    assert bad.returncode == 1
    assert 'data/wav.scp:2: "a-2" comes after "b-1"' in bad.stderr
    assert call("fix_data_dir", "data").returncode == 0
    assert call("validate_data_dir", "--no-text", "data").returncode == 0
    assert (data / ".backup/wav.scp").exists()


def test_filter(call, data, tmp_path):
    (tmp_path / "list").write_text("b-1 x\n")
    assert call("filter_scp", "list", "data/utt2spk").stdout == "b-1 b\n"
    assert len(call("filter_scp", "--exclude", "list", "data/utt2spk").stdout.splitlines()) == 3
    (tmp_path / "list").write_text("a\n")
    assert call("filter_scp", "-f", "2", "list", "data/utt2spk").stdout == "a-1 a\na-2 a\n"


def test_a_copy_is_checked_with_the_options_that_are_given(call, data):
    (data / "utt2spk").write_text("a-1 b\na-2 b\nb-1 a\nb-2 a\n")
    (data / "spk2utt").write_text("a b-1 b-2\nb a-1 a-2\n")
    assert "use --no-spk-sort" in call("copy_data_dir", "data", "copy").stderr
    done = call("copy_data_dir", "--validate-opts", "--no-spk-sort --non-print", "data", "copy")
    assert (done.returncode, done.stdout) == (0, "copy: valid, 4 utterances of 2 speakers\n")
    done = call("copy_data_dir", "--validate-opts", "--no-speech", "data", "copy")
    assert done.returncode == 1 and "--no-speech: not an option of utils/validate_data_dir.sh" in done.stderr
