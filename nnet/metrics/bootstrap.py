"""Confidence intervals of metrics, by a bootstrap over speakers.

Trials are not independent: a difficult speaker affects all of its trials, on either side. So speakers are drawn with
replacement, and a trial is weighted by how often its speakers were drawn: a target trial by its one speaker, a
nontarget trial by the product of its two (Poh and Bengio, "Estimating the confidence interval of expected performance
curve in biometric authentication using joint bootstrap", 2007; the product is the pigeonhole bootstrap of Owen, 2007).
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import stdtrit

from nnet.metrics.error_rates import ErrorRates, error_rates
from nnet.progress import progress

MOST_NONTARGETS = 300_000  # more are subsampled for the draws: their number does not limit the precision
LEAST_RATIO = 0.05  # floor of the ratio of a draw to the metric, for draws without errors


def speakers_of_trials(trials, utt2spk=None):
    """Returns the speakers of both sides of Trials.

    Args:
        trials: Trials with labels.
        utt2spk: {id: speaker}; other ids are speakers themselves. None: ids connected by target trials are one speaker.

    Returns:
        (enroll int (N,), test int (N,)): speaker indices from 0.
    """
    ids = trials.enroll_ids + trials.test_ids
    if utt2spk is None:
        numbers = _connected(trials)
    else:
        _, numbers = np.unique([utt2spk.get(key, key) for key in ids], return_inverse=True)
    enroll, test = numbers[: len(trials.enroll_ids)], numbers[len(trials.enroll_ids) :]
    return enroll[trials.enroll], test[trials.test]


def count_speakers(enroll, test):
    """Counts the speakers on either side of the trials."""
    size = max(enroll.max(), test.max()) + 1
    return int(np.count_nonzero(np.bincount(enroll, minlength=size) + np.bincount(test, minlength=size)))


def intervals(scores, target, enroll, test, figures, repetitions=500, confidence=0.95, seed=0):
    """Computes confidence intervals of metrics.

    The logarithm of a metric is assumed to be Student-distributed with the standard deviation of the draws. With few
    trials, a minimum over thresholds is biased downward, and the draws are biased again; the interval is extended by
    that bias in the opposite direction. (Plain percentiles of the draws miss the true minDCF in most simulations.)

    Args:
        scores, target: float (N,), bool (N,).
        enroll, test: int (N,), speakers of each trial.
        figures: {name: function of ErrorRates}.
        repetitions: number of bootstrap draws.
        confidence: coverage of the interval.
        seed: of the draws.

    Returns:
        {name: (low, high)}; None where the draws do not vary, as for a metric of 0.
    """
    rng = np.random.default_rng(seed)
    targets, nontargets = np.flatnonzero(target), _thinned(np.flatnonzero(~target), rng)
    targets, nontargets = (kept[np.argsort(scores[kept])] for kept in (targets, nontargets))
    rates = ErrorRates(scores[targets], scores[nontargets])
    count, own, pairs = _numbered(enroll[targets], enroll[nontargets], test[nontargets])
    seen = [figure(rates) for figure in figures.values()]
    draws = []
    for _ in progress(range(repetitions), label="confidence intervals", unit="draws"):
        drawn = rates.weighted(*_draw(rng, count, own, pairs))
        draws.append([figure(drawn) for figure in figures.values()])
    width = stdtrit(max(count - 1, 1), 0.5 + confidence / 2)
    whole = error_rates(scores, target)
    values = [figure(whole) for figure in figures.values()]
    bounds = [_interval(*three, width) for three in zip(values, seen, np.transpose(draws), strict=True)]
    return dict(zip(figures, bounds, strict=True))


def differences(new, old, target, enroll, test, figures, repetitions=500, confidence=0.95, seed=0):
    """Computes differences of metrics between two systems on the same trials, with paired confidence intervals.

    Both systems are evaluated on each draw of speakers, so that what makes a speaker difficult for both cancels. The
    difference is assumed to be Student-distributed with the standard deviation of the draws.

    Args:
        new, old: float (N,), scores of both systems.
        target, enroll, test, figures, repetitions, confidence, seed: as for `intervals`.

    Returns:
        {name: (difference new - old, low, high)}.
    """
    rng = np.random.default_rng(seed)
    targets, nontargets = np.flatnonzero(target), _thinned(np.flatnonzero(~target), rng)
    count, own, pairs = _numbered(enroll[targets], enroll[nontargets], test[nontargets])
    systems = []
    for scores in (new, old):
        orders = np.argsort(scores[targets]), np.argsort(scores[nontargets])
        systems.append((ErrorRates(scores[targets][orders[0]], scores[nontargets][orders[1]]), *orders))
    seen = _gaps([error_rates(scores, target) for scores in (new, old)], figures)
    draws = []
    for _ in progress(range(repetitions), label="paired differences", unit="draws"):
        weights = _draw(rng, count, own, pairs)
        draws.append(_gaps([r.weighted(weights[0][t], weights[1][n]) for r, t, n in systems], figures))
    width = stdtrit(max(count - 1, 1), 0.5 + confidence / 2) * np.std(draws, axis=0)
    return {
        name: (float(gap), float(gap - half), float(gap + half))
        for name, gap, half in zip(figures, seen, width, strict=True)
    }


def _gaps(rates, figures):
    """Returns the metrics of the first ErrorRates minus those of the second: float (len(figures),)."""
    return np.array([figure(rates[0]) - figure(rates[1]) for figure in figures.values()])


def _interval(value, seen, draws, width):
    """Returns (low, high) of a metric from its draws (R,).

    Args:
        value: the metric of all trials.
        seen: the metric of the trials that were drawn from.
        width: in standard deviations.
    """
    if value <= 0 or seen <= 0:
        return None
    ratios = np.log(np.maximum(draws / seen, LEAST_RATIO))
    bias, deviation = ratios.mean(), ratios.std()
    if not np.ptp(ratios):
        return None
    return (
        float(value * np.exp(-max(bias, 0) - width * deviation)),
        float(value * np.exp(-min(bias, 0) + width * deviation)),
    )


def _numbered(own, enroll, test):
    """Renumbers the speakers of target and nontarget trials from 0: (number of speakers, own, (enroll, test))."""
    speakers, numbers = np.unique(np.concatenate([own, enroll, test]), return_inverse=True)
    own, enroll, test = np.split(numbers, [len(own), len(own) + len(enroll)])
    return len(speakers), own, (enroll, test)


def _draw(rng, count, own, pairs):
    """Draws `count` speakers and returns the resulting weights of target and nontarget trials.

    Args:
        own: int (T,), speakers of the target trials.
        pairs: two int (N,), speakers of both sides of the nontarget trials.

    Returns:
        (float64 (T,), float64 (N,)), neither all zero.
    """
    while True:
        times = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        targets, nontargets = times[own], times[pairs[0]] * times[pairs[1]]
        if targets.any() and nontargets.any():
            return targets, nontargets


def _thinned(nontargets, rng):
    """Subsamples nontarget trials to at most MOST_NONTARGETS."""
    if len(nontargets) > MOST_NONTARGETS:
        return rng.choice(nontargets, MOST_NONTARGETS, replace=False)
    return nontargets


def _connected(trials):
    """Assigns a number to each group of ids connected by target trials: int (E + T,)."""
    size = len(trials.enroll_ids) + len(trials.test_ids)
    enroll, test = trials.enroll[trials.target], trials.test[trials.target] + len(trials.enroll_ids)
    names = {key: i for i, key in enumerate(trials.enroll_ids)}
    both = [(names[key], len(trials.enroll_ids) + j) for j, key in enumerate(trials.test_ids) if key in names]
    same = np.array(both, int).reshape(-1, 2)
    rows, columns = np.concatenate([enroll, same[:, 0]]), np.concatenate([test, same[:, 1]])
    graph = coo_array((np.ones(len(rows)), (rows, columns)), (size, size))
    return connected_components(graph, directed=False)[1]
