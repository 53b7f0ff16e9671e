"""How fast training chunks come: from compressed archives and from audio, beside kaldiio and kaldi-native-fbank.

Synthetic data, made in a temporary folder. All rates are per second of one core's time (of the process, not of the
clock), medians of 7 runs. The last rows show that a chunk costs the same with 1,000 and with 100,000 utterances.
"""

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from nnet.dataset import ChunkLoader, speaker_indices
from nnet.feats.options import FbankOptions
from nnet.io.ark import ArkWriter
from nnet.io.data_dir import write_table

FRAMES, DIM, BATCH, RATE = 200, 80, 64, 16000
CONF = {
    "type": "fbank",
    "options": FbankOptions(num_mel_bins=DIM).to_dict(),
    "cmvn": "utterance",
    "silence_removed": False,
}


def main(repeats=7):
    """Prints a table of the rates."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        rows = [*from_archives(folder, repeats), *from_audio(folder, repeats), *by_size(folder, repeats)]
    width = max(len(name) for name, _, _ in rows)
    for name, value, unit in rows:
        print(f"{name:<{width}}  {value:>10,.0f} {unit}")


def from_archives(folder, repeats):
    """Chunks a second from compressed matrices of 3 to 10 s, and of 100 to 300 s."""
    for name, low, high, count in (("3-10 s", 300, 1000, 500), ("100-300 s", 10_000, 30_000, 10)):
        path = folder / name.replace(" ", "")
        write_features(path, count, low, high)
        yield f"compressed archive, utterances of {name}", rate(path, repeats), "chunks/s"
        yield "  whole matrices by kaldiio, cut", median_rate(kaldiio_reader(path), repeats), "chunks/s"


def from_audio(folder, repeats):
    """Seconds of speech a second, fbank made from random parts of 15-s recordings."""
    seconds = FRAMES * 0.01
    for kind in ("wav", "flac"):
        path = folder / kind
        write_audio(path, kind, 40)
        ours = seconds * rate(path, repeats, source="audio", conf=CONF)
        yield f"{kind} of 15 s, random parts, fbank-{DIM}", ours, "x real time"
        theirs = seconds * median_rate(native_reader(path), repeats)
        yield "  the same parts by soundfile, kaldi-native-fbank", theirs, "x real time"


def by_size(folder, repeats):
    """The cost of a chunk, of the start and in memory, with few utterances and with many."""
    places = (folder / "3-10s" / "feats.scp").read_text().split()[1::2]
    lengths = (folder / "3-10s" / "utt2num_frames").read_text().split()[1::2]
    for count in (1_000, 100_000):
        path = folder / f"utterances{count}"
        ids = [f"s{i // 50:05}-{i:06}" for i in range(count)]
        write_tables(path, ids, {
            "feats.scp": {u: places[i % len(places)] for i, u in enumerate(ids)},
            "utt2num_frames": {u: lengths[i % len(lengths)] for i, u in enumerate(ids)},
        })  # fmt: skip
        started = time.process_time()
        with open_loader(path, num_workers=1) as loader:
            yield f"{count:,} utterances: start", 1000 * (time.process_time() - started), "ms"
            list(loader.epoch(0))
            yield f"{count:,} utterances: memory of a worker", resident_children(), "MiB"
        yield f"{count:,} utterances", rate(path, repeats), "chunks/s"


def resident_children():
    """MiB that the child processes hold. (The peak that getrusage gives counts this process's memory at the fork.)"""
    listing = subprocess.run(["ps", "-ax", "-o", "ppid=,rss=,comm="], capture_output=True, text=True).stdout
    children = [line.split(None, 2) for line in listing.splitlines()]
    return sum(int(rss) for parent, rss, name in children if int(parent) == os.getpid() and name != "ps") / 1024


def open_loader(path, **options):
    utt2spk = dict(line.split(None, 2) for line in (path / "utt2spk").read_text().splitlines())
    sampling = {"batch_size": BATCH, "min_frames": FRAMES, "max_frames": FRAMES, "steps_per_epoch": 10}
    return ChunkLoader(path, speaker_indices(utt2spk), **sampling, **options)


def rate(path, repeats, **options):
    """Chunks a second of the loader."""
    loader = open_loader(path, **options)
    list(loader.epoch(0))
    return median_rate(lambda epoch: sum(len(labels) for _, labels in loader.epoch(epoch)), repeats)


def kaldiio_reader(path):
    """A function that reads a batch by kaldiio."""
    import kaldiio

    places = (path / "feats.scp").read_text().split()[1::2]
    rng = np.random.default_rng(0)

    def read(_):
        for _ in range(BATCH):
            matrix = kaldiio.load_mat(places[rng.integers(len(places))])
            start = rng.integers(len(matrix) - FRAMES)
            np.array(matrix[start : start + FRAMES])
        return BATCH

    return read


def native_reader(path):
    """A function that makes a batch by soundfile and kaldi-native-fbank."""
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.mel_opts.num_bins = DIM
    files = (path / "wav.scp").read_text().split()[1::2]
    rng = np.random.default_rng(0)

    def read(_):
        for _ in range(BATCH):
            start = rng.integers(12 * RATE)
            name = files[rng.integers(len(files))]
            samples = soundfile.read(name, (FRAMES - 1) * RATE // 100 + RATE // 40, start, dtype="float32")[0]
            fbank = kaldi_native_fbank.OnlineFbank(options)
            fbank.accept_waveform(RATE, samples * 32768)
            np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])
        return BATCH

    return read


def median_rate(read, repeats):
    """The median of `read(number)`, chunks that were read, over the seconds that they took."""
    rates = []
    for number in range(1, repeats + 1):
        started = time.process_time()
        count = read(number)
        rates.append(count / (time.process_time() - started))
    return statistics.median(rates)


def write_features(path, count, low, high):
    rng = np.random.default_rng(0)
    lengths = rng.integers(low, high, count)
    ids = [f"s{i // 5:03}-{i:04}" for i in range(count)]
    path.mkdir()
    with ArkWriter(path / "feats.ark", path / "feats.scp", compress=True) as writer:
        for utterance, length in zip(ids, lengths, strict=True):
            writer.write(utterance, rng.standard_normal((length, DIM), np.float32))
    write_tables(path, ids, {"utt2num_frames": dict(zip(ids, lengths, strict=True))})


def write_audio(path, kind, count):
    rng = np.random.default_rng(0)
    ids = [f"s{i // 2:03}-{i:04}" for i in range(count)]
    path.mkdir()
    for utterance in ids:
        soundfile.write(path / f"{utterance}.{kind}", 0.1 * rng.standard_normal(15 * RATE), RATE)
    write_tables(path, ids, {"wav.scp": {u: path / f"{u}.{kind}" for u in ids}, "utt2dur": dict.fromkeys(ids, 15)})


def write_tables(path, ids, tables):
    path.mkdir(exist_ok=True)
    for name, table in tables.items():
        write_table(path / name, table)
    write_table(path / "utt2spk", {u: u.split("-")[0] for u in ids})


if __name__ == "__main__":
    main()
