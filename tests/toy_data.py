"""Data directories of features that have speakers in them, small enough for a test."""

import json
import os

import numpy as np

from nnet.datadir.directory import write_table
from nnet.kaldi.ark import ArkWriter

DIM = 8

# Other toys of the same kind: what a test says of a toy holds for any seed.
SEED = 10_000 * int(os.environ.get("SV_TEST_SEED", "0"))


def make_data(directory, speakers=6, utterances=4, frames=(60, 120), seed=0, first_speaker=0):
    """Writes a data directory of prepared features: a speaker is an offset, an utterance is noise around it."""
    rng = np.random.default_rng(SEED + seed)
    directory.mkdir(parents=True)
    utt2spk, lengths = {}, {}
    with ArkWriter(str(directory / "feats.ark"), str(directory / "feats.scp"), compress=True) as writer:
        for s in range(first_speaker, first_speaker + speakers):
            offset = np.random.default_rng(SEED + 1000 + s).normal(size=DIM)
            for u in range(utterances):
                name = f"s{s:03d}-u{u}"
                lengths[name] = int(rng.integers(*frames))
                utt2spk[name] = f"s{s:03d}"
                writer.write(name, (offset + rng.normal(size=(lengths[name], DIM))).astype(np.float32))
    write_table(directory / "utt2spk", utt2spk)
    write_table(directory / "utt2num_frames", lengths)
    conf = {"type": "mfcc", "options": {"num_ceps": DIM}, "cmvn": "none", "silence_removed": False}
    (directory / "feats_conf.json").write_text(json.dumps(conf))
    return directory


def make_config(path, **sections):
    """A configuration of a tiny x-vector; `sections` are laid over it, key by key."""
    config = {
        "data": {"batch_size": 6, "min_frames": 30, "max_frames": 40, "valid_frames": 40, "num_workers": 0},
        "network": {"type": "tdnn", "dims": [16, 16, 24], "kernels": [5, 3, 1], "dilations": [1, 2, 1]},
        "embedding": {"dims": [12, 12]},
        "optimizer": {"type": "momentum"},
        "schedule": {"type": "exponential", "learning_rate": 0.05, "final_learning_rate": 0.01},
        "training": {"epochs": 3, "seed": SEED},
    }
    for name, values in sections.items():
        if isinstance(values, dict) and "type" not in values:
            values = config.get(name, {}) | values
        config[name] = values
    path.write_text(json.dumps(config))
    return path
