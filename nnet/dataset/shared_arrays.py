"""Numpy arrays in shared memory that several processes use without copies, and that never outlive them."""

import mmap
import os
import tempfile

import numpy as np

ALIGNMENT = 64


class SharedArrays:
    """Named numpy arrays in one anonymous block of shared memory.

    Pickling stores the file descriptor and the shapes; the process that unpickles them must have inherited the
    descriptor under the same number (`subprocess.Popen(pass_fds=[shared.fd])`). The kernel frees the memory with the
    last process that uses it.
    """

    def __init__(self, layout):
        """Allocates arrays of zeros; `layout` is {name: (dtype, shape)}."""
        self.layout = {name: (np.dtype(dtype).str, tuple(shape)) for name, (dtype, shape) in layout.items()}
        self.fd = _anonymous_file(max(1, _size(self.layout)))
        self._map()

    @classmethod
    def copy_of(cls, arrays):
        """Copies the arrays of a dict into shared memory."""
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
        # The mapping remains valid after closing the descriptor, as long as an array refers to it.
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
    # memfd is not limited by the size of /dev/shm, which is small in containers; macOS lacks it and gets an unlinked
    # temporary file.
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("nnet.dataset")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd
