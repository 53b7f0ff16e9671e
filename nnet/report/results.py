"""Results shown in a report, computed once; also the content of metrics.json."""

import dataclasses

import numpy as np

from nnet.errors import InputError
from nnet.metrics import convex_hull, eer, eer_threshold, error_rates, min_dcf
from nnet.metrics.bootstrap import count_speakers, differences, speakers_of_trials
from nnet.metrics.conditions import condition_labels
from nnet.metrics.summary import COSTS, summarize, summary_intervals
from nnet.report.curves import bayes_errors, det_curve, histograms

FORMAT_VERSION = 1
REPETITIONS = 500  # bootstrap draws of differences


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """Optional parts of the results.

    Attributes:
        repetitions: bootstrap draws; 0: no confidence intervals.
        utt2spk: {id: speaker} for the bootstrap; None: speakers are inferred from the target trials.
        conditions: {name: {id: value}}, for metrics by group of trials.
        costs: tuple of Cost in addition to the standard ones.
        pairs: names (new, old) of systems whose differences are computed, with paired intervals.
        curves: include the curves of the plots.
    """

    repetitions: int = 0
    utt2spk: dict | None = None
    conditions: dict = dataclasses.field(default_factory=dict)
    costs: tuple = ()
    pairs: tuple = ()
    curves: bool = False


def evaluate(trials, systems, options):
    """Computes the metrics of several score files on one trial list.

    Args:
        trials: Trials with labels.
        systems: {name: function that returns the scores (N,)}, called one after another.
        options: ReportOptions.

    Returns:
        a JSON-serializable dict, the content of metrics.json.
    """
    if trials.target.all() or not trials.target.any():
        kind = "targets" if trials.target.all() else "nontargets"
        raise InputError(f"{trials.path}: all {len(trials)} trials are {kind}; both kinds are needed")
    costs = COSTS + options.costs
    speakers = speakers_of_trials(trials, options.utt2spk)
    groups = {name: condition_labels(trials, table, name) for name, table in options.conditions.items()}
    results = {
        "format_version": FORMAT_VERSION,
        "trials": trials.path,
        "num_target": int(np.count_nonzero(trials.target)),
        "num_nontarget": int(np.count_nonzero(~trials.target)),
        "num_speakers": count_speakers(*speakers),
        "bootstrap": options.repetitions,
        "costs": {cost.name: [dataclasses.asdict(point) for point in cost.points] for cost in costs},
        "systems": {},
    }
    for name, read in systems.items():
        scores = read()
        results["systems"][name] = entry = _figures(error_rates(scores, trials.target), costs, options.curves)
        if options.repetitions:
            entry["intervals"] = summary_intervals(
                scores, trials.target, *speakers, costs, repetitions=options.repetitions
            )
        entry["conditions"] = {key: _by_group(scores, trials.target, *group, costs) for key, group in groups.items()}
    if options.pairs:
        draws = options.repetitions or REPETITIONS
        results["differences"] = [
            {"new": new, "old": old}
            | _differences(systems[new](), systems[old](), trials.target, speakers, costs, draws)
            for new, old in options.pairs
        ]
    return results


def _differences(new, old, target, speakers, costs, repetitions):
    """Returns {"eer": (difference, low, high), "min_dcf": {cost: the same}} of two systems' scores (N,)."""
    figures = {"eer": eer} | {cost.name: lambda rates, cost=cost: min_dcf(rates, cost) for cost in costs}
    found = differences(new, old, target, *speakers, figures, repetitions=repetitions)
    return {"eer": found.pop("eer"), "min_dcf": found}


def _figures(rates, costs, with_curves):
    figures = summarize(rates, costs)
    if with_curves:
        figures["eer_threshold"] = eer_threshold(rates)
        figures["curves"] = {
            "det": det_curve(rates),
            "histograms": histograms(rates),
            "bayes_errors": bayes_errors(rates, convex_hull(rates)),
        }
    return figures


def _by_group(scores, target, names, groups, costs):
    """Returns {group: metrics}; only the numbers of trials if a group lacks targets or nontargets."""
    table = {}
    for index, name in enumerate(names):
        inside = groups == index
        if not inside.any():
            continue
        num_target = int(np.count_nonzero(target[inside]))
        if 0 < num_target < np.count_nonzero(inside):
            table[name] = summarize(error_rates(scores[inside], target[inside]), costs)
        else:
            table[name] = {"num_target": num_target, "num_nontarget": int(np.count_nonzero(inside)) - num_target}
    return table
