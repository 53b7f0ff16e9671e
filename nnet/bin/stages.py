"""Decides which steps of a recipe run, and marks the one that begins; steps/stages.sh calls this.

Without --begin and --recall it prints NAME:ACTION for each step to run, and the reasons on the standard error.
"""

import argparse
import sys

from nnet.bin.cli import boolean, parser, run
from nnet.jobs.stages import LAST, begin, check, decide, parse_step, read_mark, recall


def main(argv=None):
    args = make_parser().parse_args(argv)
    if args.recall:
        folder, *names = args.recall
        print("\n".join(recall(folder, names).values()))
        return
    steps = [parse_step(words) for words in args.step]
    if args.begin:
        name, _, action = args.begin.partition(":")
        step = next(s for s in steps if s.name == name)
        begin(step, steps, action)
        print(f"{step.mark}\nstage {step.stage}: {step.words}")
        return
    marks = {step.name: mark for step in steps if (mark := read_mark(step))}
    last = LAST if args.stop_stage is None else args.stop_stage
    decisions = decide(steps, marks, args.stage, last, args.retrain)
    if args.list:
        print("\n".join(f"{d.action:8}{d.step}: {d.why}" for d in decisions), flush=True)
    check(decisions, marks, args.stage)
    if args.list:
        return
    for step, action, why in decisions:
        if action != "keep":
            print(f"{action:8}{step}: {why}", file=sys.stderr)
            print(f"{step.name}:{action}")


def make_parser():
    p = parser(__doc__)
    p.add_argument("--stage", type=_stage, metavar="N", help="first stage to run; default: those not up to date")
    p.add_argument("--stop-stage", type=_stage, metavar="N", help="last stage to run")
    p.add_argument("--retrain", type=boolean, default=False, help="move a training aside instead of refusing the call")
    p.add_argument("--list", type=boolean, default=False, help="print all steps with the reasons, for people")
    p.add_argument("--begin", metavar="NAME:ACTION", help="mark a step as begun; print its mark and what it does")
    p.add_argument(
        "--recall", nargs="+", metavar=("DIR", "NAME"), help="print the paths that the marks in DIR remember"
    )
    p.add_argument(
        "--step",
        action="append",
        nargs="+",
        default=[],
        metavar="WORD",
        help="NAME STAGE[.PART] WORDS FOLDER and inputs: after:NAME option:NAME=VALUE path:NAME=PATH file:PATH "
        "config:JSON",
    )
    return p


def _stage(text):
    if text and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a stage is a number, not {text!r}")
    return int(text) if text else None


if __name__ == "__main__":
    run(main)
