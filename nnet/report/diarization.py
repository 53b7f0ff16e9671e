"""Table and report of diarization errors."""

from nnet.report.sections import NONE, Section
from nnet.report.timelines import timeline

HEADER = ["recording", "DER %", "missed %", "false alarm %", "confusion %", "JER %", "speech s", "speakers", "found"]
TOTAL = "all"


def error_rows(results):
    """Builds the table, a row a recording and one of all: shares of the scored speech, and numbers of speakers.

    Args:
        results: the content of metrics.json: {"recordings": {name: figures}, "total": figures, ...}, where figures have
            the attributes of `nnet.diarization.der.DiarizationErrors`, and `der` and `jer`.
    """
    rows = [_row(name, figures) for name, figures in results["recordings"].items()]
    return [HEADER, *rows, _row(TOTAL, results["total"])]


def conditions(results):
    """Says in a line what was scored, and how many recordings have the right number of speakers."""
    overlap = "scored" if results["overlap"] else "not scored"
    total = results["total"]
    return (
        f"Collar {results['collar']:g} s on each side, overlaps {overlap}; the number of speakers is right in "
        f"{total['right_number']} of {total['recordings']} recordings."
    )


def sections(results, lanes):
    """Builds the Sections of the report.

    Args:
        results: as for `error_rows`.
        lanes: {recording: its `nnet.report.timelines.Lane`s}.
    """
    text = (
        "Missed speech, false alarms and confusion are shares of the scored reference speech, in which each of several "
        "speakers counts; DER is their sum. JER is the mean over speakers of 1 - intersection / union. A recording "
        "without scored speech has no rates, but its false alarms count in the total."
    )
    worst = sorted(results["recordings"].items(), key=lambda item: (-item[1]["der"], item[0]))
    images = {
        f"timeline_{number}.svg": (f"{name}: DER {_percent(figures, figures['der'])} %", timeline(lanes[name]))
        for number, (name, figures) in enumerate(worst, 1)
    }
    how = (
        "The worst recordings first. Each speaker has two bars: the reference above, and below it, paler, the "
        "hypothesis speaker assigned to it. Gray: hypothesis speakers who are assigned to nobody."
    )
    return [
        Section("Errors", f"{conditions(results)} {text}", error_rows(results)),
        Section("Who spoke when", how, images=images, wide=True),
    ]


def _row(name, figures):
    rates = [_percent(figures, figures["der"])]
    scored = figures["scored"] or 1.0
    rates += [_percent(figures, figures[part] / scored) for part in ("missed", "false_alarm", "confusion")]
    jer = f"{100 * figures['jer']:.2f}" if figures["scored_speakers"] else NONE
    speakers = [str(figures[f"{side}_speakers"]) for side in ("reference", "hypothesis")]
    return [name, *rates, jer, f"{figures['scored']:.2f}", *speakers]


def _percent(figures, rate):
    return f"{100 * rate:.2f}" if figures["scored"] else NONE
