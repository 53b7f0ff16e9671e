"""Trains the back end: centering, LDA, length normalization and PLDA.

Reads EMBDIR/xvector.scp and DATA/utt2spk; writes OUTDIR/mean.vec, transform.mat and plda in Kaldi's formats, and
backend.json, which records how they were trained.
"""

import logging
import os

from nnet.backend.adaptation import AdaptationOptions
from nnet.backend.directory import write_backend
from nnet.backend.embeddings import labeled, read_utterances
from nnet.backend.training import TrainingOptions, adapt_backend, interpolate_backend, train_backend
from nnet.bin.cli import add_options, boolean, number, options_from, parser, run
from nnet.errors import InputError
from nnet.kaldi.tables import read_utt2spk

log = logging.getLogger(__name__)


def main(argv=None):
    args = _arguments(argv)
    if args.adapt_data and not args.adapt:
        raise InputError("--adapt-data needs --adapt, the embeddings of the new domain")
    path = os.path.join(args.data, "utt2spk")
    embeddings = read_utterances(args.embeddings)
    vectors, labels = labeled(embeddings, read_utt2spk(path), path)
    log.info("training on %d embeddings of %d speakers", len(vectors), labels.max() + 1)
    backend = train_backend(vectors, labels, options_from(args, TrainingOptions))
    if args.adapt:
        backend = _adapted(backend, args)
    write_backend(args.out, backend, args.binary)


def _adapted(backend, args):
    if backend.plda is None:
        raise InputError("--adapt needs a PLDA model, but --num-em-iters 0 trains none")
    embeddings = read_utterances(args.adapt)
    log.info("adapting to %d embeddings of %s", len(embeddings), embeddings.path)
    if args.adapt_data:
        path = os.path.join(args.adapt_data, "utt2spk")
        vectors, labels = labeled(embeddings, read_utt2spk(path), path)
        return interpolate_backend(backend, vectors, labels, args.adapt_weight, args.adapt_mean)
    return adapt_backend(backend, embeddings.vectors, options_from(args, AdaptationOptions), args.adapt_mean)


def _arguments(argv):
    options = parser(__doc__)
    add = options.add_argument
    add("embeddings", metavar="EMBDIR", help="folder with xvector.scp")
    add("data", metavar="DATA", help="data directory with utt2spk")
    add("out", metavar="OUTDIR", help="output folder")
    add_options(options, TrainingOptions)
    add("--binary", type=boolean, default=True, help="write Kaldi's binary formats; false: text")
    group = options.add_argument_group("adaptation to another domain")
    add = group.add_argument
    add("--adapt", metavar="EMBDIR", help="embeddings of the domain to adapt to")
    add_options(group, AdaptationOptions, method="--adapt-method")
    add("--adapt-mean", type=boolean, default=True, help="use the mean of the new domain as mean.vec")
    add(
        "--adapt-data",
        metavar="DATA",
        help="data directory with speaker labels of the new domain; PLDA is trained on it and interpolated",
    )
    weight = number(float, low=0, high=1)
    add("--adapt-weight", type=weight, default=0.5, help="weight of the model trained on --adapt-data, from 0 to 1")
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)
