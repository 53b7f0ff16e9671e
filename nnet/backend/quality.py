"""Quality measures of recordings (duration, embedding magnitude, cohort mean) for calibration.

A measure file has lines of `id number number ...`; see `nnet.bin.measure_quality`.
"""

import numpy as np

from nnet.backend.calibration import quality_columns
from nnet.backend.score_norm import enrolled_against_cohort
from nnet.errors import InputError
from nnet.kaldi.tables import read_table
from nnet.kaldi.trial_pairs import LARGEST
from nnet.kaldi.trials import read_scores


def calibration_columns(trials, score_paths, enroll_quality=None, test_quality=None):
    """Builds the columns (N, K) for calibration: one per score file, then two per quality measure.

    Args:
        trials: Trials.
        score_paths: score files, in the same order in training and application.
        enroll_quality, test_quality: measure files of the two sides, both or neither.
    """
    columns = np.stack([read_scores(path, trials) for path in score_paths], axis=1)
    if (enroll_quality is None) != (test_quality is None):
        raise InputError("--enroll-quality and --test-quality must be given together")
    if enroll_quality is None:
        return columns
    enroll = read_measures(enroll_quality, trials.enroll_ids)[trials.enroll]
    test = read_measures(test_quality, trials.test_ids)[trials.test]
    if enroll.shape != test.shape:
        counts = f"{enroll_quality} has {enroll.shape[1]} measures, but {test_quality} has {test.shape[1]}"
        raise InputError(f"{counts}; both sides need the same measures")
    return np.concatenate([columns, quality_columns(enroll, test)], axis=1)


def read_measures(path, ids):
    """Reads the measures of ids: float64 (len(ids), Q)."""
    table = read_table(path)
    missing = [key for key in ids if key not in table]
    if missing:
        raise InputError(f'{path}: {len(missing)} ids have no measures, such as "{missing[0]}"')
    try:
        rows = [[float(word) for word in table[key].split()] for key in ids]
        measures = np.array(rows)
    except ValueError:
        raise InputError(f"{path}: every line must contain an id and the same number of values") from None
    usable = (np.abs(measures) <= LARGEST).all(axis=1)
    if not usable.all():
        raise InputError(f'{path}: "{ids[int(np.argmin(usable))]}" has a measure that is not finite, or too large')
    return measures


def log_durations(ids, utt2dur, spk2utt, most):
    """Returns log durations (len(ids),) of utterances or speakers (the sum of their utterances), capped at `most` s."""
    seconds = []
    for key in ids:
        utterances = [key] if key in utt2dur else spk2utt.get(key)
        if not utterances or any(utterance not in utt2dur for utterance in utterances):
            raise InputError(f'utt2dur: no duration of "{key}"')
        seconds.append(sum(utt2dur[utterance] for utterance in utterances))
        if not seconds[-1] > 0:
            raise InputError(f'utt2dur: the duration of "{key}" must be above 0, not {seconds[-1]:g}')
    return np.log(np.minimum(seconds, most))


def magnitudes(vectors):
    """Returns the norms (N,) of untransformed embeddings (N, D), which are smaller for noisy speech."""
    return np.linalg.norm(vectors, axis=1)


def cohort_means(system, enrollment, cohort, top_n):
    """Returns the mean of the `top_n` highest cohort scores (E,), the impostor mean of adaptive S-norm."""
    return enrolled_against_cohort(system.scorer(enrollment, cohort), top_n)[0]
