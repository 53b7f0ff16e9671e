"""Trains the back end: centring, LDA, length normalisation and PLDA.

EMBDIR holds xvector.scp, DATA holds utt2spk. OUTDIR gets mean.vec, transform.mat and plda in Kaldi's formats, and
backend.json, which says how they were trained.
"""

import logging
import os

from nnet.backend.adaptation import UNSUPERVISED, AdaptationOptions
from nnet.backend.directory import write_backend
from nnet.backend.embeddings import labelled, read_utterances
from nnet.backend.training import TrainingOptions, adapt_backend, interpolate_backend, train_backend
from nnet.bin.cli import boolean, number, parser, run
from nnet.errors import InputError
from nnet.kaldi.tables import read_utt2spk

log = logging.getLogger(__name__)


def main(argv=None):
    args = _arguments(argv)
    path = os.path.join(args.data, "utt2spk")
    embeddings = read_utterances(args.embeddings)
    vectors, labels = labelled(embeddings, read_utt2spk(path), path)
    log.info("training on %d embeddings of %d speakers", len(vectors), labels.max() + 1)
    options = TrainingOptions(
        lda_dim=args.lda_dim,
        total_covariance_factor=args.total_covariance_factor,
        whiten=args.whiten,
        wccn=args.wccn,
        normalize_length=args.normalize_length,
        num_em_iters=args.num_em_iters,
    )
    backend = train_backend(vectors, labels, options)
    if args.adapt:
        backend = _adapted(backend, args)
    write_backend(args.out, backend, args.binary)


def _adapted(backend, args):
    if backend.plda is None:
        raise InputError("--adapt changes the PLDA model, and --num-em-iters 0 trains none")
    embeddings = read_utterances(args.adapt)
    log.info("adapting to %d embeddings of %s", len(embeddings), embeddings.path)
    if args.adapt_data:
        path = os.path.join(args.adapt_data, "utt2spk")
        vectors, labels = labelled(embeddings, read_utt2spk(path), path)
        return interpolate_backend(backend, vectors, labels, args.adapt_weight, args.adapt_mean)
    options = AdaptationOptions(
        args.adapt_method, args.within_covar_scale, args.between_covar_scale, args.mean_diff_scale
    )
    return adapt_backend(backend, embeddings.vectors, options, args.adapt_mean)


def _arguments(argv):
    options = parser(__doc__)
    add = options.add_argument
    default = TrainingOptions()
    add("embeddings", metavar="EMBDIR", help="folder with xvector.scp")
    add("data", metavar="DATA", help="data directory with utt2spk")
    add("out", metavar="OUTDIR", help="folder to make")
    add("--lda-dim", type=number(int, low=0), default=default.lda_dim, help="dimensions that LDA keeps; 0: no LDA")
    add(
        "--total-covariance-factor",
        type=number(float, low=0, high=1),
        default=default.total_covariance_factor,
        help="LDA makes this mixture of the within-class (0) and the total (1) covariance the unit matrix",
    )
    add("--whiten", type=boolean, default=default.whiten, help="whiten the total covariance before LDA")
    add("--wccn", type=boolean, default=default.wccn, help="within-class covariance normalisation after LDA")
    add("--normalize-length", type=boolean, default=default.normalize_length, help="scale to the length sqrt(dim)")
    add("--num-em-iters", type=number(int, low=0), default=default.num_em_iters, help="steps of PLDA; 0: no PLDA")
    add("--binary", type=boolean, default=True, help="write Kaldi's binary formats; false: text")
    _add_adaptation(options.add_argument_group("adaptation to another domain").add_argument)
    return options.parse_args(argv)


def _add_adaptation(add):
    default = AdaptationOptions()
    add("--adapt", metavar="EMBDIR", help="embeddings of the domain to adapt to")
    add("--adapt-method", choices=UNSUPERVISED, default=default.method, help="how, where speakers are unknown")
    add(
        "--within-covar-scale",
        type=number(float, low=0),
        default=default.within_covar_scale,
        help="kaldi and coral+ only",
    )
    add(
        "--between-covar-scale",
        type=number(float, low=0),
        default=default.between_covar_scale,
        help="kaldi and coral+ only",
    )
    add("--mean-diff-scale", type=number(float, low=0), default=default.mean_diff_scale, help="kaldi only")
    add("--adapt-mean", type=boolean, default=True, help="the mean of the new domain becomes mean.vec")
    add("--adapt-data", metavar="DATA", help="its utt2spk names the speakers: PLDA is trained there and interpolated")
    add(
        "--adapt-weight",
        type=number(float, low=0, high=1),
        default=0.5,
        help="of the model trained on --adapt-data, from 0 to 1",
    )


if __name__ == "__main__":
    run(main)
