"""The training loop: steps, epochs, checkpoints, exact resume.

The random numbers of a step (dropout, sampled classes) depend only on (seed, step), those of a batch on (seed, epoch,
number). So a resumed training gives bit for bit the result of an uninterrupted one, on the same processor family with
the same BLAS and number of threads.
"""

import json
import logging
import math
import os
from fnmatch import fnmatchcase

import numpy as np

from nnet.errors import InputError
from nnet.files import atomic_write
from nnet.model.directory import list_checkpoints
from nnet.model.weights import load_weights, read_weights, save_weights, weights_of
from nnet.ops import mx, nn, tree_flatten, tree_map
from nnet.ops.runtime import warn_of_precision
from nnet.optim.dropout import dropout_at
from nnet.optim.optimizers import clip_gradients
from nnet.training.checkpoints import remove_old_checkpoints, restore_checkpoint, save_checkpoint
from nnet.training.class_sampling import ClassSampler
from nnet.training.distributed import Group, lost_process_error
from nnet.training.log import EpochProgress, log_epoch
from nnet.training.tensorboard import EventFiles
from nnet.training.validation import development_eer, validate

log = logging.getLogger(__name__)

CONSTRAIN_EVERY = 4  # updates between two semi-orthogonal steps of a factorized TDNN, as in Kaldi


class Diverged(InputError):
    """The loss is not finite, although the features are."""


class Trainer:
    """Trains a SpeakerNet that has its loss attached.

    Args:
        model: a SpeakerNet after `attach_loss`.
        config: the resolved Config.
        directory: the model directory, which already has config.json and spk2int.
        loader: batches of the training set (`nnet.dataset`): `steps_per_epoch`, `wait_seconds`, `num_workers`,
            `epoch(number, start_step)`.
        valid_loader: its `epoch(0)` is one pass over the validation batches; None: no validation.
        dev: list of (speaker, features (T, F)) for the EER of each epoch; may be empty.
        group: the processes that train together; `loader` yields this process's share of each batch.
    """

    def __init__(self, model, config, directory, loader, valid_loader, dev, group=None):
        self.group = group or Group()
        self.model, self.config, self.directory = model, config, directory
        self.loader, self.valid_loader, self.dev = loader, valid_loader, dev
        self.settings = config.training
        self.optimizer = config.optimizer.build()
        self.schedule = config.schedule.build(config.training.epochs)
        self.state = {"epoch": 0, "step": 0, "best": None, "stop": False, "log": []}
        self.reset_sums()
        self.ema = {}
        self.events = EventFiles(directory) if self.settings.tensorboard and self.group.is_main else None
        warn_of_precision(self.settings.precision)
        statistics = weights_of(model).keys() - dict(tree_flatten(model.trainable_parameters())).keys()
        self.frozen = freeze(model, self.settings.freeze)
        self.statistics = sorted(statistics - self.frozen)  # what processes change each by its own batches
        if self.settings.dropout is not None and not hasattr(model.network, "set_dropout"):
            raise InputError(f"training.dropout: network {config.network.type} has no dropout to schedule")
        self.class_sampler = ClassSampler(model, self.optimizer, self.group, self.settings.seed)
        self.gradients = nn.value_and_grad(model, self._objective)

    def resume(self):
        """Restores the last checkpoint if there is one; returns whether there was."""
        state, ema = restore_checkpoint(self.directory, self.model, self.optimizer, self.schedule)
        if state is None:
            return False
        self.state, self.ema = state, ema
        if self.group.is_main:  # a training that died behind its last checkpoint has left old ones
            remove_old_checkpoints(self.directory, self.settings.keep_checkpoints)
        else:
            self.reset_sums()  # the checkpoint holds the sums over all processes
        log.info("resumed after epoch %d, step %d", state["epoch"], state["step"])
        return True

    def run(self):
        """Trains to the end and writes model.safetensors: the best weights, or the average of the last checkpoints."""
        while self.state["epoch"] < self.settings.epochs and not self.state["stop"]:
            self._end_epoch(self._train_epoch())
        if self.group.is_main:
            self._write_log()
            if self.events:
                self.events.close()
            if self.settings.average_checkpoints:
                self._average_checkpoints()
            log.info("%s: training finished after epoch %d", self.directory, self.state["epoch"])

    def _train_epoch(self):
        epoch, start = self.state["epoch"], self.state["step"]
        progress = EpochProgress(epoch, start, self.loader, self.settings)
        self.train_mode()
        for step, group in self.groups(epoch, start):
            rate = self.update(epoch, step, group)
            progress.step(group, self.state["sums"], rate)
            self.state["step"] = step + len(group)
            self._save_within_epoch(step)
        return progress

    def groups(self, epoch, start=0):
        """Yields (completed steps of the epoch, batches of an update) from step `start` on."""
        steps, batches = self.loader.steps_per_epoch, self.loader.epoch(epoch, start)
        for step in range(start, steps, self.settings.accumulate):
            yield step, [next(batches) for _ in range(min(self.settings.accumulate, steps - step))]

    def train_mode(self):
        """Sets train mode, except for fully frozen modules, whose batch normalization keeps its running statistics."""
        self.model.train()
        for name, module in self.model.named_modules():
            weights = [f"{name}.{n}" for n, _ in tree_flatten(module.parameters())]
            if weights and all(w in self.frozen for w in weights):
                module.eval()

    def reset_sums(self):
        """Resets the running sums of loss and accuracy."""
        self.state["sums"] = {"loss": 0.0, "accuracy": 0.0, "chunks": 0}

    def _save_within_epoch(self, step):
        every, done = self.settings.save_every, self.state["step"]
        if every and done // every > step // every and done < self.loader.steps_per_epoch:
            self._save()

    def update(self, epoch, step, batches):
        """Updates the weights once.

        Args:
            epoch: completed epochs.
            step: completed steps of this epoch.
            batches: list of (features (B, T, F), labels (B,)), with distillation also a teacher's targets;
                their gradients are averaged.

        Returns:
            the learning rate used

        Raises:
            InputError: the loss or the gradient is not finite.
        """
        steps = self.loader.steps_per_epoch
        place = epoch + step / steps
        updates = epoch * -(-steps // self.settings.accumulate) + step // self.settings.accumulate
        mx.random.seed((self.settings.seed * 1_000_003 + epoch * steps + step + 1) * self.group.size + self.group.rank)
        self.model.loss.set_progress(updates, place)
        if self.settings.dropout is not None:
            self.model.network.set_dropout(dropout_at(self.settings.dropout, place / self.settings.epochs))
        rate = self.schedule.rate(place)
        labels = [batch[1] for batch in batches]
        with self.class_sampler.sampled(updates, labels, self.ema) as columns:
            results, norm = self._descend(batches, columns, rate)
        self._begin_ema()
        for (loss, accuracy), batch in zip(results, batches, strict=True):
            if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
                raise self._not_finite(epoch, step, batch[0], rate)
            self._count(loss.item(), accuracy.item(), len(batch[1]))
        return rate

    def _descend(self, batches, columns, rate):
        """Updates the weights that the model now holds; `columns` are the labels as columns of the logits.

        Returns:
            list of (loss, accuracy) of each batch, and the norm of their mean gradient
        """
        results, grads = [], None
        for (features, labels, *taught), targets in zip(batches, columns, strict=True):
            result, new = self.gradients(*map(mx.array, (features, labels, targets, *taught)))
            grads = new if grads is None else tree_map(mx.add, grads, new)
            results.append(result)
        if len(batches) > 1:
            grads = tree_map(lambda g: g / len(batches), grads)
        grads, norm = clip_gradients(self.group.mean_gradients(grads), self.settings.clip_norm)
        self.optimizer.update(self.model, grads, rate)
        self._constrain()
        self._update_ema()
        self._evaluate(results, norm)
        return results, norm

    def _evaluate(self, *arrays):
        try:
            mx.eval(self.model.parameters(), self.optimizer.state, self.ema, *arrays)
        except RuntimeError as error:
            raise (lost_process_error(error) if self.group.size > 1 else error) from error

    def _constrain(self):
        if hasattr(self.model.network, "constrain") and self.optimizer.steps % CONSTRAIN_EVERY == 0:
            self.model.network.constrain()

    def _objective(self, features, labels, columns, *taught):
        joint = self.group.joint_statistics(self.settings.sync_batch_norm)
        with joint, self.model.computing_in(self.settings.precision):
            kept = {}
            embeddings, penalty = self.model.train_forward(features, kept)
        result = self.model.loss(embeddings, columns)
        total = result.loss + penalty
        for auxiliary in self.model.auxiliary:
            total = total + auxiliary(embeddings, labels, self.model.loss)
        if taught:
            total = total + self.model.distillation(kept, *taught)
        return total, result.accuracy

    def _count(self, loss, accuracy, chunks):
        sums = self.state["sums"]
        sums["loss"] += loss * chunks
        sums["accuracy"] += accuracy * chunks
        sums["chunks"] += chunks

    def _not_finite(self, epoch, step, features, rate):
        where = f"{self.directory}: the loss is not a number at epoch {epoch + 1}, step {step + 1}: "
        if not np.isfinite(features).all():
            return InputError(where + "the features of this batch hold NaN or infinity; recompute them")
        if np.abs(features).max() > 1e4:
            return InputError(where + f"features are as large as {np.abs(features).max():.3g}; is CMVN missing?")
        cause = f"the learning rate {rate:g} is probably too high"
        return Diverged(where + cause + "; training.clip_norm 3 may help too" * (self.settings.clip_norm is None))

    def _begin_ema(self):
        """Starts the moving average with the weights after the first update."""
        if self.settings.ema and not self.ema:
            self.ema = {name: mx.array(weight) for name, weight in weights_of(self.model).items()}

    def _update_ema(self):
        decay = self.settings.ema
        if self.ema:
            for name, weight in weights_of(self.model).items():
                self.ema[name] = decay * self.ema[name] + (1 - decay) * weight

    def _average_statistics(self):
        """Averages running statistics and moving centers over the processes, each of which has those of its batches."""
        if self.group.size == 1:
            return
        weights = weights_of(self.model)
        means = self.group.averaged({name: weights[name] for name in self.statistics})
        self.model.load_weights(list(means.items()), strict=False)
        if self.ema:
            self.ema |= self.group.averaged({name: self.ema[name] for name in self.statistics})

    def _end_epoch(self, progress):
        self._average_statistics()
        trained = weights_of(self.model)
        if self.ema:
            load_weights(self.model, self.ema, "the averaged weights")
        line = self._measure(progress)
        self._keep_best(line)
        if self.ema:
            load_weights(self.model, trained, "the trained weights")
        state = self.state
        loss = line["train_loss"] if line["valid_loss"] is None else line["valid_loss"]
        state["stop"] = self.schedule.end_epoch(line["epoch"], loss)
        state["epoch"], state["step"] = line["epoch"], 0
        self.reset_sums()
        state["log"].append(line)
        self._save()
        if self.group.is_main:
            self._write_log()
            log_epoch(line, self.settings.epochs)
            progress.warn_of_waiting()

    def _measure(self, progress):
        sums, epoch, steps = self._joint_sums(), self.state["epoch"], self.loader.steps_per_epoch
        last = (steps - 1) // self.settings.accumulate * self.settings.accumulate  # first step of the last update
        speed = {
            "seconds": round(progress.seconds, 2),
            "frames_per_second": round(progress.frames_per_second * self.group.size),
            "waiting_share": round(progress.waiting_share, 4),
        }
        valid_loss, valid_accuracy, dev_eer = self.group.broadcast(self._validate())
        return {
            "epoch": epoch + 1,
            "train_loss": sums["loss"] / sums["chunks"],
            "train_accuracy": sums["accuracy"] / sums["chunks"],
            "valid_loss": valid_loss,
            "valid_accuracy": valid_accuracy,
            "dev_eer": dev_eer,
            "learning_rate": self.schedule.rate(epoch + last / steps),
        } | speed

    def _joint_sums(self):
        """Returns the sums of this epoch over all processes."""
        sums = self.state["sums"]
        return dict(zip(sums, self.group.sum(list(sums.values())), strict=True))

    def _validate(self):
        if not self.group.is_main:
            return None, None, None
        batches = self.valid_loader.epoch(0) if self.valid_loader else ()
        return *validate(self.model, batches), development_eer(self.model, self.dev)

    def _keep_best(self, line):
        value = line[self.settings.best_by]
        if value is None:  # nothing to select by: keep the last
            value = -line["epoch"]
            if line["epoch"] == 1 and self.valid_loader:
                log.warning(
                    "%s: the validation data give no %s, so the last epoch is taken as the best%s",
                    self.directory,
                    self.settings.best_by,
                    "; a loss on pairs needs speakers with several validation utterances" * self._needs_pairs(),
                )
        if self.state["best"] is None or value < self.state["best"]["value"]:
            self.state["best"] = {"epoch": line["epoch"], "value": value}
            if self.group.is_main:
                save_weights(os.path.join(self.directory, "model.safetensors"), weights_of(self.model))

    def _needs_pairs(self):
        return self.model.loss.min_segments_per_speaker > 1

    def _average_checkpoints(self):
        folders = [f for f in list_checkpoints(self.directory) if "-step-" not in os.path.basename(f)]
        folders = folders[-self.settings.average_checkpoints :]
        kept = [read_weights(os.path.join(f, "weights.safetensors")) for f in folders]
        mean = {n: sum(weights[n] for weights in kept) / len(kept) for n in kept[0]}
        save_weights(os.path.join(self.directory, "model.safetensors"), mean)
        log.info("model.safetensors is the average of %s", ", ".join(os.path.basename(f) for f in folders))

    def _save(self):
        self._average_statistics()
        state = self.state | {"schedule": self.schedule.state, "sums": self._joint_sums()}
        if not self.group.is_main:
            return
        save_checkpoint(self.directory, self.model, self.optimizer, self.ema, state, self.settings.keep_checkpoints)

    def _write_log(self):
        with atomic_write(os.path.join(self.directory, "log.jsonl")) as file:
            file.writelines(json.dumps(line) + "\n" for line in self.state["log"])
        if self.events:
            self.events.write(self.state["log"])


def freeze(model, patterns):
    """Freezes the weights whose names match one of the patterns, such as network.*; returns the set of names."""
    names = list(weights_of(model))
    for pattern in patterns:
        if not any(fnmatchcase(n, pattern) for n in names):
            raise InputError(f"training.freeze: {pattern} matches no weight of this model")
    frozen = {n for n in names if any(fnmatchcase(n, p) for p in patterns)}
    for prefix, module in model.named_modules():
        keys = [k for k, v in module.items() if isinstance(v, mx.array) and f"{prefix}.{k}".lstrip(".") in frozen]
        if keys:
            module.freeze(recurse=False, keys=keys)
    if frozen:
        log.info("frozen: %d of %d weights: %s", len(frozen), len(names), ", ".join(sorted(frozen)))
    if not tree_flatten(model.trainable_parameters()):
        raise InputError("training.freeze: all weights are frozen; leave some to train")
    return frozen
