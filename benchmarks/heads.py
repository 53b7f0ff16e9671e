"""Measures the head of a network for very many speakers: a training step with all of them or a sample in its softmax.

The step is `Trainer.update` on BATCH embeddings of WIDTH dimensions, with additive angular margin and momentum; the
network in front is a single tiny layer. Each size has its own process.
"""

import itertools
import types

import numpy as np

from benchmarks.contest import compare
from benchmarks.report import Table

BATCH, WIDTH = 32, 256
DIM, FRAMES = 8, 2  # of the features
HEADS = ((10_000, 1.0), (100_000, 1.0), (100_000, 0.1), (1_000_000, 0.1), (1_000_000, 0.01))


def tables(rounds):
    rows = []
    for classes, share in HEADS:
        (result,) = compare("benchmarks.heads", f"{classes} {share}", rounds, ("ours",))
        rows.append([f"{classes:,}", f"{round(share * classes):,}", 1000 * result.seconds, result.mebibytes])
    header = ["speakers", "in the softmax", "step, ms", "memory, MiB"]
    yield Table(f"Training step of the head, {BATCH} × {WIDTH} embeddings, medians of {rounds}", header, rows)


def our_step(case):
    """Returns a function that calls `Trainer.update`; `case` is the number of classes and the share of the sample."""
    from nnet.config import build_config
    from nnet.model.speaker_net import attach_loss, build_model
    from nnet.ops import mx
    from nnet.training.trainer import Trainer

    classes, share = case.split()
    config = build_config(
        {
            "network": {"type": "tdnn", "dims": [WIDTH], "kernels": [1], "dilations": [1]},
            "embedding": {"dims": [WIDTH]},
            "loss": {"type": "additive_angular_margin", "sample_classes": float(share)},
            "optimizer": {"type": "momentum"},
        },
        "benchmarks.heads",
    )
    model = build_model(config, DIM)
    attach_loss(model, config, int(classes))
    mx.eval(model.parameters())
    trainer = Trainer(model, config, "", types.SimpleNamespace(steps_per_epoch=100_000), None, [])
    trainer.train_mode()
    rng, steps = np.random.default_rng(0), itertools.count()
    features = rng.standard_normal((BATCH, FRAMES, DIM), np.float32)

    def step():
        labels = rng.integers(0, int(classes), BATCH).astype(np.int32)
        trainer.update(0, next(steps), [(features, labels)])

    return step


SIDES = {"ours": our_step}
