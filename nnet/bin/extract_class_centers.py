"""Writes the classifier's vector of each training speaker.

OUTDIR receives class_center.ark and class_center.scp, a vector for each speaker, and spk2int of MODELDIR. The vectors
are rows of the loss's weights as they were trained: not scaled to length 1, and without the bias of a softmax. They lie
in the space of the embeddings that `extract_embeddings --node output` writes. With K sub-centers, a speaker has the
vectors SPEAKER-1 to SPEAKER-K.
"""

import logging
import os
import shutil

import numpy as np

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.kaldi.ark import write_ark
from nnet.kaldi.tables import read_table
from nnet.locks import locked
from nnet.model.directory import weights_path
from nnet.model.weights import read_weights

log = logging.getLogger(__name__)


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--checkpoint", default="best", help="best, last, or a number of epochs whose checkpoint is kept")
    p.add_argument("model_dir", metavar="MODELDIR")
    p.add_argument("out", metavar="OUTDIR")
    args = p.parse_args(argv)
    centers = read_centers(args.model_dir, args.checkpoint)
    base = os.path.join(args.out, "class_center")
    with locked(args.out):
        write_ark(base + ".ark", centers, base + ".scp")
        shutil.copyfile(os.path.join(args.model_dir, "spk2int"), os.path.join(args.out, "spk2int"))
    log.info("%s: %d vectors of the speakers of %s", args.out, len(centers), args.model_dir)


def read_centers(directory, checkpoint):
    """Returns a dict from speaker, or SPEAKER-K if each has several vectors, to vector (D,) float32; keys are sorted.

    Raises:
        InputError: the model has no weights of speakers: its loss has none, or it was exported.
    """
    path = weights_path(directory, checkpoint)
    weights = read_weights(path)
    if "loss.weight" not in weights:
        raise InputError(f"{path}: no loss.weight in it: the loss has no classifier, or the model was exported")
    matrix = np.array(weights["loss.weight"])
    speakers = read_table(os.path.join(directory, "spk2int"))
    count = len(matrix) // len(speakers)
    if count * len(speakers) != len(matrix):
        raise InputError(f"{path}: loss.weight has {len(matrix)} rows, spk2int {len(speakers)} speakers")
    if count == 1:
        return {speaker: matrix[int(i)] for speaker, i in speakers.items()}
    keys = ((f"{speaker}-{k + 1}", int(i) * count + k) for speaker, i in speakers.items() for k in range(count))
    return {key: matrix[row] for key, row in sorted(keys)}


if __name__ == "__main__":
    run(main)
