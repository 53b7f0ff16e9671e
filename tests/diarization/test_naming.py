"""Names of a gallery in the turns of a diarization, from both programs."""

import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from toy_conversation import CUT, HIGH, LOW, RATE, TALK, TRUTH, conversation, voice, write_model, write_segmentation

import nnet
from nnet.audio.recording import Recording
from nnet.backend.calibration import Calibration
from nnet.backend.duration_calibration import DurationCalibration, write_duration_calibration
from nnet.backend.impostors import Impostors
from nnet.bin.diarize import main as diarize
from nnet.bin.diarize_files import main as diarize_files
from nnet.diarization.naming import SpeakerSpeech, check_name, embed_speakers, longest, name_speakers, spans_alone
from nnet.diarization.rttm import Turn, read_rttm
from nnet.errors import InputError
from nnet.kaldi.tables import write_table


def turn(start, end, speaker):
    return Turn("a", start, end, speaker)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """The toy model, for which other voices have cosines of 0.9 +- 0.02."""
    directory = write_model(tmp_path_factory.mktemp("models") / "toy", "none")
    impostors = Impostors(
        mean=np.array([0.9, 0]),
        log_variance=np.array([2 * np.log(0.02), 0]),
        share=0.0,
        levels=np.array([-3.0, 0, 3]),
        log_survival=np.log([0.9987, 0.5, 0.0013]),
        tail=-3.0,
    )
    calibration = DurationCalibration(Calibration(-380.0, np.array([400.0, 0, 0]), 0.5), (0.5, 16.0), impostors)
    path = f"{directory}/cosine_calibration.json"
    write_duration_calibration(path, calibration, nnet.load_model(directory).checksum, {})
    return directory


@pytest.fixture
def model(model_dir):
    return nnet.load_model(model_dir)


@pytest.fixture
def gallery(model, tmp_path):
    """A gallery in which anna, the low voice, is enrolled."""
    gallery = nnet.Gallery(tmp_path / "voices.gallery", model)
    gallery.enroll("anna", [(voice(LOW, 12, 77), RATE)])
    return gallery


@pytest.fixture
def talk(tmp_path):
    path = str(tmp_path / "talk.wav")
    soundfile.write(path, conversation(TALK), RATE)
    return path


def test_where_one_speaker_alone_has_a_turn():
    turns = [turn(0, 4, "x"), turn(3, 6, "y"), turn(5, 5.5, "z"), turn(8, 9, "x"), turn(9, 10, "x")]
    found = {speaker: spans.tolist() for speaker, spans in spans_alone(turns).items()}
    assert found == {"x": [[0, 3], [8, 10]], "y": [[4, 5], [5.5, 6]], "z": []}
    assert spans_alone([]) == {}


def test_the_longest_spans_are_taken_up_to_a_limit():
    spans = np.array([[0.0, 2], [3, 8], [9, 12], [20, 21]])
    assert longest(spans, 100).tolist() == spans.tolist()
    assert longest(spans, 9).tolist() == [[0, 1], [3, 8], [9, 12]]
    assert longest(spans, 5).tolist() == [[3, 8]]
    assert longest(np.zeros((0, 2)), 5).shape == (0, 2)


def test_a_speaker_is_embedded_where_nobody_else_talks(model):
    samples = conversation([(LOW, 3), (HIGH, 3), (LOW, 2), (HIGH, 0.4)])
    recording = Recording("a", samples, RATE)
    speech = embed_speakers(model, recording, [turn(0, 4, "x"), turn(3, 6, "y"), turn(6, 8, "x"), turn(8, 8.4, "z")])
    low = np.concatenate([samples[: 3 * RATE], samples[6 * RATE : 8 * RATE]])
    np.testing.assert_allclose(speech["x"].vector, model.embed(low, RATE), atol=1e-5)
    np.testing.assert_allclose(speech["y"].vector, model.embed(samples[4 * RATE : 6 * RATE], RATE), atol=1e-5)
    assert speech["x"].seconds == pytest.approx(5, abs=0.1)
    assert speech["z"].vector is None and 0 < speech["z"].seconds < 0.5


def test_those_without_an_embedding_have_no_answer(gallery, model):
    low = SpeakerSpeech(model.embed(voice(LOW, 6, 1), RATE), 6.0)
    found = name_speakers(gallery, {"1": SpeakerSpeech(None, 0.3), "2": low})
    assert {speaker: one.name for speaker, one in found.items()} == {"2": "anna"}
    assert name_speakers(gallery, {"1": SpeakerSpeech(None, 0.3)}) == {}


def test_both_programs_name_whom_the_gallery_knows(gallery, model_dir, talk, tmp_path, capsys, caplog):
    options = [*CUT, "--gallery", gallery.path]
    caplog.set_level(logging.INFO)
    diarize_files([*options, model_dir, talk])
    out = capsys.readouterr().out
    expected = ["anna" if speaker == "1" else speaker for *_, speaker in TRUTH]
    assert [line.split()[7] for line in out.splitlines()] == expected
    assert "talk: speaker 1 is anna (probability 1.0000, false acceptance " in caplog.text
    assert "talk: speaker 2 is unknown; nearest: anna (probability 0.0000, false acceptance 0." in caplog.text
    assert "talk: 1 of 2 speakers named, 1 unknown" in caplog.text
    (tmp_path / "data").mkdir()
    write_table(tmp_path / "data" / "wav.scp", {"talk": talk})
    diarize([*options, model_dir, str(tmp_path / "data"), str(tmp_path / "out")])
    assert (tmp_path / "out.rttm").read_text() == out
    diarize_files([*options, "--false-accept", "1e-12", model_dir, talk])
    assert [line.split()[7] for line in capsys.readouterr().out.splitlines()] == [speaker for *_, speaker in TRUTH]


@pytest.mark.parametrize("overlap", ["added", "local"])
def test_names_go_with_every_handling_of_overlap(gallery, model_dir, talk, tmp_path, root, overlap):
    for name in ("steps", "utils", "path.sh"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "data").mkdir()
    write_table(tmp_path / "data" / "wav.scp", {"talk": talk})
    heard = write_segmentation(tmp_path / "segmentation", said=1)  # one speaker, all the time
    options = [*CUT, "--local-threshold", "0.95", "--segmentation", heard, "--overlap", overlap]
    words = ["steps/diarize.sh", "--nj", "1", *options, "--gallery", gallery.path, model_dir, "data", "out"]
    environment = {**os.environ, "SV_PYTHON": sys.executable}
    done = subprocess.run(["bash", *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "anna" in {turn.speaker for turn in read_rttm(tmp_path / "out/rttm")["talk"]}
    assert "talk: speaker 1 is anna (probability " in (tmp_path / "out/log/diarize.1.log").read_text()


def test_a_speaker_in_two_clusters_is_named_once(gallery, model_dir, tmp_path, caplog):
    soundfile.write(tmp_path / "one.wav", conversation([(LOW, 8), (None, 1), (LOW, 6)]), RATE)
    caplog.set_level(logging.INFO)
    options = ["--num-speakers", "2", "--min-cluster", "1", "--gallery", gallery.path]
    diarize_files([*options, "--out", str(tmp_path / "rttm"), model_dir, str(tmp_path / "one.wav")])
    names = {turn.speaker for turn in read_rttm(tmp_path / "rttm")["one"]}
    assert len(names) == 2 and "anna" in names and names < {"anna", "1", "2"}
    assert ", as whom speaker " in caplog.text


def test_silence_names_nobody(gallery, model_dir, tmp_path, capsys, caplog):
    soundfile.write(tmp_path / "silence.wav", conversation([(None, 3)]), RATE)
    caplog.set_level(logging.INFO)
    diarize_files(["--gallery", gallery.path, model_dir, str(tmp_path / "silence.wav")])
    assert capsys.readouterr().out == "" and "silence: 0 of 0 speakers named" in caplog.text


@pytest.mark.parametrize("name", ["7", "042", "<NA>", "a\x07", "\udcff"])
def test_names_that_an_rttm_cannot_hold_are_refused(gallery, model_dir, model, talk, name):
    gallery.enroll(name, [(voice(HIGH, 12, 5), RATE)])
    with pytest.raises(InputError, match=r"voices.gallery: '.*' cannot name a speaker in an RTTM"):
        diarize_files(["--gallery", gallery.path, model_dir, talk])
    for good in ("anna", "ana-7", "Zoë", "می‌نا", "7b"):
        check_name(good, "gallery")


def test_galleries_that_do_not_fit_are_refused(gallery, model_dir, talk, tmp_path):
    with pytest.raises(InputError, match="absent: nobody is enrolled"):
        diarize_files(["--gallery", str(tmp_path / "absent"), model_dir, talk])
    with pytest.raises(InputError, match="omit --checkpoint"):
        diarize_files(["--gallery", gallery.path, "--checkpoint", "last", model_dir, talk])
    bare = write_model(tmp_path / "bare", "none")
    with pytest.raises(InputError, match="bare: no cosine_calibration.json by duration in it"):
        diarize_files(["--gallery", gallery.path, bare, talk])


def test_the_gallery_of_another_model_is_refused(gallery, model_dir, talk, tmp_path):
    other = write_model(tmp_path / "other", "none", num_mel_bins=23, low_freq=60.0)
    calibration = nnet.load_model(model_dir).calibration
    checksum = nnet.load_model(other).checksum
    write_duration_calibration(f"{other}/cosine_calibration.json", calibration, checksum, {})
    with pytest.raises(InputError, match=r"voices.gallery: a gallery of the model .*, not of .*other \("):
        diarize_files(["--gallery", gallery.path, other, talk])
