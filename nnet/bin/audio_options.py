"""Options shared by the programs that embed audio files, and the comparison of each pair of files."""

import itertools

from nnet.bin.cli import number
from nnet.model.embedder import cosine


def add_audio_options(parser):
    """Adds the options for the model, the audio files, their embedding and their comparison to a parser."""
    add = parser.add_argument
    add("--checkpoint", default="best", help="best, last, or the number of an epoch whose checkpoint was kept")
    add("--node", help="endpoint to extract; default: the configuration's embedding.node")
    add(
        "--p-target",
        type=number(float, above=0, below=1),
        default=0.5,
        help="prior probability that two files are of the same speaker",
    )
    add("model_dir", metavar="MODELDIR", help="a model directory, or user/name of a model on the Hugging Face Hub")
    add("audio", metavar="AUDIO", nargs="+", help="audio files")


def print_comparisons(model, paths, vectors, p_target):
    """Prints a line for each pair of files: both paths, cosine score and, for a calibrated model, the probability."""
    for (a, x), (b, y) in itertools.combinations(zip(paths, vectors, strict=True), 2):
        similarity = cosine(x, y)
        known = f" {model.probability(similarity, p_target):.4f}" if model.calibration else ""
        print(f"{a} {b} {similarity:.4f}{known}")
