"""Computes quality measures of each speaker and utterance of EMBDIR for calibration: lines `id number number ...`.

In this order: log duration (with --data), norm of the embedding, and its mean score against a cohort (with --cohort).
Both sides of the trials need the same measures.
"""

import os

import numpy as np

from nnet.backend.embeddings import read_enrollment, read_utterances
from nnet.backend.quality import cohort_means, log_durations, magnitudes
from nnet.bin.cli import number, parser, run
from nnet.bin.scoring_options import add_scoring_options, system_from
from nnet.kaldi.tables import read_numbers, read_spk2utt, write_table


def main(argv=None):
    args = _arguments(argv)
    enrollment = read_enrollment(args.embeddings)
    ids = enrollment.embeddings.ids
    measures = [magnitudes(enrollment.embeddings.vectors)]
    if args.data:
        utt2dur = read_numbers(os.path.join(args.data, "utt2dur"))
        spk2utt = read_spk2utt(os.path.join(args.data, "spk2utt"))
        measures.insert(0, log_durations(ids, utt2dur, spk2utt, args.max_duration))
    if args.cohort:
        cohort = read_utterances(args.cohort)
        measures.append(cohort_means(system_from(args), enrollment, cohort, args.top_n))
    rows = np.stack(measures, axis=1).tolist()
    write_table(args.out, {key: " ".join(f"{value:.6g}" for value in row) for key, row in zip(ids, rows, strict=True)})


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("embeddings", metavar="EMBDIR")
    options.add_argument("out", metavar="MEASURES")
    options.add_argument("--data", metavar="DATA", help="data directory whose utt2dur and spk2utt give durations")
    options.add_argument(
        "--max-duration",
        type=number(float, above=0),
        default=20.0,
        help="longer durations, in seconds, are clipped to this",
    )
    options.add_argument("--cohort", metavar="EMBDIR", help="embeddings of cohort speakers")
    options.add_argument(
        "--top-n", type=number(int, low=1), default=300, help="number of highest cohort scores to average"
    )
    add_scoring_options(options)
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
