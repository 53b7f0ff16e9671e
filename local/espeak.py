"""Speech synthesis by the eSpeak NG library (https://github.com/espeak-ng/espeak-ng), with custom voices."""

import ctypes
import os
from pathlib import Path

import numpy as np

from nnet.errors import InputError

# Of espeak-ng's speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS = 2
RATE, PITCH, RANGE = 1, 3, 4
CHARS_UTF8 = 1
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Synthesizer:
    """The synthesizer, one per process: the library keeps its state, including that of its noise, in globals."""

    def __init__(self, home, variants):
        """Starts the library.

        Args:
            home: an empty directory for links to its data and the added voices; keep it while in use.
            variants: {name: text of a voice file} (docs/voices.md of espeak-ng).
        """
        library, data = _installed()
        _link_data(Path(data), Path(home) / "espeak-ng-data", variants)
        self._library = ctypes.CDLL(library)
        self._chunks = []
        self._callback = _Callback(self._receive)
        self.rate = self._library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, os.fsencode(home), 0)
        if self.rate <= 0:
            raise InputError(f"{library}: eSpeak NG failed to start with the data in {home}")
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # the default seed is the time of day

    def _receive(self, samples, count, _events):
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    def say(self, text, voice, rate, pitch, pitch_range):
        """Synthesizes one utterance.

        Args:
            text: the sentence.
            voice: such as "en-us+NAME", with the name of a variant.
            rate: words per minute.
            pitch, pitch_range: 0 to 100; 50 is the value of the voice file.

        Returns:
            (n,) int16 at self.rate Hz.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"eSpeak NG has no voice {voice}")
        for parameter, value in ((RATE, rate), (PITCH, pitch), (RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, int(round(value)), 0)
        self._chunks.clear()
        data = text.encode() + b"\0"
        status = self._library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, CHARS_UTF8, None, None)
        if status != 0 or not self._chunks:
            raise InputError(f"eSpeak NG cannot say {text!r} with the voice {voice}")
        return np.frombuffer(b"".join(self._chunks), np.int16)


def _installed():
    try:
        import espeakng_loader
    except ImportError as error:
        raise InputError("eSpeak NG is not installed; install the extra `mini`: pip install espeakng-loader") from error
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()


def _link_data(source, target, variants):
    folder = target / "voices" / "!v"
    folder.mkdir(parents=True)
    for entry in source.iterdir():
        if entry.name != "voices":
            (target / entry.name).symlink_to(entry)
    for name, text in variants.items():
        (folder / name).write_text(text)
