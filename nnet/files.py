"""Atomic writing of files, with system errors reported in one line."""

import contextlib
import fcntl
import glob
import os

from nnet.errors import InputError

AnyPath = str | os.PathLike[str]


@contextlib.contextmanager
def atomic_write(path, binary=False, durable=False):
    """Opens a temporary file beside `path` that replaces it if the block ends without an error.

    Every call has a temporary file of its own, so that of two writers of one path the last one wins, as a whole.

    Args:
        path: the file.
        binary: bytes instead of UTF-8 text.
        durable: return only when the content would survive a power loss.

    Raises:
        InputError: `path` cannot be written (no such directory, no permission, disk full).
    """
    path = os.fspath(path)
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    try:
        _remove_leftovers(path)
        with _created(temporary):
            with _open(temporary, binary) as file:
                yield file
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
            if durable:
                sync_directory(os.path.dirname(path))
    except OSError as error:
        if error.filename not in (None, path, temporary):  # the error is about another file used in the block
            raise
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _open(path, binary):
    return open(path, "wb") if binary else open(path, "w", encoding="utf-8", newline="\n")


@contextlib.contextmanager
def _created(temporary):
    """Creates a temporary file, locked as long as its writer lives."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers(path):
    """Removes the temporary files of writers of `path` that were killed: those that nobody has locked."""
    for leftover in glob.glob(f"{glob.escape(path)}.????????.tmp"):
        with contextlib.suppress(OSError):
            descriptor = os.open(leftover, os.O_WRONLY)
            try:
                if _lock(descriptor):
                    os.unlink(leftover)
            finally:
                os.close(descriptor)


def _lock(descriptor):
    """Returns whether this process now holds the file's lock; it ends with the process."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another process, or a file system without locks
        return False
    return True


def sync_directory(path):
    """Waits until the names in a directory would survive a power loss, on file systems that can tell."""
    descriptor = os.open(path or ".", os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path):
    """Creates `path` and its parents if they do not exist."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot create directory: {error.strerror}") from error


def remove_file(path):
    """Removes a file if it exists."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
