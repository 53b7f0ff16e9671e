"""Side-by-side measurements against what a user would pick instead.

    python -m benchmarks [--rounds 7] [--output FILE.md] [NAME ...]

A benchmark is a module of this package, listed in `benchmarks.__main__`, with a function `tables(rounds)` that yields a
`Table` as soon as it is measured. Two implementations take turns, medians are over at least 7 rounds after a warm-up,
and ratios say how many times as fast ours is. `benchmarks.contest` runs each of the two in a process of its own, with
the same number of threads; what fits in one process may simply take turns there.

Those that have no PyTorch beside them print by themselves: `python -m benchmarks.features`, `.augmentation`, `.loader`,
`.backend`.
"""
