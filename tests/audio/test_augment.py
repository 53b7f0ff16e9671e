"""Augmentation: levels as asked for, reverberation in step, the same samples on disk and on the fly."""

import os
import pickle

import numpy as np
import pytest
import soundfile

from nnet.audio.augment import Augmenter, AugmentOptions
from nnet.audio.augmented_copies import select_copies
from nnet.audio.mixing import STEP, change_speed, fit_16_bits, power, reverberate
from nnet.audio.reading import convert_rate, iter_utterances, read_audio
from nnet.audio.seeds import generator
from nnet.audio.sounds import Sounds
from nnet.bin import augment_data, merge_copies
from nnet.datadir.combine import combine
from nnet.datadir.directory import DataDir
from nnet.datadir.fix import fix
from nnet.datadir.validate import validate
from nnet.errors import InputError
from nnet.feats.specaugment import SpecAugment, SpecAugmentOptions
from nnet.kaldi.tables import write_table

RATE = 16000


def decibels(ratio):
    return 10 * np.log10(ratio)


def write_sounds(folder, sounds, rate=RATE):
    os.makedirs(folder)
    for name, samples in sounds.items():
        soundfile.write(f"{folder}/{name}.wav", samples, rate)
    write_table(f"{folder}/wav.scp", {name: f"{folder}/{name}.wav" for name in sounds})
    write_table(f"{folder}/utt2spk", {name: name.split("-")[0] for name in sounds})
    fix(folder)
    return str(folder)


def room(rng, delay):
    """An impulse response: silence, the direct sound, and a tail."""
    tail = rng.normal(size=4000) * np.exp(-np.arange(4000) / 600) * 0.1
    return np.concatenate([np.zeros(delay), [0.9], tail])


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Data directories of sounds that differ in length and level, as the options of an Augmenter name them."""
    folder, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(3)
    noise = {f"n{i}": rng.normal(0, 10 ** rng.uniform(-3, -1), int(rng.uniform(0.1, 5) * RATE)) for i in range(6)}
    music = {f"m{i}": np.sin(np.arange(int(rng.uniform(1, 9) * RATE)) * 0.01 * (i + 1)) / 3 for i in range(3)}
    voices = {f"b{i}": rng.normal(0, 0.1, (i + 1) * RATE) for i in range(9)}
    return {
        "rirs": write_sounds(folder / "rirs", {f"r{i}": room(rng, 100 * i) for i in range(4)}),
        "noises": write_sounds(folder / "noise", noise),
        "music": write_sounds(folder / "music", music),
        "babble": write_sounds(folder / "babble", voices),
    }


@pytest.fixture
def speech():
    samples = np.random.default_rng(0).normal(0, 0.05, 4 * RATE + 123) * np.sin(np.arange(4 * RATE + 123) / 3000)
    return fit_16_bits(samples.astype(np.float32))


def parse(what):
    """[(name, start in samples, SNR)]."""
    triples = [word.replace("@", ":").split(":") for word in what.split()]
    return [(name, round(float(start) * RATE), float(snr)) for name, start, snr in triples]


def test_noises_have_the_snr_that_was_drawn(sounds, speech):
    augmenter = Augmenter(AugmentOptions(**sounds), RATE)
    drawn = set()
    for seed in range(20):
        mixed, what = augmenter.apply("noise", speech, generator(seed, "x"))
        noise, layers = (mixed - speech).astype(np.float64), parse(what)
        for i, (name, start, snr) in enumerate(layers):
            length = min(soundfile.info(f"{sounds['noises']}/{name}.wav").frames, len(speech) - start)
            if i + 1 < len(layers):
                assert abs(layers[i + 1][1] - (start + length + RATE)) <= 200, "a second lies between noises"
                assert not noise[start + length + 200 : layers[i + 1][1] - 200].any()
            if np.abs(mixed).max() < 0.999 and length > 1000:
                ratio = np.mean(np.square(speech, dtype=np.float64)) / np.mean(
                    noise[start + 100 :][: length - 200] ** 2
                )
                assert abs(decibels(ratio) - snr) < 0.3, "of a stretch of it, whose power varies"
            drawn.add(snr)
    assert drawn == {15.0, 10.0, 5.0, 0.0}


@pytest.mark.parametrize("snr", [-5.0, 0.0, 7.5, 20.0])
@pytest.mark.parametrize("kind", ["noise", "music", "babble"])
def test_measured_snr_is_the_one_asked_for(sounds, speech, kind, snr):
    ratios = {"noise_snrs": (snr,), "music_snrs": (snr,), "babble_snrs": (snr,), "babble_voices": (1,)}
    augmenter = Augmenter(AugmentOptions(**{**sounds, "noises": sounds["music"]}, **ratios), RATE)
    speech = speech[:RATE]  # so short that one noise covers it
    mixed = augmenter.apply(kind, speech, np.random.default_rng(1)).samples
    ratio = power(speech) / power(mixed - speech)
    assert abs(decibels(ratio) - snr) < 0.1


def test_babble_has_as_many_voices_as_drawn(sounds, speech):
    augmenter = Augmenter(AugmentOptions(**sounds), RATE)
    for seed in range(10):
        layers = parse(augmenter.apply("babble", speech, np.random.default_rng(seed)).what)
        assert 3 <= len(layers) <= 7
        assert len({name for name, _, _ in layers}) == len(layers)


def test_mixtures_that_would_clip_keep_their_snr(sounds, speech):
    loud = speech / np.abs(speech).max() * np.float32(0.999)
    augmenter = Augmenter(AugmentOptions(music=sounds["music"], music_snrs=(-10.0,)), RATE)
    mixed = augmenter.apply("music", loud, np.random.default_rng(1)).samples
    assert np.abs(mixed).max() <= 1 - STEP
    scaled = loud * (np.dot(mixed, loud) / np.dot(loud, loud))  # music and noise are uncorrelated
    ratio = power(scaled) / power(mixed - scaled)
    assert abs(decibels(ratio) + 10) < 0.2


@pytest.mark.parametrize("delay", [0, 37, 500])
def test_reverberation_keeps_time_and_energy(speech, delay):
    rng = np.random.default_rng(delay)
    wet = reverberate(speech, room(rng, delay))
    assert wet.shape == speech.shape
    assert abs(decibels(power(wet) / power(speech))) < 0.01
    lags = np.arange(-50, 51)
    similarity = [np.dot(speech[100:-100], wet[100 + lag : len(wet) - 100 + lag]) for lag in lags]
    assert lags[int(np.argmax(similarity))] == 0


def test_reverberation_is_convolution(speech):
    response = room(np.random.default_rng(0), 20)
    expected = np.convolve(speech, response)[20 : 20 + len(speech)]
    wet = reverberate(speech, response)
    np.testing.assert_allclose(wet / wet.std(), expected / expected.std(), atol=1e-3)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_changes_length_and_pitch(speed):
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    fast = change_speed(tone, speed)
    assert len(fast) == int(np.ceil(RATE / speed))
    spectrum = np.abs(np.fft.rfft(fast * np.hanning(len(fast))))
    assert abs(np.argmax(spectrum) * RATE / len(fast) - 440 * speed) < 1


def test_sixteen_bits():
    samples = np.array([0.0, 1.4 * STEP, -1.0 + STEP], np.float32)
    assert fit_16_bits(samples).tolist() == [0.0, STEP, -1.0 + STEP]
    assert np.abs(fit_16_bits(3 * samples)).max() == 1 - STEP
    assert not fit_16_bits(np.zeros(5, np.float32)).any()
    assert fit_16_bits(np.zeros(0, np.float32)).shape == (0,)


def test_silent_chunks_stay_silent(sounds):
    augmenter = Augmenter(AugmentOptions(**sounds), RATE)
    for kind in augmenter.kinds:
        assert not augmenter.apply(kind, np.zeros(5000, np.float32), np.random.default_rng(0)).samples.any()


def test_calls_depend_on_the_generator_alone(sounds, speech):
    augmenter = Augmenter(AugmentOptions(**sounds, probability=0.5), RATE)
    sent = pickle.loads(pickle.dumps(augmenter))
    first = [augmenter(speech, np.random.default_rng(seed)) for seed in range(40)]
    again = [sent(speech, np.random.default_rng(seed)) for seed in range(40)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(samples.shape == speech.shape and samples.dtype == np.float32 for samples in first)
    untouched = sum(np.array_equal(samples, speech) for samples in first)
    assert 10 < untouched < 30


def test_sounds_of_another_rate_are_converted(tmp_path, speech):
    tone = np.sin(2 * np.pi * 300 * np.arange(8000 * 6) / 8000)
    music = Sounds(write_sounds(tmp_path / "music", {"tone": tone}, 8000), RATE)
    for draw in (music.part, music.loop):
        part = draw(0, 4 * RATE, np.random.default_rng(0))
        assert part.shape == (4 * RATE,)
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert abs(np.argmax(spectrum) / 4 - 300) < 0.5
    assert music.loop(0, 20 * RATE, np.random.default_rng(0)).shape == (20 * RATE,)


def test_sounds_come_through_commands_too(tmp_path):
    folder = write_sounds(tmp_path / "noise", {"a": np.ones(RATE) / 2})
    write_table(f"{folder}/wav.scp", {"a": f"cat {folder}/a.wav |"})
    assert np.allclose(Sounds(folder, RATE).part(0, 100, np.random.default_rng(0)), 0.5)


def test_silent_sounds_and_segments_are_refused(tmp_path):
    folder = write_sounds(tmp_path / "noise", {"a": np.zeros(RATE)})
    with pytest.raises(InputError, match='wav.scp: "a": contains only silence'):
        Sounds(folder, RATE).part(0, 100, np.random.default_rng(0))
    write_table(f"{folder}/segments", {"a": "a 0 1"})
    with pytest.raises(InputError, match="segments"):
        Sounds(folder, RATE)
    with pytest.raises(InputError, match="no sounds for augmentation"):
        Augmenter(AugmentOptions(), RATE)


@pytest.fixture
def data(tmp_path, speech):
    folder = write_sounds(tmp_path / "data", {f"s{i}-u{i}": speech * (0.3 + 0.1 * i) for i in range(5)})
    write_table(f"{folder}/vad.scp", {f"s{i}-u{i}": f"vad.ark:{i}" for i in range(5)})
    write_table(f"{folder}/spk2gender", {f"s{i}": "f" for i in range(5)})
    return folder


def augment(data, target, sounds, *options, jobs=1):
    words = [word for name, path in sounds.items() for word in (f"--{name}", path)]
    out = f"{target}_wav"
    for job in range(1, jobs + 1):
        augment_data.main([*words, *options, "--job", str(job), "--num-jobs", str(jobs), data, f"{out}.{job}"])
    merge_copies.main(["--nj", str(jobs), data, str(target), out])
    return validate(target, feats=False, text=False)


def test_copies_on_disk_are_those_made_on_the_fly(tmp_path, data, sounds):
    copies = augment(data, tmp_path / "aug", sounds, "--seed", "7", jobs=2)
    assert len(copies.utt2spk) == 20
    augmenter = Augmenter(AugmentOptions(**sounds), RATE)
    for utterance, samples, _ in iter_utterances(DataDir(data)):
        for kind in ("reverb", "noise", "music", "babble"):
            name = f"{utterance}-{kind}"
            made = augmenter.apply(kind, samples, generator(7, utterance, kind))
            stored, rate = read_audio(copies.wav_scp[name])
            assert rate == RATE
            assert np.array_equal(stored, made.samples)
            assert copies.table("utt2augment")[name] == made.what
            assert copies.table("utt2uniq")[name] == utterance
            assert copies.utt2spk[name] == utterance.split("-")[0]
            assert copies.utt2dur[name] == len(samples) / RATE
            assert copies.vad[name] == DataDir(data).vad[utterance]
    assert copies.table("spk2gender") == DataDir(data).table("spk2gender")


def test_the_number_of_jobs_does_not_change_copies(tmp_path, data, sounds):
    one = augment(data, tmp_path / "one", sounds, "--num-utts", "7")
    three = augment(data, tmp_path / "three", sounds, "--num-utts", "7", jobs=3)
    assert len(one.utt2spk) == 7
    for name in one.wav_scp:
        assert np.array_equal(read_audio(one.wav_scp[name])[0], read_audio(three.wav_scp[name])[0])


def test_more_copies_than_there_can_be(tmp_path, data, sounds):
    options = ("--num-utts", "21", "--allow-fewer")
    assert len(augment(data, tmp_path / "all", sounds, *options, "true").utt2spk) == 20
    with pytest.raises(InputError, match="21 augmented utterances requested"):
        augment(data, tmp_path / "none", sounds, *options, "false")


def test_more_jobs_than_copies(tmp_path, data, sounds):
    assert len(augment(data, tmp_path / "aug", sounds, "--num-utts", "2", jobs=4).utt2spk) == 2


def test_other_speeds_are_other_speakers(tmp_path, data, sounds, speech):
    copies = augment(data, tmp_path / "aug", {"music": sounds["music"]}, "--speeds", "0.9 1.1")
    assert len(copies.utt2spk) == 15
    assert copies.utt2spk["sp0.9-s1-u1"] == "sp0.9-s1"
    assert copies.utt2dur["sp1.1-s1-u1"] == pytest.approx(len(speech) / RATE / 1.1, abs=1e-3)
    assert copies.table("spk2gender")["sp1.1-s2"] == "f"
    assert not copies.has("vad.scp"), "their frames are other ones"


def test_copies_have_one_rate_where_the_originals_have_two(tmp_path, sounds, speech):
    high = DataDir(write_sounds(tmp_path / "high", {"s1-u1": speech}))
    low = DataDir(write_sounds(tmp_path / "low", {"s2-u2": convert_rate(speech, RATE, 8000)}, 8000))
    combine(tmp_path / "both", [high, low])
    music = {"music": sounds["music"]}
    with pytest.raises(InputError, match="sampled at 8000 Hz, expected 16000 Hz"):
        augment(str(tmp_path / "both"), tmp_path / "no", music)
    copies = augment(str(tmp_path / "both"), tmp_path / "aug", music, "--sample-rate", "8000")
    for rx in copies.wav_scp.values():
        samples, rate = read_audio(rx)
        assert rate == 8000
        assert len(samples) == -(-len(speech) // 2)


def test_copies_are_planned_by_the_seed():
    utterances = [f"u{i}" for i in range(100)]
    kinds = ["reverb", "noise"]
    chosen = select_copies(utterances, kinds, 50, seed=1)
    assert chosen == select_copies(utterances, kinds, 50, seed=1) != select_copies(utterances, kinds, 50, 2)
    assert len(set(chosen)) == 50
    with pytest.raises(InputError, match="201 augmented utterances requested, must be 1 to 200"):
        select_copies(utterances, ["reverb", "noise"], 201)


def test_masks_of_specaugment():
    options = SpecAugmentOptions(probability=1.0, time_masks=2, max_time=20, frequency_masks=1, max_frequency=5)
    widths = set()
    for seed in range(50):
        feats = np.random.default_rng(seed).normal(size=(100, 30)).astype(np.float32)
        masked = feats.copy()
        SpecAugment(options)(masked, np.random.default_rng(seed))
        changed = masked != feats
        rows, columns = changed.all(axis=1), changed.all(axis=0)
        assert np.array_equal(changed, rows[:, None] | columns)
        np.testing.assert_allclose(
            masked[changed], np.broadcast_to(feats.mean(axis=0), feats.shape)[changed], atol=1e-6
        )
        assert rows.sum() <= 40
        assert columns.sum() <= 5
        widths.add(int(columns.sum()))
    assert widths == {0, 1, 2, 3, 4, 5}


def test_specaugment_leaves_some_chunks_alone():
    mask = SpecAugment(SpecAugmentOptions(probability=0.3, max_time=20))
    feats = np.arange(2000, dtype=np.float32).reshape(100, 20)
    masked = 0
    for seed in range(200):
        chunk = feats.copy()
        mask(chunk, np.random.default_rng(seed))
        masked += not np.array_equal(chunk, feats)
    assert 30 < masked < 80


def test_a_recording_with_little_sound_is_used(tmp_path):
    click = np.zeros(40 * RATE)
    click[30 * RATE : 30 * RATE + 3] = 0.5
    sounds = Sounds(write_sounds(tmp_path / "clicks", {"a": click}), RATE)
    for seed in range(5):
        for read in (sounds.part, sounds.loop):
            samples = read(0, 200, np.random.default_rng(seed))
            assert len(samples) == 200 and samples.any()
