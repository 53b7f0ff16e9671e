"""Measures augmentation and filter banks, as in the loader's workers and steps/augment_data.sh.

Synthetic sounds are WAV files in a temporary folder: noises of 5 to 20 s, music of a minute, speech of 20 s, impulse
responses of 1 s. Figures are multiples of real time per core (process time), including fbank-80 and reading the sounds.
"""

import itertools
import os
import tempfile
import time

import numpy as np
import soundfile
import threadpoolctl

from benchmarks.features import FBANK, RATE, speech_like
from benchmarks.report import Table
from benchmarks.timing import medians
from nnet.audio.augment import Augmenter, AugmentOptions
from nnet.audio.mixing import change_speed
from nnet.audio.seeds import generator
from nnet.feats.spectrum import compute_fbank
from nnet.kaldi.tables import write_table
from nnet.malloc import keep_memory

SOUNDS = {"rirs": (1, 1), "noises": (5, 20), "music": (60, 60), "babble": (20, 20)}  # seconds, least and most


def tables(rounds):
    keep_memory()
    utterances = speech_like(10)
    chunks = [samples[: 2 * RATE] for samples in utterances]
    with tempfile.TemporaryDirectory() as folder, threadpoolctl.threadpool_limits(1):
        sources = {name: write_sounds(os.path.join(folder, name), *seconds) for name, seconds in SOUNDS.items()}
        augmenter = Augmenter(AugmentOptions(**sources), RATE)
        cases = {kind: applying(augmenter, kind) for kind in augmenter.kinds}
        cases |= {
            "speed 0.9": lambda samples, _: change_speed(samples, 0.9),
            "fbank-80 alone": lambda samples, _: samples,
        }
        speeds = [times_real_time(cases.values(), speech, rounds) for speech in (utterances, chunks)]
    rows = [[case, *both] for case, *both in zip(cases, *speeds, strict=True)]
    header = ["augmentation", "utterances of 3 to 12 s", "chunks of 2 s"]
    yield Table("Augmentation, times real time a core, fbank-80 included", header, rows)


def times_real_time(augmentations, utterances, rounds):
    """Returns the seconds of speech that each augmentation, with filter banks, processes per second of a core."""
    times = medians([augmenting(augment, utterances) for augment in augmentations], rounds, time.process_time)
    return [sum(map(len, utterances)) / RATE / seconds for seconds in times]


def augmenting(augment, utterances):
    """Returns a function that augments all utterances, with new random numbers at each call."""
    turns = itertools.count()

    def work():
        turn = next(turns)
        for number, samples in enumerate(utterances):
            compute_fbank(augment(samples, generator(turn, number)), FBANK)

    return work


def applying(augmenter, kind):
    return lambda samples, rng: augmenter.apply(kind, samples, rng).samples


def write_sounds(folder, shortest, longest, count=20):
    """Writes a data directory of decaying noise."""
    rng = np.random.default_rng(0)
    os.makedirs(folder)
    for i in range(count):
        length = int(rng.uniform(shortest, longest) * RATE)
        samples = 0.1 * rng.normal(size=length) * np.exp(-3 * np.arange(length) / length)
        soundfile.write(f"{folder}/{i:02}.wav", samples, RATE)
    write_table(f"{folder}/wav.scp", {f"{i:02}": f"{folder}/{i:02}.wav" for i in range(count)})
    return folder
