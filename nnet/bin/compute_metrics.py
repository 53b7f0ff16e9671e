"""EER and detection costs of one or more score files, as one table.

TRIALS holds `enroll test target|nontarget` a line, SCORES `enroll test score`. A trial without a score is an error.
"""

import os

from nnet.bin.cli import parser, run
from nnet.io.trials import read_scores, read_trials
from nnet.metrics.summary import summarize
from nnet.report.tables import as_text, cost_notes, summary_table


def main(argv=None):
    args = _arguments(argv)
    trials = read_trials(args.trials)
    systems = {name: summarize(read_scores(path, trials), trials.target) for name, path in _names(args.scores).items()}
    print(as_text(summary_table(systems)), end="")
    print("\n".join(cost_notes()))


def _names(paths):
    """{shortest distinct name: path} of score files."""
    names = {os.path.basename(path): path for path in paths}
    return names if len(names) == len(paths) else {path: path for path in paths}


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("trials", metavar="TRIALS")
    options.add_argument("scores", metavar="SCORES", nargs="+")
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
