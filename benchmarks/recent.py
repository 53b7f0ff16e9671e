"""Compares extraction and training of the networks of recent years with PyTorch: 2 s, alone and in a batch."""

from benchmarks.contest import compare
from benchmarks.report import Table
from benchmarks.systems import RECENT
from benchmarks.training import FRAMES

CHUNKS = 8


def tables(rounds):
    rows = []
    for name in RECENT:
        alone = compare("benchmarks.extraction", f"{name}: one of 2 s", rounds)
        step = compare("benchmarks.training", f"{name}: {CHUNKS}", rounds)
        row = [name]
        for ours, theirs in (alone, step):
            row += [1000 * ours.seconds, 1000 * theirs.seconds, theirs.seconds / ours.seconds]
        rows.append(row)
    header = ["network", "embedding: ours, ms", "PyTorch, ms", "ratio", "step: ours, ms", "PyTorch, ms", "ratio"]
    yield Table(f"Recent networks: an embedding of 2 s, a training step of {CHUNKS} × {FRAMES} frames", header, rows)
