"""What an epoch of egs/voxceleb draws, as tables, against WeSpeaker's voxceleb/v2 (conf/resnet.yaml, resnet_lm.yaml).

A tenth of VoxCeleb2's utterances, with all its speakers: 5,994 speakers at three speeds.
"""

import dataclasses
import math
import re

import numpy as np
import pytest
import soundfile

from nnet.audio.augment import Augmenter
from nnet.config import load_config
from nnet.dataset import speaker_indices
from nnet.dataset.audio import with_speeds
from nnet.dataset.sampler import ChunkSampler
from nnet.dataset.utterances import UtteranceTable
from nnet.kaldi.tables import write_table

SPEAKERS, UTTERANCES, BATCH = 5994, 109_201, 128
SPEEDS = (0.9, 1.1)


@pytest.fixture(scope="module")
def config(root):
    """ResNet34 as egs/voxceleb/run.sh trains it."""
    fly = re.search(r"^fly=\$\{fly:-(.*)\$\(", (root / "egs/voxceleb/run.sh").read_text(), re.MULTILINE)[1]
    return load_config(root / "nnet_conf/resnet34.json", [fly, "data.dither=1", "augmentation.noises=n"])


@pytest.fixture(scope="module")
def large_margin(root):
    """The same in stage 8."""
    text = (root / "steps/recipe.sh").read_text()
    usual = re.search(r'^usual_large_margin="(.*?)"', text, re.MULTILINE | re.DOTALL)[1]
    return load_config(root / "nnet_conf/resnet34.json", ["data.source=audio data.speeds=[0.9,1.1]", usual])


def sampler(data, speeds):
    """(ChunkSampler, {speaker: label}, speed of each row) of a corpus whose utterances have 4 to 20 s."""
    utt2spk = {f"u{i:06d}": f"id{i % SPEAKERS:05d}" for i in range(UTTERANCES)}
    labels = speaker_indices(with_speeds(utt2spk, data.speeds))
    played = with_speeds(utt2spk, speeds)
    seconds = np.random.default_rng(0).uniform(4, 20, UTTERANCES)
    speed = np.repeat([1.0, *speeds], UTTERANCES)
    frames = (100 * np.tile(seconds, 1 + len(speeds)) / speed).astype(int)
    columns = {"speed": speed, "recorded": np.tile(np.arange(UTTERANCES, dtype=np.int32), 1 + len(speeds))}
    table = UtteranceTable("voxceleb", list(played), list(played.values()), labels, frames, columns)
    options = {"min_frames": data.min_frames, "max_frames": data.max_frames, "sampling": data.sampling}
    return ChunkSampler(table, batch_size=data.batch_size, **options), labels


def test_an_epoch_plays_every_utterance_once_at_a_random_speed(config):
    chunks, labels = sampler(config.data, SPEEDS)
    assert (config.data.batch_size, config.data.min_frames, config.data.max_frames) == (BATCH, 200, 200)
    assert len(labels) == 3 * SPEAKERS
    assert chunks.steps_per_epoch == math.ceil(UTTERANCES / BATCH), "theirs leaves out the last, incomplete batch"
    drawn = [chunks.batch(0, step) for step in range(chunks.steps_per_epoch)]
    rows = np.concatenate([batch.rows for batch in drawn])[:UTTERANCES]
    table = chunks.table
    assert len(np.unique(table.columns["recorded"][rows])) == UTTERANCES
    shares = [np.mean(table.columns["speed"][rows] == speed) for speed in (1.0, *SPEEDS)]
    # Binomial: four standard deviations of a share of 109,201 draws are 0.0057.
    np.testing.assert_allclose(shares, 1 / 3, atol=0.0057)
    names = {label: speaker for speaker, label in labels.items()}
    of_row = [names[label].startswith("sp") for label in drawn[0].labels]
    assert of_row == [speed != 1.0 for speed in table.columns["speed"][drawn[0].rows]], "a speed is a speaker"
    again = np.concatenate([chunks.batch(1, step).rows for step in range(chunks.steps_per_epoch)])[:UTTERANCES]
    assert 0.3 < np.mean(np.isin(again, rows)) < 0.37, "another epoch plays them at other speeds"


def test_three_of_five_chunks_are_augmented_and_all_are_dithered(config, tmp_path):
    soundfile.write(tmp_path / "n.wav", np.full(400, 0.1), 16000)
    write_table(tmp_path / "wav.scp", {"n": tmp_path / "n.wav"})
    assert config.augmentation.probability == 0.6 and config.data.dither == 1.0
    options = dataclasses.replace(config.augmentation, noises=str(tmp_path))
    augment, samples = Augmenter(options, 16000), np.full(160, 0.01, np.float32)
    chunks, _ = sampler(config.data, SPEEDS)
    seeds = [seed for step in range(32) for seed in chunks.batch(0, step).seeds]
    changed = [augment(samples, np.random.default_rng(seed)) is not samples for seed in seeds]
    # Four standard deviations of a share of 4096 draws are 0.031.
    assert np.mean(changed) == pytest.approx(0.6, abs=0.031)


def test_rates_and_margins_are_theirs_at_every_update(config):
    steps, epochs = 8531, config.training.epochs  # an epoch of the full corpus
    schedule = config.schedule.build(epochs)
    margin = config.loss.build(4, 10).schedule
    assert epochs == 150 and config.training.average_checkpoints == 10
    for update in (0, 1, 1000, 6 * steps - 1, 6 * steps, 19 * steps, 25 * steps + 77, 39 * steps, 150 * steps - 1):
        scale = BATCH / 64 * min(1.0, update / (6 * steps))  # one process
        rate = scale * 0.1 * math.exp(update / (150 * steps) * math.log(5e-5 / 0.1))
        assert schedule.rate(update / steps) == pytest.approx(rate, rel=1e-6)
        grown = min(max(update - 19 * steps, 0) / (20 * steps), 1.0)  # from the start of epoch 20 to that of epoch 40
        expected = 0.2 if grown == 1 else 0.2 * (1 - math.exp(grown * math.log(1e-3 / (1 + 1e-6))))
        assert margin.at(update / steps) == pytest.approx(expected, abs=1e-6)


def test_large_margin_keeps_the_classes_and_leaves_out_their_copies(large_margin):
    data, training = large_margin.data, large_margin.training
    assert (data.batch_size, data.min_frames, data.max_frames, data.play_speeds) == (64, 600, 600, False)
    chunks, labels = sampler(data, SPEEDS if data.play_speeds else ())
    assert len(labels) == 3 * SPEAKERS
    assert chunks.steps_per_epoch == math.ceil(UTTERANCES / 64)
    assert chunks.table.num_speakers == SPEAKERS
    assert (training.epochs, training.average_checkpoints, training.drop) == (5, 1, ())
    schedule, steps = large_margin.schedule.build(5), 17062
    for update in (0, steps // 2, steps, 3 * steps, 5 * steps - 1):
        rate = min(1.0, update / steps) * 1e-4 * math.exp(update / (5 * steps) * math.log(2.5e-5 / 1e-4))
        assert schedule.rate(update / steps) == pytest.approx(rate, rel=1e-6)
        assert large_margin.loss.build(4, 10).schedule.at(update / steps) == 0.5
