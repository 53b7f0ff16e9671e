"""Bytes of Kaldi's archives: at an offset of a file, or in a row from a stream."""

import functools
import os
import subprocess
import sys

from nnet.errors import InputError

PREFETCH = 4096  # one read that holds the header and, for 80 columns, all percentiles
OPEN_FILES = 64


class OpenFile:
    """A file descriptor that closes when the last user lets go of it."""

    def __init__(self, path):
        try:
            self.descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from error

    def __del__(self):
        descriptor = getattr(self, "descriptor", None)
        if descriptor is not None:
            os.close(descriptor)


_open_file = functools.lru_cache(maxsize=OPEN_FILES)(OpenFile)


def forget_open_files():
    """Lets go of the cached descriptors: a file that was just replaced is opened anew."""
    _open_file.cache_clear()


class FileSource:
    """Reads one file from an offset on, by `pread`, so that threads and forked processes do not disturb each other."""

    def __init__(self, path, offset=0, entry=None):
        self.path = path
        self.where = f"{path}:{offset}" if entry is None else entry
        self.position = offset
        self._file = _open_file(path)
        self._buffer_start = offset
        self._buffer = self._pread(PREFETCH, offset)
        if not self._buffer:
            raise InputError(f"{self.where}: the offset is past the end of the file ({self.size()} bytes)")

    def size(self):
        """Bytes in the file."""
        return os.fstat(self._file.descriptor).st_size

    def read(self, count):
        """The next `count` bytes; fewer is an InputError."""
        data = self.read_at(self.position, count)
        self.position += count
        return data

    def read_at(self, offset, count):
        """`count` bytes at `offset` of the file; fewer is an InputError."""
        if count < 0:
            self.fail(f"bad header: it promises {count} bytes")
        start = offset - self._buffer_start
        if start >= 0 and start + count <= len(self._buffer):
            return self._buffer[start : start + count]
        self._expect(count, offset)
        return self._pread(count, offset)

    def read_every(self, stride, number, offset, count):
        """`number` times `count` bytes, each `stride` after the one before, the first at `offset`; in one bytes."""
        self._expect(count, offset + stride * (number - 1))
        return b"".join([self._pread(count, offset + stride * i) for i in range(number)])

    def _expect(self, count, offset):
        # a damaged header may ask for more than the memory holds, so look before reading
        if offset + count > self.size():
            self.fail(f"truncated: {count} bytes expected at offset {offset}, the file has {self.size()}")

    def peek(self, count):
        """The next `count` bytes, which stay the next ones; fewer at the end of the file."""
        return self._pread(count, self.position)

    def readline(self):
        """The next line of text, with its end; empty at the end of the file."""
        parts = []
        while True:
            data = self._pread(PREFETCH, self.position)
            line, newline, _ = data.partition(b"\n")
            parts += [line, newline]
            self.position += len(line) + len(newline)
            if newline or not data:
                return b"".join(parts)

    def _pread(self, count, offset):
        parts = []
        while count > 0:
            try:
                data = os.pread(self._file.descriptor, count, offset)
            except OSError as error:
                raise InputError(f"{self.where}: {error.strerror}") from error
            if not data:
                break
            parts.append(data)
            count -= len(data)
            offset += len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def fail(self, what):
        """Raises InputError that names this place."""
        raise InputError(f"{self.where}: {what}")


class StreamSource:
    """Reads a stream in a row: a file, standard input or the output of a command."""

    def __init__(self, stream, where):
        self.where = where
        self._stream = stream
        self._ahead = b""

    def read(self, count):
        """The next `count` bytes; fewer is an InputError."""
        try:
            if count < 0:
                raise OverflowError
            data = self._ahead[:count] + self._stream.read(max(0, count - len(self._ahead)))
        except (MemoryError, OverflowError):
            self.fail(f"bad header: it promises {count} bytes")
        self._ahead = self._ahead[count:]
        if len(data) < count:
            self.fail(f"truncated: {count} more bytes expected, {len(data)} are there")
        return data

    def peek(self, count):
        """The next `count` bytes, which stay the next ones; fewer at the end of the stream."""
        self._ahead += self._stream.read(max(0, count - len(self._ahead)))
        return self._ahead[:count]

    def push(self, data):
        """Puts bytes before the next ones."""
        self._ahead = data + self._ahead

    def read_key(self):
        """The word before the next object of an archive; None at the end of the stream."""
        word = bytearray(self._ahead.lstrip())
        self._ahead = b""
        while True:
            byte = self._stream.read(1)
            if byte.isspace() and not word:
                continue
            if not byte and not word:
                return None
            if not byte:
                self.fail(f"truncated: it ends within the key {bytes(word)!r}")
            if byte.isspace():
                return self._decode(word)
            word += byte

    def _decode(self, word):
        try:
            return word.decode("utf-8")
        except UnicodeDecodeError:
            self.fail(f"not a Kaldi archive: {bytes(word[:20])!r} is not a key")

    def readline(self):
        """The next line of text, with its end; empty at the end of the stream."""
        line = self._ahead + (b"" if self._ahead.endswith(b"\n") else self._stream.readline())
        self._ahead = b""
        return line

    def fail(self, what):
        """Raises InputError that names this place."""
        raise InputError(f"{self.where}: {what}")


def open_stream(rxfilename):
    """A binary stream of a file, of `-` (standard input), or of `command |`, as a context manager.

    Leaving the context checks the command's exit status.
    """
    if rxfilename.endswith("|"):
        return CommandOutput(rxfilename[:-1].strip())
    if rxfilename == "-":
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return open(rxfilename, "rb")
    except OSError as error:
        raise InputError(f"{rxfilename}: {error.strerror}") from error


class CommandOutput:
    """The standard output of a shell command as a stream; a pipe fails where a part of it fails.

    kaldiio does not look at the exit status of a command.
    """

    def __init__(self, command):
        self.command = command
        self._process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], stdout=subprocess.PIPE)

    def __enter__(self):
        return self._process.stdout

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self._process.stdout.read()  # a command whose output is not wanted to its end has not failed for that
        self._process.stdout.close()
        status = self._process.wait()
        if status and kind is None:
            raise InputError(f'the command "{self.command} |" failed with exit status {status}')
