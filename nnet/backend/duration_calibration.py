"""Calibration of cosine scores by the seconds of speech on both sides.

llr = offset + a s + b log h + c s log h,    h = 1 / x + 1 / y

for the score s and x and y seconds of speech: a linear calibration whose offset and scale are linear in log h; the
variance of both embeddings together is about proportional to h. Quality measures of
durations: Mandasari et al. 2013, "Quality measure functions for calibration of speaker recognition systems in various
duration conditions"; Thienpondt et al. 2021, "The IDLab VoxSRC-20 submission". The weights are those of
`train_calibration`. docs/identification.md compares this form with others.
"""

import dataclasses

import numpy as np

from nnet.backend.calibration import Calibration, read_calibration, train_calibration, write_calibration
from nnet.backend.impostors import Impostors, log_harmonic, train_impostors
from nnet.errors import InputError
from nnet.files import check_entries

VERSION = 2  # of the file; 1, which does not say so, is a calibration of scores alone
COLUMNS = 3


@dataclasses.dataclass(frozen=True)
class DurationCalibration:
    """Log-likelihood ratios and rates of false acceptance of cosine scores.

    Attributes:
        calibration: of the columns of `duration_columns`.
        seconds: the shortest and the longest speech of the training; beyond them, the nearest of them counts.
        impostors: the distribution of the scores of different speakers.
    """

    calibration: Calibration
    seconds: tuple[float, float]
    impostors: Impostors

    def log_ratio(self, score, x, y):
        """Natural log-likelihood ratio of the same and of different speakers.

        Args:
            score: cosine of the embeddings, a number or an array.
            x, y: seconds of speech of both sides, which broadcast with the score.
        """
        columns = duration_columns(score, *self._clipped(x, y))
        return self.calibration.apply(columns.reshape(-1, COLUMNS)).reshape(columns.shape[:-1])

    def false_accept(self, score, x, y, voices=1):
        """Probability that the recording of an unknown speaker scores so high against the best of some voices.

        Args:
            score: cosine with the best voice, a number or an array.
            x, y: seconds of speech of the voice and of the recording.
            voices: the number of voices.
        """
        return self.impostors.false_accept(score, *self._clipped(x, y), voices)

    def _clipped(self, x, y):
        return np.clip(x, *self.seconds), np.clip(y, *self.seconds)


def duration_columns(score, x, y):
    """The columns that the calibration weights, (..., 3), from arrays that broadcast."""
    score, harmonic = np.broadcast_arrays(np.asarray(score, np.float64), log_harmonic(x, y))
    return np.stack([score, harmonic, score * harmonic], axis=-1)


def train_duration_calibration(pairs, target, impostor_scores, p_target):
    """Trains a DurationCalibration.

    Args:
        pairs: (scores (K,), seconds (K,), seconds (K,)) of trials.
        target: bool (K,), which of them are of one speaker.
        impostor_scores: (scores (P, P), seconds (P,), speaker int (P,)) of pieces, each with each.
        p_target: target prior of the training loss.
    """
    calibration = train_calibration(duration_columns(*pairs), target, p_target)
    seconds = impostor_scores[1]
    bounds = float(np.min(seconds)), float(np.max(seconds))
    return DurationCalibration(calibration, bounds, train_impostors(*impostor_scores))


def write_duration_calibration(path, model, checksum, description):
    """Writes a DurationCalibration of the embeddings of the model with this checksum, and the dict `description`."""
    about = {"version": VERSION, "model": checksum, "seconds": model.seconds, "impostors": model.impostors.to_dict()}
    write_calibration(path, model.calibration, {**about, **description})


def is_by_duration(description):
    """Returns whether the JSON object of `read_calibration` is that of a DurationCalibration."""
    return "version" in description


def read_duration_calibration(path, checksum):
    """Reads a DurationCalibration; raises InputError if it is damaged, or not of the model with this checksum."""
    calibration, values = read_calibration(path)
    check_entries(values, {"version": int, "model": str, "seconds": list, "impostors": dict}, path)
    if values["version"] != VERSION:
        raise InputError(f"{path}: of version {values['version']}; this version of the toolkit reads {VERSION}")
    if values["model"] != checksum:
        raise InputError(
            f"{path}: made for another model ({values['model']}, not {checksum}); make it again: mlx-speaker calibrate"
        )
    seconds = values["seconds"]
    numbers = len(seconds) == 2 and all(isinstance(s, float) for s in seconds)
    if not numbers or not 0 < seconds[0] < seconds[1] or len(calibration.weights) != COLUMNS:
        raise InputError(f"{path}: damaged: seconds {seconds}, {len(calibration.weights)} weights")
    return DurationCalibration(
        calibration, tuple(seconds), Impostors.from_dict(values["impostors"], f"{path}: impostors")
    )
