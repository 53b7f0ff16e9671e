"""Score normalization with a cohort of other speakers: Z-, T-, S- and adaptive S-norm.

Z-norm normalizes a score by mean and deviation of the scores of its enrolled speaker against the cohort, T-norm by
those of the cohort against its test utterance; S-norm is the mean of both. Adaptive S-norm uses, for each side, only
the cohort members with the highest scores (Matejka et al., "Analysis of score normalization in multilingual speaker
recognition", 2017, AS-norm1). Standard deviations are those of the population.
"""

import dataclasses

import numpy as np

from nnet.backend.statistics import vary
from nnet.errors import InputError
from nnet.options import option


@dataclasses.dataclass(frozen=True)
class NormOptions:
    """Options of score normalization."""

    norm: str = option("as", "Z-norm, T-norm, S-norm, or as: adaptive S-norm.", choices=("z", "t", "s", "as"))
    top_n: int = option(300, "Number of highest cohort scores to use; adaptive S-norm only.", low=2)
    cohort: str | None = option(
        None,
        "Type of cohort members; default: speaker if there are speaker means.",
        choices=("speaker", "utterance"),
    )


def normalized_scores(norm, scores, enroll, test, enroll_statistics, test_statistics):
    """Normalizes scores, float64 (N,).

    Args:
        norm: a `NormOptions.norm`.
        scores: float64 (N,).
        enroll, test: int (N,), positions in the statistics.
        enroll_statistics, test_statistics: (mean, deviation) of each side, from the two functions below.
    """
    sides = {"z": [(enroll, enroll_statistics)], "t": [(test, test_statistics)]}
    both = sides["z"] + sides["t"]
    parts = [(scores - mean[index]) / deviation[index] for index, (mean, deviation) in sides.get(norm, both)]
    return sum(parts) / len(parts)


def enrolled_against_cohort(scorer, top_n=None):
    """Computes (mean (E,), deviation (E,)) of each enrolled speaker's scores against a cohort on the test side.

    Args:
        scorer: a Scorer of enrolled speakers against the cohort.
        top_n: number of highest scores to use; None: all.
    """
    return _statistics(scorer.rows(), scorer.shape[0], top_n)


def cohort_against_tests(scorer, top_n=None):
    """Computes (mean (T,), deviation (T,)) of each test utterance's scores against a cohort on the enroll side."""
    return _statistics(scorer.columns(), scorer.shape[1], top_n)


def _statistics(blocks, count, top_n):
    means, deviations = np.empty(count), np.empty(count)
    for part, scores in blocks:
        if top_n is not None and top_n < scores.shape[1]:
            scores = np.partition(scores, scores.shape[1] - top_n, axis=1)[:, scores.shape[1] - top_n :]
        means[part], deviations[part] = scores.mean(axis=1), scores.std(axis=1)
        if not vary(deviations[part], scores, axis=1).all():
            raise InputError("all cohort scores are equal; normalization needs a cohort of different speakers")
    return means, deviations
