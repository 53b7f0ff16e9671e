"""docs/own_corpus.md: its script makes data directories of a tree in Fisher's layout."""

import subprocess
import sys

import pytest
from corpora.sre import call, table

from nnet.datadir.directory import DataDir
from nnet.datadir.fix import fix
from nnet.datadir.validate import validate
from nnet.kaldi.trials import read_trials

HEADER = (
    "CALL_ID,DATE_TIME,TOPICID,SIG_GRADE,CNV_GRADE,APIN,ASX.DL,APHNUM,APHSET,APHTYP,BPIN,BSX.DL,BPHNUM,BPHSET,BPHTYP"
)


@pytest.fixture
def fisher(tmp_path):
    """Nine calls: 11 and 12 talk five times, 21 and 22 three times; the last one's audio is not there."""
    pairs = [(11, 12)] * 5 + [(21, 22)] * 3 + [(31, 32)]
    rows = []
    for n, (a, b) in enumerate(pairs, 1):
        rows.append([f"{n:05d}", "x", "x", "3", "3", a, "f.a", 1, 4, 2, b, "m.a", 1, 4, 2])
        if n < len(pairs):
            call(tmp_path / f"audio/00{n % 2}/fe_03_{n:05d}.sph", n, 0.1, a, b)
    table(tmp_path / "fe_03_p1_calldata.tbl", HEADER.split(","), *rows)
    return tmp_path


def test_the_script_makes_what_the_page_says(root, fisher):
    page = (root / "docs/own_corpus.md").read_text()
    (fisher / "fisher.py").write_text(page.split("```python\n")[1].split("```")[0])
    words = [sys.executable, "fisher.py", "fe_03_p1_calldata.tbl", "audio", "data"]
    done = subprocess.run(words, cwd=fisher, env={"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("train", "enroll", "test"):
        fix(fisher / "data" / name)
        validate(fisher / "data" / name, feats=False, text=False)
    assert list(DataDir(fisher / "data/train").spk2utt) == ["21f", "22m"]
    assert DataDir(fisher / "data/enroll").spk2utt["12m"] == [f"12m-0000{n}-b" for n in (1, 2, 3)]
    assert DataDir(fisher / "data/test").segments["12m-00004-b"] == ("fe_03_00004", 0.0, -1.0, 1)
    trials = read_trials(fisher / "data/test/trials")
    assert (len(trials), trials.target.sum()) == (8, 4)
