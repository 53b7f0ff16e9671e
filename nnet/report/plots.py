"""SVG plots, drawn without a display; lines differ in color and dashes, to remain distinct in print."""

import io

import numpy as np
from scipy.special import ndtri

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES = ("-", "--", "-.", ":")
DET_TICKS = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
SIZE = 4.6, 4.2  # inches; small, so that text is readable on a phone


def det_plot(curves, eers):
    """Plots detection error trade-off curves on normal-deviate axes; a dot marks the equal error rate.

    Args:
        curves: {system: result of `curves.det_curve`}.
        eers: {system: equal error rate}.
    """
    figure, axes = _figure("False alarms (%)", "Misses (%)")
    low = ndtri(_lowest(curves))
    axes.plot([low, 0], [low, 0], color="0.8", linewidth=0.8)
    for index, (name, curve) in enumerate(curves.items()):
        x, y = ndtri(curve["false_alarm"]), ndtri(curve["miss"])
        axes.plot(x, y, label=f"{name}: {100 * eers[name]:.2f} %", **_style(index))
        if eers[name] > 0:
            axes.plot(*[ndtri(eers[name])] * 2, "o", color=_style(index)["color"], markersize=5)
    ticks = [tick for tick in DET_TICKS if ndtri(tick) >= low]
    labels = [f"{100 * tick:g}" for tick in ticks]
    axes.set_xticks(ndtri(ticks), labels)
    axes.set_yticks(ndtri(ticks), labels)
    axes.set(xlim=(low, 0), ylim=(low, 0), aspect="equal")
    return _svg(figure)


def histogram_plot(name, histogram, threshold):
    """Plots the densities of target and nontarget scores of a system, and its EER threshold."""
    figure, axes = _figure("Score", "Density")
    axes.stairs(histogram["nontarget"], histogram["edges"], fill=True, alpha=0.45, color=COLORS[1], label="nontarget")
    axes.stairs(histogram["target"], histogram["edges"], fill=True, alpha=0.45, color=COLORS[0], label="target")
    axes.axvline(threshold, color="0.3", linestyle="--", linewidth=1, label="EER threshold")
    axes.set_title(name, fontsize=10, wrap=True)
    axes.set_ylim(bottom=0)
    return _svg(figure, columns=3)


def bayes_error_plot(curves):
    """Plots the normalized cost over the prior: actual (thick) and with the best thresholds (thin).

    Args:
        curves: {system: result of `curves.bayes_errors`}.
    """
    figure, axes = _figure("Log odds of the target prior", "Normalized cost")
    for index, (name, curve) in enumerate(curves.items()):
        style = _style(index)
        axes.plot(curve["log_odds"], np.minimum(curve["actual"], 2), label=name, **style)
        axes.plot(curve["log_odds"], curve["minimal"], **{**style, "linewidth": 0.7})
    axes.axhline(1.0, color="0.8", linewidth=0.8)
    axes.set(xlim=(-8, 8), ylim=(0, 1.3))
    return _svg(figure)


def training_plot(epochs):
    """Plots losses, and the EER of the development trials if present, over the epochs of a log.jsonl."""
    figure, axes = _figure("Epoch", "Loss")
    axes.xaxis.get_major_locator().set_params(integer=True)
    for index, (key, label) in enumerate((("train_loss", "training"), ("valid_loss", "validation"))):
        _line(axes, epochs, key, f"{label} loss", index)
    if any(line.get("dev_eer") is not None for line in epochs):
        right = axes.twinx()
        _line(right, epochs, "dev_eer", "development EER", 2)
        right.set_ylabel("EER (%)")
        right.set_ylim(bottom=0)
    return _svg(figure, columns=2)


def curves_plot(curves, xlabel, ylabel):
    """Plots `{name: [(x, y), ...]}` as lines with a dot at each point."""
    figure, axes = _figure(xlabel, ylabel)
    for index, (name, points) in enumerate(curves.items()):
        if points:
            axes.plot(*zip(*points, strict=True), marker=".", label=name, **_style(index))
    if all(isinstance(x, int) for points in curves.values() for x, _ in points):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return _svg(figure)


def _line(axes, epochs, key, label, index):
    points = [(line["epoch"], line[key]) for line in epochs if line.get(key) is not None]
    if points:
        axes.plot(*zip(*points, strict=True), marker=".", label=label, **_style(index))


def _lowest(curves):
    """Returns the lower limit of the DET axes: the lowest rate of any system, within 0.01 % and 1 %."""
    rates = [rate for curve in curves.values() for side in curve.values() for rate in side]
    return min(max(min(rates, default=0.001) / 1.5, 0.0001), 0.01)


def _style(index):
    return {
        "color": COLORS[index % len(COLORS)],
        "linestyle": DASHES[index % len(DASHES)],
        "linewidth": 1.6,
    }


def _figure(xlabel, ylabel):
    from matplotlib.figure import Figure  # takes half a second to import, needed for plots only

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure, columns=1):
    """Renders a figure as an SVG element without a prologue, reproducibly."""
    import matplotlib

    figure.legend(loc="outside lower center", ncols=columns, fontsize=9, frameon=False)
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "nnet"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]
