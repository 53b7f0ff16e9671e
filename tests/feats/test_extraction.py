"""Features of data directories: what is right, what is wrong with the audio, and that jobs change nothing."""

import os

import numpy as np
import pytest
import soundfile
from threadpoolctl import threadpool_limits

from nnet.bin import compute_vad, make_feats, merge_jobs, prepare_feats
from nnet.datadir.derive import split
from nnet.datadir.directory import DataDir
from nnet.datadir.fix import fix
from nnet.datadir.job_outputs import write_json
from nnet.errors import InputError
from nnet.feats.prepare import prepare
from nnet.kaldi.ark import ArkWriter, read_dict, read_matrix
from nnet.kaldi.tables import write_table


def write_data(path, wavs):
    """A data directory of {utterance: samples or text of wav.scp}, at 16 kHz; the speaker is what precedes "-"."""
    os.makedirs(path, exist_ok=True)
    entries = {}
    for utterance, audio in wavs.items():
        entries[utterance] = audio if isinstance(audio, str) else f"{path}/{utterance}.wav"
        if not isinstance(audio, str):
            soundfile.write(entries[utterance], audio, 16000)
    write_table(f"{path}/wav.scp", entries)
    write_table(f"{path}/utt2spk", {u: u.split("-")[0] for u in wavs})
    fix(path)
    return DataDir(path)


def make(data, *options, jobs=1):
    """What steps/make_mfcc.sh does, in this process."""
    out = os.path.join(data.path, "raw")
    for job, part in enumerate(split(data, jobs, by_utterance=True), 1):
        make_feats.main([*options, part, f"{out}.{job}"])
    files = ("utt2dur=dur", "utt2num_frames=num_frames", "feats_conf.json=json", "feats.scp=scp")
    merge_jobs.main(["--nj", str(jobs), data.path, out, *files])
    return DataDir(data.path)


@pytest.fixture
def tone():
    return np.sin(np.arange(8000) * 0.3).astype(np.float32) / 2


@pytest.fixture
def data(tmp_path, tone):
    rng = np.random.default_rng(0)
    return write_data(tmp_path / "data", {f"s{i // 3}-u{i}": tone * rng.uniform(0.2, 1) for i in range(7)})


def test_tables_and_conf(data, kaldi):
    done = make(data, "--config", str(kaldi / "mfcc_vox.conf"), "--compress", "false")
    assert list(done.feats) == list(data.utt2spk)
    assert set(done.utt2num_frames.values()) == {50}
    assert set(done.utt2dur.values()) == {0.5}
    assert done.feats_conf["type"] == "mfcc"
    assert done.feats_conf["options"]["num_ceps"] == 30
    assert (done.feats_conf["cmvn"], done.feats_conf["silence_removed"]) == ("none", False)
    assert not done.has("left_out")
    assert read_matrix(done.feats["s0-u0"]).shape == (50, 30)


def test_the_number_of_jobs_changes_nothing(data):
    one, three = (
        {u: read_matrix(rx) for u, rx in make(data, "--seed", "5", jobs=jobs).feats.items()} for jobs in (1, 3)
    )
    assert all(np.array_equal(one[u], three[u]) for u in one)
    other = make(data, "--seed", "6").feats
    assert not np.array_equal(one["s0-u0"], read_matrix(other["s0-u0"]))


def test_the_number_of_threads_changes_nothing(tmp_path, recordings):
    data = write_data(tmp_path / "data", {"spk2-16k": recordings["spk2-16k"]})
    archives = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            done = make(data, "--compress", "false")
        archives.append(read_matrix(done.feats["spk2-16k"]))
    assert np.array_equal(*archives)


def test_segments_are_cut(tmp_path, tone):
    data = write_data(tmp_path / "data", {"s-long": np.concatenate([tone, 0.5 * tone])})
    write_table(data.file("segments"), {"s-a": "s-long 0.0 0.5", "s-b": "s-long 0.5 1.0"})
    write_table(data.file("utt2spk"), {"s-a": "s", "s-b": "s"})
    fix(data.path)
    done = make(DataDir(data.path), "--compress", "false")
    first, second = (read_matrix(done.feats[u]) for u in ("s-a", "s-b"))
    np.testing.assert_allclose(first[:, 0] - second[:, 0], 2 * np.log(2), atol=0.05)  # half the amplitude


def bad_audio(folder, tone):
    """{utterance: entry} that no features can be made of, and a word of the complaint about each."""
    soundfile.write(folder / "stereo-8k.wav", np.column_stack([tone, tone]), 8000)
    soundfile.write(folder / "whole.wav", tone, 16000)
    (folder / "cut.wav").write_bytes((folder / "whole.wav").read_bytes()[:3000])
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("this is no audio\n" * 100)
    soundfile.write(folder / "none.wav", tone[:0], 16000)
    soundfile.write(folder / "nan.wav", np.where(np.arange(8000) == 99, np.nan, tone), 16000, subtype="FLOAT")
    return {
        "missing": (f"{folder}/missing.wav", "No such file"),
        "truncated": (f"{folder}/cut.wav", "truncated"),
        "empty": (f"{folder}/empty.wav", "empty"),
        "text": (f"{folder}/text.wav", "not wav, flac"),
        "zerolength": (f"{folder}/none.wav", "no samples"),
        "zeros": (np.zeros(8000), "samples are zero"),
        "nan": (f"{folder}/nan.wav", "NaN or infinite samples"),
        "rate": (f"{folder}/stereo-8k.wav", "sampled at 8000 Hz"),
        "command": ("echo oops >&2; exit 3 |", "exit status 3"),
    }


KINDS = ["missing", "truncated", "empty", "text", "zerolength", "zeros", "nan", "rate", "command"]


@pytest.mark.parametrize("kind", KINDS)
def test_bad_audio_is_one_line_with_file_and_entry(tmp_path, tone, kind):
    audio, word = bad_audio(tmp_path, tone)[kind]
    data = write_data(tmp_path / "data", {"a-good": tone, f"b-{kind}": audio})
    with pytest.raises(InputError) as error:
        make(data)
    assert word in str(error.value)
    assert f'"b-{kind}"' in str(error.value)
    assert data.path in str(error.value)
    assert not DataDir(data.path).has("feats.scp")


def test_bad_audio_can_be_left_out(tmp_path, tone):
    wavs = {f"b-{kind}": audio for kind, (audio, _) in bad_audio(tmp_path, tone).items()}
    data = write_data(tmp_path / "data", {"a-good": tone, "c-good": tone, **wavs})
    done = make(data, "--skip-bad", "true", jobs=3)
    assert list(done.utt2spk) == list(done.feats) == list(done.wav_scp) == ["a-good", "c-good"]
    assert set(done.table("left_out")) == set(wavs)
    make(done)
    assert set(done.table("left_out")) == set(wavs), "what an earlier call left out is still named"


def test_utterances_too_short_for_a_frame_are_named(tmp_path, tone):
    done = make(write_data(tmp_path / "data", {"a-long": tone, "b-short": tone[:399]}))
    assert list(done.feats) == ["a-long"]
    assert "too short for a frame" in done.table("left_out")["b-short"]


def test_nothing_left_is_an_error(tmp_path, tone):
    with pytest.raises(InputError, match="every utterance was skipped; a-short"):
        make(write_data(tmp_path / "data", {"a-short": tone[:100]}))


def test_the_channel_of_the_options(tmp_path, tone):
    soundfile.write(tmp_path / "stereo.wav", np.column_stack([tone, tone / 2]), 16000)
    data = write_data(tmp_path / "data", {"a-stereo": str(tmp_path / "stereo.wav")})
    energies = []
    for channel in (-1, 0, 1):
        (tmp_path / "x.conf").write_text(f"--channel={channel}\n--dither=0\n")
        done = make(data, "--config", str(tmp_path / "x.conf"), "--compress", "false")
        energies.append(read_matrix(done.feats["a-stereo"])[:, 0])
    assert np.array_equal(energies[0], energies[1])
    np.testing.assert_allclose(energies[1] - energies[2], 2 * np.log(2), atol=1e-3)


def test_resampling_where_the_options_allow_it(tmp_path, tone):
    (tmp_path / "8k.conf").write_text("--sample-frequency=8000\n--allow-downsample=true\n--dither=0\n")
    done = make(write_data(tmp_path / "data", {"a-long": tone}), "--config", str(tmp_path / "8k.conf"))
    assert done.utt2num_frames["a-long"] == 48
    assert done.utt2dur["a-long"] == 0.5


def test_vad_and_preparation(tmp_path, kaldi, recordings):
    data = write_data(tmp_path / "data", {u: r for u, r in recordings.items() if u.startswith("spk")})
    data = make(data, "--config", str(kaldi / "mfcc_vox.conf"), "--compress", "false", jobs=2)
    vad, feats = os.path.join(data.path, "vad"), os.path.join(data.path, "no_sil")
    compute_vad.main(["--config", str(kaldi / "vad.conf"), data.path, vad + ".1"])
    merge_jobs.main(["--nj", "1", data.path, vad, "feats_conf.json=json", "vad.scp=scp"])
    data = DataDir(data.path)
    prepare_feats.main(["--compress", "false", data.path, feats + ".1"])
    files = ("utt2num_frames=num_frames", "feats_conf.json=json", "feats.scp=scp")
    merge_jobs.main(["--nj", "1", "--source", data.path, str(tmp_path / "out"), feats, *files])
    out = DataDir(tmp_path / "out")
    expected = read_dict(str(kaldi / "nosil_vox.ark"))
    for utterance, rx in out.feats.items():
        np.testing.assert_allclose(read_matrix(rx), expected[utterance], atol=2e-3)
        assert out.utt2num_frames[utterance] == len(expected[utterance])
    assert (out.feats_conf["cmvn"], out.feats_conf["silence_removed"]) == ("sliding", True)
    assert out.feats_conf["vad"]["vad_energy_threshold"] == 5.5
    assert not out.has("vad.scp")


def test_utterances_without_a_voiced_frame_are_left_out(data):
    data = make(data)
    out = os.path.join(data.path, "x")
    voiced = {u: np.full(48, u != "s0-u1", np.float32) for u in data.feats}
    with ArkWriter(out + ".ark", data.file("vad.scp")) as writer:
        for utterance, vector in voiced.items():
            writer.write(utterance, vector)
    data = DataDir(data.path)
    prepare_feats.main([data.path, out + ".1"])
    target = data.path + "_no_sil"
    merge_jobs.main(["--nj", "1", "--source", data.path, target, out, "utt2num_frames=num_frames", "feats.scp=scp"])
    kept = DataDir(target)
    assert list(kept.feats) == list(kept.utt2spk) == [u for u in voiced if u != "s0-u1"]
    assert kept.table("left_out") == {"s0-u1": "no voiced frame"}


def test_prepared_features_are_not_prepared_again(data):
    data = make(data)
    write_json(data.file("feats_conf.json"), {**data.feats_conf, "cmvn": "sliding"})
    with pytest.raises(InputError, match="already normalized"):
        prepare_feats.main(["--remove-silence", "false", data.path, os.path.join(data.path, "x")])


def test_a_job_that_left_something_behind_is_noticed(data):
    make(data, jobs=2)
    os.unlink(os.path.join(data.path, "raw.2.scp"))
    with pytest.raises(InputError, match="raw.2.scp: No such file"):
        merge_jobs.main(["--nj", "2", data.path, os.path.join(data.path, "raw"), "feats.scp=scp"])
    with pytest.raises(InputError, match="3 of the 7 utterances of .* missing"):
        merge_jobs.main(["--nj", "1", data.path, os.path.join(data.path, "raw"), "feats.scp=scp"])


def test_normalisation_comes_before_removal_of_silence():
    feats = np.arange(8, dtype=np.float32)[:, None]
    voiced = np.array([0, 1, 1, 0, 0, 0, 0, 1])
    assert prepare(feats, "utterance", voiced)[:, 0].tolist() == [-2.5, -1.5, 3.5]


def test_vad_refuses_features_without_energy(tmp_path, tone):
    data = make(write_data(tmp_path / "data", {"a-long": tone}), "--type", "mel")
    with pytest.raises(InputError, match="data: features of type mel have no log energy, by which the VAD decides"):
        compute_vad.main([data.path, str(tmp_path / "vad.1")])
