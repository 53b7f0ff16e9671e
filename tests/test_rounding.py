"""tests/run.sh --rounding: which tests it repeats, its table, its exit status."""

import pytest
import rounding
from conftest import is_numerical, runs_recipe


def test_what_a_file_imports_makes_it_numerical(root, tmp_path):
    tests = root / "tests"
    for name in (
        "training/test_precision.py",
        "training/test_rate_finder.py",
        "networks/test_ecapa_tdnn.py",
    ):  # itself, helper, conftest
        assert is_numerical(tests / name), name
    assert not is_numerical(tests / "test_imports.py")
    assert runs_recipe(tests / "recipes/test_mini.py") and not runs_recipe(tests / "training/test_precision.py")
    new = tmp_path / "test_new.py"
    new.write_text("def test():\n    from nnet.ops import mx\n")
    assert is_numerical(new)


@pytest.mark.parametrize("failures", [0, 1])
def test_the_table_and_the_status(monkeypatch, capsys, failures):
    found = {"a": rounding.Setting({"X": "1"}), "b": rounding.Setting({}, "no b here"), "c": rounding.Setting()}
    counts = {"tests": 9, "failures": failures, "errors": 0, "skipped": 2}
    monkeypatch.setattr(rounding, "settings", lambda: found)
    monkeypatch.setattr(rounding, "run", lambda setting, words: (failures, counts))
    assert rounding.main(["--only", "a|b", "-x"]) == failures
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert lines[0].split() == ["a", str(7 - failures), str(failures), "2", "0.0"]
    assert lines[1].split(maxsplit=1) == ["b", "left out: no b here"]
    with pytest.raises(SystemExit):
        rounding.main(["--only", "d"])


def test_a_report_that_was_not_written_fails(monkeypatch, capsys):
    monkeypatch.setattr(rounding, "settings", lambda: {"a": rounding.Setting()})
    monkeypatch.setattr(rounding, "run", lambda setting, words: (4, {}))
    assert rounding.main([])
    assert "a                       pytest ended with status 4" in capsys.readouterr().out
