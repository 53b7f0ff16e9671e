"""Logs the progress of training: lines within an epoch, one line after it."""

import logging
import time

from nnet.progress import clock

log = logging.getLogger(__name__)

WAITING = 0.2  # share of the time spent waiting for data from which on the log says so


class EpochProgress:
    """Measures speed, waiting time and remaining time of one epoch.

    Args:
        epoch: number of epochs completed before it.
        start: steps of this epoch completed before a resume.
        loader: has `steps_per_epoch` and `wait_seconds`.
        settings: the training section of the configuration.
    """

    def __init__(self, epoch, start, loader, settings):
        self.epoch, self.start, self.done = epoch, start, start
        self.loader, self.settings = loader, settings
        self.frames = 0
        self.began, self.waited = time.monotonic(), loader.wait_seconds
        self.warned = False

    def step(self, batches, sums, rate):
        """Counts the batches of one update; logs a line every `log_every` steps."""
        self.frames += sum(features.shape[0] * features.shape[1] for features, *_ in batches)
        before, self.done = self.done, self.done + len(batches)
        every = self.settings.log_every
        if self.done // every == before // every:
            return
        steps = self.loader.steps_per_epoch
        left = self.seconds / (self.done - self.start) * (steps * (self.settings.epochs - self.epoch) - self.done)
        log.info(
            "epoch %d step %d of %d: loss %.4f, accuracy %.1f %%, rate %.4g, %d frames/s, about %s left",
            *(self.epoch + 1, self.done, steps),
            *(sums["loss"] / sums["chunks"], 100 * sums["accuracy"] / sums["chunks"]),
            *(rate, self.frames_per_second, clock(left)),
        )
        self.warn_of_waiting()

    def warn_of_waiting(self):
        """Warns, once an epoch, if training waits for its data, and says what to change."""
        if self.warned or self.waiting_share < WAITING:
            return
        self.warned = True
        log.warning(
            "training waited for its data %.0f %% of the time: raise data.num_workers (now %d) if cores are free; "
            "audio is read fastest from wav or flac on a local disk, not through commands in wav.scp; features on disk "
            "(data.source feats) need less than audio",
            100 * self.waiting_share,
            self.loader.num_workers,
        )

    @property
    def seconds(self):
        """Seconds since the epoch began or was resumed."""
        return time.monotonic() - self.began

    @property
    def frames_per_second(self):
        return self.frames / max(self.seconds, 1e-9)

    @property
    def waiting_share(self):
        """Share of the time spent waiting for data."""
        return (self.loader.wait_seconds - self.waited) / max(self.seconds, 1e-9)


def log_epoch(line, epochs):
    """Logs one readable line for an entry of log.jsonl."""
    parts = [f"train loss {line['train_loss']:.4f} accuracy {100 * line['train_accuracy']:.1f} %"]
    if line["valid_loss"] is not None:
        parts.append(f"valid loss {line['valid_loss']:.4f} accuracy {100 * line['valid_accuracy']:.1f} %")
    if line["dev_eer"] is not None:
        parts.append(f"dev EER {line['dev_eer']:.2f} %")
    parts.append(f"rate {line['learning_rate']:.4g}")
    parts.append(f"{line['frames_per_second']} frames/s, {100 * line['waiting_share']:.0f} % waiting")
    parts.append(f"{clock((epochs - line['epoch']) * line['seconds'])} left")
    log.info("epoch %d of %d: %s", line["epoch"], epochs, ", ".join(parts))
