"""The recipe that the campaign interrupts, floods and starts twice, and the checks of what it leaves."""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import soundfile

from nnet.kaldi.tables import write_table
from nnet.kaldi.trials import write_trials
from tests.campaign.disk import Disk
from tests.campaign.mutations import mutate
from tests.campaign.outcomes import HANG, REFUSED, SILENT, TRACEBACK, UNCHANGED, Outcome
from tests.toy_data import make_config

ROOT = Path(__file__).resolve().parents[2]
STAGES = range(1, 7)
PATIENCE = 300  # seconds
# What differs from run to run: times, and files that are no results.
UNEQUAL = re.compile(r"(^|/)(\.[^/]*|log|split\d.*|.*\.log|.*\.tmp)(/|$)")
TIMES = re.compile(rb'"(seconds|frames_per_second|waiting_share)": [^,}]*')


class Recipe:
    """A recipe in a folder, and what each of its stages gives if nothing disturbs it.

    Args:
        folder: for what is kept, and for the recipe itself.
        disk: another folder for the recipe itself, such as one on a disk that can lose its power.

    Attributes:
        seconds: {stage: how long it takes}.
        results: {stage: digests of the files after it}.
    """

    def __init__(self, folder, disk=None):
        self.folder, self.kept = Path(disk or folder) / "run", Path(folder) / "kept"
        self.seconds, self.results = {}, {}
        make_folder(self.folder)
        self._keep(0)
        for stage in STAGES:
            start = time.monotonic()
            code, said = self.finish(self.start(stage))
            if code:
                raise RuntimeError(f"stage {stage} fails without an attack: {said}")
            self.seconds[stage], self.results[stage] = time.monotonic() - start, digests(self.folder)
            self._keep(stage)

    def _keep(self, stage):
        shutil.copytree(self.folder, self.kept / str(stage), symlinks=True)

    def restore(self, stage):
        """Brings the folder to the state after a stage."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.kept / str(stage), self.folder, symlinks=True)

    def start(self, stop_stage, *options, limit=None):
        """Starts the recipe in a process group of its own; `limit`: bytes that a file may have."""
        command = f"exec ./run.sh --stop-stage {stop_stage} {' '.join(options)}"
        if limit is not None:
            command = f"ulimit -f {-(-limit // 1024)}; {command}"
        return subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def finish(self, process):
        """Waits: (exit code, what was printed); None as exit code after PATIENCE seconds."""
        try:
            said, _ = process.communicate(timeout=PATIENCE)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            kill(process)
            return None, process.communicate()[0]

    def repaired(self, stage, what):
        """Runs the recipe again up to a stage and compares what it leaves with the undisturbed run."""
        code, said = self.finish(self.start(stage))
        if code is None:
            return Outcome(HANG, f"{what}: the repeated run does not end")
        if code:
            return Outcome(TRACEBACK, f"{what}: the repeated run fails: {said[-1500:]}")
        different = differences(digests(self.folder), self.results[stage])
        return Outcome(SILENT, f"{what}: different: {', '.join(different[:5])}") if different else Outcome(UNCHANGED)

    def complaint(self, said):
        """Returns a traceback or a number that is none in what a run printed or logged, or None."""
        texts = [said, *(p.read_text(errors="replace") for p in self.folder.rglob("*.log") if p.is_file())]
        return next((m[0][-300:] for t in texts if (m := re.search(r"Traceback[\s\S]{0,2000}", t))), None)


def make_folder(folder):
    """Makes the folder of the recipe: links as in egs/, a configuration, and data/noise with its recordings."""
    folder.mkdir(parents=True)
    for name in ("steps", "utils", "local", "path.sh"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "tests/campaign/recipe.sh", folder / "run.sh")
    (folder / "conf").mkdir()
    (folder / "conf/mfcc.conf").write_text("--sample-frequency=8000\n--num-ceps=8\n--dither=0\n")
    (folder / "conf/vad.conf").write_text("--vad-energy-threshold=5.5\n")
    make_config(folder / "conf/net.json", training={"epochs": 2, "save_every": 2})
    data, rng = folder / "data/noise", np.random.default_rng(0)
    data.mkdir(parents=True)
    utterances = [f"s{s}-{u}" for s in range(4) for u in range(4)]
    for utterance in utterances:
        speaker = np.sin(np.arange(12000) * (0.1 + 0.1 * int(utterance[1])))
        soundfile.write(data / f"{utterance}.wav", 0.3 * speaker + 0.05 * rng.normal(size=12000), 8000)
    write_table(data / "wav.scp", {u: data / f"{u}.wav" for u in utterances})
    write_table(data / "utt2spk", {u: u[:2] for u in utterances})
    write_table(data / "spk2utt", {s: " ".join(u for u in utterances if u[:2] == s) for s in ("s0", "s1", "s2", "s3")})
    write_trials(data / "trials", [(a, b, a[:2] == b[:2]) for a in utterances for b in utterances if a < b])


def digests(folder):
    """Returns {file: digest} of the results in a folder."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_file() and not path.is_symlink() and not UNEQUAL.search(name):
            found[name] = hashlib.sha1(TIMES.sub(b"", path.read_bytes())).hexdigest()
    return found


def differences(found, expected):
    """Returns the names of files that are missing, superfluous or different."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def kill(process):
    """Kills a process and all that it started, wherever they are; stops them first, so that none starts another."""
    stopped = set()
    while running := {process.pid, *descendants(process.pid)} - stopped:
        _send(signal.SIGSTOP, running)
        stopped |= running
    _send(signal.SIGKILL, stopped)


def _send(number, pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def killed_at(process, moment):
    """Kills a process and all that it started after so many seconds, unless it has ended, and waits for it."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=moment)
    kill(process)
    process.communicate()


def descendants(pid):
    """Returns the ids of the processes below one, from `ps`."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
    children = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found[1:]


class Interrupted:
    """Base of the targets that disturb a stage of the recipe; they share one Recipe a process."""

    recipe = None

    def prepare(self, folder):
        if Interrupted.recipe is None:
            Interrupted.recipe = Recipe(folder)
        self.recipe = Interrupted.recipe

    def attempt(self, rng):
        stage = int(rng.choice(STAGES))
        self.recipe.restore(stage - 1)
        return self.disturb(stage, rng)


class Kills(Interrupted):
    """Kills a stage at a random moment, with everything that it started, and repeats it."""

    def disturb(self, stage, rng):
        moment = rng.random() * self.recipe.seconds[stage]
        killed_at(self.recipe.start(stage), moment)
        return self.recipe.repaired(stage, f"stage {stage} killed after {moment:.2f} s")


class Power(Interrupted):
    """Cuts the power of a stage's disk at a random moment, or soon after the stage has ended, and repeats the stage."""

    def prepare(self, folder):
        self.disk = Disk(Path(folder) / "disk")
        self.recipe = Recipe(folder, self.disk.path)

    def disturb(self, stage, rng):
        self.disk.sync()
        process, moment = self.recipe.start(stage), rng.random() * 1.2 * self.recipe.seconds[stage]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=moment)
        self.disk.lose_power()
        kill(process)
        process.communicate()
        self.disk.restart()
        return self.recipe.repaired(stage, f"stage {stage} without power after {moment:.2f} s")


class Disks(Interrupted):
    """Lets a stage write files up to a random size only, as a full disk does, and repeats it without the limit."""

    def disturb(self, stage, rng):
        limit = int(2 ** rng.uniform(8, 19))
        code, said = self.recipe.finish(self.recipe.start(stage, limit=limit))
        what = f"stage {stage} with files up to {limit} bytes"
        if code is None:
            return Outcome(HANG, what)
        if complaint := self.recipe.complaint(said):
            return Outcome(TRACEBACK, f"{what}: {complaint}")
        outcome = self.recipe.repaired(stage, what)
        return outcome._replace(kind=REFUSED) if code and outcome.kind == UNCHANGED else outcome


class Pairs(Interrupted):
    """Starts a stage twice at once, the second time with the same or with other options, and repeats it."""

    def disturb(self, stage, rng):
        options = (["--seed", "1"], ["--lda-dim", "2"], [])[rng.integers(3)]
        first = self.recipe.start(stage)
        time.sleep(rng.random() * self.recipe.seconds[stage])
        second = self.recipe.start(stage, *options)
        ends = [self.recipe.finish(process) for process in (first, second)]
        what = f"stage {stage} twice, {' '.join(options) or 'the same'}"
        if any(code is None for code, _ in ends):
            return Outcome(HANG, what)
        if complaint := self.recipe.complaint(ends[0][1] + ends[1][1]):
            return Outcome(TRACEBACK, f"{what}: {complaint}")
        if all(code for code, _ in ends):
            return Outcome(SILENT, f"{what}: both failed: {ends[0][1][-200:]} / {ends[1][1][-200:]}")
        outcome = self.recipe.repaired(stage, what)
        refused = any(code for code, _ in ends) and outcome.kind == UNCHANGED
        return outcome._replace(kind=REFUSED) if refused else outcome


class Inputs(Interrupted):
    """Mutates one file that a stage reads, and runs the stage: a share of the mutations goes through the scripts."""

    def disturb(self, stage, rng):
        names = sorted(n for n in digests(self.recipe.folder) if n.startswith(("data", "exp", "conf")))
        name = names[rng.integers(len(names))]
        path = self.recipe.folder / name
        kind, data = mutate(path.read_bytes() or b" ", rng)
        path.write_bytes(data)
        code, said = self.recipe.finish(self.recipe.start(stage))
        what = f"stage {stage}, {kind} {name}"
        if code is None:
            return Outcome(HANG, what)
        if complaint := self.recipe.complaint(said):
            return Outcome(TRACEBACK, f"{what}: {complaint}")
        scores = self.recipe.folder / "exp/scores/plda"
        if not code and scores.exists() and re.search("nan|inf", scores.read_text()):
            return Outcome(SILENT, f"{what}: scores that are no numbers")
        return Outcome(REFUSED if code else UNCHANGED)


TARGETS = {"kills": Kills, "disks": Disks, "pairs": Pairs, "inputs": Inputs}
ROOT_TARGETS = {"power": Power}  # need Linux and root, and so run only if they are asked for
