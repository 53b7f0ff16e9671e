"""Sections of a report, in order; `nnet.report.pages` formats them."""

import dataclasses

from nnet.metrics import OperatingPoint
from nnet.report import plots

MAIN_COSTS = ("DCF08", "DCF10", "DCF(0.01)")
NONE = "–"


@dataclasses.dataclass(frozen=True)
class Section:
    """Section with a heading, a paragraph, a table and plots.

    Attributes:
        title: the heading.
        text: one paragraph, or "".
        rows: lists of text, the header first, or [].
        images: {file name: (description, SVG text)}.
        wide: images are as wide as the page, each with its description above it.
    """

    title: str
    text: str = ""
    rows: list = dataclasses.field(default_factory=list)
    images: dict = dataclasses.field(default_factory=dict)
    wide: bool = False


def sections(results, epochs=None):
    """Builds the Sections of a report.

    Args:
        results: of `nnet.report.results.evaluate`, with curves.
        epochs: entries of a log.jsonl, or None.
    """
    found = [_summary(results), _det(results), _costs(results), _equal_error_rates(results), _calibration(results)]
    if "differences" in results:
        found.insert(1, _differences(results))
    conditions = next(iter(results["systems"].values()))["conditions"]
    found += [_condition(results, name) for name in conditions]
    found.append(_histograms(results))
    if epochs:
        plot = {"training.svg": ("losses and development EER over the epochs", plots.training_plot(epochs))}
        found.append(Section("Training", images=plot))
    return found


def summary_rows(results, costs=MAIN_COSTS):
    """Builds the summary table, which is also printed."""
    intervals = any("intervals" in figures for figures in results["systems"].values())
    header = ["system", "targets", "nontargets", "EER %", *(["95 %"] if intervals else []), *(f"min{c}" for c in costs)]
    rows = [header]
    for name, figures in results["systems"].items():
        row = [name, str(figures["num_target"]), str(figures["num_nontarget"]), f"{100 * figures['eer']:.3f}"]
        if intervals:
            row.append(_interval(figures["intervals"]["eer"], 100, 2))
        rows.append(row + [f"{figures['min_dcf'][cost]:.4f}" for cost in costs])
    return rows


def cost_notes(results, costs=MAIN_COSTS):
    """Describes each cost in one line: its parameters, and the factor to DETware's value."""
    lines = []
    for name in costs:
        points = [OperatingPoint(**point) for point in results["costs"][name]]
        factors = " and ".join(f"{point.default_cost:g}" for point in points)
        parameters = "; mean of ".join(str(point) for point in points)
        lines.append(f"min{name}: {parameters}; normalized as in Kaldi and NIST, multiply by {factors} for DETware's")
    return lines


def _summary(results):
    text = (
        f"{results['num_target']} target and {results['num_nontarget']} nontarget trials of "
        f"{results['num_speakers']} speakers, from {results['trials']}. "
    )
    if results["bootstrap"]:
        text += f"Confidence intervals (95 %, in brackets further down): {results['bootstrap']} draws of speakers."
    return Section("Summary", text, summary_rows(results))


def difference_rows(results, costs=None):
    """Builds the table of paired differences, with their intervals; `costs`: names, None: all."""
    costs = list(results["costs"]) if costs is None else costs
    rows = [["new - old", "EER % (95 %)", *(f"min{cost} (95 %)" for cost in costs)]]
    for pair in results["differences"]:
        cells = [_difference(pair["eer"], 100, 2), *(_difference(pair["min_dcf"][cost], 1, 3) for cost in costs)]
        rows.append([f"{pair['new']} - {pair['old']}", *cells])
    return rows


def _difference(figures, factor, digits):
    gap, low, high = (f"{factor * figure:+.{digits}f}" for figure in figures)
    return f"{gap} ({low} to {high})"


def _differences(results):
    text = (
        "Both systems on the same draws of speakers. A negative difference is an improvement; an interval (95 %) that "
        "contains 0 shows none."
    )
    return Section("Paired differences", text, difference_rows(results))


def _costs(results):
    """Tabulates every cost at the best and at the Bayes threshold, one column per system."""
    rows = [["cost", "Cmiss, Cfa, P(target)", *results["systems"]]]
    for cost, points in results["costs"].items():
        parameters = " and ".join(f"{p['c_miss']:g}, {p['c_fa']:g}, {p['p_target']:g}" for p in points)
        for kind in ("min", "act"):
            cells = [_with_interval(figures, f"{kind}_dcf", cost) for figures in results["systems"].values()]
            rows.append([f"{kind}{cost}", parameters, *cells])
    text = (
        "min: at the best threshold; act: at the Bayes threshold, which assumes that scores are log-likelihood ratios "
        "and is meaningful for calibrated scores only. Costs are normalized by the smaller cost of accepting or "
        "rejecting all trials, as in Kaldi's compute_min_dcf.py and by NIST. DETware does not normalize: its DCF08 is "
        "0.1 times this one, its DCF10 0.001 times. For two operating points the mean is shown, as defined by NIST in "
        "2012 and 2016; in 2018 the cost of 2016 was kept for telephone speech (CTS) and another one added for video "
        "(VAST)."
    )
    return Section("Detection costs", text, rows)


def _equal_error_rates(results):
    rows = [["system", "EER %", "convex hull %", "Kaldi %"]]
    for name, figures in results["systems"].items():
        rows.append([name, *(f"{100 * figures[key]:.3f}" for key in ("eer", "rocch_eer", "kaldi_eer"))])
    text = (
        "EER: equal error rate, interpolated between neighboring thresholds. Convex hull: the same on the convex hull "
        "of the ROC (ROCCH-EER of BOSARIS). Kaldi: as in compute-eer, a multiple of one target trial."
    )
    return Section("Equal error rates", text, rows)


def _calibration(results):
    rows = [["system", "Cllr", "minimum Cllr", "calibration loss"]]
    for name, figures in results["systems"].items():
        loss = figures["cllr"] - figures["min_cllr"]
        rows.append([name, _with_interval(figures, "cllr"), f"{figures['min_cllr']:.4f}", f"{loss:.4f}"])
    curves = {name: figures["curves"]["bayes_errors"] for name, figures in results["systems"].items()}
    text = (
        "Cllr in bits: 0 is perfect, 1 is uninformative. The plot shows the normalized cost over the target prior: "
        "thick at the Bayes threshold, thin at the best threshold for each prior. Scores are calibrated where both "
        "lines coincide."
    )
    image = {"calibration.svg": ("normalized Bayes error rate over the prior", plots.bayes_error_plot(curves))}
    return Section("Calibration", text, rows, image)


def _condition(results, condition):
    """Tabulates the EER of each group, one column per system; metrics.json has the other metrics."""
    systems = results["systems"]
    rows = [[condition, "targets", "nontargets", *(f"EER %, {name}" for name in systems)]]
    first = next(iter(systems.values()))["conditions"][condition]
    for group, numbers in first.items():
        cells = [_group_eer(figures["conditions"][condition][group]) for figures in systems.values()]
        rows.append([group, str(numbers["num_target"]), str(numbers["num_nontarget"]), *cells])
    return Section(f"By {condition}", rows=rows)


def _group_eer(figures):
    return f"{100 * figures['eer']:.3f}" if "eer" in figures else NONE


def _det(results):
    curves = {name: figures["curves"]["det"] for name, figures in results["systems"].items()}
    eers = {name: figures["eer"] for name, figures in results["systems"].items()}
    return Section("DET", images={"det.svg": ("misses over false alarms", plots.det_plot(curves, eers))})


def _histograms(results):
    images = {}
    for number, (name, figures) in enumerate(results["systems"].items(), 1):
        plot = plots.histogram_plot(name, figures["curves"]["histograms"], figures["eer_threshold"])
        images[f"scores_{number}.svg"] = (f"distributions of the scores of {name}", plot)
    text = "The outermost 0.5 % of target and of nontarget scores are not drawn."
    return Section("Scores", text, images=images)


def _with_interval(figures, *keys):
    value, bounds = figures, figures.get("intervals")
    for key in keys:
        value = value[key]
        bounds = bounds and bounds[key]
    return f"{value:.4f}" + (f" ({_interval(bounds, 1, 3)})" if bounds else "")


def _interval(bounds, factor, digits):
    if bounds is None:
        return NONE
    low, high = (f"{factor * bound:.{digits}f}" for bound in bounds)
    return f"{low}{NONE}{high}"
