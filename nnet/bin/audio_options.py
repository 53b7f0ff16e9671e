"""Options shared by the programs that embed audio files, and the comparison of each pair of files."""

import itertools
import logging
import os

from nnet.audio.reading import open_audio
from nnet.backend.duration_calibration import DurationCalibration
from nnet.bin.cli import number
from nnet.errors import InputError
from nnet.feats.speech import seconds_of_speech
from nnet.model.embedder import cosine
from nnet.model.hub import DEFAULT_MODEL, names_model, shipped_models

log = logging.getLogger(__name__)


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
    add(
        "words",
        metavar="[MODELDIR] AUDIO",
        nargs="+",
        help="a model directory, or the name of a model of this package "
        f"({', '.join(shipped_models()) or 'it holds none'}), or user/name of one on the Hugging Face Hub; if the "
        f"first word is a file, the model is {DEFAULT_MODEL} of this package. Then audio files",
    )


def model_and_audio(words):
    """Tells the model from the audio files: (model, paths). A first word that is a file leaves the model out."""
    first = words[0]
    if os.path.isfile(first):
        if DEFAULT_MODEL not in shipped_models():
            raise InputError(f"{first}: a model must come before the audio files; this package holds none")
        return DEFAULT_MODEL, words
    if not names_model(first):
        raise InputError(f"{first}: no such audio file or model directory")
    if len(words) == 1:
        raise InputError(f"{first}: no audio files after the model")
    return first, words[1:]


def print_comparisons(model, paths, vectors, p_target):
    """Prints a line for each pair of files: both paths, cosine score and, for a calibrated model, the probability."""
    by_duration = isinstance(model.calibration, DurationCalibration)
    seconds = [seconds_of_speech(*open_audio(path)) if by_duration else None for path in paths]
    if by_duration:
        warn_of_seconds(model.calibration, seconds)
    for (a, x, s), (b, y, t) in itertools.combinations(zip(paths, vectors, seconds, strict=True), 2):
        similarity, known = cosine(x, y), ""
        if model.calibration:
            known = f" {model.probability(similarity, p_target, (s, t)):.4f}"
        print(f"{a} {b} {similarity:.4f}{known}")
    if model.calibration:
        log.info(
            "each line: two files, cosine, and the probability that they are of the same speaker if it is %g before "
            "listening (--p-target)",
            p_target,
        )


def warn_of_seconds(calibration, seconds):
    """Says which seconds of speech lie beyond those that a DurationCalibration was trained on."""
    lowest, highest = calibration.seconds
    beyond = sorted({round(s, 1) for s in seconds if not lowest <= s <= highest})
    if beyond:
        log.warning(
            "%s s of speech: the calibration knows %.1f to %.1f s, and takes what is beyond for the nearest of these",
            ", ".join(map(str, beyond)),
            lowest,
            highest,
        )
