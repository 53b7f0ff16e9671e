"""Main loop of a worker process (see WorkerPool)."""

import logging
import signal
import traceback
from multiprocessing.connection import Connection

from nnet.errors import InputError
from nnet.malloc import keep_memory


def serve(fd):
    """Answers requests on the socket `fd` until the other side closes it or dies.

    The first message is the BatchMaker and the slots; each one after it is (epoch, index, slot). The answer is
    ("batch", shape, labels), ("input error", line) or ("defect", traceback).
    """
    # An interrupt at the terminal reaches every process; the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    keep_memory()
    try:
        with Connection(fd) as connection:
            maker, slots = connection.recv()
            while True:
                epoch, index, slot = connection.recv()
                connection.send(_answer(maker, slots["features"][slot], epoch, index))
    except (EOFError, ConnectionError):
        pass


def _answer(maker, buffer, epoch, index):
    try:
        features, labels = maker.make(epoch, index, buffer)
    except InputError as error:
        return "input error", str(error)
    except Exception:
        return "defect", traceback.format_exc()
    return "batch", features.shape, labels
