"""Which steps of a recipe run: the rules of steps/stages.sh, as a table, and the marks on disk."""

import json
import os
import zlib

import pytest

from nnet.errors import InputError
from nnet.jobs.stages import Mark, begin, check, decide, differences, holds_training, parse_step, read_mark, recall

# A small recipe: two corpora, training and test features, a network, its fine-tuning in stage 8.
CONFIG = json.dumps({"training": {"epochs": 3}})
DECLARED = {
    "train": ["0", "data", "path:corpus=/a"],
    "test": ["0", "data", "path:corpus=/a", "option:lists=O"],
    "features": ["1", "data", "after:train", "file:conf"],
    "test_features": ["1", "data", "after:test", "file:conf"],
    "net": ["3", "data", "after:features", "option:min_len=200"],
    "network": ["4", "exp", "after:net", f"config:{CONFIG}"],
    "scores": ["6", "exp", "after:network", "after:test_features", "option:lda_dim=8"],
    "network_lm": ["8.4", "exp_lm", "after:network", "after:net", f"config:{CONFIG}"],
    "scores_lm": ["8.6", "exp_lm", "after:network_lm", "after:test_features", "option:lda_dim=8"],
}
MODEL = ["scores", "network_lm", "scores_lm"]


def declare(**changes):
    """The steps, with the changed inputs: step="option:lda_dim=9"."""
    steps = []
    for name, (number, folder, *inputs) in DECLARED.items():
        if name in changes:
            key = changes[name].partition("=")[0].partition("{")[0]
            inputs = [*(i for i in inputs if not i.startswith(key)), changes[name]]
        steps.append(parse_step([name, number, f"make {name}", folder, *inputs]))
    return steps


def finished(steps):
    return {s.name: Mark(True, f"{s.name}.1", s.inputs, {name: f"{name}.1" for name in s.after}) for s in steps}


def run(steps, marks, trained=("exp", "exp_lm"), **options):
    """{name: action} of the steps that do not stay as they are."""
    decisions = decide(steps, marks, trained=lambda folder: folder in trained, **options)
    check(decisions, marks, options.get("first"))
    return {d.step.name: d.action for d in decisions if d.action != "keep"}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """The corpus and the file that the steps name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "exists", lambda path, real=os.path.exists: path in ("/a", "/b") or real(path))
    (tmp_path / "conf").write_text("--num-mel-bins=30\n")


def test_everything_runs_once():
    everything = dict.fromkeys(DECLARED, "run")
    assert run(declare(), {}, trained=()) == everything
    assert run(declare(), finished(declare())) == {}
    assert run(declare(), {}, trained=(), last=4) == dict.fromkeys(list(everything)[:6], "run")


CHANGES = [  # what changed, options of the call, what runs
    ({"test": "option:lists=O E"}, {}, ["test", "test_features", "scores", "scores_lm"]),
    ({"scores": "option:lda_dim=9", "scores_lm": "option:lda_dim=9"}, {}, ["scores", "scores_lm"]),
    ({}, {"first": 6}, ["scores", "scores_lm"]),  # of both models
    ({}, {"first": 6, "last": 7}, ["scores"]),
    ({}, {"first": 1, "last": 3}, ["features", "test_features", "net"]),
    ({"net": "option:min_len=100"}, {"last": 3}, ["net"]),
    ({"train": "path:corpus=/a/../a", "test": "path:corpus=/a/."}, {}, []),
]


@pytest.mark.parametrize(("changed", "options", "expected"), CHANGES)
def test_what_changed_and_what_follows_it_run(changed, options, expected):
    assert run(declare(**changed), finished(declare()), **options) == dict.fromkeys(expected, "run")


REFUSED = [  # what changed, options of the call, what is said
    (
        {"network": 'config:{"training": {"epochs": 5}}'},
        {},
        r"exp holds a finished training, and training.epochs was 3",
    ),
    ({"net": "option:min_len=100"}, {}, r"make net\) runs: --min-len was 200, is 100; .*--exp NEW.*--retrain true"),
    ({"network_lm": 'config:{"training": {"epochs": 5}}'}, {}, "exp_lm holds a finished training, and training.epochs"),
    ({}, {"first": 4}, r"--stage 4 would train again \(--stage 5 goes on after it\)"),
    ({}, {"first": 8}, "exp_lm holds a finished training, and --stage 8"),
    ({"test": "path:corpus=/b"}, {}, r"--corpus was /a, is /b; .* \(stages 0, 1, 6, 8\); .*--stage 0"),
    ({"test": "path:corpus=/b"}, {"first": 4}, "keeps stage 0 .* --corpus was /a, is /b"),
    ({"net": "option:min_len=100"}, {"first": 6}, "keeps stage 3 .* --min-len was 200, is 100"),
]


@pytest.mark.parametrize(("changed", "options", "message"), REFUSED)
def test_nothing_finished_is_lost(changed, options, message):
    with pytest.raises(InputError, match=message):
        run(declare(**changed), finished(declare()), **options)


def test_a_training_is_moved_aside_only_where_it_would_be_another():
    changed = declare(network='config:{"training": {"epochs": 5}}')
    actions = {"network": "retrain", "scores": "run", "network_lm": "retrain", "scores_lm": "run"}
    assert run(changed, finished(declare()), retrain=True) == actions
    assert run(declare(), finished(declare()), first=4, retrain=True) == actions
    assert run(declare(), finished(declare()), retrain=True) == {}, "the same call again changes nothing"
    with pytest.raises(InputError, match="exp holds a training that this recipe did not make"):
        run(declare(), {}, trained=("exp",))


def interrupted(name):
    """The marks when a step was interrupted, the first time: the later ones have none."""
    marks = finished(declare())
    names = list(DECLARED)
    return {n: marks[n]._replace(finished=n != name) for n in names[: names.index(name) + 1]}


def test_an_interrupted_training_goes_on_or_stays():
    marks = interrupted("network")
    rest = dict.fromkeys(MODEL, "run")
    assert run(declare(), marks, trained=("exp",)) == {"network": "resume"} | rest
    assert run(declare(), marks, trained=("exp",), first=4, retrain=True) == {"network": "resume"} | rest
    assert run(declare(), marks, trained=()) == {"network": "run"} | rest, "it had no checkpoint yet"
    changed = declare(network='config:{"training": {"epochs": 5}}')
    with pytest.raises(InputError, match="exp holds an interrupted training, and training.epochs was 3, is 5"):
        run(changed, marks, trained=("exp",))
    with pytest.raises(InputError, match=r"an interrupted training, and stage 1 .* runs: --stage 1"):
        run(declare(), marks, trained=("exp",), first=1)
    free = declare(network='config:{"training": {"epochs": 3, "log_every": 5}, "data": {"num_workers": 9}}')
    assert run(free, marks, trained=("exp",))["network"] == "resume", "keys that change no weight may change"


def test_an_interrupted_step_runs_again_and_earlier_ones_must_be_complete():
    marks = finished(declare()) | {"net": finished(declare())["net"]._replace(finished=False)}
    assert run(declare(), marks, last=3) == {"net": "run"}
    with pytest.raises(InputError, match=r"stage 3 \(make net\) is not complete; start with --stage 3"):
        run(declare(), marks, first=4)


def test_what_follows_a_repeated_step_is_not_up_to_date():
    marks = finished(declare()) | {"test_features": finished(declare())["test_features"]._replace(stamp="newer")}
    assert run(declare(), marks) == {"scores": "run", "scores_lm": "run"}
    marks = finished(declare()) | {"net": finished(declare())["net"]._replace(stamp="newer")}
    with pytest.raises(InputError, match="stage 3 .* has run again since"):
        run(declare(), marks)
    assert run(declare(), marks, first=6, last=7) == {"scores": "run"}, "--stage 6 keeps the network as it is"
    with pytest.raises(InputError, match="exp_lm holds a finished training, and stage 3 .* has run again since"):
        run(declare(), marks, first=6)


def test_a_step_that_is_made_from_something_else_runs():
    old, new = declare(), declare()
    net = parse_step(["net", "3", "make net", "data", "after:test_features", "option:min_len=200"])
    new[4] = net
    with pytest.raises(InputError, match="is made from test_features, was from features"):
        run(new, finished(old))
    with pytest.raises(InputError, match="--stage 4 keeps stage 3 .*is made from test_features, was from features"):
        run(new, finished(old), first=4)


def test_inputs_that_came_or_went_with_a_version_are_no_difference():
    assert differences({"option:a": "1"}, {"option:a": "1", "option:b": "2"}) == []
    assert differences({"option:a": "1", "option:b": "2"}, {"option:a": "1"}) == []
    assert differences({"path:a": ""}, {"path:a": "/b"}) == ["--a was none, is /b"]


def test_a_folder_that_does_not_exist_is_named_before_anything_runs():
    with pytest.raises(InputError, match=r"--corpus /nosuch: no such file or folder; stage 0 \(make train\) needs it"):
        run(declare(train="path:corpus=/nosuch"), {}, trained=())


def test_marks_on_disk(tmp_path):
    steps = declare()
    by_name = {s.name: s for s in steps}
    assert read_mark(by_name["test"]) is None
    begin(by_name["test"], steps, "run")
    mark = tmp_path / "data/.stage0.test"
    assert not read_mark(by_name["test"]).finished and not mark.exists()
    os.replace(f"{mark}.begun", mark)
    first = read_mark(by_name["test"])
    assert first.finished and first.inputs == {"path:corpus": "/a", "option:lists": "O"}
    begin(by_name["test_features"], steps, "run")
    begun = read_mark(by_name["test_features"])
    assert begun.after == {"test": first.stamp}
    assert begun.inputs == {"file:conf": f"{zlib.crc32(b'--num-mel-bins=30' + bytes([10])):08x}"}
    begin(by_name["test"], steps, "run")
    assert not read_mark(by_name["test"]).finished, "a step that writes again is not complete"
    assert read_mark(by_name["test"]).stamp != first.stamp
    (tmp_path / "data/.stage1").write_text("none | a\n.stage1 1 2 3\n")  # of version 0.1
    assert recall("data", ["corpus", "musan"]) == {"corpus": "/a", "musan": ""}
    os.remove(f"{mark}.begun")
    for text in ("{", "[]", '{"inputs": 5, "after": {}}', '{"stamp": "", "inputs": {}, "after": {"a": 1}}'):
        mark.write_text(text)
        with pytest.raises(InputError, match="not the mark of a stage; remove it to have stage 0"):
            read_mark(by_name["test"])


def test_a_training_is_moved_to_a_free_name(tmp_path):
    steps = declare()
    network = next(s for s in steps if s.name == "network")
    for number in range(3):
        (tmp_path / "exp/checkpoints/epoch-0001").mkdir(parents=True)
        assert holds_training("exp")
        (tmp_path / "exp/weights").write_text(str(number))
        begin(network, steps, "retrain")
        assert not holds_training("exp")
    assert [(tmp_path / f"exp.{n}/weights").read_text() for n in (1, 2, 3)] == ["0", "1", "2"]
