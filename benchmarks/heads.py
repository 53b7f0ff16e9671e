"""Measures the head of a network for very many speakers: a training step with all of them or a sample in its softmax.

The step is `Trainer.update` on BATCH embeddings of WIDTH dimensions, with additive angular margin and momentum; the
network in front is a single tiny layer. Each head has its own process; together they take 7 GB.
"""

import itertools
import types

import numpy as np

from benchmarks.contest import compare
from benchmarks.report import Table

BATCH, WIDTH = 32, 256
DIM, FRAMES = 8, 2  # of the features
HEADS = ((10_000, 1.0), (100_000, 1.0), (100_000, 0.1), (1_000_000, 0.1), (1_000_000, 0.01))  # speakers, share


def tables(rounds):
    results = compare("benchmarks.heads", "", rounds, tuple(SIDES))
    rows = [
        [f"{speakers:,}", f"{round(share * speakers):,}", 1000 * took.seconds, 1000 * took.fastest, took.mebibytes]
        for (speakers, share), took in zip(HEADS, results, strict=True)
    ]
    header = ["speakers", "in the softmax", "step, ms", "fastest, ms", "memory, MiB"]
    yield Table(f"Training step of the head, {BATCH} × {WIDTH} embeddings, medians of {rounds}", header, rows)


def our_step(speakers, share):
    """Returns a function that calls `Trainer.update`."""
    from nnet.config import build_config
    from nnet.model.speaker_net import attach_loss, build_model
    from nnet.ops import mx
    from nnet.training.trainer import Trainer

    config = build_config(
        {
            "network": {"type": "tdnn", "dims": [WIDTH], "kernels": [1], "dilations": [1]},
            "embedding": {"dims": [WIDTH]},
            "loss": {"type": "additive_angular_margin", "sample_classes": share},
            "optimizer": {"type": "momentum"},
        },
        "benchmarks.heads",
    )
    model = build_model(config, DIM)
    attach_loss(model, config, speakers)
    mx.eval(model.parameters())
    trainer = Trainer(model, config, "", types.SimpleNamespace(steps_per_epoch=100_000), None, [])
    trainer.train_mode()
    rng, steps = np.random.default_rng(0), itertools.count()
    features = rng.standard_normal((BATCH, FRAMES, DIM), np.float32)

    def step():
        labels = rng.integers(0, speakers, BATCH).astype(np.int32)
        trainer.update(0, next(steps), [(features, labels)])

    return step


SIDES = {f"{speakers} {share}": lambda case, head=(speakers, share): our_step(*head) for speakers, share in HEADS}
