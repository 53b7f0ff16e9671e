"""Benchmarks against the alternatives that a user would choose, and at large data sizes.

    python -m benchmarks [--rounds 7] [--output FILE.md] [NAME ...]

A benchmark is a module of this package, listed in `benchmarks.__main__`, with a function `tables(rounds)` that yields a
`Table` as soon as it is measured. Implementations take turns; figures are medians over `rounds` rounds after a warm-up,
ratios are speed of ours / speed of theirs. `benchmarks.contest` runs each implementation in its own process, with the
same number of threads; implementations that share a process take turns in it (`benchmarks.timing`). Benchmarks whose
rounds take minutes use fewer rounds, as their docstrings say.
"""
