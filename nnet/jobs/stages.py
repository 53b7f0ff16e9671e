"""Decides which steps of a recipe run, by the marks that finished and interrupted steps leave behind.

The contract is in the header of steps/stages.sh. A step is a part of a numbered stage, such as the features of the test
set in stage 1. Its mark, FOLDER/.stageN.NAME, is JSON: a stamp, the inputs of the step, and the stamps of the steps it
followed. A step that has begun to write has FOLDER/.stageN.NAME.begun instead, which is renamed when the step ends.
"""

import glob
import json
import os
import uuid
from dataclasses import dataclass
from typing import NamedTuple

from nnet.errors import InputError
from nnet.files import check_entries, checksum, make_directory, parse_json, read_json, remove_file, write_json

LAST = 100  # the default of --stop-stage
KINDS = ("option", "path", "file", "config")
INTERRUPTED = "was interrupted"
RUNS = " runs: "


@dataclass(frozen=True)
class Step:
    """A declared step.

    Attributes:
        name: unique in the recipe.
        stage: number for --stage and --stop-stage.
        part: the stage that it repeats, such as 5 for the embeddings of the fine-tuned model of stage 8; else `stage`.
        words: what it does, for messages.
        folder: where its mark is; of a training, the model directory.
        after: names of the steps whose results it reads.
        inputs: what else its result depends on: {"option:NAME": value, "path:NAME": path, "file:PATH": checksum,
            "config": JSON}.
    """

    name: str
    stage: int
    part: int
    words: str
    folder: str
    after: tuple[str, ...]
    inputs: dict[str, str]

    @property
    def trains(self):
        """Whether it trains a network, which no other step may overwrite."""
        return "config" in self.inputs

    @property
    def mark(self):
        return os.path.join(self.folder, f".stage{self.stage}.{self.name}")

    def __str__(self):
        return f"stage {self.stage} ({self.words})"


class Mark(NamedTuple):
    """What a step left behind; `finished` is False if it began and did not end."""

    finished: bool
    stamp: str
    inputs: dict[str, str]
    after: dict[str, str]


class Decision(NamedTuple):
    """action: keep, run, resume (an interrupted training), retrain (move its folder aside before), or refuse."""

    step: Step
    action: str
    why: str


def parse_step(words):
    """Reads `NAME STAGE[.PART] WORDS FOLDER [after:NAME|option:NAME=VALUE|path:NAME=PATH|file:PATH|config:JSON]...`."""
    name, number, what, folder, *rest = words
    stage, _, part = number.partition(".")
    after, inputs = [], {}
    for text in rest:
        kind, _, value = text.partition(":")
        if kind == "after":
            after.append(value)
        elif kind == "file":
            inputs[text] = checksum(value)
        elif kind == "config":
            inputs[kind] = value
        elif kind in KINDS:
            key, _, value = text.partition("=")
            inputs[key] = value
        else:
            raise InputError(f"step {name}: {text} is none of after:, {':, '.join(KINDS)}:")
    return Step(name, int(stage), int(part or stage), what, folder, tuple(after), inputs)


def read_mark(step):
    """Reads the Mark of a step, or returns None if it never began."""
    for path, finished in ((f"{step.mark}.begun", False), (step.mark, True)):
        if not os.path.exists(path):
            continue
        try:
            values = read_json(path)
            check_entries(values, {"stamp": str, "inputs": dict, "after": dict}, path)
            for part in ("inputs", "after"):
                check_entries(values[part], dict.fromkeys(values[part], str), f"{path}: {part}")
        except InputError:
            raise InputError(f"{path}: not the mark of a stage; remove it to have {step} run again") from None
        return Mark(finished, values["stamp"], values["inputs"], values["after"])
    return None


def begin(step, steps, action):
    """Marks a step as begun, after moving a training aside where `action` says so."""
    if action == "retrain":
        move_aside(step.folder)
    make_directory(step.folder)
    stamps = {s.name: mark.stamp for s in steps if s.name in step.after and (mark := read_mark(s))}
    mark = {"stamp": uuid.uuid4().hex, "inputs": step.inputs, "after": stamps}
    write_json(f"{step.mark}.begun", mark, durable=True)
    remove_file(step.mark)


def move_aside(folder):
    """Renames a folder to the first free name of FOLDER.1, FOLDER.2, ...; returns it."""
    number = 1
    while os.path.lexists(f"{folder}.{number}"):
        number += 1
    os.rename(folder, f"{folder}.{number}")
    return f"{folder}.{number}"


def holds_training(folder):
    """Returns whether a model directory has weights or checkpoints."""
    found = glob.glob(os.path.join(glob.escape(folder), "checkpoints", "epoch-*"))
    return bool(found) or os.path.exists(os.path.join(folder, "model.safetensors"))


def recall(folder, names):
    """Returns the paths that the marks in a folder remember: {name: path}, "" for names in none of them."""
    remembered = dict.fromkeys(names, "")
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), ".stage*"))):
        try:
            inputs = read_json(path).get("inputs")
        except InputError:  # not a mark, or of version 0.1
            continue
        if isinstance(inputs, dict):
            paths = {name: inputs.get(f"path:{name}") for name in names}
            remembered |= {name: path for name, path in paths.items() if path and isinstance(path, str)}
    return remembered


def decide(steps, marks, first=None, last=LAST, retrain=False, trained=holds_training):
    """Decides what each step does; `check` refuses the call if a step may not.

    Args:
        steps: the declared Steps, each behind those it follows.
        marks: {name: Mark} of the steps that began.
        first: --stage: stages from it on run, earlier ones are kept; None: all stages that are not up to date run.
        last: --stop-stage.
        retrain: whether a training may be moved aside.
        trained: function that says whether a folder holds a training.

    Returns:
        a Decision for each step up to `last`.

    Raises:
        InputError: a stage before `first` is not complete or was made with other options.
    """
    decisions = []
    for step in steps:
        if step.stage <= last:
            decisions.append(_decide(step, marks, decisions, first, retrain, trained))
    return decisions


def check(decisions, marks, first=None):
    """Refuses a call.

    Raises:
        InputError: a path differs from the one that a stage was made with, or does not exist; or a training would be
            replaced.
    """
    _refuse_other_paths(decisions, marks, first)
    _refuse_missing_paths(decisions)
    for decision in decisions:
        if decision.action == "refuse":
            _refuse_training(decision, marks.get(decision.step.name), first)


def _decide(step, marks, decisions, first, retrain, trained):
    mark = marks.get(step.name)
    if first is not None and step.stage < first:
        _check_kept(step, mark, first)
        return Decision(step, "keep", f"--stage {first}")
    why = _reason(step, mark, marks, decisions)
    if why == INTERRUPTED and step.trains and trained(step.folder):
        return Decision(step, "resume", why)
    if not why and first is not None and (first <= step.part or first == step.stage):
        why = f"--stage {first}"
    if not why:
        return Decision(step, "keep", "up to date")
    if step.trains and trained(step.folder):
        return Decision(step, "retrain" if retrain else "refuse", why)
    return Decision(step, "run", why)


def _reason(step, mark, marks, decisions):
    """Returns why a step is not up to date; "" if it is."""
    if mark is None:
        return "not done yet"
    changes = differences(mark.inputs, step.inputs)
    if changes:
        return "; ".join(changes)
    followed = [d for d in decisions if d.step.name in step.after]
    for other, action, why in followed:
        if action != "keep":
            return why if RUNS in why else f"{other}{RUNS}{why}"  # the first cause
    if set(mark.after) != set(step.after):
        return _other_steps(step, mark)
    for other, _, _ in followed:
        if other.name not in marks or marks[other.name].stamp != mark.after[other.name]:
            return f"{other} has run again since"
    return "" if mark.finished else INTERRUPTED


def _other_steps(step, mark):
    return f"is made from {' and '.join(step.after)}, was from {' and '.join(mark.after) or 'nothing'}"


def differences(old, new):
    """Lists what differs between two dicts of inputs, as text; an input that only one of them has is no difference."""
    changes = []
    for key in (k for k in new if k in old and old[k] != new[k]):
        kind, _, name = key.partition(":")
        if kind == "config":
            changes += _config_differences(old[key], new[key])
        elif kind == "file":
            changes.append(f"{name} has changed")
        elif kind == "option" or not _same_path(old[key], new[key]):
            changes.append(f"--{name.replace('_', '-')} was {old[key] or 'none'}, is {new[key] or 'none'}")
    return changes


def _same_path(first, second):
    return bool(first and second) and os.path.realpath(first) == os.path.realpath(second)


def _config_differences(old, new):
    from nnet.config import build_config  # loads MLX, which takes a second
    from nnet.config.compare import differing_settings

    first, second = (build_config(parse_json(text, "configuration"), "configuration").to_dict() for text in (old, new))
    return [f"{key} was {_value(first, key)}, is {_value(second, key)}" for key in differing_settings(first, second)]


def _value(values, key):
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return json.dumps(values)


def _check_kept(step, mark, first):
    if mark is None or not mark.finished:
        raise InputError(f"{step} is not complete; start with --stage {step.stage}, or without --stage")
    given = {key: value for key, value in step.inputs.items() if not key.startswith("file:")}
    changes = differences(mark.inputs, given)
    if set(mark.after) != set(step.after):
        changes.append(_other_steps(step, mark))
    if changes:
        raise InputError(
            f"--stage {first} keeps {step}, but it was made otherwise: {'; '.join(changes)}; "
            f"leave that out to keep it, or start with --stage {step.stage}"
        )


def _refuse_other_paths(decisions, marks, first):
    """Refuses a path that differs from the one a finished step was made with, unless --stage asks for the step."""
    for step, action, _ in decisions:
        mark = marks.get(step.name)
        asked = first is not None and first <= step.part
        if action == "keep" or asked or mark is None or not mark.finished or step.trains:
            continue
        old = {key: path for key, path in mark.inputs.items() if key.startswith("path:") and path}
        changes = differences(old, step.inputs)
        if changes:
            again = ", ".join(map(str, sorted({d.step.stage for d in decisions if d.action != "keep"})))
            raise InputError(
                f"{step} was made with another folder: {'; '.join(changes)}; it would be done again, with all that "
                f"follows (stages {again}); leave the option out to keep it, or ask for it: --stage {step.stage}"
            )


def _refuse_missing_paths(decisions):
    for step, action, _ in decisions:
        for key, path in step.inputs.items():
            if action != "keep" and key.startswith("path:") and path and not os.path.exists(path):
                raise InputError(f"--{key[5:].replace('_', '-')} {path}: no such file or folder; {step} needs it")


def _refuse_training(decision, mark, first):
    step, _, why = decision
    if mark is None:
        what = "a training that this recipe did not make"
    else:
        what = f"{'a finished' if mark.finished else 'an interrupted'} training, and {why}"
    if why == f"--stage {first}" and step.part == step.stage:
        what += f" would train again (--stage {step.stage + 1} goes on after it)"
    raise InputError(
        f"{step.folder} holds {what}; it is never replaced: train into another folder, --exp NEW, or move this one "
        "aside, --retrain true"
    )
