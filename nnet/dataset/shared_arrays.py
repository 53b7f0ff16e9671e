"""Arrays that several processes see without copying them and that leave nothing behind, whoever is killed."""

import mmap
import os
import tempfile

import numpy as np

ALIGNMENT = 64


class SharedArrays:
    """Named numpy arrays in one block of memory without a name in the file system.

    Pickled, it is a file descriptor and the shapes: the process that unpickles it must have inherited the
    descriptor under the same number (`subprocess.Popen(pass_fds=[shared.fd])`). The kernel frees the memory with
    the last process that holds it.
    """

    def __init__(self, layout):
        """`layout`: dict name → (dtype, shape); the arrays start as zeros."""
        self.layout = {name: (np.dtype(dtype).str, tuple(shape)) for name, (dtype, shape) in layout.items()}
        self.fd = _anonymous_file(max(1, _size(self.layout)))
        self._map()

    @classmethod
    def copy_of(cls, arrays):
        """Shares a copy of each array of a dict."""
        shared = cls({name: (array.dtype, array.shape) for name, array in arrays.items()})
        for name, array in arrays.items():
            shared[name][...] = array
        return shared

    def __getitem__(self, name):
        return self.arrays[name]

    def __getstate__(self):
        return {"layout": self.layout, "fd": self.fd}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._map()

    def __del__(self):
        # The mapping outlives its descriptor for as long as an array of it is held.
        fd, self.fd = getattr(self, "fd", -1), -1
        if fd >= 0:
            os.close(fd)

    def _map(self):
        memory = mmap.mmap(self.fd, max(1, _size(self.layout)))
        self.arrays, offset = {}, 0
        for name, (dtype, shape) in self.layout.items():
            self.arrays[name] = np.ndarray(shape, dtype, memory, offset)
            offset += _padded(self.arrays[name].nbytes)


def _size(layout):
    return sum(_padded(np.dtype(dtype).itemsize * int(np.prod(shape))) for dtype, shape in layout.values())


def _padded(nbytes):
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def _anonymous_file(size):
    # memfd is not bound by the size of /dev/shm, which containers keep small; macOS has none and takes a file
    # that was unlinked at birth.
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("nnet.dataset")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd
