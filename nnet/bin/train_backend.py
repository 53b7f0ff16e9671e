"""Trains the back end: centring, LDA, length normalisation and PLDA.

EMBDIR holds xvector.scp, DATA holds utt2spk. OUTDIR gets mean.vec, transform.mat and plda in Kaldi's formats, and
backend.json, which says how they were trained.
"""

import logging
import os

from nnet.backend.directory import write_backend
from nnet.backend.embeddings import labels_of, read_utterances
from nnet.backend.training import TrainingOptions, train_backend
from nnet.bin.cli import boolean, parser, run
from nnet.io.tables import read_utt2spk

log = logging.getLogger(__name__)


def main(argv=None):
    args = _arguments(argv)
    path = os.path.join(args.data, "utt2spk")
    embeddings = read_utterances(args.embeddings)
    rows, labels = labels_of(embeddings, read_utt2spk(path), path)
    log.info("training on %d embeddings of %d speakers", len(rows), labels.max() + 1)
    options = TrainingOptions(
        lda_dim=args.lda_dim,
        total_covariance_factor=args.total_covariance_factor,
        whiten=args.whiten,
        wccn=args.wccn,
        normalize_length=args.normalize_length,
        num_em_iters=args.num_em_iters,
    )
    backend = train_backend(embeddings.vectors[rows], labels, options)
    write_backend(args.out, backend, args.binary)


def _arguments(argv):
    options = parser(__doc__)
    add = options.add_argument
    default = TrainingOptions()
    add("embeddings", metavar="EMBDIR", help="folder with xvector.scp")
    add("data", metavar="DATA", help="data directory with utt2spk")
    add("out", metavar="OUTDIR", help="folder to make")
    add("--lda-dim", type=int, default=default.lda_dim, help="dimensions that LDA keeps; 0: no LDA")
    add(
        "--total-covariance-factor",
        type=float,
        default=default.total_covariance_factor,
        help="LDA makes this mixture of the within-class (0) and the total (1) covariance the unit matrix",
    )
    add("--whiten", type=boolean, default=default.whiten, help="whiten the total covariance before LDA")
    add("--wccn", type=boolean, default=default.wccn, help="within-class covariance normalisation after LDA")
    add("--normalize-length", type=boolean, default=default.normalize_length, help="scale to the length sqrt(dim)")
    add("--num-em-iters", type=int, default=default.num_em_iters, help="steps of PLDA; 0: no PLDA")
    add("--binary", type=boolean, default=True, help="write Kaldi's binary formats; false: text")
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
