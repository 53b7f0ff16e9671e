"""Whether the tests can use Slurm: .ci/run starts one (tests/slurm/start_slurm.sh)."""

import shutil
import subprocess

import pytest


def slurm_answers():
    """Whether a Slurm runs jobs of this machine."""
    if not shutil.which("sinfo"):
        return False
    return subprocess.run(["sinfo", "--noheader"], capture_output=True, timeout=30).returncode == 0


needs_slurm = pytest.mark.skipif(not slurm_answers(), reason="no Slurm answers here")
