"""Computes EER and detection costs of one or more score files; prints a table and optionally writes a report.

TRIALS has lines `enroll test target|nontarget`, SCORES `enroll test score`. A trial without a score is an error.
--report DIR writes report.html (self-contained), report.md, the plots and metrics.json.
"""

import logging
import math
import os

from nnet.bin.cli import number, parser, run
from nnet.errors import InputError
from nnet.kaldi.tables import read_table
from nnet.kaldi.trials import read_scores, read_trials
from nnet.metrics import Cost, OperatingPoint
from nnet.report.epochs import read_epochs
from nnet.report.pages import write_report
from nnet.report.results import ReportOptions, evaluate
from nnet.report.sections import MAIN_COSTS, cost_notes, difference_rows, sections, summary_rows
from nnet.report.tables import as_text

log = logging.getLogger(__name__)

REPETITIONS = 500  # bootstrap draws if a report is written


def main(argv=None):
    args = _arguments(argv)
    folder = args.report
    _check_files(args.scores)
    trials = read_trials(args.trials)
    systems = {name: lambda path=path: read_scores(path, trials) for name, path in _names(args.scores).items()}
    epochs = read_epochs(args.train_log) if args.train_log else None
    costs = tuple(_cost(text) for text in args.cost)
    options = ReportOptions(
        repetitions=args.bootstrap if args.bootstrap is not None else REPETITIONS if folder else 0,
        utt2spk=read_table(args.utt2spk) if args.utt2spk else None,
        conditions=read_conditions(args.condition),
        costs=costs,
        pairs=tuple(_pair(text, systems) for text in args.compare),
        curves=folder is not None,
    )
    results = evaluate(trials, systems, options)
    shown = MAIN_COSTS + tuple(cost.name for cost in costs)
    print(as_text(summary_rows(results, shown)), end="")
    if args.compare:
        print(as_text(difference_rows(results, shown)), end="")
    print("\n".join(cost_notes(results, shown)))
    if folder:
        write_report(folder, args.title, results, sections(results, epochs))
        log.info("%s holds the report", os.path.join(folder, "report.html"))


def _check_files(paths):
    """Raises InputError if a score file does not exist, before any is read."""
    for path in paths:
        if not os.path.exists(path) or os.path.isdir(path):
            raise InputError(f"{path}: no such score file; the folder of a report is given by --report DIR")


def _names(paths):
    """Returns a dict from the shortest suffix that distinguishes a path from the others to the path."""
    paths = list(dict.fromkeys(paths))
    for depth in range(1, 1 + max(path.count(os.sep) for path in paths)):
        names = [os.sep.join(path.split(os.sep)[-depth:]) for path in paths]
        if len(set(names)) == len(paths):
            return dict(zip(names, paths, strict=True))
    return {path: path for path in paths}


def read_conditions(paths):
    """Reads tables: dict from file name to entries; tables of the same name (enroll and test side) are merged."""
    conditions = {}
    for path in paths:
        known, table = conditions.setdefault(os.path.basename(path), {}), read_table(path, check_sorted=False)
        for key, value in table.items():
            if known.get(key, value) != value:
                raise InputError(f'{path}: "{key}" is "{value}" here, "{known[key]}" in another table of this name')
        known |= table
    return conditions


def _cost(text):
    """Parses a Cost from "Cmiss,Cfa,Ptarget"."""
    try:
        c_miss, c_fa, p_target = (float(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"--cost {text}: must be Cmiss,Cfa,Ptarget, such as 1,1,0.005") from None
    if not (0 < c_miss < math.inf and 0 < c_fa < math.inf and 0 < p_target < 1):
        raise InputError(f"--cost {text}: costs must be above 0, the prior between 0 and 1")
    return Cost(f"DCF({text})", (OperatingPoint(c_miss, c_fa, p_target),))


def _pair(text, systems):
    """Parses "NEW:OLD", names of the table."""
    new, _, old = text.partition(":")
    for name in (new, old):
        if name not in systems:
            raise InputError(f"--compare {text}: no system {name!r}; there are: {' '.join(systems)}")
    return new, old


def _arguments(argv):
    options = parser(__doc__)
    add = options.add_argument
    add("trials", metavar="TRIALS")
    add("scores", metavar="SCORES", nargs="+", help="score files, one per line of the table")
    add("--report", metavar="DIR", help="folder to write a report to")
    add("--title", default="Speaker verification report", help="title of the report")
    several = {"action": "extend", "type": str.split, "default": []}
    add("--cost", **several, metavar='"CMISS,CFA,PTARGET ..."', help="additional detection costs")
    add("--condition", **several, metavar='"FILE ..."', help="tables such as utt2gender: metrics per value")
    add(
        "--compare",
        **several,
        metavar='"NEW:OLD ..."',
        help="pairs of systems, by their names in the table: differences with paired confidence intervals",
    )
    add(
        "--bootstrap",
        type=number(int, low=0),
        help=f"bootstrap draws for confidence intervals; default: {REPETITIONS}, 0 without a report",
    )
    add("--utt2spk", metavar="FILE", help="speakers, for the intervals; default: inferred from the target trials")
    add("--train-log", metavar="FILE", help="log.jsonl of the model, to plot training curves")
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
