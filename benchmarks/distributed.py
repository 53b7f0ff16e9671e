"""Compares training in two processes with one: frames per second, with one thread and the same chunks per process.

`nnet.bin.launch` starts the processes, as in steps/train_nnet.sh --nproc; the speed is the one in log.jsonl, and the
first epoch is the warm-up. Two independent trainings at the same time show the upper limit of the machine.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.report import Table
from benchmarks.synthetic import write_features, write_many
from benchmarks.systems import DIM, SOFTMAX, SPEAKERS, configuration
from benchmarks.timing import in_turns
from benchmarks.training import BATCH, FRAMES, RATE
from nnet.errors import InputError

NAMES = ("x-vector", "ECAPA-512")
STEPS, EPOCHS = 2, 4  # of a run; its first epoch is left out
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def tables(rounds):
    with tempfile.TemporaryDirectory() as folder:
        make_data(Path(folder))
        rows = [[name, *speeds(folder, name, rounds)] for name in NAMES]
    header = ["network", "one, frames/s", "two, frames/s", "two apart, frames/s", "two / one", "two apart / one"]
    yield Table(f"Training in processes of one thread, {BATCH} × {FRAMES} frames a process", header, rows)


def make_data(folder):
    """Writes data directories train and valid of noise."""
    source = write_features(folder / "source", 20, FRAMES, FRAMES + 100, DIM)
    write_many(folder / "train", SPEAKERS, source, per_speaker=1)
    write_many(folder / "valid", 1, source)


def speeds(folder, name, rounds):
    """Returns median frames per second of one process, two joint and two independent ones, and their ratios to one."""
    sides = [[1], [2], [1, 1]]
    runs = in_turns([partial(train, folder, name, side) for side in sides], -(-rounds // (EPOCHS - 1)))
    one, two, apart = (statistics.median(speed for run in own for speed in run) for own in runs)
    return one, two, apart, two / one, apart / one


def train(folder, name, trainings):
    """Runs trainings at the same time; returns the frames per second of each epoch but the first.

    Args:
        folder: contains train and valid.
        name: name of a network.
        trainings: number of processes of each training.
    """
    with tempfile.TemporaryDirectory(dir=folder) as models:
        models = [f"{models}/{i}" for i in range(len(trainings))]
        processes = [start(folder, name, number, model) for number, model in zip(trainings, models, strict=True)]
        for process in processes:
            output, _ = process.communicate()
            if process.returncode:
                raise InputError(f"{' '.join(process.args)} failed:\n{output}")
        epochs = [read_speeds(f"{model}/log.jsonl") for model in models]
    return [sum(speeds) for speeds in zip(*epochs, strict=True)]


def start(folder, name, nproc, model):
    settings = {
        "schedule.learning_rate": RATE,
        "schedule.final_learning_rate": RATE,
        "data.batch_size": BATCH * nproc,
        "data.min_frames": FRAMES,
        "data.max_frames": FRAMES,
        "data.steps_per_epoch": STEPS,
        "data.num_workers": 0,
        "training.epochs": EPOCHS,
        "training.keep_checkpoints": 1,
        "training.average_checkpoints": 0,
    }
    overrides = [SOFTMAX, *(f"{key}={value}" for key, value in settings.items())]
    overrides = [word for override in overrides for word in ("--set", override)]
    command = [sys.executable, "-m", "nnet.bin.launch", "--nproc", str(nproc), "train_nnet", *overrides]
    command += [configuration(name), f"{folder}/train", f"{folder}/valid", model]
    environment = os.environ | ONE_THREAD
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def read_speeds(log):
    with open(log, encoding="utf-8") as lines:
        return [json.loads(line)["frames_per_second"] for line in lines][1:]
