"""One writer a directory: a lock on the directory's file `.lock`, which says who holds it.

The lock is the operating system's (flock): it ends with the process that holds it, however that ends. On NFS it holds
between hosts as long as the file system is not mounted with `nolock` or `local_lock`.
"""

import contextlib
import fcntl
import logging
import os
import socket
import sys
import time

from nnet.errors import InputError
from nnet.files import make_directory

log = logging.getLogger(__name__)

FILE = ".lock"
# Environment variable in which a script that has locked directories names them, a line each, to the programs it calls.
VARIABLE = "SV_LOCKED"

_held = set()


@contextlib.contextmanager
def locked(directory, wait=False):
    """Keeps other programs from writing a directory while the block runs; creates the directory if there is none.

    Has no effect if this process, or the script that called it, holds the lock already.

    Args:
        directory: its path.
        wait: wait for another program that writes it, which must be short work.

    Raises:
        InputError: another program writes the directory.
    """
    make_directory(directory)
    directory = os.path.realpath(directory)
    if is_held(directory):
        yield
        return
    descriptor = _open_locked(directory, wait)
    _held.add(directory)
    try:
        yield
    finally:
        _held.discard(directory)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(directory, FILE))
        os.close(descriptor)


def is_held(directory):
    """Returns whether this process, or the script that called it, has locked a directory."""
    return os.path.realpath(directory) in _held.union(os.environ.get(VARIABLE, "").split("\n"))


def _open_locked(directory, wait):
    path = os.path.join(directory, FILE)
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from error
        try:
            take(directory, descriptor, wait)
        except BaseException:
            os.close(descriptor)
            raise
        if is_current(path, descriptor):
            return descriptor
        os.close(descriptor)  # its holder has just removed it


def take(directory, descriptor, wait=False, holder=None):
    """Locks a directory by its open lock file; the lock lasts until all copies of the descriptor are closed.

    Args:
        directory: for messages.
        descriptor: of its lock file, open for writing.
        wait: whether to wait for another holder.
        holder: (process id, command) of the new holder; None: this process.

    Raises:
        InputError: another program holds the lock, and `wait` is false.
    """
    try:
        _flock(directory, descriptor, wait)
    except OSError as error:
        log.warning("%s: this file system has no locks (%s): start no second program on it", directory, error.strerror)
    pid, command = holder or (os.getpid(), " ".join(sys.argv))
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    with contextlib.suppress(OSError):  # a full disk: the lock holds without a name
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {pid} on {socket.gethostname()} since {since}: {command[:200]}\n".encode())


def _flock(directory, descriptor, wait):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(directory)
        if not wait:
            raise InputError(
                f"{directory}: is being written by {holder}; wait until it has ended, or stop it"
            ) from None
        log.info("%s: waiting for %s", directory, holder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def is_current(path, descriptor):
    """Returns whether an open lock file is still that of its directory."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _holder(directory):
    with contextlib.suppress(OSError), open(os.path.join(directory, FILE), encoding="utf-8", errors="replace") as file:
        return file.read().strip() or "another program"
    return "another program"
