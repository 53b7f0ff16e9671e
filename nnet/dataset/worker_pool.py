"""Pool of worker processes that make batches ahead of time."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import weakref

import numpy as np

from nnet.cores import THREAD_VARIABLES
from nnet.dataset.shared_arrays import SharedArrays
from nnet.errors import InputError


class WorkerPool:
    """Makes requested batches and returns them in the order of the requests.

    Each worker is a new interpreter (not a fork, and without the parent's `__main__`, so it never imports MLX). It
    receives requests on a socket and answers when the batch is in shared memory. If either side dies, the other reads
    the end of the stream.
    """

    def __init__(self, maker, num_workers, depth=2):
        """Args:
            maker: a BatchMaker.
            num_workers: number of processes.
            depth: pending batches per worker.
        """  # fmt: skip
        self.capacity = num_workers * depth
        self._slots = SharedArrays({"features": (np.float32, (self.capacity, maker.largest_batch))})
        self._submitted = self._collected = 0
        self._workers = []
        self._finalizer = weakref.finalize(self, _stop, self._workers)
        for _ in range(num_workers):
            self._workers.append(_start(maker, self._slots))
        for process, connection in self._workers:
            self._talk(process, connection.send, (maker, self._slots))

    @property
    def num_pending(self):
        """Number of batches requested and not yet collected."""
        return self._submitted - self._collected

    def submit(self, epoch, index):
        """Requests a batch; at most `capacity` may be pending."""
        process, connection = self._workers[self._submitted % len(self._workers)]
        self._talk(process, connection.send, (epoch, index, self._submitted % self.capacity))
        self._submitted += 1

    def collect(self):
        """Returns the batch of the earliest pending request: features (B, T, F) float32 and labels (B,) int32.

        Raises:
            InputError: raised in the worker, or the worker was killed.
            RuntimeError: the worker failed, or ended by itself.
        """
        process, connection = self._workers[self._collected % len(self._workers)]
        kind, *answer = self._talk(process, connection.recv)
        slot = self._collected % self.capacity
        self._collected += 1
        if kind == "input error":
            raise InputError(answer[0])
        if kind == "defect":
            raise RuntimeError(f"a data worker failed:\n{answer[0]}")
        shape, labels = answer
        # Copied, since the next request may overwrite the slot.
        return self._slots["features"][slot, : np.prod(shape)].reshape(shape).copy(), labels

    def discard(self):
        """Waits for all pending batches and drops them."""
        while self.num_pending:
            process, connection = self._workers[self._collected % len(self._workers)]
            self._talk(process, connection.recv)
            self._collected += 1

    def close(self):
        """Stops the processes and waits for them."""
        self._finalizer()

    def _talk(self, process, action, *arguments):
        try:
            return action(*arguments)
        except (EOFError, ConnectionError):
            pass
        self.close()
        code = process.returncode
        if code < 0:
            raise InputError(
                f"a data worker was killed by signal {-code} ({signal.Signals(-code).name}); if memory ran out, use "
                "fewer data.num_workers, a smaller data.batch_size or shorter chunks"
            )
        raise RuntimeError(f"a data worker ended with exit code {code}; see its error output above")


def _start(maker, slots):
    ours, theirs = multiprocessing.Pipe()
    with theirs:
        inherited = [theirs.fileno(), slots.fd, *(shared.fd for shared in maker.shared)]
        # The same sys.path as in this process: a checkout, an installed wheel, the caller's directory.
        code = f"import sys; sys.path[:] = {sys.path!r}; from nnet.dataset.worker_process import serve"
        process = subprocess.Popen(
            [sys.executable, "-c", f"{code}; serve({theirs.fileno()})"],
            stdin=subprocess.DEVNULL,
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, "1"),
            pass_fds=inherited,
        )
    return process, ours


def _stop(workers, patience=5.0):
    for _, connection in workers:
        connection.close()
    deadline = time.monotonic() + patience
    for process, _ in workers:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
