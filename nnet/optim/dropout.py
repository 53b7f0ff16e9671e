"""Dropout schedules in Kaldi's notation."""

from nnet.errors import InputError


def parse_dropout(text, where):
    """Parses a piecewise linear schedule such as "0,0@0.20,0.1@0.50,0".

    Args:
        text: VALUE@SHARE of the training, separated by commas; the first is at 0 and the last at 1 by default.
        where: name of the option in errors.

    Returns:
        list of (share of the training, dropout), with shares increasing from 0 to 1.

    Raises:
        InputError: bad syntax, shares that do not increase from 0 to 1, or dropout outside [0, 1).
    """
    parts = text.split(",")
    if len(parts) == 1:
        parts = parts * 2
    corners = []
    for i, part in enumerate(parts):
        value, at, share = part.partition("@")
        place = {0: 0.0, len(parts) - 1: 1.0}.get(i)
        try:
            corners.append((float(share) if at else place, float(value)))
        except ValueError:
            raise InputError(f"{where}: {part!r} is not VALUE or VALUE@SHARE, as in 0,0@0.2,0.1@0.5,0") from None
    shares, values = zip(*corners, strict=True)
    if None in shares or list(shares) != sorted(shares) or shares[0] != 0 or shares[-1] != 1:
        raise InputError(f"{where}: {text!r}: the shares must increase from 0 to 1, as in 0,0@0.2,0.1@0.5,0")
    if min(values) < 0 or max(values) >= 1:
        raise InputError(f"{where}: {text!r}: dropout must be at least 0 and below 1")
    return corners


def dropout_at(text, share):
    """Evaluates a schedule in Kaldi's notation after `share` (0 to 1) of the training."""
    corners = parse_dropout(text, "dropout")
    for (left, before), (right, after) in zip(corners, corners[1:], strict=False):
        if share <= right:
            return before + (after - before) * (share - left) / max(right - left, 1e-9)
    return corners[-1][1]
