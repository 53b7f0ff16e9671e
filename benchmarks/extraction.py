"""Compares embedding extraction with common inference engines: one utterance and a list, of 2 and of 10 seconds.

Ours is `nnet.model.extraction`, which chooses its own engine and batches. The others run the networks of
`benchmarks.torch_networks`: PyTorch directly; ONNX Runtime and OpenVINO on the graph that PyTorch exports with dynamic
axes, as in WeSpeaker. They process a list in batches of 1, 4 and 16 utterances, of which the fastest counts.
"""

import io
from functools import partial

from benchmarks.contest import compare
from benchmarks.report import Table, num_threads
from benchmarks.systems import CLASSICS, feature_dim, features, our_model, torch_model
from benchmarks.timing import medians

CASES = {"one of 2 s": (1, 200), "one of 10 s": (1, 1000), "32 of 2 s": (32, 200), "8 of 10 s": (8, 1000)}
BATCHES = (1, 4, 16)
OTHERS = ("PyTorch", "ONNX Runtime", "OpenVINO")


def tables(rounds):
    for case, (count, _) in CASES.items():
        rows = []
        for name in CLASSICS:
            ours, *others = compare("benchmarks.extraction", f"{name}: {case}", rounds, ("ours", *OTHERS))
            rows.append([name, 1000 * ours.seconds / count, *(other.seconds / ours.seconds for other in others)])
        header = ["network", "ours, ms", *(f"{other} / ours" for other in OTHERS)]
        yield Table(f"Extraction, {case}: time of an utterance, and how much longer others take", header, rows)


def our_extraction(case):
    name, _, kind = case.partition(": ")
    return our_embeddings(name, *CASES[kind])


def our_embeddings(name, count, frames):
    """Returns a function that embeds `count` utterances of `frames` frames."""
    from nnet.model.engine import engine_of
    from nnet.model.extraction import embed_utterances

    model, _ = our_model(name)
    model.eval()
    engine = engine_of(model, model.utterance_node())
    utterances = [(str(i), x) for i, x in enumerate(features(count, frames, feature_dim(name)))]
    return lambda: list(embed_utterances(model, utterances, engine=engine))


def in_batches(case, compute):
    """Returns a function that runs compute(features (B, T, F)) on the utterances of a case in the fastest batches."""
    name, _, kind = case.partition(": ")
    utterances = features(*CASES[kind], feature_dim(name))
    works = []
    for size in sorted({min(size, len(utterances)) for size in BATCHES}):
        batches = [utterances[i : i + size] for i in range(0, len(utterances), size)]
        works.append(partial(lambda batches: [compute(batch) for batch in batches], batches))
    times = medians(works, 3) if len(works) > 1 else [0.0]
    return works[times.index(min(times))]


def torch_extraction(case):
    import torch

    network, _ = torch_model(case.partition(": ")[0])
    network.eval()

    @torch.inference_mode()
    def compute(batch):
        return network(torch.from_numpy(batch))

    return in_batches(case, compute)


def torch_graph(case):
    """Exports a PyTorch network to ONNX with dynamic axes; returns the bytes of the file."""
    import torch

    name = case.partition(": ")[0]
    network, _ = torch_model(name)
    file = io.BytesIO()
    torch.onnx.export(
        network.eval(),
        torch.randn(1, 200, feature_dim(name)),
        file,
        input_names=["feats"],
        output_names=["embs"],
        dynamic_axes={"feats": {0: "B", 1: "T"}, "embs": {0: "B"}},
        opset_version=17,
        dynamo=False,
    )
    return file.getvalue()


def onnxruntime_extraction(case):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = num_threads(), 3
    session = onnxruntime.InferenceSession(torch_graph(case), options, providers=["CPUExecutionProvider"])
    return in_batches(case, lambda batch: session.run(None, {"feats": batch}))


def openvino_extraction(case):
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    model = core.compile_model(core.read_model(io.BytesIO(torch_graph(case))), "CPU", settings)
    return in_batches(case, lambda batch: model({"feats": batch}))


SIDES = {
    "ours": our_extraction,
    "PyTorch": torch_extraction,
    "ONNX Runtime": onnxruntime_extraction,
    "OpenVINO": openvino_extraction,
}
