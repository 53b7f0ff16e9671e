"""Options of the augmentation of training chunks: sounds mixed into the audio, masks over the features."""

import dataclasses

from nnet.options import option


@dataclasses.dataclass(frozen=True)
class AugmentOptions:
    """Where the sounds are, and how loud they become."""

    rirs: str | None = option(None, "Data directory of impulse responses of rooms; null: no reverberation.")
    noises: str | None = option(None, "Data directory of noises, put one behind the other; null: none.")
    music: str | None = option(None, "Data directory of music for the background; null: none.")
    babble: str | None = option(None, "Data directory of speech, of which several voices talk at a time; null: none.")
    probability: float = option(0.6, "Part of the chunks that are augmented, each in one way.", low=0, high=1)
    noise_snrs: tuple[float, ...] = option((15.0, 10.0, 5.0, 0.0), "SNRs (dB) of noises; one is drawn for each.")
    noise_interval: float = option(1.0, "Seconds from the end of a noise to the next one.", low=0)
    music_snrs: tuple[float, ...] = option((15.0, 10.0, 8.0, 5.0), "SNRs (dB) of music.")
    babble_snrs: tuple[float, ...] = option((20.0, 17.0, 15.0, 13.0), "SNRs (dB) of each single voice of the babble.")
    babble_voices: tuple[int, ...] = option((3, 4, 5, 6, 7), "Numbers of voices of the babble.", low=1)


@dataclasses.dataclass(frozen=True)
class SpecAugmentOptions:
    """How many masks, and how wide."""

    probability: float = option(0.6, "Part of the chunks that are masked.", low=0, high=1)
    time_masks: int = option(1, "Masks in time.", low=0)
    max_time: int = option(10, "Most frames of a mask; never more than half the chunk.", low=0)
    frequency_masks: int = option(1, "Masks in frequency.", low=0)
    max_frequency: int = option(8, "Most dimensions of a mask; never more than half of them.", low=0)
