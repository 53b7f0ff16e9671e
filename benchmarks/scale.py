"""Measures the cost per utterance of extraction and training chunks for small and large data sets.

`nnet.bin.extract_embeddings` runs as a process with a small network and features of about half a second, so that
reading and writing dominate; the time of a run with a single utterance is subtracted. The features of all utterances
are in one small archive.
"""

import itertools
import os
import statistics
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.loader import AUDIO_SECONDS, BATCH, CONF, DIM, RATE, STEPS, open_loader, read_epoch, write_audio
from benchmarks.process import usage_of
from benchmarks.report import Table
from benchmarks.synthetic import utterances, write_features, write_many, write_tables
from benchmarks.timing import in_turns, medians
from nnet.audio.augment import Augmenter, AugmentOptions
from nnet.datadir.directory import read_table

SIZES = (1_000, 10_000, 100_000)
RECORDINGS = (10_920, 109_201, 1_092_009)  # the last is VoxCeleb2's development part
MOST_ROUNDS = 3  # of the extraction
NETWORK = {
    "network": {"type": "tdnn", "dims": [64, 64, 128], "kernels": [5, 3, 1], "dilations": [1, 2, 1]},
    "embedding": {"dims": [64]},
}


def tables(rounds, sizes=SIZES, recordings=RECORDINGS):
    with tempfile.TemporaryDirectory() as folder:
        yield extraction(Path(folder), min(rounds, MOST_ROUNDS), sizes)
        yield loading(Path(folder), rounds, sizes)
        yield at_speeds(Path(folder), rounds, recordings)


def extraction(folder, rounds, sizes):
    """Time and memory of extract_embeddings for lists of each size."""
    source = write_features(folder / "short", 1000, 30, 80, DIM)
    model = write_model(folder / "model")
    lists = [write_many(folder / f"short{size}", size, source) for size in (1, *sizes)]
    usages = in_turns([partial(extract, model, data, folder / "embeddings") for data in lists], rounds)
    start, *seconds = (statistics.median(usage.seconds for usage in own) for own in usages)
    memory = [statistics.median(usage.mebibytes for usage in own) for own in usages[1:]]
    rows = [
        [f"{size:,}", total, 1000 * (total - start) / size, mebibytes]
        for size, total, mebibytes in zip(sizes, seconds, memory, strict=True)
    ]
    title = f"Extraction by the length of the list, utterances of half a second, medians of {rounds}"
    return Table(title, ["utterances", "all, s", "each, ms", "memory, MiB"], rows)


def extract(model, data, out):
    """The Usage of one run."""
    return usage_of("-m", "nnet.bin.extract_embeddings", model, data, out)[0]


def write_model(folder):
    """A model directory with weights as they are drawn."""
    from nnet.config import build_config
    from nnet.model.directory import save_config
    from nnet.model.speaker_net import build_model
    from nnet.model.weights import save_weights, weights_of

    config = build_config(NETWORK, "benchmarks.scale")
    folder.mkdir()
    save_config(folder, config, DIM, num_speakers=1, feats_conf=None)
    save_weights(str(folder / "model.safetensors"), weights_of(build_model(config, DIM)))
    return folder


def loading(folder, rounds, sizes):
    """What the loader takes to start, to make a chunk, and in a worker's memory, for training sets of each size."""
    source = write_features(folder / "long", 500, 300, 1000, DIM)
    rows = []
    for size in sizes:
        path = write_many(folder / f"long{size}", size, source)
        started = time.process_time()
        with open_loader(path, num_workers=1) as loader:
            start = time.process_time() - started
            read_epoch(loader, itertools.count())
            memory = resident_children()
        with open_loader(path) as loader:
            (seconds,) = medians([partial(read_epoch, loader, itertools.count())], rounds, time.process_time)
        rows.append([f"{size:,}", 1000 * start, 1000 * seconds / (STEPS * BATCH), memory])
    title = "Loader by the size of the training set, times of one core"
    return Table(title, ["utterances", "start, ms", "a chunk, ms", "a worker's memory, MiB"], rows)


def at_speeds(folder, rounds, sizes):
    """The same for recordings at three speeds, augmented on the fly: each size stands for 182 recordings a speaker."""
    files = list(read_table(write_audio(folder / "audio", "flac", 40) / "wav.scp").values())
    noises = folder / "audio"
    rows = []
    for size in sizes:
        path, ids = folder / f"recordings{size}", utterances(size, per_speaker=182)
        recordings = {utterance: files[i % len(files)] for i, utterance in enumerate(ids)}
        write_tables(path, ids, {"wav.scp": recordings, "utt2dur": dict.fromkeys(ids, AUDIO_SECONDS)})
        options = {"source": "audio", "conf": CONF, "speeds": (0.9, 1.1), "sampling": "utterance"}
        options["augment"] = Augmenter(AugmentOptions(noises=str(noises)), RATE)
        started = time.process_time()
        with open_loader(path, num_workers=1, **options) as loader:
            start = time.process_time() - started
            read_epoch(loader, itertools.count())
            memory = resident_children()
        with open_loader(path, **options) as loader:
            (seconds,) = medians([partial(read_epoch, loader, itertools.count())], rounds, time.process_time)
        rows.append([f"{size:,}", start, 1000 * seconds / (STEPS * BATCH), STEPS * BATCH / seconds, memory])
    title = "Loader from FLAC at three speeds, 60 % of the chunks with noise, times of one core"
    header = ["recordings", "start, s", "a chunk, ms", "chunks a second", "a worker's memory, MiB"]
    return Table(title, header, rows)


def resident_children():
    """MiB that the child processes hold. (The peak that getrusage gives counts this process's memory at the fork.)"""
    listing = subprocess.run(["ps", "-ax", "-o", "ppid=,rss=,comm="], capture_output=True, text=True).stdout
    children = [line.split(None, 2) for line in listing.splitlines()]
    return sum(int(rss) for parent, rss, name in children if int(parent) == os.getpid() and name != "ps") / 1024
