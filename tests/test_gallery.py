"""Galleries: enrollment that is checked, decisions that keep the rate that was asked for, files that lose nothing."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binom
from simulated_voices import DIM, RATE, Model, Speakers, calibrated, recording

import nnet
from nnet.errors import InputError

ENROLL = """
import sys
from simulated_voices import Speakers, calibrated, recording
from nnet.gallery import Gallery
path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model, speakers = calibrated(speakers=20), Speakers(200, 2)
for i in range(first, first + count):
    Gallery(path, model).enroll(f"p{i}", [recording(speakers.speak(i, 8), 8)], force=True)
    print(i, flush=True)
"""


@pytest.fixture(scope="module")
def model():
    return calibrated()


@pytest.fixture
def speakers():
    return Speakers(60, 7)


@pytest.fixture
def gallery(tmp_path, model):
    return nnet.Gallery(tmp_path / "voices.gallery", model)


def say(speakers, speaker, seconds):
    return recording(speakers.speak(speaker, seconds), seconds)


def enroll(gallery, speakers, numbers, seconds=10):
    for i in numbers:
        gallery.enroll(f"p{i}", [say(speakers, i, seconds)], force=True)


def test_who_is_enrolled_is_found_and_nobody_else(gallery, speakers):
    enroll(gallery, speakers, range(3))
    found = gallery.identify(*say(speakers, 1, 5))
    assert found.name == found.best.name == "p1" and found.best.probability > 0.99
    assert found.seconds == pytest.approx(5, abs=0.1)
    assert found.second.name in ("p0", "p2") and found.margin == found.best.log_ratio - found.second.log_ratio > 3
    unknown = gallery.identify(*say(speakers, 9, 5))
    assert unknown.name is None and unknown.false_accept > 0.01 and unknown.best.probability < 0.5
    assert gallery.identify(*say(speakers, 9, 5), false_accept=0.999999).name is not None
    assert gallery.verify("p2", *say(speakers, 2, 5)).accepted
    assert not gallery.verify("p2", *say(speakers, 4, 5)).accepted
    assert gallery.verify("p2", *say(speakers, 2, 5), p_target=1e-9).match.probability < found.best.probability


def test_probabilities_over_all_voices_and_nobody_sum_to_one(gallery, speakers, model):
    enroll(gallery, speakers, range(2))
    vector = speakers.own[0] + speakers.own[1]
    found = gallery.identify_vector(vector, 5.0, p_known=0.3)
    ratios = [match.log_ratio for match in (found.best, found.second)]
    odds = 0.15 * np.exp(ratios)
    expected = odds / (odds.sum() + 0.7)
    np.testing.assert_allclose([found.best.probability, found.second.probability], expected, rtol=1e-9)


@pytest.mark.parametrize("seconds", [1, 2, 5])
def test_the_rate_of_false_acceptance_is_the_requested_one(gallery, model, seconds):
    """20 known and 200 unknown speakers, of whom the calibration has seen none."""
    voices = Speakers(220, 3)
    enroll(gallery, voices, range(20))
    chances = [gallery.identify_vector(voices.speak(i, seconds), seconds).false_accept for i in range(20, 220)]
    for requested in (0.01, 0.05):
        low, high = binom.interval(0.99, len(chances), requested)
        assert low <= np.count_nonzero(np.array(chances) <= requested) <= high


def test_an_enrollment_says_what_is_lacking(gallery, speakers):
    first = gallery.enroll("alice", [say(speakers, 0, 4)])
    assert (first.recordings, first.agreement) == (1, None)
    assert first.seconds == pytest.approx(4, abs=0.1) and "only 4.0 s of speech" in first.lacking[0]
    second = gallery.enroll("alice", [say(speakers, 0, 4), say(speakers, 0, 8)])
    assert second.recordings == 3 and second.agreement > 0.9 and second.lacking == ()
    with pytest.raises(InputError, match="bob: not enrolled: recording 1 and recording 2 do not seem to be of one"):
        gallery.enroll("bob", [say(speakers, 1, 5), say(speakers, 2, 5)])
    with pytest.raises(InputError, match="a recording enrolled before and recording 1 do not seem"):
        gallery.enroll("alice", [say(speakers, 5, 5)])
    with pytest.raises(InputError, match='bob: not enrolled: resembles "alice" .*is it the same person'):
        gallery.enroll("bob", [say(speakers, 0, 9)])
    assert len(gallery) == 1 and len(gallery.voices[0].durations) == 3
    forced = gallery.enroll("bob", [say(speakers, 0, 9), say(speakers, 3, 9)], force=True)
    assert len(forced.lacking) == 2 and forced.agreement < 0.5 and "bob" in gallery


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_too_little_speech_is_refused(gallery, speakers, seconds, tmp_path):
    samples, rate = recording(speakers.speak(0, 1), seconds)
    samples = np.concatenate([samples, np.zeros(2 * RATE, np.float32)])
    with pytest.raises(InputError, match=f"recording 1: {seconds:.1f} s of speech; at least 0.5 s are needed"):
        gallery.enroll("alice", [(samples, rate)])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="samples: .* s of speech"):
        gallery.identify(samples, rate)


def test_bad_input_is_named(gallery, speakers, model, tmp_path):
    with pytest.raises(InputError, match="nobody is enrolled"):
        gallery.identify(*say(speakers, 0, 5))
    with pytest.raises(InputError, match="alice: no recording to enroll"):
        gallery.enroll("alice", [])
    with pytest.raises(InputError, match="'al ice' cannot be a name"):
        gallery.enroll("al ice", [say(speakers, 0, 5)])
    with pytest.raises(InputError, match="voices.gallery: no such gallery"):
        gallery.forget("alice")
    gallery.enroll("alice", [say(speakers, 0, 5)])
    for ask in (lambda: gallery.verify("alcie", *say(speakers, 0, 5)), lambda: gallery.forget("alcie")):
        with pytest.raises(InputError, match='nobody called "alcie"; did you mean "alice"'):
            ask()
    with pytest.raises(InputError, match="opened without a model"):
        nnet.Gallery(gallery.path).identify(*say(speakers, 0, 5))
    with pytest.raises(InputError, match="exp/bare: no cosine_calibration.json by duration"):
        nnet.Gallery(gallery.path, Model(None, "exp/bare"))
    (tmp_path / "a.wav").write_bytes(b"RIFF....WAVE")
    with pytest.raises(InputError, match="a.wav: byte 0: not a record"):
        nnet.Gallery(tmp_path / "a.wav", model)


def test_a_gallery_of_another_model_is_refused_by_name(gallery, speakers, model):
    enroll(gallery, speakers, [0])
    other = Model(model.calibration, "exp/other", "fedcba9876543210")
    with pytest.raises(InputError, match="of the model exp/simulated .0123456789abcdef., not of exp/other"):
        nnet.Gallery(gallery.path, other)


def test_what_others_do_is_seen(gallery, speakers, model):
    other = nnet.Gallery(gallery.path, model)
    enroll(gallery, speakers, range(2))
    assert other.identify(*say(speakers, 1, 5)).name == "p1"
    other.forget("p1")
    assert gallery.identify(*say(speakers, 0, 5)).name == "p0" and "p1" not in gallery
    enroll(gallery, speakers, [3])
    other.refresh()
    assert [voice.name for voice in other.voices] == ["p0", "p3"]


def test_nothing_of_a_forgotten_voice_stays(gallery, speakers, tmp_path):
    enroll(gallery, speakers, range(3))
    vector = gallery.voices[1].vectors.tobytes()
    assert vector in (tmp_path / "voices.gallery").read_bytes()
    gallery.forget("p1")
    assert vector not in (tmp_path / "voices.gallery").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["voices.gallery"]
    again = nnet.Gallery(gallery.path)
    assert [voice.name for voice in again.voices] == ["p0", "p2"]
    again.forget("p0", "p2")
    enroll(gallery, speakers, [1])
    assert len(gallery) == 1


def test_more_voices_than_fit_at_first(gallery, speakers):
    enroll(gallery, speakers, range(40))
    for i in (0, 15, 16, 39):
        assert gallery.identify(*say(speakers, i, 10)).name == f"p{i}"


def test_clusters_get_different_names(gallery, speakers):
    assert gallery.name_clusters(np.zeros((2, DIM)), [5, 5]) == [None, None]
    enroll(gallery, speakers, range(4))
    vectors = np.stack([speakers.speak(i, 8) for i in (2, 9, 0, 2, 3)])
    vectors[3] = speakers.own[2] + 0.9 * speakers.own[9]  # less like p2 than the first
    assert gallery.name_clusters(vectors, [8, 8, 8, 8, 0.4]) == ["p2", None, "p0", None, None]
    assert gallery.name_clusters(np.zeros((0, DIM)), []) == []


def test_a_name_goes_to_the_cluster_that_it_fits_best(gallery, speakers):
    """Also where the other cluster is still less like the other voice."""
    for i in range(2):
        gallery.enroll(f"p{i}", [recording(speakers.own[i], 10)], force=True)
    first, other = speakers.own[:2]
    vectors = np.stack([first + 0.1 * other, 0.9 * first - 0.5 * other])
    assert gallery.name_clusters(vectors, [8, 8]) == ["p0", None]


def test_each_cluster_has_an_answer_with_numbers(gallery, speakers):
    with pytest.raises(InputError, match="nobody is enrolled"):
        gallery.identify_clusters(np.zeros((1, DIM)), [5])
    for i in range(3):
        gallery.enroll(f"p{i}", [recording(speakers.own[i], 10)], force=True)
    first = speakers.own[1]
    vectors = np.stack([first + 0.6 * speakers.own[9], first, speakers.own[9]])
    again, given, unknown = gallery.identify_clusters(vectors, [8, 8, 8])
    assert (again.name, given.name, unknown.name) == (None, "p1", None)
    assert again.best.name == given.best.name == "p1" and again.false_accept <= 0.01 < unknown.false_accept
    assert given == gallery.identify_vector(vectors[1], 8.0)
    assert gallery.identify_clusters(np.zeros((0, DIM)), []) == []


def test_one_cluster_is_named_as_a_recording_is_at_any_rate(gallery, speakers):
    """Also where the best voice is less probable than nobody known."""
    enroll(gallery, speakers, range(4))
    vectors = [speakers.speak(i, 5) for i in range(9, 19)]
    alone = [gallery.identify_vector(vector, 5.0, 0.999999) for vector in vectors]
    assert None not in [one.name for one in alone] and min(one.best.log_ratio for one in alone) < 0
    clusters = [gallery.name_clusters(vector[None], [5.0], 0.999999) for vector in vectors]
    assert clusters == [[one.name] for one in alone]


def test_who_may_not_have_a_name_takes_it_from_nobody(gallery, speakers):
    for i in range(2):
        gallery.enroll(f"p{i}", [recording(speakers.own[i], 10)], force=True)
    first, second, other = speakers.own[[0, 1, 5]]
    short = np.stack([first, first + 0.6 * other])
    assert gallery.name_clusters(short, [0.4, 8]) == [None, "p0"]  # the first fits better, in too little speech
    # The evidence of p1 for the first and p0 for the second is larger in sum, but at this rate p1 is no choice.
    vectors = np.stack([first + 0.6 * second, first - 0.2 * second + 0.6 * other])
    assert gallery.name_clusters(vectors, [8, 8], 1e-5) == ["p0", None]


def start(root, path, first, count):
    command = [sys.executable, "-c", ENROLL, str(path), str(first), str(count)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.Popen(command, cwd=root / "tests", env=environment, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_enroll_at_once_lose_nothing(root, tmp_path):
    path = tmp_path / "voices.gallery"
    assert [p.wait() for p in [start(root, path, first, 15) for first in (0, 15)]] == [0, 0]
    assert sorted(voice.name for voice in nnet.Gallery(path).voices) == sorted(f"p{i}" for i in range(30))


def test_a_process_killed_while_it_enrolls(root, tmp_path, speakers, model):
    path = tmp_path / "voices.gallery"
    process = start(root, path, 0, 150)
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    said = 5 + len(process.stdout.read().splitlines())
    process.wait()
    gallery = nnet.Gallery(path, Model(model.calibration))
    assert [voice.name for voice in gallery.voices] == [f"p{i}" for i in range(len(gallery))]
    assert said <= len(gallery) <= said + 1
    gallery.enroll("after", [say(speakers, 0, 5)], force=True)
    assert "after" in nnet.Gallery(path)
