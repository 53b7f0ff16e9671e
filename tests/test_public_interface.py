"""What `import nnet` offers: loaded on demand, typed, each name with an example that runs."""

import ast
import doctest
import importlib
import inspect
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from simulated_voices import calibrated
from toy_data import make_config, make_data

import nnet
from nnet.backend.duration_calibration import write_duration_calibration
from nnet.feats.options import MfccOptions
from nnet.model.directory import save_config
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of


def run(root, *lines):
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_nnet_starts_nothing(root):
    run(
        root,
        "import os, sys, threading",
        "modules, process = set(sys.modules), (dict(os.environ), threading.active_count())",
        "import nnet",
        "loaded = {name.split('.')[0] for name in set(sys.modules) - modules}",
        "assert not loaded & {'mlx', 'mkl', 'numpy', 'scipy', 'sklearn'}, loaded",
        "assert (dict(os.environ), threading.active_count()) == process",
    )


def test_data_and_metrics_need_neither_mlx_nor_scikit_learn(root):
    run(
        root,
        "import sys, nnet",
        "nnet.read_ark, nnet.DataDir, nnet.read_audio, nnet.compute_mfcc",
        "nnet.train_plda, nnet.plda_scorer, nnet.read_trials, nnet.eer, nnet.min_dcf",
        "assert not {'mlx', 'sklearn'} & set(sys.modules)",
    )


def test_type_checkers_see_the_same_names(root):
    """What stands under TYPE_CHECKING is what the interpreter loads."""
    tree = ast.parse((root / "nnet/__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.asname: (statement.module, alias.name) for statement in block.body for alias in statement.names}
    assert seen.keys() == set(nnet.__all__) <= set(dir(nnet))
    for name, (module, original) in seen.items():
        assert getattr(importlib.import_module(module), original) is getattr(nnet, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'nnet' has no attribute 'lode_model'"):
        nnet.lode_model  # noqa: B018


def function_of(member):
    """The function behind a method, class method, property or cached property; other members as they are."""
    for attribute in ("__func__", "fget", "func"):
        member = getattr(member, attribute, member)
    return member


def untyped(function):
    """The parameters of a function that have no annotation, and "return"."""
    signature = inspect.signature(function)
    names = [n for n, p in signature.parameters.items() if p.annotation is p.empty and n not in ("self", "cls")]
    return names + ["return"] * (signature.return_annotation is signature.empty)


@pytest.mark.parametrize("name", nnet.__all__)
def test_every_name_is_typed(name):
    thing = getattr(nnet, name)
    if not inspect.isclass(thing):
        assert untyped(thing) == []
    elif name != "SpeakerNet":  # whose layers are written and checked with the networks
        own = {k: v for k, v in vars(thing).items() if not k.startswith("_")}
        functions = {
            k: getattr(v, "__func__", getattr(v, "fget", None) or getattr(v, "func", v)) for k, v in own.items()
        }
        assert {k: untyped(f) for k, f in functions.items() if inspect.isfunction(f) and untyped(f)} == {}


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    """A folder with all that the examples name."""
    folder = tmp_path_factory.mktemp("notebook")
    make_data(folder / "data/train")
    make_data(folder / "data/valid", utterances=1, seed=1)
    (folder / "nnet_conf").mkdir()
    (folder / "exp/xvector").mkdir(parents=True)
    config = nnet.load_config(make_config(folder / "nnet_conf/xvector.json"))
    save_weights(str(folder / "exp/xvector/model.safetensors"), weights_of(build_model(config, 13)))
    conf = {"type": "mfcc", "options": MfccOptions().to_dict(), "cmvn": "none", "silence_removed": False}
    save_config(str(folder / "exp/xvector"), config, 13, 5, conf)
    calibration = calibrated(speakers=20).calibration
    model = nnet.load_model(folder / "exp/xvector")
    write_duration_calibration(folder / "exp/xvector/cosine_calibration.json", calibration, model.checksum, {})
    for seed, name in enumerate(("a.wav", "b.wav")):
        soundfile.write(folder / name, 0.1 * np.random.default_rng(seed).normal(size=16000), 16000)
    (folder / "trials").write_text("alice alice-2 target\nalice bob-2 nontarget\n")
    (folder / "scores").write_text("alice bob-2 -1.5\nalice alice-2 2.5\n")
    return folder


@pytest.mark.parametrize("name", [*nnet.__all__, "nnet"])
def test_every_name_has_an_example_that_runs(name, folder, monkeypatch):
    thing = nnet if name == "nnet" else getattr(nnet, name)
    monkeypatch.chdir(folder)
    test = doctest.DocTestParser().get_doctest(thing.__doc__, {"nnet": nnet, "np": np}, name, None, None)
    assert test.examples, f"{name} has no example in its docstring"
    said = []
    assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, "".join(said)
    assert os.getcwd() == str(folder)
