"""Segmentation models: their directories (config.json, model.safetensors), and who computes them.

A directory of this kind has `"kind": "segmentation"` in its config.json and the options of a SegmentationNet; it has no
features, loss or training, which the config.json of a SpeakerNet describes.
"""

import concurrent.futures
import dataclasses
import os

import numpy as np

from nnet.errors import InputError
from nnet.files import check_entries, read_json, write_json
from nnet.locks import locked
from nnet.model.directory import SEGMENTATION, kind_of
from nnet.model.engine import check_engine, need_onnx, onnx_installed, open_session
from nnet.model.hub import find_model
from nnet.model.weights import load_weights, read_weights, save_weights, weights_of
from nnet.networks.segmentation import SegmentationNet, SegmentationOptions, speaker_sets
from nnet.ops import gather, mx, spread
from nnet.ops.gradients import inference
from nnet.ops.lanes import num_lanes, on_cpu
from nnet.ops.onnx_graph import OnnxGraph
from nnet.ops.runtime import num_threads, prepare
from nnet.options import build_section

FORMAT = 1
# Windows that are computed together. On a CPU more of them take more memory (16 MB each for the copied samples of the
# band passes), but no less time a window.
ONNX_BATCH, CPU_BATCH, GPU_BATCH = 4, 8, 128


def save_segmentation(directory, net, note):
    """Writes the model directory of a SegmentationNet; config.json, without which it is none, is written last."""
    values = {"format": FORMAT, "kind": SEGMENTATION, "note": note, "network": dataclasses.asdict(net.options)}
    with locked(directory):
        save_weights(os.path.join(directory, "model.safetensors"), weights_of(net))
        write_json(os.path.join(directory, "config.json"), values, durable=True)


def load_segmentation_net(directory):
    """Loads a SegmentationNet in eval mode.

    Raises:
        InputError: not the directory of a segmentation model, or weights that do not match its options.
    """
    prepare()
    path = os.path.join(directory, "config.json")
    if kind_of(directory) != SEGMENTATION:
        raise InputError(
            f"{path}: not a segmentation model; convert one with python -m nnet.bin.convert_checkpoint SOURCE MODELDIR"
        )
    values = read_json(path)
    check_entries(values, {"format": int, "network": dict}, path)
    if values["format"] != FORMAT:
        raise InputError(f"{path}: format {values['format']}; this version reads format {FORMAT}")
    net = SegmentationNet(build_section(SegmentationOptions, values["network"], f"{path}: network"))
    weights = os.path.join(directory, "model.safetensors")
    load_weights(net, read_weights(weights), weights)
    net.eval()
    mx.eval(net.parameters())
    return net


class SegmentationModel:
    """A segmentation model: windows of samples in, probabilities of each set of speakers out.

    Attributes:
        options: the SegmentationOptions.
        sets: bool (K, speakers), the speakers of each set.
        window: length of a window in samples.
        frames: frames of a window.
        frame_step, first_center: distance between frames, and where the middle of the first one lies, in samples.
        batch: windows that are computed together; give a multiple of it at once.
    """

    def __init__(self, directory, engine=None):
        """Args:
            directory: a model directory, or `user/name` of a model on the Hugging Face Hub.
            engine: "mlx" or "onnx"; None: ONNX Runtime on a CPU where it is installed, MLX otherwise.

        Raises:
            InputError: not a segmentation model, or `engine` is "onnx" and packages are missing.
        """  # fmt: skip
        net = load_segmentation_net(find_model(directory))
        self.options = net.options
        self.sets = speaker_sets(self.options.speakers, self.options.at_once)
        self.window = round(self.options.seconds * self.options.sample_rate)
        self.frames = net.sincnet.frames(self.window)
        self.frame_step, self.first_center = net.sincnet.frame_step, net.sincnet.first_center
        if not self.frames:
            raise InputError(f"{directory}: a window of {self.options.seconds} s is too short for its own network")
        check_engine(engine)
        if engine is None:
            engine = "onnx" if on_cpu() and onnx_installed() else "mlx"
        self._engine = {"mlx": MlxSegmentation, "onnx": OnnxSegmentation}[engine](net)
        self.batch = self._engine.batch

    def probabilities(self, windows):
        """Computes the probabilities of windows: samples (B, `window`) in [-1, 1) → (B, `frames`, K) float32."""
        return self._engine(np.ascontiguousarray(windows, np.float32))


class MlxSegmentation:
    """A SegmentationNet computed by MLX: a share of the windows on each lane of a CPU, or all at once on a GPU."""

    def __init__(self, net):
        self._net, self.batch = net, CPU_BATCH * num_lanes() if on_cpu() else GPU_BATCH

    def __call__(self, windows):
        with inference():
            parts = [self._compute(windows[i : i + self.batch]) for i in range(0, len(windows), self.batch)]
        return np.concatenate(parts)

    def _compute(self, windows):
        if not on_cpu():
            return np.array(self._net(mx.array(windows)))
        shards = np.array_split(windows, min(num_lanes(), len(windows)))
        return np.array(gather(self._net(spread([mx.array(shard) for shard in shards]))))


class OnnxSegmentation:
    """A SegmentationNet computed by ONNX Runtime: as many batches at a time as there are threads."""

    def __init__(self, net):
        need_onnx()
        graph = OnnxGraph()
        with inference():
            proto = graph.model(net(graph.input("samples", ("B", "N"))), "probabilities")
        self._session = open_session(proto.SerializeToString())
        self._pool = concurrent.futures.ThreadPoolExecutor(num_threads())
        self.batch = ONNX_BATCH * num_threads()

    def __call__(self, windows):
        batches = [windows[i : i + ONNX_BATCH] for i in range(0, len(windows), ONNX_BATCH)]
        return np.concatenate(list(self._pool.map(self._run, batches)))

    def _run(self, batch):
        return self._session.run(None, {"samples": batch})[0]
