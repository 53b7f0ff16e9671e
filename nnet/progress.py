"""Progress of a long loop: a bar on a terminal, occasional lines in a log."""

import logging
import sys
import time

logger = logging.getLogger(__name__)

FIRST_SECONDS = 5  # a shorter loop logs nothing
SECONDS_BETWEEN = 20


def progress(iterable, total=None, label="", unit=""):
    """Yields the elements of `iterable` and reports progress, speed and remaining time.

    Args:
        iterable: any iterable.
        total: number of elements; None: its length, if it has one.
        label: description of the work, such as "features of data/train".
        unit: name of an element, such as "utt".
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(iterable, total=total, desc=label or None, unit=f" {unit}" if unit else "it", smoothing=0.05)
    else:
        yield from _logged(iterable, total, label, unit)


def _logged(iterable, total, label, unit):
    start = time.monotonic()
    due = start + FIRST_SECONDS
    for done, element in enumerate(iterable, 1):
        yield element
        now = time.monotonic()
        if now >= due:
            logger.info("%s", describe(done, total, now - start, label, unit))
            due = now + SECONDS_BETWEEN


def describe(done, total, seconds, label="", unit=""):
    """Formats a progress line: `label: 300 of 1000 utt (30 %), 12.5 a second, 0:00:56 left`."""
    rate = done / max(seconds, 1e-9)
    parts = [f"{done}{f' of {total}' if total else ''}{f' {unit}' if unit else ''}"]
    if total:
        parts[0] += f" ({100 * done / total:.0f} %)"
    parts.append(f"{rate:.3g} a second")
    if total:
        parts.append(f"{clock((total - done) / rate)} left")
    return (f"{label}: " if label else "") + ", ".join(parts)


def clock(seconds):
    """Formats seconds as `h:mm:ss`."""
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
