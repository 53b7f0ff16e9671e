"""Readers of the bytes of a Kaldi archive: at any offset of a file, or sequentially from a stream."""

import functools
import os
import subprocess
import sys

from nnet.errors import InputError

PREFETCH = 4096  # bytes; covers the header and, for 80 columns, all percentiles
OPEN_FILES = 64


class OpenFile:
    """File descriptor that is closed when its last reference is dropped."""

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
    """Drops the cached descriptors, so that a replaced file is reopened."""
    _open_file.cache_clear()


class FileReader:
    """Reads a file from an offset on, with `pread`: threads and forked processes share no file position."""

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
        """Returns the size of the file in bytes."""
        return os.fstat(self._file.descriptor).st_size

    def read(self, count):
        """Reads the next `count` bytes; raises InputError if there are fewer."""
        data = self.read_at(self.position, count)
        self.position += count
        return data

    def read_at(self, offset, count):
        """Returns `count` bytes at `offset` of the file; raises InputError if there are fewer."""
        if count < 0:
            self.fail(f"bad header: it declares {count} bytes")
        start = offset - self._buffer_start
        if start >= 0 and start + count <= len(self._buffer):
            return self._buffer[start : start + count]
        self.expect(count, offset)
        return self._pread(count, offset)

    def read_every(self, stride, number, offset, count):
        """Returns `number` pieces of `count` bytes, joined; the first is at `offset`, the others `stride` apart."""
        self.expect(count, offset + stride * (number - 1))
        return b"".join([self._pread(count, offset + stride * i) for i in range(number)])

    def expect(self, count, offset):
        """Raises InputError if the file has not `count` bytes at `offset`; a damaged header may declare any number."""
        if offset + count > self.size():
            self.fail(f"truncated: {count} bytes expected at offset {offset}, the file has {self.size()}")

    def peek(self, count):
        """Returns the next `count` bytes without consuming them; fewer at the end of the file."""
        return self._pread(count, self.position)

    def readline(self):
        """Reads the next line of text with its newline; empty at the end of the file."""
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
        """Raises an InputError that names the file and the entry."""
        raise InputError(f"{self.where}: {what}")


class StreamReader:
    """Reads a stream sequentially: a file, standard input or the output of a command."""

    def __init__(self, stream, where):
        self.where = where
        self._stream = stream
        self._ahead = b""

    def read(self, count):
        """Reads the next `count` bytes; raises InputError if there are fewer."""
        try:
            if count < 0:
                raise OverflowError
            data = self._ahead[:count] + self._stream.read(max(0, count - len(self._ahead)))
        except (MemoryError, OverflowError):
            self.fail(f"bad header: it declares {count} bytes")
        self._ahead = self._ahead[count:]
        if len(data) < count:
            self.fail(f"truncated: expected {count} more bytes, found {len(data)}")
        return data

    def peek(self, count):
        """Returns the next `count` bytes without consuming them; fewer at the end of the stream."""
        self._ahead += self._stream.read(max(0, count - len(self._ahead)))
        return self._ahead[:count]

    def push(self, data):
        """Pushes bytes back, to be read next."""
        self._ahead = data + self._ahead

    def read_key(self):
        """Reads the key of the next object of an archive; None at the end of the stream."""
        word = bytearray(self._ahead.lstrip())
        self._ahead = b""
        while True:
            byte = self._stream.read(1)
            if byte.isspace() and not word:
                continue
            if not byte and not word:
                return None
            if not byte:
                self.fail(f"truncated: the file ends within the key {bytes(word)!r}")
            if byte.isspace():
                return self._decode(word)
            word += byte

    def _decode(self, word):
        try:
            return word.decode("utf-8")
        except UnicodeDecodeError:
            self.fail(f"not a Kaldi archive: {bytes(word[:20])!r} is not a key")

    def readline(self):
        """Reads the next line of text with its newline; empty at the end of the stream."""
        line, newline, rest = self._ahead.partition(b"\n")
        self._ahead = rest
        return line + (newline or self._stream.readline())

    def fail(self, what):
        """Raises an InputError that names the file and the entry."""
        raise InputError(f"{self.where}: {what}")


def open_stream(rxfilename):
    """Opens a file, `-` (standard input) or `command |` as a binary stream; a context manager.

    The exit status of a command is checked when the context ends.
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
    """Standard output of a shell command as a stream; a pipe fails if any part of it fails.

    kaldiio ignores the exit status of a command.
    """

    def __init__(self, command):
        self.command = command
        self._process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], stdout=subprocess.PIPE)

    def __enter__(self):
        return self._process.stdout

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self._process.stdout.read()  # drain: closing the pipe early would kill the command and look like a failure
        self._process.stdout.close()
        status = self._process.wait()
        if status and kind is None:
            raise InputError(f'the command "{self.command} |" failed with exit status {status}')
