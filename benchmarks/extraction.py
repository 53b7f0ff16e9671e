"""Embeddings beside PyTorch's: of one utterance, and of a list, of 2 and of 10 seconds.

Ours are those of `nnet.model.extraction`, which chooses its own batches. PyTorch has the list in batches of 1, 4 and 16
utterances, and the fastest of them counts.
"""

from functools import partial

from benchmarks.contest import compare
from benchmarks.report import Table
from benchmarks.systems import CONFIGURATIONS, features, our_model, torch_model
from benchmarks.timing import medians

CASES = {"one of 2 s": (1, 200), "one of 10 s": (1, 1000), "32 of 2 s": (32, 200), "8 of 10 s": (8, 1000)}
BATCHES = (1, 4, 16)


def tables(rounds):
    for case, (count, _) in CASES.items():
        rows = []
        for name in CONFIGURATIONS:
            ours, theirs = compare("benchmarks.extraction", f"{name}: {case}", rounds)
            times = [1000 * ours.seconds / count, 1000 * theirs.seconds / count]
            rows.append([name, *times, theirs.seconds / ours.seconds, theirs.fastest / ours.fastest])
        header = ["network", "ours, ms", "PyTorch, ms", "ratio", "ratio of the fastest"]
        yield Table(f"Extraction, {case}: time of an utterance", header, rows)


def our_extraction(case):
    name, _, kind = case.partition(": ")
    return our_embeddings(name, *CASES[kind])


def our_embeddings(name, count, frames):
    """The work of embedding `count` utterances of `frames` frames."""
    from nnet.model.extraction import embed_utterances

    model, _ = our_model(name)
    model.eval()
    utterances = [(str(i), x) for i, x in enumerate(features(count, frames))]
    return lambda: list(embed_utterances(model, utterances))


def torch_extraction(case):
    import torch

    name, _, kind = case.partition(": ")
    network, _ = torch_model(name)
    network.eval()
    utterances = torch.from_numpy(features(*CASES[kind]))

    @torch.inference_mode()
    def work(size):
        for batch in utterances.split(size):
            network(batch)

    sizes = {min(size, len(utterances)) for size in BATCHES}
    works = [partial(work, size) for size in sorted(sizes)]
    times = medians(works, 3) if len(works) > 1 else [0.0]
    return works[times.index(min(times))]


SIDES = {"ours": our_extraction, "PyTorch": torch_extraction}
