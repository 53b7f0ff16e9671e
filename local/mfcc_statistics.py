"""Computes embeddings without a network: mean and standard deviation of the voiced frames of each utterance.

Writes the same files as steps/extract_embeddings.sh, for the same back end and scoring.
"""

import logging
from pathlib import Path

import numpy as np

from nnet.bin import average_embeddings
from nnet.bin.cli import parser, run
from nnet.datadir.directory import DataDir
from nnet.kaldi.ark import ArkWriter, read_matrix, read_vector

log = logging.getLogger(__name__)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("data", metavar="DATA", help="data directory with feats.scp and vad.scp")
    options.add_argument("out", metavar="EMBDIR")
    args = options.parse_args(argv)
    data, out = DataDir(args.data), Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    silent = []
    with ArkWriter(out / "xvector.1.ark", out / "xvector.1.scp") as writer:
        for utterance, rx in data.feats.items():
            frames = read_matrix(rx)[read_vector(data.vad[utterance]) > 0]
            if len(frames):
                writer.write(utterance, np.concatenate([frames.mean(0), frames.std(0)]))
            else:
                silent.append(utterance)
    if silent:
        log.warning("%s: skipped %d utterances without a voiced frame: %s", args.data, len(silent), silent[:5])
    average_embeddings.main(["--nj", "1", args.data, args.out])


if __name__ == "__main__":
    run(main)
