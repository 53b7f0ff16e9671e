"""Atomic writing of files, with system errors reported in one line."""

import contextlib
import os

from nnet.errors import InputError

AnyPath = str | os.PathLike[str]


@contextlib.contextmanager
def atomic_write(path, binary=False):
    """Opens a temporary file that replaces `path` if the block ends without an error.

    Raises:
        InputError: `path` cannot be written (no such directory, no permission, disk full).
    """
    path = os.fspath(path)
    temporary = path + ".tmp"
    try:
        with _open(temporary, binary) as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        if error.filename not in (None, path, temporary):  # the error is about another file used in the block
            raise
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _open(path, binary):
    return open(path, "wb") if binary else open(path, "w", encoding="utf-8", newline="\n")


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
