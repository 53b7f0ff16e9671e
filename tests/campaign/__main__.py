"""Runs the campaign: see the package. Every target runs in a process of its own, which may crash or hang."""

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.campaign.outcomes import ACCEPTED, FAILURES, HANG, REFUSED, TRACEBACK, UNCHANGED, Outcome
from tests.campaign.recipe import kill
from tests.campaign.targets import ALL, TARGETS
from tests.campaign.worker import work

PATIENCE = 1000  # seconds that an attempt may take
SHOWN = 20  # failures of a target that are printed


def main(argv=None):
    """Runs the campaign and returns the number of failures."""
    args = _arguments(argv)
    table = {}
    for name in args.target:
        until = time.monotonic() + args.seconds / len(args.target)
        attempts = range(sys.maxsize) if args.attempt is None else [args.attempt]
        table[name] = Counter()
        for attempt, outcome in attempts_of(name, args.seed, attempts, until):
            table[name][outcome.kind] += 1
            if outcome.kind in FAILURES and failures(table[name]) <= SHOWN:
                print(
                    f"--target {name} --seed {args.seed} --attempt {attempt}: {outcome.kind}: {outcome.what}",
                    flush=True,
                )
    print_table(table)
    return sum(map(failures, table.values()))


def attempts_of(name, seed, attempts, until):
    """Yields (number, Outcome) until a time of `time.monotonic`; a worker that crashed or hangs is replaced."""
    folder, worker = tempfile.mkdtemp(prefix="campaign-"), None
    try:
        for attempt in attempts:
            if worker is None:
                worker, pipe = _start(name, seed, folder)
            pipe.send(attempt)
            outcome = _answer(pipe, folder)
            yield attempt, outcome
            if outcome.what.startswith("the process"):
                _stop(worker)
                worker = None
            if time.monotonic() > until:
                return
    finally:
        if worker is not None:
            _stop(worker)
        shutil.rmtree(folder, ignore_errors=True)


def _start(name, seed, folder):
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    worker = context.Process(target=work, args=(name, seed, folder, theirs))
    worker.start()
    theirs.close()
    return worker, pipe


def _stop(worker):
    kill(worker)
    worker.join()


def _answer(pipe, folder):
    """Returns what the worker sent, or the Outcome of its end, with its last words, or of its silence."""
    if not pipe.poll(PATIENCE):
        return Outcome(HANG, f"the process is silent for {PATIENCE} s")
    try:
        return pipe.recv()
    except (EOFError, ConnectionResetError):
        printed = (Path(folder) / "printed").read_text(errors="replace")
        return Outcome(TRACEBACK, f"the process crashed: {printed[-500:]}")


def failures(counts):
    """Returns the number of failures in the counts of a target."""
    return sum(counts[kind] for kind in FAILURES)


def print_table(table):
    """Prints the counts of all targets and their sum."""
    kinds = (UNCHANGED, ACCEPTED, REFUSED, *FAILURES)
    print(f"{'target':<14}{'tried':>8}", *(f"{kind:>10}" for kind in kinds))
    for name, counts in {**table, "all": sum(table.values(), Counter())}.items():
        print(f"{name:<14}{counts.total():>8}", *(f"{counts[kind]:>10}" for kind in kinds))


def _arguments(argv):
    p = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    p.add_argument("--seconds", type=float, default=60, help="for all targets together; default: 60")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument(
        "--target", action="append", choices=list(ALL), help="may be repeated; default: all but power, voxceleb"
    )
    p.add_argument("--attempt", type=int, help="repeat this attempt alone, as a failure names it")
    args = p.parse_args(argv)
    args.target = args.target or list(TARGETS)
    return args


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
