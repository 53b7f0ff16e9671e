"""Masks in time and frequency (SpecAugment; Park et al., 2019, arXiv:1904.08779, section 2, without time warping)."""

from dataclasses import dataclass

from nnet.options import option


@dataclass(frozen=True)
class SpecAugmentOptions:
    """Number and width of the masks on training chunks."""

    probability: float = option(0.6, "Probability that a chunk is masked.", low=0, high=1)
    time_masks: int = option(1, "Number of time masks.", low=0)
    max_time: int = option(10, "Maximum width of a time mask in frames; at most half the chunk.", low=0)
    frequency_masks: int = option(1, "Number of frequency masks.", low=0)
    max_frequency: int = option(8, "Maximum width of a frequency mask in dimensions; at most half of them.", low=0)


class SpecAugment:
    """Replaces random ranges of frames and of dimensions by the chunk's mean."""

    def __init__(self, options: SpecAugmentOptions = SpecAugmentOptions()):
        self.options = options

    def __call__(self, feats, rng):
        """Masks feats (T, F) in place.

        The width of each mask is uniform from 0 to its maximum, the position is uniform.
        """
        options = self.options
        if rng.random() >= options.probability:
            return
        mean = feats.mean(axis=0)
        frames, dims = feats.shape
        for _ in range(options.time_masks):
            feats[_stretch(frames, options.max_time, rng)] = mean
        for _ in range(options.frequency_masks):
            columns = _stretch(dims, options.max_frequency, rng)
            feats[:, columns] = mean[columns]


def _stretch(length, widest, rng):
    width = int(rng.integers(min(widest, length // 2) + 1))
    start = int(rng.integers(length - width + 1))
    return slice(start, start + width)
