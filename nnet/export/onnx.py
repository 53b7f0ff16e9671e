"""Models as ONNX files: from features, or from samples, to embeddings; in float32 or with weights of 8 bits."""

import functools
import json
import logging
import os

import numpy as np

from nnet.errors import InputError
from nnet.export.onnx_features import features_from_samples
from nnet.feats.front_end import FrontEnd
from nnet.files import atomic_write
from nnet.model.engine import onnx_model, open_session
from nnet.model.self_check import make_recording
from nnet.ops import mx

log = logging.getLogger(__name__)

# What differs by rounding alone stays far below this share of an embedding's length.
TOLERANCE = 1e-4


def write_onnx(directory, model, about, from_samples=False, quantize=False):
    """Writes DIRECTORY/model.onnx and compares it with MLX; returns its path.

    Its input is `feats` (B, T, F), or `samples` (B, N) in [-1, 1); its output is `embs` (B, D), as in WeSpeaker's
    export. Its metadata hold the feats_conf of the model and the name of the endpoint.

    Args:
        directory: a folder.
        model: a SpeakerNet in eval mode.
        about: a dict with feats_conf, the description of the features; see `nnet.model.directory.read_config`.
        from_samples: whether the file computes its features itself; filter banks and mel spectra without VAD only.
        quantize: whether the weights of convolutions and affine layers have 8 bits: a quarter of the size.

    Raises:
        InputError: an operation or the front end has no form in ONNX, or the file gives other embeddings than MLX.
    """
    conf = about["feats_conf"]
    features = functools.partial(features_from_samples, conf=conf) if from_samples else None
    proto = onnx_model(model, features=features, metadata={"feats_conf": json.dumps(conf), "node": model.node})
    path = os.path.join(directory, "model.onnx")
    plain = proto.SerializeToString()
    inputs, expected = _example(model, conf, from_samples)
    _check(path, plain, inputs, expected)
    content = _quantized(plain) if quantize else plain
    with atomic_write(path, binary=True) as file:
        file.write(content)
    size = f"{len(content) / 2**20:.1f} MiB"
    if quantize:
        size += f", {100 * len(content) / len(plain):.0f} % of the float32 file"
    cosine = _cosine(_run(content, inputs)[0], expected[0])
    log.info("%s: %s; cosine with MLX's embedding of a test recording: %.6f", path, size, cosine)
    return path


def _example(model, conf, from_samples):
    """{name of the input: array} of a test recording, and MLX's embedding of it, (1, D)."""
    if conf is None:
        feats = np.random.default_rng(0).standard_normal((200, model.input_dim)).astype(np.float32)
    else:
        front_end = FrontEnd(conf)
        samples = make_recording(front_end.sample_rate)
        feats = front_end(samples, front_end.sample_rate)
    expected = np.array(model.extract(mx.array(feats[None])))
    return {"samples": samples[None]} if from_samples else {"feats": feats[None]}, expected


def _check(path, content, inputs, expected):
    found = _run(content, inputs)
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    if not error <= TOLERANCE:
        raise InputError(
            f"{path}: ONNX Runtime's embedding differs from MLX's by {error:.2g} of its length; this is a defect of "
            "the export: please report the configuration"
        )


def _run(content, inputs):
    return open_session(content).run(None, inputs)[0]


def _cosine(x, y):
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


def _quantized(content):
    """A graph with its weights in 8 bits, a scale for each output channel: bytes.

    Each weight is rounded to the nearest of 255 steps of its channel and turned back into float32 by ONNX Runtime.
    onnxruntime's own dynamic quantization, which also rounds the activations, has files of the same size, embeddings
    three times as far away, and takes 4 (CAM++) to 9 times (ResNet34) as long on a CPU with AVX-512.
    """
    import onnx

    model = onnx.load_from_string(content)
    weights = {node.input[1] for node in model.graph.node if node.op_type in ("Conv", "Gemm")}
    kept, nodes = [], []
    for tensor in model.graph.initializer:
        if tensor.name not in weights:
            kept.append(tensor)
            continue
        array = onnx.numpy_helper.to_array(tensor)
        scale = np.abs(array).reshape(len(array), -1).max(axis=1) / 127
        scale = np.where(scale == 0, 1, scale).astype(np.float32)
        steps = np.round(array / scale.reshape(-1, *[1] * (array.ndim - 1))).astype(np.int8)
        names = [f"{tensor.name}_{part}" for part in ("int8", "scale", "zero")]
        values = (steps, scale, np.zeros(len(array), np.int8))
        kept += [onnx.numpy_helper.from_array(value, name) for value, name in zip(values, names, strict=True)]
        nodes.append(onnx.helper.make_node("DequantizeLinear", names, [tensor.name], axis=0))
    nodes += model.graph.node
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model.SerializeToString()
