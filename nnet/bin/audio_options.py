"""What the programs that embed audio files share: options, and the comparison of each pair of files."""

import itertools

from nnet.bin.cli import number
from nnet.model.embedder import cosine


def add_audio_options(parser):
    """Adds the model, the files, and how they are embedded and compared."""
    add = parser.add_argument
    add("--checkpoint", default="best", help="best, last, or a number of epochs whose checkpoint is kept")
    add("--node", help="endpoint to extract; default: the configuration's embedding.node")
    add(
        "--p-target",
        type=number(float, above=0, below=1),
        default=0.5,
        help="how probable one speaker is before the files are heard",
    )
    add("model_dir", metavar="MODELDIR", help="a model directory, or user/name of a model on the Hugging Face hub")
    add("audio", metavar="AUDIO", nargs="+", help="audio files")


def print_comparisons(model, paths, vectors, p_target):
    """Prints a line for each pair of files: both paths, their cosine and, where calibrated, its probability."""
    for (a, x), (b, y) in itertools.combinations(zip(paths, vectors, strict=True), 2):
        similarity = cosine(x, y)
        known = f" {model.probability(similarity, p_target):.4f}" if model.calibration else ""
        print(f"{a} {b} {similarity:.4f}{known}")
