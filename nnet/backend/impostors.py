"""How high different speakers score: the distribution behind a requested rate of false acceptance.

The score of two pieces of speech with x and y seconds, of different speakers, is modeled as

    score = mean(h) + deviation(h) * (sqrt(share) * u + sqrt(1 - share) * w),    h = 1 / x + 1 / y,

mean and log deviation being linear in log h. The deviation follows the high scores, which decide: the shorter the
speech, the less skewed the distribution. u ~ N(0, 1) belongs to the test recording: some resemble everybody more than
others do, so that its scores against the voices of a gallery are not independent. w is what is left; its distribution
is that of the development data, with an exponential tail.
"""

import dataclasses

import numpy as np

from nnet.errors import InputError
from nnet.files import check_entries

NODES = 32  # of the quadrature over u
TAIL = 1e-3  # the exponential tail begins where this share of w is above, or where 30 pairs of speakers are
TAIL_PAIRS = 30
HIGH, PARTS = 0.99, 8  # the deviation goes through this quantile of so many parts of the scores, by h
LEVELS = 40  # of the stored distribution, between 1 and the tail


@dataclasses.dataclass(frozen=True)
class Impostors:
    """The distribution of scores of different speakers.

    Attributes:
        mean: (2,), coefficients of 1 and log h.
        log_variance: (2,), the same for the log variance.
        share: of the variance that belongs to the test recording.
        levels: (L,), increasing values of w.
        log_survival: (L,), decreasing: log of the share of w above each level.
        tail: the slope of the log survival above the last level, negative.
    """

    mean: np.ndarray
    log_variance: np.ndarray
    share: float
    levels: np.ndarray
    log_survival: np.ndarray
    tail: float

    def standardized(self, score, x, y):
        """Scores in deviations from the mean of impostors with these seconds."""
        terms = _terms(x, y)
        return (score - terms @ self.mean) * np.exp(-0.5 * terms @ self.log_variance)

    def false_accept(self, score, x, y, voices):
        """Probability that the recording of an unknown speaker scores at least so high against one of the voices.

        Args:
            score: of the best voice, a number or an array.
            x, y: seconds of both sides.
            voices: how many it was compared with.
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        w = self.standardized(score, x, y)[..., None] - np.sqrt(self.share) * nodes
        survival = np.exp(self._log_survival(w / np.sqrt(1 - self.share)))
        with np.errstate(divide="ignore"):
            some = -np.expm1(voices * np.log1p(-survival))
        return some @ weights / weights.sum()

    def _log_survival(self, w):
        beyond = np.maximum(w - self.levels[-1], 0)
        return np.interp(w, self.levels, self.log_survival) + self.tail * beyond

    @classmethod
    def from_dict(cls, values, where):
        """Reads the values of `to_dict`; `where` names them in errors."""
        kinds = {f.name: (int, float) if f.type is float else list for f in dataclasses.fields(cls)}
        check_entries(values, kinds, where)
        for name, kind in kinds.items():
            for i, number in enumerate(values[name] if kind is list else ()):
                check_entries({f"{name}[{i}]": number}, {f"{name}[{i}]": (int, float)}, where)
        arrays = {name: np.array(values[name], np.float64) if kinds[name] is list else values[name] for name in kinds}
        lengths = [arrays[name].shape for name in ("mean", "log_variance", "levels")]
        if lengths != [(2,), (2,), arrays["log_survival"].shape] or not 0 <= arrays["share"] < 1 or arrays["tail"] >= 0:
            raise InputError(f"{where}: damaged, or of another version")
        return cls(**arrays)

    def to_dict(self):
        """The content as JSON values."""
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}


def log_harmonic(x, y):
    """log(1 / x + 1 / y) for seconds x and y, numbers or arrays that broadcast."""
    return np.log(1 / np.asarray(x, np.float64) + 1 / np.asarray(y, np.float64))


def _terms(x, y):
    """1 and log h, along a new last axis."""
    harmonic = log_harmonic(x, y)
    return np.stack([np.ones_like(harmonic), harmonic], axis=-1)


def train_impostors(scores, seconds, speaker):
    """Fits the distribution to all scores of pieces of different speakers.

    Args:
        scores: (P, P), of each piece with each.
        seconds: (P,), of speech in each piece.
        speaker: int (P,), of each piece.
    """
    other = speaker[:, None] != speaker
    terms = _terms(seconds[:, None], seconds)[other]
    mean = np.linalg.lstsq(terms, scores[other], rcond=None)[0]
    left = scores[other] - terms @ mean
    log_variance = _log_variance(left, terms)
    left *= np.exp(-0.5 * terms @ log_variance)
    log_variance[0] += np.log(np.mean(left**2))
    left /= np.sqrt(np.mean(left**2))
    standard = np.zeros(scores.shape)
    standard[other] = left
    counts = other.sum(axis=1)
    own = standard.sum(axis=1) / counts  # of each piece as the test
    share = float(np.var(own))
    w = np.sort(((standard - own[:, None])[other]) / np.sqrt(1 - share))
    speakers = len(np.unique(speaker))
    end = max(TAIL, TAIL_PAIRS / (speakers * (speakers - 1) / 2))
    shares = np.geomspace(1.0, end, LEVELS)
    levels = np.quantile(w, 1 - shares)
    tail = -1 / np.mean(w[w > levels[-1]] - levels[-1])
    return Impostors(mean, log_variance, share, levels, np.log(shares), float(tail))


def _log_variance(left, terms):
    """Coefficients (2,) of twice the logarithm of the high quantile of the scores less their mean, up to a constant."""
    parts = np.array_split(np.argsort(terms[:, 1], kind="stable"), min(PARTS, len(left)))
    high = [max(np.quantile(left[part], HIGH), 1e-6) for part in parts]
    centers = np.stack([terms[part].mean(axis=0) for part in parts])
    return np.linalg.lstsq(centers, 2 * np.log(high), rcond=None)[0]
