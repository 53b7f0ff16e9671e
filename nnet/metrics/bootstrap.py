"""How sure the figures are: confidence intervals by a bootstrap over speakers.

Trials are not independent: a hard speaker spoils all of its trials, on either side. So speakers are drawn, with
replacement, and a trial counts as often as its speakers were drawn: a target trial as its one speaker, a nontarget
trial as the product of its two (Poh and Bengio, "Estimating the confidence interval of expected performance curve in
biometric authentication using joint bootstrap", 2007; the product is the pigeonhole bootstrap of Owen, 2007).
"""

import numpy as np
import scipy.sparse
import scipy.stats

from nnet.metrics.error_rates import ErrorRates
from nnet.progress import progress

MOST_NONTARGETS = 300_000  # more are thinned out: their number is not what limits the certainty
LEAST_RATIO = 0.05  # a draw without errors counts as this share of the figure


def speakers_of_trials(trials, utt2spk=None):
    """Speakers of both sides of a Trials.

    Args:
        trials: a Trials with labels.
        utt2spk: {identifier: speaker}; identifiers that it lacks are speakers themselves. None: identifiers that target
            trials connect are one speaker.

    Returns:
        (enroll int (N,), test int (N,)): numbers of speakers from 0 on.
    """
    ids = trials.enroll_ids + trials.test_ids
    if utt2spk is None:
        numbers = _connected(trials)
    else:
        _, numbers = np.unique([utt2spk.get(key, key) for key in ids], return_inverse=True)
    enroll, test = numbers[: len(trials.enroll_ids)], numbers[len(trials.enroll_ids) :]
    return enroll[trials.enroll], test[trials.test]


def count_speakers(enroll, test):
    """How many speakers occur on either side of the trials."""
    size = max(enroll.max(), test.max()) + 1
    return int(np.count_nonzero(np.bincount(enroll, minlength=size) + np.bincount(test, minlength=size)))


def intervals(scores, target, enroll, test, figures, repetitions=500, confidence=0.95, seed=0):
    """Confidence intervals of figures.

    The logarithm of a figure is taken as Student-distributed with the deviation of the draws. Few trials flatter a
    minimum over thresholds, and draws from few trials flatter it once more; by as much as they do, the interval is
    stretched to the other side. (Plain percentiles of the draws miss the truth of a minDCF in most simulations.)

    Args:
        scores, target: float (N,), bool (N,).
        enroll, test: int (N,), speakers of each trial.
        figures: {name: function of ErrorRates}.
        repetitions: how often speakers are drawn.
        confidence: how often the interval should hold the true figure.
        seed: of the draws.

    Returns:
        {name: (low, high)}; None for a figure that is 0, because without errors there is nothing to draw from.
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
    width = scipy.stats.t.ppf(0.5 + confidence / 2, max(count - 1, 1))
    bounds = [_interval(*pair, width) for pair in zip(seen, np.transpose(draws), strict=True)]
    return dict(zip(figures, bounds, strict=True))


def _interval(seen, draws, width):
    """(low, high) around a figure, given its draws (R,); `width` in deviations."""
    if seen <= 0:
        return None
    ratios = np.log(np.maximum(draws / seen, LEAST_RATIO))
    bias, deviation = ratios.mean(), ratios.std()
    return (
        float(seen * np.exp(-max(bias, 0) - width * deviation)),
        float(seen * np.exp(-min(bias, 0) + width * deviation)),
    )


def _numbered(own, enroll, test):
    """(how many speakers, own, (enroll, test)): the speakers of both kinds of trials, numbered from 0 without gaps."""
    speakers, numbers = np.unique(np.concatenate([own, enroll, test]), return_inverse=True)
    own, enroll, test = np.split(numbers, [len(own), len(own) + len(enroll)])
    return len(speakers), own, (enroll, test)


def _draw(rng, count, own, pairs):
    """How often each target and each nontarget trial counts when `count` speakers are drawn.

    Args:
        own: int (T,), speakers of the target trials.
        pairs: two int (N,), speakers of both sides of the nontarget trials.

    Returns:
        (float64 (T,), float64 (N,)); drawn again where a kind is left empty.
    """
    while True:
        times = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        targets, nontargets = times[own], times[pairs[0]] * times[pairs[1]]
        if targets.any() and nontargets.any():
            return targets, nontargets


def _thinned(nontargets, rng):
    """At most MOST_NONTARGETS of them."""
    if len(nontargets) > MOST_NONTARGETS:
        return rng.choice(nontargets, MOST_NONTARGETS, replace=False)
    return nontargets


def _connected(trials):
    """int (E + T,): a number for each group of identifiers that target trials connect."""
    size = len(trials.enroll_ids) + len(trials.test_ids)
    enroll, test = trials.enroll[trials.target], trials.test[trials.target] + len(trials.enroll_ids)
    names = {key: i for i, key in enumerate(trials.enroll_ids)}
    both = [(names[key], len(trials.enroll_ids) + j) for j, key in enumerate(trials.test_ids) if key in names]
    same = np.array(both, int).reshape(-1, 2)
    rows, columns = np.concatenate([enroll, same[:, 0]]), np.concatenate([test, same[:, 1]])
    graph = scipy.sparse.coo_array((np.ones(len(rows)), (rows, columns)), (size, size))
    return scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
