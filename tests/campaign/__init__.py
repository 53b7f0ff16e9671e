"""A campaign against what users and machines do to files: mutated input, kills, full disks, lost power, two calls.

python -m tests.campaign --seconds 60 --seed 1 prints a table, and of every failure what repeats it. A target is a class
with `prepare(folder)`, which makes what is attacked, and `attempt(rng)`, which attacks it once and returns an Outcome.
"""
