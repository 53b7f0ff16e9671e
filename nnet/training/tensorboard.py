"""TensorBoard's event files of a training: the numbers of log.jsonl, a step for each epoch."""

import glob
import os

from nnet.errors import InputError
from nnet.files import remove_file

FOLDER = "tensorboard"  # in the model directory


class EventFiles:
    """Writes event files in a model directory.

    The first call of `write` replaces those of an earlier process, so that an epoch is there once, whenever a training
    was interrupted.

    Raises:
        InputError: the package tensorboardX is not installed.
    """

    def __init__(self, directory):
        self.folder = os.path.join(directory, FOLDER)
        self.written = 0
        self._writer = None
        try:
            import tensorboardX
        except ImportError:
            raise InputError(
                "training.tensorboard needs the package tensorboardX: pip install tensorboardX (the extra tensorboard)"
            ) from None
        self._open = tensorboardX.SummaryWriter

    def write(self, epochs):
        """Adds the entries of log.jsonl that are not written yet."""
        if self._writer is None:
            for path in glob.glob(os.path.join(glob.escape(self.folder), "events.out.tfevents.*")):
                remove_file(path)
            self._writer = self._open(self.folder)
        for line in epochs[self.written :]:
            for name, value in line.items():
                if name != "epoch" and value is not None:
                    self._writer.add_scalar(name, value, line["epoch"])
        self.written = len(epochs)

    def close(self):
        """Waits until everything is on disk; until then a thread of tensorboardX writes."""
        self._writer.close()
