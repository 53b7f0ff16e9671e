"""Data directories of noise, for what reads one."""

import numpy as np

from nnet.datadir.directory import read_table, write_table
from nnet.kaldi.ark import ArkWriter


def write_features(path, count, low, high, dim, per_speaker=5):
    """`count` compressed matrices of `low` to `high` frames."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(low, high, count)
    ids = utterances(count, per_speaker)
    path.mkdir()
    with ArkWriter(path / "feats.ark", path / "feats.scp", compress=True) as writer:
        for utterance, length in zip(ids, lengths, strict=True):
            writer.write(utterance, rng.standard_normal((length, dim), np.float32))
    write_tables(path, ids, {"utt2num_frames": dict(zip(ids, lengths, strict=True))})
    return path


def write_many(path, count, source, per_speaker=50):
    """`count` utterances whose features are those of a smaller directory, over and over."""
    ids = utterances(count, per_speaker)
    tables = {}
    for name in ("feats.scp", "utt2num_frames"):
        values = list(read_table(source / name).values())
        tables[name] = {utterance: values[i % len(values)] for i, utterance in enumerate(ids)}
    write_tables(path, ids, tables)
    return path


def utterances(count, per_speaker):
    """Sorted names, the speaker's in front."""
    return [f"s{i // per_speaker:05}-{i:06}" for i in range(count)]


def write_tables(path, ids, tables):
    """The tables, and utt2spk."""
    path.mkdir(exist_ok=True)
    for name, table in tables.items():
        write_table(path / name, table)
    write_table(path / "utt2spk", {utterance: utterance.split("-")[0] for utterance in ids})
