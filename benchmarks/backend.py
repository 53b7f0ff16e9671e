"""Measures the back end at the size of large evaluations: wall time, processor time and memory of each program.

PLDA scores of 10 million trials (5,000 enrolled × 2,000 tests, 200 dimensions, text in, text out); EER, all costs, DET
and the report of these scores, text in; EM of a PLDA on 1 million embeddings of 7,000 speakers; AS-norm of 1 million
trials against 6,000 cohort speakers. Each runs once, in its own process, as it takes long.
"""

import os
import tempfile
import time

import numpy as np

from benchmarks.process import Usage, usage_of
from benchmarks.report import Table
from nnet.backend.directory import Backend, write_backend
from nnet.backend.plda import Plda, train_plda
from nnet.backend.statistics import class_statistics
from nnet.backend.transforms import Chain
from nnet.kaldi.ark import ArkWriter

DIM = 200
ENROLLED, TESTS, COHORT = 5000, 2000, 6000
BETWEEN = 0.25  # between-class variance where the within-class variance is 1: an EER of some percent
EMBEDDINGS, SPEAKERS = 1_000_000, 7000


def tables(_rounds, scale=1.0):
    """Yields the table; `scale` is the share of trials and embeddings to use."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case, run in CASES.items():
            usage = run(folder, scale)
            rows.append([case, usage.seconds, usage.processor, usage.mebibytes / 1024])
    yield Table("Back end, one run", ["work", "s", "processor, s", "memory, GiB"], rows)


def run_score(folder, scale):
    trials, enroll, test = _lists(folder, scale)
    return usage_of("-m", "nnet.bin.score", *_options(folder), trials, enroll, test, f"{folder}/scores")[0]


def run_metrics(folder, scale):
    trials, _, _ = _lists(folder, scale)
    arguments = ["--bootstrap", 0, "--report", f"{folder}/report", trials, f"{folder}/scores"]
    return usage_of("-m", "nnet.bin.compute_metrics", *arguments)[0]


def run_asnorm(folder, scale):
    trials, enroll, test = _lists(folder, scale)
    part, scores = f"{folder}/part", f"{folder}/part_scores"
    with open(trials) as source, open(part, "w") as file:
        file.writelines(line for number, line in enumerate(source) if number % 10 == 0)
    usage_of("-m", "nnet.bin.score", *_options(folder), part, enroll, test, scores)
    files = [f"{folder}/cohort", part, enroll, test, scores, f"{folder}/normalized"]
    return usage_of("-m", "nnet.bin.score_norm", *_options(folder), *files)[0]


def run_plda(_folder, scale):
    """Measures PLDA training: the times are those of EM only, the memory includes the embeddings."""
    usage, lines = usage_of("-c", f"from benchmarks.backend import train; train({scale})")
    return Usage(*map(float, lines[0].split()), usage.mebibytes)


def train(scale):
    """Trains a PLDA by EM on synthetic embeddings; prints its wall and processor time in seconds."""
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, SPEAKERS, int(EMBEDDINGS * scale)))
    _, labels = np.unique(labels, return_inverse=True)
    vectors = np.empty((len(labels), DIM), np.float32)
    centers = rng.normal(size=(SPEAKERS, DIM)).astype(np.float32)
    for start in range(0, len(labels), 1 << 15):
        part = slice(start, start + (1 << 15))
        vectors[part] = centers[labels[part]] + rng.standard_normal((len(labels[part]), DIM), np.float32)
    start, processor = time.perf_counter(), time.process_time()
    train_plda(class_statistics(vectors, labels))
    print(time.perf_counter() - start, time.process_time() - processor)


def _options(folder):
    return ["--method", "plda", "--backend", f"{folder}/backend"]


def _lists(folder, scale):
    """Returns (trials, enroll folder, test folder), and makes them if they do not exist."""
    paths = f"{folder}/trials", f"{folder}/enroll", f"{folder}/test"
    if os.path.exists(paths[0]):
        return paths
    rng = np.random.default_rng(0)
    centers = np.sqrt(BETWEEN) * rng.normal(size=(ENROLLED, DIM))
    enrolled, tests = int(ENROLLED * scale), TESTS
    _write_set(paths[1], "spk_xvector", {f"id{i:05}": centers[i] for i in range(enrolled)})
    with open(f"{paths[1]}/num_utts.ark", "w") as file:
        file.writelines(f"id{i:05} {1 + i % 3}\n" for i in range(enrolled))
    speakers = np.arange(tests) % enrolled
    noisy = centers[speakers] + rng.normal(size=(tests, DIM))
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


CASES = {
    "PLDA scores of 10 million trials": run_score,
    "metrics and report of 10 million scores": run_metrics,
    "PLDA EM, 1 million embeddings": run_plda,
    "AS-norm of 1 million trials": run_asnorm,
}
