"""How fast speech is augmented and turned into filter banks, as the loader's workers and steps/augment_data.sh do it.

    python -m benchmarks.augmentation

Synthetic sounds in a temporary folder, as WAV files: noises of 5 to 20 s, music of a minute, speech of 20 s, impulse
responses of 1 s. Multiples of real time by one core's time (of the process, not of the clock), medians of 7 rounds
after a warm-up; fbank-80 and reading the sounds included.
"""

import os
import statistics
import tempfile
import time
from collections import namedtuple

import numpy as np
import soundfile
import threadpoolctl

from benchmarks.features import FBANK, RATE, processor, speech_like
from nnet.config.augmentation import AugmentOptions
from nnet.feats.augment import Augmenter
from nnet.feats.mixing import change_speed
from nnet.feats.seeds import generator
from nnet.feats.spectrum import compute_fbank
from nnet.io.tables import write_table
from nnet.memory import keep_memory

ROUNDS = 7
SOUNDS = {"rirs": (1, 1), "noises": (5, 20), "music": (60, 60), "babble": (20, 20)}  # seconds, least and most

Row = namedtuple("Row", "what whole chunks")
Row.__doc__ = "Multiples of real time, for utterances of 3 to 12 s and for chunks of 2 s."


def run(rounds=ROUNDS):
    """Rows of the table."""
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
        return [Row(what, speed(make, utterances, rounds), speed(make, chunks, rounds)) for what, make in cases.items()]


def applying(augmenter, kind):
    return lambda samples, rng: augmenter.apply(kind, samples, rng).samples


def write_sounds(folder, shortest, longest, count=20):
    """A data directory of noise that decays."""
    rng = np.random.default_rng(len(folder))
    os.makedirs(folder)
    for i in range(count):
        length = int(rng.uniform(shortest, longest) * RATE)
        samples = 0.1 * rng.normal(size=length) * np.exp(-3 * np.arange(length) / length)
        soundfile.write(f"{folder}/{i:02}.wav", samples, RATE)
    write_table(f"{folder}/wav.scp", {f"{i:02}": f"{folder}/{i:02}.wav" for i in range(count)})
    return folder


def speed(make, utterances, rounds):
    """Seconds of speech that are augmented in a second of the process's time, filter banks included."""
    times = []
    for turn in range(rounds + 1):
        start = time.process_time()
        for number, samples in enumerate(utterances):
            compute_fbank(make(samples, generator(turn, number)), FBANK)
        times.append(time.process_time() - start)
    return sum(map(len, utterances)) / RATE / statistics.median(times[1:])


def main():
    print(f"{processor()}, one thread")
    print(f"{'times real time, with fbank-80':<32}{'3-12 s':>8}{'2 s':>8}")
    for row in run():
        print(f"{row.what:<32}{row.whole:>8.0f}{row.chunks:>8.0f}")


if __name__ == "__main__":
    main()
