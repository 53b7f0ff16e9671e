"""Files that appear whole or not at all, and one line for what the system refuses."""

import contextlib
import os

from nnet.errors import InputError

AnyPath = str | os.PathLike[str]


@contextlib.contextmanager
def atomic_write(path, binary=False):
    """Opens `path` for writing under a temporary name; it gets its own name only when the block ends well.

    Raises:
        InputError: the system refuses (no such directory, no permission, disk full); the message names `path`.
    """
    path = os.fspath(path)
    temporary = path + ".tmp"
    try:
        with _open(temporary, binary) as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        if error.filename not in (None, path, temporary):  # of another file, which the block reads or writes
            raise
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _open(path, binary):
    return open(path, "wb") if binary else open(path, "w", encoding="utf-8", newline="\n")


def make_directory(path):
    """Makes `path` and its parents where they are not there yet."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made a directory: {error.strerror}") from error


def remove_file(path):
    """Removes a file where it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
