"""Writing of WAV archives: many recordings in one file, as Kaldi's wav-copy writes them."""

import contextlib
import io

import kaldiio
import numpy as np

from nnet.files import atomic_write


class WavArkWriter:
    """Writes an archive of 16-bit WAVs atomically.

    Args:
        path: of the archive.
        rate: sampling rate in Hz.
    """

    def __init__(self, path, rate):
        self.path, self.rate = path, rate
        self._file = contextlib.ExitStack()
        self._ark = self._file.enter_context(atomic_write(path, binary=True))

    def write(self, key, samples):
        """Adds one recording, float (n,) in [-1, 1); exact if the samples are multiples of 2^-15.

        Returns:
            the wav.scp entry, `path:offset`.
        """
        offset = self._ark.tell() + len(key.encode()) + 1
        entry = io.BytesIO()  # kaldiio's writer flushes its file again when it is deleted: a traceback on a full disk
        kaldiio.save_ark(entry, {key: (self.rate, np.rint(samples * 32768).astype(np.int16))})
        self._ark.write(entry.getbuffer())
        return f"{self.path}:{offset}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.__exit__(*error)
