"""Every benchmark can be run by name, and tiny ones come out as tables; what they measure is nobody's business here."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import augmentation, backend, distributed, features, gallery, mlx_networks, scale, systems
from benchmarks.__main__ import NEEDS, main
from benchmarks.contest import compare
from benchmarks.process import usage_of
from benchmarks.report import Table, markdown
from benchmarks.timing import in_turns, medians
from nnet.errors import InputError
from nnet.model.weights import weights_of
from nnet.ops import mx


def is_table(table):
    return table.title and table.rows and all(len(row) == len(table.header) for row in table.rows)


@pytest.mark.parametrize("name", NEEDS)
def test_has_tables(name):
    assert callable(importlib.import_module(f"benchmarks.{name}").tables)


def test_modules_load_neither_mlx_nor_torch(root):
    imports = "; ".join(f"import benchmarks.{name}" for name in NEEDS)
    code = f"import sys; {imports}; sys.exit(bool({{'mlx', 'torch'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


def test_names_and_needs(monkeypatch):
    with pytest.raises(InputError, match="speed is not a benchmark; known: training"):
        main(["speed"])
    monkeypatch.setitem(NEEDS, "scale", ("no_such_package",))
    with pytest.raises(InputError, match="pip install no-such-package"):
        main(["scale"])


def test_tables_are_printed_and_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        augmentation, "tables", lambda rounds: [Table("Two", ["what", "how"], [["a", 1.2345]])] * rounds
    )
    main(["--rounds", "2", "--output", str(tmp_path / "out.md"), "augmentation"])
    printed = capsys.readouterr().out
    assert printed.count("### Two\n\n| what | how |\n| --- | ---: |\n| a | 1.23 |\n") == 2
    assert (tmp_path / "out.md").read_text() == printed


def test_numbers_have_three_digits():
    row = ["a", 12345, 12345.6, 99.96, 1.0, 0.12345, None]
    assert (
        markdown(Table("", [""] * len(row), [row])).splitlines()[-1]
        == "| a | 12,345 | 12,346 | 100 | 1.00 | 0.123 |  |"
    )


def test_turns():
    calls = []
    medians([lambda: calls.append(1), lambda: calls.append(2)], rounds=3)
    assert calls == [1, 2] * 4
    numbers = iter(range(6))
    assert in_turns([lambda: next(numbers), lambda: -next(numbers)], 3) == [(0, 2, 4), (-1, -3, -5)]


def test_a_process_is_measured_alone():
    held = np.ones(2**25)  # 256 MiB
    usage, lines = usage_of("-c", "print('a'); print('b')")
    assert lines == ["a", "b"]
    assert 1 < usage.mebibytes < held.nbytes / 2**20 / 2
    with pytest.raises(InputError, match="ended with status"):
        usage_of("-c", "raise SystemExit(3)")


def test_a_contest():
    results = compare("benchmarks.layers", "x-vector: extraction", 1, ("ours", "mlx.nn, prepared"), warm_up=0)
    assert all(result.seconds == result.fastest > 0 and result.mebibytes > 0 for result in results)
    with pytest.raises(InputError, match="benchmarks.layers ours no network: extraction ended"):
        compare("benchmarks.layers", "no network: extraction", 1, ("ours",))


@pytest.mark.parametrize("name", mlx_networks.NETWORKS)
def test_plain_networks_are_ours(name):
    model, _ = systems.our_model(name)
    model(mx.random.normal((4, 20, systems.DIM)))  # running statistics that are not the initial ones
    model.eval()
    network = mlx_networks.NETWORKS[name]()
    weights = {key: weight for key, weight in weights_of(model).items() if not key.startswith("loss.")}
    network.load_weights(list(weights.items()), strict=True)
    network.eval()
    x = mx.array(systems.features(2, 25))
    for plain, ours in zip(network(x), (model.extract(x), model(x)), strict=True):
        assert np.allclose(np.array(plain), np.array(ours), atol=1e-5)


def test_sizes():
    extraction, loading, played = scale.tables(1, sizes=(3,), recordings=(200,))
    assert is_table(extraction) and is_table(loading) and is_table(played)
    assert [row[0] for row in extraction.rows] == [row[0] for row in loading.rows] == ["3"]


def test_two_processes(tmp_path, monkeypatch):
    for name, value in (("BATCH", 2), ("FRAMES", 30), ("STEPS", 1), ("EPOCHS", 2)):
        monkeypatch.setattr(distributed, name, value)
    distributed.make_data(tmp_path)
    (speed,) = distributed.train(tmp_path, "x-vector", [2])
    assert speed > 0


def test_back_end():
    (table,) = backend.tables(1, scale=0.002)
    assert is_table(table)


def test_gallery():
    (table,) = gallery.tables(1, voices=30)
    assert is_table(table)


def test_features_and_augmentation(monkeypatch):
    pytest.importorskip("kaldi_native_fbank")
    utterances = features.speech_like(2)
    for module in (features, augmentation):
        monkeypatch.setattr(module, "speech_like", lambda count: utterances)
        assert all(map(is_table, module.tables(1)))
