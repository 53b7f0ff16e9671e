"""Short windows of speech, one embedding each, as Kaldi's `diarization/nnet3/xvector/extract_xvectors.sh` cuts them.

Times are in seconds, spans are float64 arrays (N, 2) of start and end.
"""

from dataclasses import dataclass

import numpy as np

from nnet.errors import InputError
from nnet.options import option

ROUNDING = 1e-6  # seconds: sums of times are not exact
SHORTEST_STEP = 0.002  # seconds between the starts of windows, whose names hold milliseconds


@dataclass(frozen=True)
class WindowOptions:
    """Options of the windows; the defaults are those of Kaldi's callhome_diarization recipes."""

    window: float = option(1.5, "Seconds of a window of speech, which has one embedding.", above=0)
    period: float = option(0.75, "Seconds between the starts of two windows.", above=0)
    min_window: float = option(
        0.5,
        "Minimum seconds of a window; a shorter piece of speech gets the speaker who speaks nearest to it.",
        above=0,
    )

    def __post_init__(self) -> None:
        if self.period > self.window:
            raise InputError(f"period ({self.period:g} s) must not be above window ({self.window:g} s)")
        if self.min_window > self.window:
            raise InputError(f"min-window ({self.min_window:g} s) must not be above window ({self.window:g} s)")


def cut_windows(segments: np.ndarray, options: WindowOptions) -> tuple[np.ndarray, np.ndarray]:
    """Cuts segments of speech into windows.

    A window starts every `period` seconds; the last one of a segment ends with it, and a segment that is shorter than a
    window is a window of its own, unless it is shorter than `min_window`.

    Args:
        segments: spans (S, 2).
        options: WindowOptions.

    Returns:
        (windows (N, 2), the segment of each window, int (N,)).
    """
    windows, owners = [np.zeros((0, 2))], [np.zeros(0, int)]
    for i, (start, end) in enumerate(segments):
        if end - start < options.min_window - ROUNDING:
            continue
        room = max(end - start - options.window, 0.0)  # from the first start to the last one
        starts = start + np.arange(0.0, room + ROUNDING, options.period)
        if start + room > starts[-1] + SHORTEST_STEP:
            starts = np.append(starts, start + room)
        windows.append(np.stack([starts, np.minimum(starts + options.window, end)], axis=1))
        owners.append(np.full(len(starts), i))
    return np.concatenate(windows), np.concatenate(owners)


def own_spans(segments: np.ndarray, windows: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Gives each window the part of its segment for which it alone speaks.

    Neighbors of one segment meet in the middle of what they share, as in Kaldi's make_rttm.py; the first and the last
    window reach to the ends of the segment.

    Args:
        segments: spans (S, 2).
        windows, owners: of `cut_windows`.

    Returns:
        spans (N, 2); those of a segment's windows cover it without overlap.
    """
    spans = segments[owners].astype(float)
    inner = owners[1:] == owners[:-1]
    middles = (windows[:-1, 1] + windows[1:, 0])[inner] / 2
    spans[:-1, 1][inner] = middles
    spans[1:, 0][inner] = middles
    return spans
