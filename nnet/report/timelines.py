"""Time lines of diarization as SVG: for each speaker the reference above the hypothesis, wrapped into strips."""

import dataclasses
import html
import math

from nnet.report.plots import COLORS

GRAY = "#888888"  # hypothesis speakers without a reference speaker
STRIP_SECONDS = 300.0
WIDTH, MARGIN, RIGHT = 1000, 130, 20  # of the picture and its left and right margins, in SVG units
LANE, BAR, GAP = 18, 6, 26  # height of a speaker, of one of its two bars, and between strips
LABEL_CHARACTERS = 18


@dataclasses.dataclass(frozen=True)
class Lane:
    """One speaker of a time line.

    Attributes:
        label: name of the speaker.
        reference, hypothesis: [(start, end), ...] in seconds.
    """

    label: str
    reference: list
    hypothesis: list


def timeline(lanes):
    """Draws the Lanes of a recording; speakers without a reference are gray. Returns an SVG element."""
    end = max((stop for lane in lanes for side in (lane.reference, lane.hypothesis) for _, stop in side), default=0.0)
    strips = max(1, math.ceil(end / STRIP_SECONDS))
    seconds = STRIP_SECONDS if strips > 1 else max(end, 1.0)
    height = LANE * len(lanes) + GAP
    parts = [_strip(lanes, n * height, n * seconds, seconds) for n in range(strips)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {strips * height}" font-family="sans-serif" '
        f'font-size="10">{"".join(parts)}</svg>'
    )


def _strip(lanes, top, start, seconds):
    """Draws all speakers from `start` on, with the time below."""
    scale = (WIDTH - MARGIN - RIGHT) / seconds
    bottom = top + LANE * len(lanes)
    parts = []
    for tick in _ticks(start, seconds):
        x = MARGIN + (tick - start) * scale
        parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 11}" text-anchor="middle">{_clock(tick)}</text>')
    for number, lane in enumerate(lanes):
        y = top + LANE * number
        color = COLORS[number % len(COLORS)] if lane.reference else GRAY
        name = html.escape(lane.label)
        short = html.escape(lane.label[:LABEL_CHARACTERS])
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 12}" text-anchor="end">{short}<title>{name}</title></text>')
        for place, side, opacity in ((y + 4, lane.reference, 1.0), (y + 4 + BAR, lane.hypothesis, 0.55)):
            bars = _bars(side, place + BAR / 2, start, seconds, scale)
            if bars:
                style = f'stroke="{color}" stroke-width="{BAR}" stroke-opacity="{opacity}"'
                parts.append(f'<path d="{bars}" {style}><title>{name}</title></path>')
    return "".join(parts)


def _bars(intervals, y, start, seconds, scale):
    """Returns the path of the intervals within a strip."""
    inside = ((max(a, start), min(b, start + seconds)) for a, b in intervals)
    return "".join(f"M{MARGIN + (a - start) * scale:.1f} {y:g}h{(b - a) * scale:.1f}" for a, b in inside if a < b)


def _ticks(start, seconds):
    """Returns the times to label in a strip, five to ten of them where it has five seconds or more."""
    step = next(step for step in (1, 2, 5, 10, 20, 30, 60) if seconds / step <= 10)
    return [start + n * step for n in range(int(seconds / step) + 1)]


def _clock(seconds):
    """Formats seconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
