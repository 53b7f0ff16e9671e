"""Trains as nnet.bin.train_nnet does, but ends at the first checkpoint within an epoch, as if its time were up."""

import sys

from nnet.bin import train_nnet
from nnet.training.trainer import Trainer

save = Trainer._save_within_epoch


def save_and_end(trainer, step):
    save(trainer, step)
    if trainer.state["step"] == trainer.settings.save_every:
        sys.exit(0)


Trainer._save_within_epoch = save_and_end
train_nnet.main()
