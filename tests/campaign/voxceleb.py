"""egs/voxceleb, both systems with their defaults, killed again and again until it gets through."""

import shutil
import subprocess
import time
from pathlib import Path

from tests.campaign.outcomes import SILENT, TRACEBACK, UNCHANGED, Outcome
from tests.campaign.recipe import differences, digests, killed_at
from tests.voxceleb_recipe import call_options, environment, make_recipe

SYSTEMS = ("resnet", "xvector")  # augmented on the fly, and from copies on disk
MOST_KILLS = 4  # of a system
LATEST = 0.5  # of an undisturbed run: when a call is killed; the next one begins where it was


class VoxCeleb:
    """Kills the recipe at random moments, repeats the call after each, and compares with an undisturbed run."""

    def prepare(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        make_recipe(self.folder)
        self.seconds = {}
        for system in SYSTEMS:
            start = time.monotonic()
            if failed := self._finish(system):
                raise RuntimeError(f"{system} fails without an attack: {failed}")
            self.seconds[system] = time.monotonic() - start
        self.expected = digests(self.folder)

    def attempt(self, rng):
        for name in ("data", "exp"):
            shutil.rmtree(self.folder / name)
        moments = []
        for system in SYSTEMS:
            for share in rng.random(rng.integers(1, MOST_KILLS + 1)):
                moment = share * LATEST * self.seconds[system]
                moments.append(f"{system} {moment:.1f}")
                killed_at(self._start(system), moment)
            if failed := self._finish(system):
                return Outcome(TRACEBACK, f"killed after {', '.join(moments)} s, fails when it is repeated: {failed}")
        different = differences(digests(self.folder), self.expected)
        if different:
            return Outcome(SILENT, f"killed after {', '.join(moments)} s: different: {', '.join(different[:5])}")
        return Outcome(UNCHANGED)

    def _start(self, system):
        return subprocess.Popen(
            ["./run.sh", *call_options(system)],
            cwd=self.folder,
            env=environment(self.folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _finish(self, system):
        """Runs a system to its end: None, or what it says if it fails."""
        process = self._start(system)
        said = process.communicate()[1]
        return said[-300:] if process.returncode else None


TARGETS = {"voxceleb": VoxCeleb}
