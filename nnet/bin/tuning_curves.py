"""Compares trainings on one page: losses and EER over the epochs, and over the values of the keys that differ.

Reads config.json and log.jsonl of each MODELDIR, and the metrics.json of the reports in it. Writes OUT.html, a
self-contained page, and prints its table. It may be repeated while a training runs.
"""

import logging

from nnet.bin.cli import parser, run
from nnet.files import atomic_write
from nnet.report.pages import page
from nnet.report.tables import as_text
from nnet.report.tuning import read_run, tuning_sections

log = logging.getLogger(__name__)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--title", default="Tuning", help="title of the page")
    options.add_argument("out", metavar="OUT.html")
    options.add_argument("model_dirs", metavar="MODELDIR", nargs="+")
    args = options.parse_args(argv)
    sections = tuning_sections([read_run(directory) for directory in args.model_dirs])
    print(as_text(sections[0].rows), end="")
    with atomic_write(args.out) as file:
        file.write(page(args.title, sections))
    log.info("%s holds the curves", args.out)


if __name__ == "__main__":
    run(main)
