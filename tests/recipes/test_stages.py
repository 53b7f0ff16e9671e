"""Which steps of each recipe run after a change: what changed → what runs. No step is computed."""

import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from nnet.errors import InputError
from nnet.jobs.stages import begin, check, decide, parse_step, read_mark

# Stands in for Python: records what is declared, recalls paths, answers for check_config; other programs do nothing.
PYTHON = """#!/bin/sh
case "$2 $*" in
  "nnet.bin.stages "*" --recall "*) exec {python} "$@" ;;
  "nnet.bin.stages "*) printf '%s\\0' "$@" >declared ;;
  *" --show features.type "*resnet34*) echo fbank ;;
  *" --show features.type "*) echo mfcc ;;
  *" --has "*resnet34*) echo true ;;
  *" --has "*) echo false ;;
  *" --resolved "*)
    for epochs in 3 4 5 7; do
      case "$*" in *training.epochs=$epochs*) last=$epochs ;; esac
    done
    echo "{{\\"training\\": {{\\"epochs\\": ${{last:-9}}}}}}" ;;
esac
"""
CORPORA = ["vox1", "vox2", "musan", "rirs", "corpora", "other"]


@pytest.fixture
def recipe(root, tmp_path, monkeypatch, request):
    """A recipe's folder in which all steps of a call are done; `decide(words)` tells what another call would run."""
    name, words = request.param
    for link in ("steps", "utils", "local", "nnet_conf", "path.sh", "cmd.sh"):
        (tmp_path / link).symlink_to(root / link)
    shutil.copy(root / "egs" / name / "run.sh", tmp_path)
    shutil.copytree(root / "egs" / name / "conf", tmp_path / "conf")
    for folder in CORPORA:
        (tmp_path / folder).mkdir()
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.write_text(PYTHON.format(python=sys.executable))
    python.chmod(0o755)
    extras = "mini" if name == "mini" else ""
    environment = os.environ | {"SV_PYTHON": str(python), "SV_EXTRAS": extras, "SV_READY": f"{root} {extras} {python}"}
    environment |= {"PATH": f"{python.parent}:{os.environ['PATH']}", "PYTHONPATH": str(root)}
    monkeypatch.chdir(tmp_path)

    def declare(*more):
        done = subprocess.run(["./run.sh", *more], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        words = (tmp_path / "declared").read_text().split("\0")[:-1]
        options = dict(zip(words[2::2], words[3::2], strict=False))
        steps = [parse_step(text.split("\0")) for text in "\0".join(words).split("\0--step\0")[1:]]
        return steps, options

    def what_runs(*more):
        steps, options = declare(*more)
        marks = {s.name: mark for s in steps if (mark := read_mark(s))}
        first = int(options["--stage"]) if options["--stage"] else None
        retrain = options["--retrain"] == "true"
        decisions = decide(steps, marks, first, int(options["--stop-stage"]), retrain, os.path.isdir)
        check(decisions, marks, first)
        return " ".join(d.step.name for d in decisions if d.action != "keep")

    steps, _ = declare(*words)
    assert what_runs(*words) == " ".join(s.name for s in steps)
    for step in steps:
        begin(step, steps, "run")
        os.replace(f"{step.mark}.begun", step.mark)
    return SimpleNamespace(what_runs=what_runs, folder=tmp_path)


VOXCELEB = ("voxceleb", [*("--vox1", "vox1", "--vox2", "vox2", "--musan", "musan", "--rirs", "rirs")])
RESNET = (VOXCELEB[0], [*VOXCELEB[1], "--nnet-conf", "nnet_conf/resnet34.json"])
LIBRISPEECH = ("librispeech", ["--corpus", "vox1"])
SRE = ("sre", ["--corpora", "corpora", "--musan", "musan", "--rirs", "rirs"])
SCORES = "scores metrics"
MODEL = f"network embeddings test_embeddings {SCORES}"
LM = "network_lm embeddings_lm test_embeddings_lm scores_lm metrics_lm"
TABLE = [  # recipe, [(options of the second call, steps that run, or what is said)]
    (
        VOXCELEB,
        [
            ("", ""),
            ("--musan musan/ --vox1 ./vox1 --nj 3 --cmd utils/run.sh --max-missing 0.1", ""),
            ("--lists O", f"test check test_features test_embeddings {SCORES}"),
            ("--lda-dim 9", SCORES),
            ("--stage 7", "metrics"),
            ("--stage 1 --stop-stage 3", "features test_features sounds augmented net"),
            ("--stage 3 --stop-stage 3", "net"),
            ("--min-len 100", "error: exp/xvector holds a finished training.*--min-len was 400, is 100.*--exp NEW"),
            ("--min-len 100 --exp exp/new", f"net {MODEL}"),
            ("--min-len 100 --retrain true", f"net {MODEL}"),
            ("--set training.epochs=5", "error: exp/xvector holds .*training.epochs was 9, is 5.*--retrain true"),
            ("--set training.epochs=5 --exp exp/five", MODEL),
            ("--nnet-conf nnet_conf/etdnn.json", MODEL),
            ("--pretrained other", "error: exp/xvector holds a finished training, and --pretrained was none, is other"),
            ("--vox2 other", "error: stage 0 .* --vox2 was vox2, is other; .*done again.*stages 0, 1, 2, 3, 4"),
            ("--stage 3 --musan other", "error: --stage 3 keeps stage 2 .*--musan was musan, is other"),
            ("--musan none --rirs none", "error: exp/xvector holds .*made from features, was from augmented"),
            ("--augmentation fly", "error: exp/xvector holds"),
            (
                "--augmentation fly --convert none --exp exp/fly --stage 4",
                "error: --stage 4 keeps stage 3 .*is made from features, was from augmented",
            ),
            ("--train-vox2-test true --exp exp/new", f"training check features augmented net {MODEL}"),
            ("--train-vox1 true", "error: exp/xvector holds .*--train-vox1 was false, is true"),
            ("--stage 4", r"error: exp/xvector holds .*--stage 4 would train again \(--stage 5"),
            ("--stage 4 --retrain true", MODEL),
        ],
    ),
    (
        RESNET,
        [
            ("--nnet-conf nnet_conf/resnet34.json", ""),
            ("--nnet-conf nnet_conf/resnet34.json --stage 6", f"{SCORES} scores_lm metrics_lm"),
            (
                "--nnet-conf nnet_conf/resnet34.json --large-margin training.epochs=7",
                "error: exp/resnet34_lm holds a finished training, and training.epochs was 5, is 7",
            ),
            ("--nnet-conf nnet_conf/resnet34.json --stage 8 --retrain true", LM),
            ("--nnet-conf nnet_conf/resnet34.json --augmentation disk", "error: exp/resnet34 holds"),
            (
                "--nnet-conf nnet_conf/resnet34.json --convert wav",
                "error: exp/resnet34 holds .*--convert was flac, is wav",
            ),
            ("", f"features test_features augmented net {MODEL}"),  # MFCCs beside the filter banks
        ],
    ),
    (
        LIBRISPEECH,
        [
            ("", ""),
            ("--corpus none", "error: stage 0 .* --corpus was vox1, is none"),
            ("--methods cosine", SCORES),
            ("--speeds 1.1", "error: exp/xvector holds .*--speeds was 0.9 1.1, is 1.1"),
            ("--augment true", f"speech net network embeddings {SCORES}"),  # beside the other
            ("--augment true --musan musan", f"sounds speech net network embeddings {SCORES}"),
            ("--stage 1", "error: exp/xvector holds a finished training"),
        ],
    ),
    (
        SRE,
        [
            ("", ""),
            ("--within 0.5", SCORES),
            ("--tests sre18", "error: exp/xvector holds .*--tests was sre16, is sre18"),  # decides who is trained on
            ("--tests sre18 --stage 0 --stop-stage 1", "data features"),
            ("--min-num-utts 4 --exp exp/four", f"net network embeddings {SCORES}"),
            ("--musan none", "error: stage 2 .* --musan was musan, is none"),
        ],
    ),
    (
        ("mini", []),
        [
            ("", ""),
            ("--top-n 5", SCORES),
            ("--utterances 5", "error: exp/xvector holds .*--utterances was 12, is 5"),
            ("--utterances 5 --retrain true", f"data features net network embeddings {SCORES}"),
            ("--nnet-conf conf/resnet34.json", f"features net network embeddings {SCORES}"),  # beside the other
        ],
    ),
]


@pytest.mark.parametrize(("recipe", "rows"), TABLE, ids=["xvector", "resnet34", "librispeech", "sre", "mini"],
                         indirect=["recipe"])  # fmt: skip
def test_what_changed_and_what_runs(recipe, rows):
    for options, expected in rows:
        words = options.split(" ") if options else []
        try:
            outcome = recipe.what_runs(*words)
        except InputError as error:
            outcome = f"error: {error}"
        if expected.startswith("error: "):
            assert re.match(expected, outcome), options
        else:
            assert outcome == expected, options


@pytest.mark.parametrize("recipe", [VOXCELEB], indirect=True)
def test_a_changed_file_of_features_repeats_them(recipe):
    (recipe.folder / "conf/mfcc.conf").write_text("--num-ceps=20\n")
    assert recipe.what_runs("--stop-stage", "2") == "features test_features augmented"


@pytest.mark.parametrize("recipe", [(SRE[0], [*SRE[1], "--nnet-conf", "nnet_conf/resnet34.json"])], indirect=True)
def test_telephone_speech_has_vad_with_filter_banks_as_well(recipe):
    (recipe.folder / "conf/vad.conf").write_text("--vad-energy-threshold=6\n")
    words = ("--nnet-conf", "nnet_conf/resnet34.json", "--stop-stage", "2")
    assert recipe.what_runs(*words) == "features augmented"
