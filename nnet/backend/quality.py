"""Quality measures: what is known of a recording besides its score, for calibration to use.

A measure file has a line for each identifier, `id number number ...`; see `nnet.bin.measure_quality`.
"""

import numpy as np

from nnet.backend.calibration import quality_columns
from nnet.backend.score_norm import enrolled_against_cohort
from nnet.errors import InputError
from nnet.kaldi.tables import read_table
from nnet.kaldi.trials import read_scores


def calibration_columns(trials, score_paths, enroll_quality=None, test_quality=None):
    """The columns (N, K) that calibration works on: one a score file, then two a quality measure.

    Args:
        trials: a Trials.
        score_paths: score files, in the order that the model is trained and applied with.
        enroll_quality, test_quality: measure files of the two sides, both or none.
    """
    columns = np.stack([read_scores(path, trials) for path in score_paths], axis=1)
    if (enroll_quality is None) != (test_quality is None):
        raise InputError("--enroll-quality and --test-quality go together")
    if enroll_quality is None:
        return columns
    enroll = read_measures(enroll_quality, trials.enroll_ids)[trials.enroll]
    test = read_measures(test_quality, trials.test_ids)[trials.test]
    if enroll.shape != test.shape:
        counts = f"{enroll_quality} has {enroll.shape[1]} measures, but {test_quality} has {test.shape[1]}"
        raise InputError(f"{counts}; the same are needed on both sides")
    return np.concatenate([columns, quality_columns(enroll, test)], axis=1)


def read_measures(path, ids):
    """float64 (len(ids), Q): the measures of some identifiers."""
    table = read_table(path)
    missing = [key for key in ids if key not in table]
    if missing:
        raise InputError(f'{path}: has no measures of "{missing[0]}", and of {len(missing)} in all')
    try:
        rows = [[float(word) for word in table[key].split()] for key in ids]
        measures = np.array(rows)
    except ValueError:
        raise InputError(f"{path}: every line must be an id and the same number of numbers") from None
    if not np.isfinite(measures).all():
        raise InputError(
            f'{path}: "{ids[int(np.argmin(np.isfinite(measures).all(axis=1)))]}" has a measure that is not finite'
        )
    return measures


def log_durations(ids, utt2dur, spk2utt, most):
    """(len(ids),): logarithm of the seconds of an utterance, or of all utterances of a speaker, up to `most` each."""
    seconds = []
    for key in ids:
        utterances = [key] if key in utt2dur else spk2utt.get(key)
        if not utterances or any(utterance not in utt2dur for utterance in utterances):
            raise InputError(f'utt2dur has no duration of "{key}"')
        seconds.append(sum(utt2dur[utterance] for utterance in utterances))
    return np.log(np.minimum(seconds, most))


def magnitudes(vectors):
    """(N,): length of embeddings (N, D) before any transform; networks make that of noisy speech shorter."""
    return np.linalg.norm(vectors, axis=1)


def cohort_means(system, enrollment, cohort, top_n):
    """(E,): mean of the highest `top_n` scores against a cohort, the impostor mean of adaptive S-norm."""
    return enrolled_against_cohort(system.scorer(enrollment, cohort), top_n)[0]
