"""A disk that can lose its power: an ext4 file system in an image, on Linux, for root."""

import ctypes
import fcntl
import os
import struct
import subprocess
import time

SIZE = "256M"
PATIENCE = 60  # seconds for killed processes to end
# Nothing is written before it must be: no file because it was renamed or replaced another, no data before its name, and
# nothing because some seconds have passed.
OPTIONS = "loop,noauto_da_alloc,data=writeback,commit=300"
NEW_NAMESPACE = 0x00020000  # CLONE_NEWNS of unshare(2)
SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN of linux/ext4.h
NO_LOG_FLUSH = 2  # its argument: nothing more is written, not even the journal


class Disk:
    """A file system mounted at `path`, in a namespace of this process: the mount goes with it, however it ends."""

    def __init__(self, path):
        self.path, self._image = path, f"{path}.img"
        if ctypes.CDLL(None, use_errno=True).unshare(NEW_NAMESPACE):
            raise OSError(ctypes.get_errno(), "the target needs root: no namespace for its disk")
        _run("mount", "--make-rprivate", "/")
        path.mkdir(parents=True)
        _run("truncate", "-s", SIZE, self._image)
        _run("mkfs.ext4", "-q", "-F", self._image)
        self._mount()

    def sync(self):
        """Writes all there is."""
        _run("sync", "-f", self.path)

    def lose_power(self):
        """Loses everything that is not on the disk; nothing can be written from here on."""
        descriptor = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(descriptor)

    def restart(self):
        """Mounts what is left, when no process uses the disk any more; the journal is replayed."""
        until = time.monotonic() + PATIENCE
        while os.path.ismount(self.path):
            try:
                _run("umount", self.path)
            except subprocess.CalledProcessError:  # in use
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        self._mount()

    def _mount(self):
        _run("mount", "-o", OPTIONS, self._image, self.path)


def _run(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
