"""Finds pseudo-speakers: embeddings without labels become an utt2spk.

Average linkage merges utterances down to --threshold, or to --num-speakers clusters. Speakers are named spk1, spk2, ...
in the order of their first utterance; an utterance that fits nobody is a speaker of its own.
"""

import dataclasses
import logging

import numpy as np

from nnet.backend.directory import read_backend
from nnet.backend.embeddings import read_utterances
from nnet.bin.cli import add_options, options_from, parser, run
from nnet.diarization.clustering import ClusteringOptions, cluster
from nnet.kaldi.tables import write_table

log = logging.getLogger(__name__)

OF_RECORDINGS = ("cluster", "min_speakers", "max_speakers", "min_cluster")  # options for conversations only


def main(argv=None):
    p = parser(__doc__)
    add_options(p, ClusteringOptions, skip=OF_RECORDINGS)
    p.add_argument("--backend", metavar="DIR", help="folder written by train_backend: mean.vec, transform.mat, plda")
    p.add_argument("embeddings", metavar="EMBDIR", help="folder with xvector.scp")
    p.add_argument("out", metavar="UTT2SPK", help="file to write")
    args = p.parse_args(argv)
    embeddings = read_utterances(args.embeddings)
    options = dataclasses.replace(options_from(args, ClusteringOptions), max_speakers=len(embeddings), min_cluster=1)
    labels = cluster(embeddings.vectors, options, read_backend(args.backend) if args.backend else None).labels
    sizes = np.bincount(labels)
    log.info(
        "%s: %d utterances of %d speakers, %d of whom have one utterance",
        embeddings.path,
        len(labels),
        len(sizes),
        np.count_nonzero(sizes == 1),
    )
    digits = len(str(len(sizes)))
    speakers = {
        utterance: f"spk{label + 1:0{digits}d}" for utterance, label in zip(embeddings.ids, labels, strict=True)
    }
    write_table(args.out, speakers)


if __name__ == "__main__":
    run(main)
