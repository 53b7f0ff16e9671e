"""Archives of WAVs: many recordings in one file, as Kaldi's wav-copy writes them."""

import contextlib
import io

import numpy as np
import soundfile

from nnet.files import atomic_write


class WavArkWriter:
    """Writes an archive of 16-bit WAVs, whole or not at all.

    Args:
        path: of the archive.
        rate: Hz.
    """

    def __init__(self, path, rate):
        self.path, self.rate = path, rate
        self._file = contextlib.ExitStack()
        self._ark = self._file.enter_context(atomic_write(path, binary=True))

    def write(self, key, samples):
        """Adds one recording, float (n,) in [-1, 1); exact where the samples are multiples of 2^-15.

        Returns:
            its entry for wav.scp, `path:offset`.
        """
        wav = io.BytesIO()
        soundfile.write(wav, np.rint(samples * 32768).astype(np.int16), self.rate, format="WAV", subtype="PCM_16")
        self._ark.write(key.encode() + b" ")
        offset = self._ark.tell()
        self._ark.write(wav.getvalue())
        return f"{self.path}:{offset}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.__exit__(*error)
