"""The back end at the size of large evaluations: seconds, processor seconds and memory of each program.

    python -m benchmarks.backend [--scale 1.0] [CASE ...]

Cases: score (10 million PLDA trials, 5,000 enrolled x 2,000 tests, 200 dimensions, text in, text out), metrics (EER,
all costs, DET and the report of these scores, text in), plda (EM on 1 million embeddings of 7,000 speakers, 200
dimensions), asnorm (1 million trials against 6,000 cohort speakers). --scale takes a share of trials and embeddings.
Each case is a process of its own; the files that it reads are made before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

import numpy as np

from nnet.backend.directory import Backend, write_backend
from nnet.backend.plda import Plda, train_plda
from nnet.backend.statistics import class_statistics
from nnet.backend.transforms import Chain
from nnet.io.ark import ArkWriter

DIM = 200
ENROLLED, TESTS, COHORT = 5000, 2000, 6000
BETWEEN = 0.25  # between-class variance where the within-class variance is 1: an EER of some percent
EMBEDDINGS, SPEAKERS = 1_000_000, 7000

Row = namedtuple("Row", "case seconds processor gigabytes")


def measure(case, arguments):
    """Runs `python -m ARGUMENTS` and measures it."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{case} failed")
    seconds = time.perf_counter() - start
    return Row(case, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20)


def run_score(folder, scale):
    return measure("score", ["nnet.bin.score", *_options(folder), *_lists(folder, scale), f"{folder}/scores"])


def run_metrics(folder, scale):
    trials = _lists(folder, scale)[0]
    if not os.path.exists(f"{folder}/scores"):
        run_score(folder, scale)
    report = ["--bootstrap", 0, trials, f"{folder}/scores", f"{folder}/report"]
    return measure("metrics", ["nnet.bin.compute_metrics", *report])


def run_asnorm(folder, scale):
    trials, enroll, test = _lists(folder, scale)
    part, scores = f"{folder}/part", f"{folder}/part_scores"
    with open(trials) as source, open(part, "w") as file:
        file.writelines(line for number, line in enumerate(source) if number % 10 == 0)
    measure("score", ["nnet.bin.score", *_options(folder), part, enroll, test, scores])
    files = [f"{folder}/cohort", part, enroll, test, scores, f"{folder}/normalised"]
    return measure("asnorm", ["nnet.bin.score_norm", *_options(folder), *files])


def run_plda(folder, scale):
    """The process is this module; it says on the error stream how long the training alone took."""
    return measure("plda", ["benchmarks.backend", "--scale", scale, "train-plda"])


def train_only(scale):
    """EM on embeddings that are made in memory: what `plda` measures."""
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, SPEAKERS, int(EMBEDDINGS * scale)))
    _, labels = np.unique(labels, return_inverse=True)
    vectors = np.empty((len(labels), DIM), np.float32)
    centres = rng.normal(size=(SPEAKERS, DIM)).astype(np.float32)
    for start in range(0, len(labels), 1 << 15):
        part = slice(start, start + (1 << 15))
        vectors[part] = centres[labels[part]] + rng.standard_normal((len(labels[part]), DIM), np.float32)
    start = time.perf_counter()
    train_plda(class_statistics(vectors, labels))
    print(f"plda: {time.perf_counter() - start:.1f} s without the making of the embeddings", file=sys.stderr)


def _options(folder):
    return ["--method", "plda", "--backend", f"{folder}/backend"]


def _lists(folder, scale):
    """(trials, enroll folder, test folder), made where they are not there."""
    paths = f"{folder}/trials", f"{folder}/enroll", f"{folder}/test"
    if os.path.exists(paths[0]):
        return paths
    rng = np.random.default_rng(0)
    centres = np.sqrt(BETWEEN) * rng.normal(size=(ENROLLED, DIM))
    enrolled, tests = int(ENROLLED * scale), TESTS
    _write_set(paths[1], "spk_xvector", {f"id{i:05}": centres[i] for i in range(enrolled)})
    with open(f"{paths[1]}/num_utts.ark", "w") as file:
        file.writelines(f"id{i:05} {1 + i % 3}\n" for i in range(enrolled))
    speakers = np.arange(tests) % enrolled
    noisy = centres[speakers] + rng.normal(size=(tests, DIM))
    ids = [f"id{s:05}-session{i:05}" for i, s in enumerate(speakers)]
    _write_set(paths[2], "xvector", dict(zip(ids, noisy, strict=True)))
    _write_set(
        f"{folder}/cohort", "xvector", {f"cohort{i:05}": x for i, x in enumerate(rng.normal(size=(COHORT, DIM)))}
    )
    plda = Plda.from_covariances(np.zeros(DIM), np.eye(DIM), BETWEEN * np.eye(DIM))
    write_backend(f"{folder}/backend", Backend(Chain(np.zeros(DIM), np.eye(DIM)), plda, {}))
    with open(paths[0], "w") as file:
        for enroll in range(enrolled):
            labels = np.where(speakers == enroll, "target", "nontarget")
            file.writelines(f"id{enroll:05} {test} {label}\n" for test, label in zip(ids, labels, strict=True))
    return paths


def _write_set(folder, name, vectors):
    os.makedirs(folder, exist_ok=True)
    with ArkWriter(f"{folder}/{name}.ark", f"{folder}/{name}.scp") as writer:
        for key, vector in vectors.items():
            writer.write(key, vector.astype(np.float32))


CASES = {"score": run_score, "metrics": run_metrics, "plda": run_plda, "asnorm": run_asnorm}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    args = parser.parse_args()
    unknown = set(args.cases) - {*CASES, "train-plda"}
    if unknown:
        parser.error(f"{unknown.pop()} is no case; known: {', '.join(CASES)}")
    if args.cases == ["train-plda"]:
        train_only(args.scale)
        return
    print(f"{'case':10}{'seconds':>10}{'processor':>11}{'GB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for case in args.cases or CASES:
            row = CASES[case](folder, args.scale)
            print(f"{row.case:10}{row.seconds:10.1f}{row.processor:11.1f}{row.gigabytes:7.2f}", flush=True)


if __name__ == "__main__":
    main()
