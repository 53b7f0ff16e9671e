"""Atomic writing of files, reading of text and JSON; every fault is reported in one line."""

import contextlib
import fcntl
import glob
import json
import math
import os
import zlib

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


def checksum(path):
    """Returns the CRC of a file's content; "" if there is no file."""
    try:
        with open(path, "rb") as file:
            crc = 0
            while block := file.read(1 << 20):
                crc = zlib.crc32(block, crc)
    except FileNotFoundError:
        return ""
    return f"{crc:08x}"


def read_text(path):
    """Reads a UTF-8 text file as a whole.

    Raises:
        InputError: missing, unreadable, not UTF-8, or with NUL bytes.
    """
    try:
        with open(path, "rb") as file:
            return decode_text(file.read(), path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def decode_text(data, path):
    """Decodes the bytes of a text file; raises InputError if they are not UTF-8 or contain NUL."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a UTF-8 text file ({error.reason} at byte {error.start})") from None
    if "\0" in text:
        raise InputError(f"{path}: damaged: NUL at byte {data.index(0)} of a text file")
    return text


def read_json(path):
    """Reads a JSON file that holds an object; see `parse_json`."""
    return parse_json(read_text(path), path)


def parse_json(text, where):
    """Parses a JSON object; `where` names it in errors.

    Raises:
        InputError: not JSON, not an object, a key twice, a number that is not finite or an integer beyond 64 bits.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except RecursionError:
        raise InputError(f"{where}: not JSON: brackets are nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: must be a JSON object {{...}}, not {text.strip()[:20]!r}")
    return value


def _unique(pairs):
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"duplicate key {next(key for key in names if names.count(key) > 1)}; keep one")
    return values


def _integer(text):
    value = int(text)
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{text[:20]}... is beyond 64 bits")
    return value


def _finite(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


def check_entries(values, kinds, where):
    """Raises InputError unless a JSON object has all entries of `kinds`, {key: type or types}, with these types.

    True and false are no integers.
    """
    for key, kind in kinds.items():
        if key not in values:
            raise InputError(f"{where}: {key} is missing")
        value, types = values[key], kind if isinstance(kind, tuple) else (kind,)
        if not (type(value) in types or object in types or (isinstance(value, types) and not isinstance(value, bool))):
            raise InputError(f"{where}: {key} cannot be {value!r}")


def write_json(path, content, durable=False):
    """Writes a JSON file atomically; `durable` as for `atomic_write`.

    Raises:
        InputError: a number is NaN or infinity, or the file cannot be written.
    """
    try:
        text = json.dumps(content, indent=2, allow_nan=False)
    except ValueError:
        raise InputError(f"{path}: not written: a number in it is NaN or infinity") from None
    with atomic_write(path, durable=durable) as file:
        file.write(text + "\n")
