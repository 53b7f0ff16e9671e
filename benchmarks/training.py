"""Compares a training step (forward, backward, update) with PyTorch's: 32 chunks of 200 frames.

A case is the name of a network, or one with another number of chunks: "ResNet34: 8".
"""

import types

from benchmarks.contest import compare
from benchmarks.report import Table
from benchmarks.systems import CLASSICS, feature_dim, features, labels, our_model, torch_model

BATCH, FRAMES = 32, 200
RATE, MOMENTUM, DECAY = 1e-3, 0.9, 1e-4


def tables(rounds):
    rows = []
    for name in CLASSICS:
        ours, theirs = compare("benchmarks.training", name, rounds)
        times = [ours.seconds, theirs.seconds, theirs.seconds / ours.seconds, theirs.fastest / ours.fastest]
        rows.append([name, *times, ours.mebibytes, theirs.mebibytes])
    header = ["network", "ours, s", "PyTorch, s", "ratio", "ratio of the fastest", "ours, MiB", "PyTorch, MiB"]
    yield Table(f"Training step, {BATCH} × {FRAMES} frames", header, rows)


def our_step(case):
    """Returns a function that calls `Trainer.update`."""
    from nnet.training.trainer import Trainer

    name, batch = batch_of(case)
    model, config = our_model(name)
    trainer = Trainer(model, config, "", types.SimpleNamespace(steps_per_epoch=100_000), None, [])
    trainer.train_mode()
    return lambda: trainer.update(0, 0, [batch])


def batch_of(case):
    """Returns the name of a case's network, and its (features, labels)."""
    name, _, chunks = case.partition(": ")
    chunks = int(chunks or BATCH)
    return name, (features(chunks, FRAMES, feature_dim(name)), labels(chunks))


def torch_step(case):
    """Returns a training step as in PyTorch's tutorials."""
    import torch

    name, arrays = batch_of(case)
    network, classifier = torch_model(name)
    weights = [*network.parameters(), *classifier.parameters()]
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY)
    batch, speakers = map(torch.from_numpy, arrays)
    speakers = speakers.long()

    def step():
        optimizer.zero_grad()
        output = network(batch)
        output = output[-1] if isinstance(output, tuple) else output
        torch.nn.functional.cross_entropy(classifier(output), speakers).backward()
        optimizer.step()

    return step


SIDES = {"ours": our_step, "PyTorch": torch_step}
