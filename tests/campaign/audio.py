"""Damaged recordings, in every container that soundfile writes, through reading, parts, and features."""

import numpy as np
import soundfile

from nnet.audio.reading import audio_duration, read_audio
from nnet.feats.options import MfccOptions
from nnet.feats.spectrum import compute_mfcc
from tests.campaign.files import Files

RATE = 16000
KINDS = {
    "wav": {"subtype": "PCM_16"},
    "rifx": {"format": "WAV", "subtype": "PCM_16", "endian": "BIG"},
    "float": {"format": "WAV", "subtype": "FLOAT"},
    "gsm": {"format": "WAV", "subtype": "GSM610"},
    "ulaw": {"format": "WAV", "subtype": "ULAW"},
    "rf64": {"format": "RF64", "subtype": "PCM_16"},
    "w64": {"format": "W64", "subtype": "PCM_16"},
    "aiff": {"format": "AIFF", "subtype": "PCM_16"},
    "au": {"format": "AU", "subtype": "PCM_16"},
    "voc": {"format": "VOC", "subtype": "PCM_16"},
    "caf": {"format": "CAF", "subtype": "PCM_16"},
    "sph": {"format": "NIST", "subtype": "PCM_16"},
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    "mp3": {"format": "MP3"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}


class Recordings(Files):
    """A recording of one kind, of four seconds, so that Ogg has several pages."""

    def __init__(self, kind):
        self.kind, self.whole = kind, (f".{kind}",)

    def make(self):
        samples = 0.1 * np.random.default_rng(0).normal(size=4 * RATE)
        soundfile.write(self.path(f"a.{self.kind}"), samples, RATE, **KINDS[self.kind])

    def use(self):
        path = self.path(f"a.{self.kind}")
        audio_duration(path)
        samples, rate = read_audio(path)
        return [samples, rate, compute_mfcc(samples[:RATE], MfccOptions(dither=0.0))]


TARGETS = {f"audio-{kind}": lambda kind=kind: Recordings(kind) for kind in KINDS}
