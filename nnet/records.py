"""Files of records that grow at their end: a record counts once it is complete, and one that is not never existed.

A record is MAGIC, the length of its payload (uint32), the payload's CRC-32 (uint32), the CRC-32 of these 12 bytes
(uint32), and the payload; integers are little endian. What a killed writer left at the end of a file is ignored by
readers and removed by the next writer. Damage anywhere else is an error.
"""

import contextlib
import fcntl
import logging
import os
import stat
import struct
import zlib

from nnet.errors import InputError
from nnet.files import atomic_write, sync_directory
from nnet.locks import is_current

log = logging.getLogger(__name__)

MAGIC = b"SVR1"
HEAD = struct.Struct("<4sII")
HEAD_SIZE = HEAD.size + 4


@contextlib.contextmanager
def reading(path):
    """Opens a file of records for `read_records`; waits for a writer to finish.

    Yields the open file.

    Raises:
        InputError: no such file, or it cannot be read.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    with file:
        _lock(file, fcntl.LOCK_SH)
        yield file


def read_records(path, file, start=0, first=None):
    """Reads records.

    Args:
        path: of the file, for messages.
        file: the file, opened by `reading` or `writing`.
        start: position of the first record to read, known from an earlier call.
        first: payload of the file's first record at that time. If it is another one now, the file was rewritten, and is
            read from its beginning.

    Returns:
        (payloads as a list of bytes, position behind the last of them, whether they are all records of the file).

    Raises:
        InputError: not a file of records, or damaged.
    """
    file.seek(0)
    if start and not _begins_with(file, first):
        start = 0
    file.seek(start)
    return (*_parse(memoryview(file.read()), start, path), start == 0)


def _begins_with(file, payload):
    record = _record(payload)
    return file.read(len(record)) == record


def _parse(data, start, path):
    payloads, position = [], 0
    while position < len(data):
        payload = _payload(data[position:], f"{path}: byte {start + position}")
        if payload is None:
            log.warning("%s: its last %d bytes were not completely written: ignored", path, len(data) - position)
            break
        payloads.append(bytes(payload))
        position += HEAD_SIZE + len(payload)
    return payloads, start + position


def _payload(rest, where):
    """Returns the payload of the record at the start of `rest`; None if it was not completely written."""
    if len(rest) < HEAD_SIZE:
        if bytes(rest[:4]) == MAGIC[: len(rest)] or not any(rest):
            return None
        raise InputError(f"{where}: not a record of this format")
    if not any(rest[:HEAD_SIZE]) and not any(
        rest
    ):  # after a power loss: the file had grown, its content had not arrived
        return None
    magic, length, checksum = HEAD.unpack(rest[: HEAD.size])
    if magic != MAGIC:
        raise InputError(f"{where}: not a record of this format")
    if struct.pack("<I", zlib.crc32(rest[: HEAD.size])) != bytes(rest[HEAD.size : HEAD_SIZE]):
        raise InputError(f"{where}: damaged: the head of a record does not match its checksum")
    payload = rest[HEAD_SIZE : HEAD_SIZE + length]
    if len(payload) < length:
        return None
    if zlib.crc32(payload) != checksum:
        raise InputError(f"{where}: damaged: a record does not match its checksum")
    return payload


@contextlib.contextmanager
def writing(path):
    """Opens a file of records for reading and writing, creating it if needed; other readers and writers wait.

    Yields the open file. One that is empty in the end is removed.

    Raises:
        InputError: it cannot be opened for writing.
    """
    with _open_locked(path) as file:
        try:
            yield file
        finally:
            if not os.fstat(file.fileno()).st_size:
                os.unlink(path)


def _open_locked(path):
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error
        file = open(descriptor, "r+b", buffering=0)  # noqa: SIM115
        if not _lock(file, fcntl.LOCK_EX):
            log.warning("%s: this file system has no locks: let no second program write it", path)
        if is_current(path, descriptor):
            return file
        file.close()  # its holder has just rewritten it


def append(path, file, position, *payloads):
    """Writes records behind those that end at `position`; they are all complete and on disk, or none was written.

    Returns:
        the position behind them.

    Raises:
        InputError: a full disk, for instance; the file is as before.
    """
    data = b"".join(map(_record, payloads))
    try:
        file.truncate(position)
        file.seek(position)
        try:
            _write(file, data)
            os.fsync(file.fileno())
        except OSError:
            file.truncate(position)
            raise
        if position == 0:
            sync_directory(os.path.dirname(os.fspath(path)))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    return position + len(data)


def rewrite(path, payloads):
    """Replaces a file, opened by `writing`, by one of other records: at any time it is the old or the new one.

    A link still leads to the file, whose permissions stay.
    """
    path = os.path.realpath(path)
    with atomic_write(path, binary=True, durable=True) as file:
        os.fchmod(file.fileno(), stat.S_IMODE(os.stat(path).st_mode))
        for payload in payloads:
            file.write(_record(payload))


def _record(payload):
    head = HEAD.pack(MAGIC, len(payload), zlib.crc32(payload))
    return head + struct.pack("<I", zlib.crc32(head)) + payload


def _write(file, data):
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _lock(file, kind):
    """Returns whether the file is locked now; waits for other holders."""
    try:
        fcntl.flock(file, kind)
    except OSError:
        return False
    return True
