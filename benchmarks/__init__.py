"""Side-by-side measurements against what a user would pick instead, and what large sizes cost.

    python -m benchmarks [--rounds 7] [--output FILE.md] [NAME ...]

A benchmark is a module of this package, listed in `benchmarks.__main__`, with a function `tables(rounds)` that yields a
`Table` as soon as it is measured. Implementations take turns, numbers are medians over `rounds` rounds after a warm-up,
ratios say how many times as fast ours is. `benchmarks.contest` gives each implementation a process of its own, with the
same number of threads; what fits in one process takes turns there (`benchmarks.timing`). Where a round takes minutes
there are fewer, and the module says so.
"""
