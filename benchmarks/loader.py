"""Compares the data loader with kaldiio (compressed archives) and kaldi-native-fbank (audio).

Synthetic data in a temporary folder. All rates are per second of one core (process time).
"""

import itertools
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.report import Table
from benchmarks.synthetic import utterances, write_features, write_tables
from benchmarks.timing import medians
from nnet.datadir.directory import read_table
from nnet.dataset import ChunkLoader, speaker_indices
from nnet.dataset.audio import with_speeds
from nnet.feats.options import FbankOptions

FRAMES, DIM, BATCH, STEPS, RATE = 200, 80, 64, 10, 16000
AUDIO_SECONDS = 15
CONF = {
    "type": "fbank",
    "options": FbankOptions(num_mel_bins=DIM).to_dict(),
    "cmvn": "utterance",
    "silence_removed": False,
}


def tables(rounds):
    with tempfile.TemporaryDirectory() as folder:
        yield from_archives(Path(folder), rounds)
        yield from_audio(Path(folder), rounds)


def from_archives(folder, rounds):
    """Measures chunks from compressed matrices of 3 to 10 s and of 100 to 300 s; kaldiio must read whole matrices."""
    rows = []
    for name, low, high, count in (("3 to 10 s", 300, 1000, 500), ("100 to 300 s", 10_000, 30_000, 10)):
        path = write_features(folder / name.replace(" ", ""), count, low, high, DIM)
        with open_loader(path) as loader:
            ours, theirs = rates(loader, kaldiio_reader(path), rounds)
        rows.append([f"compressed, utterances of {name}", ours, theirs, ours / theirs])
    title = f"Loader, chunks of {FRAMES} × {DIM} a second of one core's time"
    return Table(title, ["archive", "ours", "kaldiio", "ratio"], rows)


def from_audio(folder, rounds):
    """Measures filter banks of random parts of recordings against soundfile and kaldi-native-fbank."""
    rows = []
    for kind in ("wav", "flac"):
        path = write_audio(folder / kind, kind, 40)
        with open_loader(path, source="audio", conf=CONF) as loader:
            ours, theirs = rates(loader, native_reader(path), rounds)
        speech = FRAMES / 100
        rows.append([f"{kind} of {AUDIO_SECONDS} s", speech * ours, speech * theirs, ours / theirs])
    title = f"Loader, fbank-{DIM} on the fly, times real time by one core's time"
    return Table(title, ["audio", "ours", "kaldi-native-fbank", "ratio"], rows)


def open_loader(path, **options):
    """Opens our loader on a data directory, with `STEPS` batches per epoch."""
    speakers = speaker_indices(with_speeds(read_table(path / "utt2spk"), options.get("speeds", ())))
    sampling = {"batch_size": BATCH, "min_frames": FRAMES, "max_frames": FRAMES, "steps_per_epoch": STEPS}
    return ChunkLoader(path, speakers, **sampling, **options)


def rates(loader, read_batch, rounds):
    """Measures chunks per second of our loader and of a function that reads one batch, in turns."""
    times = medians([partial(read_epoch, loader, itertools.count()), read_batch], rounds, time.process_time)
    return STEPS * BATCH / times[0], BATCH / times[1]


def read_epoch(loader, numbers):
    """Reads the next epoch."""
    for _ in loader.epoch(next(numbers)):
        pass


def kaldiio_reader(path):
    """Returns a function that reads a batch by kaldiio."""
    import kaldiio

    places = list(read_table(path / "feats.scp").values())
    rng = np.random.default_rng(0)

    def read():
        for _ in range(BATCH):
            matrix = kaldiio.load_mat(places[rng.integers(len(places))])
            start = rng.integers(len(matrix) - FRAMES)
            np.array(matrix[start : start + FRAMES])

    return read


def native_reader(path):
    """Returns a function that makes a batch by soundfile and kaldi-native-fbank."""
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.mel_opts.num_bins = DIM
    files = list(read_table(path / "wav.scp").values())
    rng = np.random.default_rng(0)
    length = (FRAMES - 1) * RATE // 100 + RATE // 40  # samples

    def read():
        for _ in range(BATCH):
            start = rng.integers(AUDIO_SECONDS * RATE - length)
            samples = soundfile.read(files[rng.integers(len(files))], length, start, dtype="float32")[0]
            fbank = kaldi_native_fbank.OnlineFbank(options)
            fbank.accept_waveform(RATE, samples * 32768)
            np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])

    return read


def write_audio(path, kind, count):
    """Writes a data directory of `count` recordings of noise."""
    rng = np.random.default_rng(0)
    ids = utterances(count, per_speaker=2)
    path.mkdir()
    for utterance in ids:
        soundfile.write(path / f"{utterance}.{kind}", 0.1 * rng.standard_normal(AUDIO_SECONDS * RATE), RATE)
    files = {u: path / f"{u}.{kind}" for u in ids}
    write_tables(path, ids, {"wav.scp": files, "utt2dur": dict.fromkeys(ids, AUDIO_SECONDS)})
    return path
