"""One writer a directory: nnet.locks, and lock in utils/jobs.sh."""

import logging
import os
import subprocess
import sys

import pytest
from toy_data import make_config, make_data

from nnet.bin import export_model, extract_class_centers
from nnet.errors import InputError
from nnet.kaldi.tables import write_table
from nnet.locks import FILE, locked, take
from nnet.model.weights import save_weights
from nnet.ops import mx


@pytest.fixture
def other(tmp_path):
    """The lock of tmp_path as another process holds it: an open descriptor of its lock file."""
    descriptor = os.open(tmp_path / FILE, os.O_RDWR | os.O_CREAT)
    take(tmp_path, descriptor, holder=(4711, "./run.sh --stage 4"))
    return descriptor


def test_a_second_writer_is_told_who_the_first_one_is(tmp_path, other):
    with pytest.raises(InputError, match=r"written by process 4711 on \S+ since [\d :-]+: ./run.sh --stage 4"):  # noqa: SIM117
        with locked(tmp_path):
            pass
    os.close(other)
    with locked(tmp_path), locked(tmp_path):  # a function that locks may call another one that does
        assert (tmp_path / FILE).read_text().startswith(f"process {os.getpid()} on ")
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("program", [export_model, extract_class_centers])
def test_published_folders_have_one_writer_and_no_lock_in_them(tmp_path, other, program):
    model = tmp_path / "model"
    model.mkdir()
    write_table(model / "spk2int", {"a": "0", "b": "1"})
    save_weights(str(model / "model.safetensors"), {"loss.weight": mx.ones((2, 3))})
    with pytest.raises(InputError, match="is being written by process 4711"):
        program.main([str(model), str(tmp_path)])
    os.close(other)
    if program is extract_class_centers:
        program.main([str(model), str(tmp_path / "out")])
        assert sorted(os.listdir(tmp_path / "out")) == ["class_center.ark", "class_center.scp", "spk2int"]


def test_short_work_waits(tmp_path, other, monkeypatch):
    seen = []

    class Ending(logging.Handler):
        def emit(self, record):
            seen.append(record.getMessage())
            os.close(other)

    logger, handler = logging.getLogger("nnet.locks"), Ending()
    monkeypatch.setattr(logger, "level", logging.INFO)
    logger.addHandler(handler)
    with locked(tmp_path, wait=True):
        assert "waiting for process 4711" in seen[0]
    logger.removeHandler(handler)


def test_a_script_holds_its_lock_and_lets_its_own_programs_in(tmp_path, root):
    program = f"{sys.executable} -c 'from nnet.locks import locked; locked(\"d\").__enter__()'"
    script = f"""
python() {{ {sys.executable} "$@"; }}
. {root}/utils/jobs.sh
lock d
lock d
{program} && echo own
(unset SV_LOCKED; {program}) 2>&1 | tail -n 1
(unset SV_LOCKED; lock d; echo never) 2>&1 | tail -n 1
"""
    done = subprocess.run(
        ["bash", "-euc", script, "a.sh"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    own, program_line, script_line = done.stdout.splitlines()
    assert own == "own"
    for line in (program_line, script_line):
        assert "d: is being written by process " in line and line.endswith(
            ": a.sh; wait until it has ended, or stop it"
        )


def test_a_runner_that_exports_only_path_may_train(root, tmp_path):
    """As Kaldi's queue.pl does it: the job does not see the variables of the script that holds the lock."""
    make_data(tmp_path / "train")
    make_data(tmp_path / "valid", utterances=2, seed=1)
    config = make_config(tmp_path / "c.json", training={"epochs": 1})
    runner = tmp_path / "queue.sh"
    runner.write_text(f'#!/usr/bin/env bash\nexec env -i PATH="$PATH" {root}/utils/run.sh "$@"\n')
    runner.chmod(0o755)
    words = [config, tmp_path / "train", tmp_path / "valid", tmp_path / "exp"]
    done = subprocess.run(
        ["steps/train_nnet.sh", "--cmd", runner, *words], cwd=root, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "exp" / "model.safetensors").exists()
