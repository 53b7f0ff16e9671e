"""Compares our layers with those of `mlx.nn`: a training step and embeddings of 2 s with the same networks.

mlx.nn is measured twice: with the BLAS and the malloc settings of `nnet.ops`, and as pip installs MLX. On a CPU the
latter is so slow that batches are small and rounds few; the benchmark takes about three minutes.
"""

from benchmarks.contest import compare
from benchmarks.extraction import our_embeddings
from benchmarks.report import Table, num_threads
from benchmarks.systems import SPEAKERS, features, labels
from benchmarks.training import DECAY, FRAMES, MOMENTUM, RATE, our_step

MOST_ROUNDS = 2
NAMES = ("x-vector", "ResNet34", "ECAPA-512")
WORKS = {"training step": 2, "extraction": 1}  # utterances of FRAMES frames


def tables(rounds):
    rounds, rows = min(rounds, MOST_ROUNDS), []
    for name in NAMES:
        for work in WORKS:
            results = compare("benchmarks.layers", f"{name}: {work}", rounds, tuple(SIDES), warm_up=1)
            ours, prepared, installed = (result.seconds for result in results)
            rows.append([f"{name}, {work}", ours, prepared, prepared / ours, installed, installed / ours])
    header = ["network and work", "ours, s", "mlx.nn with our BLAS, s", "ratio", "mlx.nn as installed, s", "ratio"]
    sizes = ", ".join(f"{work} of {count} × {FRAMES} frames" for work, count in WORKS.items())
    yield Table(f"Layers beside mlx.nn: {sizes}, medians of {rounds}", header, rows)


def ours(case):
    name, _, work = case.partition(": ")
    return our_step(f"{name}: {WORKS[work]}") if work == "training step" else our_embeddings(name, WORKS[work], FRAMES)


def prepared(case):
    """Runs mlx.nn with our BLAS, but with multithreaded products, as plain MLX computes one product at a time."""
    import threadpoolctl

    import nnet.ops  # noqa: F401

    threadpoolctl.threadpool_limits(num_threads())
    return as_installed(case)


def as_installed(case):
    import mlx.core as mx
    from mlx import nn

    from benchmarks.mlx_networks import NETWORKS

    name, _, work = case.partition(": ")
    network = NETWORKS[name]()
    batch = mx.array(features(WORKS[work], FRAMES))
    if work == "extraction":
        network.eval()
        return lambda: mx.eval(network(batch)[0])
    width = len(network.embedding.layers[-1].affine.weight)
    return mlx_step(nn.Sequential(network, lambda outputs: outputs[1], nn.Linear(width, SPEAKERS)), batch)


def mlx_step(network, batch):
    """Returns a training step as in MLX's examples."""
    import mlx.core as mx
    from mlx import nn, optimizers

    speakers = mx.array(labels(len(batch)))
    optimizer = optimizers.SGD(RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY)

    def loss(network):
        return nn.losses.cross_entropy(network(batch), speakers, reduction="mean")

    gradients = nn.value_and_grad(network, loss)

    def step():
        _, grads = gradients(network)
        optimizer.update(network, grads)
        mx.eval(network.parameters(), optimizer.state)

    return step


SIDES = {"ours": ours, "mlx.nn, prepared": prepared, "mlx.nn, as installed": as_installed}
