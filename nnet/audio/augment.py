"""Augmentation of speech, for data directories on disk and for chunks in the data workers.

The types of augmentation, signal-to-noise ratios and numbers of voices are those of Kaldi's VoxCeleb recipe
(egs/voxceleb/v2/run.sh, stage 2); Snyder et al., "X-vectors: robust DNN embeddings for speaker recognition", 2018.
"""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np

from nnet.audio.mixing import fit_16_bits, gain_for_snr, power, reverberate
from nnet.audio.sounds import Sounds
from nnet.errors import InputError
from nnet.options import option

Augmented = namedtuple("Augmented", "samples what")
Augmented.__doc__ = "Samples (n,), rounded to 16 bits, and a description, NAME@SECONDS:SNR for each added sound."


@dataclass(frozen=True)
class AugmentOptions:
    """Sources and levels of the sounds that are mixed into training chunks."""

    rirs: str | None = option(None, "Data directory of room impulse responses; null: no reverberation.")
    noises: str | None = option(None, "Data directory of noises, added one after another; null: none.")
    music: str | None = option(None, "Data directory of background music; null: none.")
    babble: str | None = option(None, "Data directory of speech, from which several voices are mixed; null: none.")
    probability: float = option(0.6, "Probability of augmenting a chunk, with one type.", low=0, high=1)
    noise_snrs: tuple[float, ...] = option((15.0, 10.0, 5.0, 0.0), "SNRs (dB) of noises; one is drawn for each noise.")
    noise_interval: float = option(1.0, "Seconds between two noises.", low=0)
    music_snrs: tuple[float, ...] = option((15.0, 10.0, 8.0, 5.0), "SNRs (dB) of music.")
    babble_snrs: tuple[float, ...] = option((20.0, 17.0, 15.0, 13.0), "SNRs (dB) of each voice of the babble.")
    babble_voices: tuple[int, ...] = option((3, 4, 5, 6, 7), "Numbers of voices of the babble.", low=1)


class Augmenter:
    """Reverberates speech, or adds noise, music or babble.

    The result depends only on the samples and the random generator. Instances can be pickled.

    Args:
        options: AugmentOptions.
        sample_rate: of the speech, in Hz.
    """

    def __init__(self, options: AugmentOptions, sample_rate: int):
        self.options, self.sample_rate = options, sample_rate
        sources = {"reverb": options.rirs, "noise": options.noises, "music": options.music, "babble": options.babble}
        self._sounds = {kind: Sounds(path, sample_rate) for kind, path in sources.items() if path is not None}
        if not self._sounds:
            raise InputError("no sounds for augmentation: set at least one of rirs, noises, music, babble")

    @property
    def kinds(self):
        """Types of augmentation for which there are sounds."""
        return list(self._sounds)

    def __call__(self, samples, rng):
        """Applies a random augmentation, or none.

        Args:
            samples: float32 (n,) in [-1, 1).
            rng: numpy Generator.

        Returns:
            float32 (n,).
        """
        if rng.random() >= self.options.probability:
            return samples
        return self.apply(self.kinds[rng.integers(len(self.kinds))], samples, rng).samples

    def apply(self, kind, samples, rng):
        """Applies one type of augmentation: "reverb", "noise", "music" or "babble".

        Returns:
            Augmented; the level is reduced only if the samples would clip.
        """
        sounds = self._sounds[kind]
        samples = np.asarray(samples, np.float32)
        if kind == "reverb":
            index = int(rng.integers(len(sounds)))
            return Augmented(fit_16_bits(reverberate(samples, sounds.whole(index))), sounds.names[index])
        layers = {"noise": self._noises, "music": self._music, "babble": self._babble}[kind](len(samples), sounds, rng)
        return self._mixed(samples, layers, sounds)

    def _noises(self, length, sounds, rng):
        """Yields consecutive noises, each a random part of its recording: (index, start, samples, SNR)."""
        start = 0
        while start < length:
            index = int(rng.integers(len(sounds)))
            sound = sounds.part(index, length - start, rng)
            yield index, start, sound, rng.choice(self.options.noise_snrs)
            start += len(sound) + round(self.options.noise_interval * self.sample_rate)

    def _music(self, length, sounds, rng):
        index = int(rng.integers(len(sounds)))
        yield index, 0, sounds.loop(index, length, rng), rng.choice(self.options.music_snrs)

    def _babble(self, length, sounds, rng):
        voices = int(rng.choice(self.options.babble_voices))
        for index in rng.choice(len(sounds), voices, replace=voices > len(sounds)):
            yield int(index), 0, sounds.loop(index, length, rng), rng.choice(self.options.babble_snrs)

    def _mixed(self, samples, layers, sounds):
        speech_power, mixture, what = power(samples), samples.copy(), []
        for index, start, sound, snr in layers:
            mixture[start : start + len(sound)] += gain_for_snr(speech_power, sound, snr) * sound
            what.append(f"{sounds.names[index]}@{start / self.sample_rate:.2f}:{snr:g}")
        return Augmented(fit_16_bits(mixture), " ".join(what))
