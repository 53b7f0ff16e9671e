"""What computes embeddings: MLX on a GPU, ONNX Runtime on a CPU where it is installed."""

import concurrent.futures
import importlib.util
import logging

import numpy as np

from nnet.errors import InputError
from nnet.ops import mx
from nnet.ops.lanes import num_lanes, on_cpu
from nnet.ops.onnx_graph import OnnxGraph
from nnet.ops.runtime import num_threads

log = logging.getLogger(__name__)

ENGINES = ("mlx", "onnx")
GPU_FRAMES = 50_000  # in a batch on a GPU
CPU_FRAMES = 1000  # in a shard on a CPU: few enough for its caches
SHARDS_PER_LANE = 4  # in a batch on a CPU: its filters are made ready once, and lanes wait for each other at its end


def engine_of(model, node, name=None):
    """The engine that computes the endpoint `node` of a SpeakerNet in eval mode.

    Args:
        name: "mlx" or "onnx"; None: ONNX Runtime where MLX would compute on a CPU and onnx and onnxruntime are
            installed (the extra `cpu`) and the network has a graph; otherwise MLX.

    Raises:
        InputError: an unknown name, or `name` is "onnx", and packages are missing or an operation has no form in ONNX.
    """
    check_engine(name)
    if name == "onnx":
        return OnnxEngine(model, node)
    if name is None and onnx_installed() and on_cpu() and model.precision == "float32":
        try:
            return OnnxEngine(model, node)
        except InputError as error:  # a class of the user's own
            log.info("embeddings are computed by MLX: %s", error)
    return MlxEngine(model, node)


def check_engine(name):
    """Refuses a name that is neither None nor in ENGINES."""
    if name is not None and name not in ENGINES:
        raise InputError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")


class MlxEngine:
    """Embeddings by MLX: batches of chunks of one length on a GPU, shards of them on the lanes of a CPU.

    Attributes:
        chunk_frames: chunks of one length are put together up to so many frames.
        batch: how many of these are started at once.
    """

    def __init__(self, model, node):
        self._model, self._node = model, node
        self.chunk_frames = CPU_FRAMES if on_cpu() else GPU_FRAMES
        self.batch = num_lanes() * SHARDS_PER_LANE if on_cpu() else 1

    def start(self, shards):
        """Sets MLX to work on a list of features (B, T, F); the result is for `finish`."""
        shards = [mx.array(shard) for shard in shards]
        vectors = self._model.extract(shards if len(shards) > 1 else shards[0], self._node)
        mx.async_eval(vectors)
        return vectors

    def finish(self, vectors):
        """The vectors, (sum of B, D) float32, of what was started."""
        return np.asarray(vectors)


class OnnxEngine:
    """Embeddings by ONNX Runtime, each utterance alone, so that none depends on the features of its neighbors.

    As many utterances as there are cores are computed at the same time, each by one thread. Fewer utterances are
    computed one after the other by all threads, which rounds differently (by 1.4e-6 of the length at most, in what was
    tried), and in the calling thread: another thread made the x-vector of 2 s 3 % slower on an AMD EPYC (Zen 3). The
    graph is written anew for
    each engine, which takes 0.05 (x-vector) to 0.6 seconds (CAM++); a file beside the model would have to be kept from
    going stale.
    """

    chunk_frames = 1  # each chunk alone
    batch = 1024

    def __init__(self, model, node):
        self._graph = onnx_model(model, node).SerializeToString()
        self._sessions = {}
        self._pool = concurrent.futures.ThreadPoolExecutor(num_threads())

    def start(self, shards):
        """Computes a list of features (1, T, F), or sets the threads to work on it; the result is for `finish`."""
        if len(shards) < num_threads():
            return [self._vector(self._session(num_threads()), shard) for shard in shards]
        session = self._session(1)
        running = [self._pool.submit(self._vector, session, shard) for shard in shards]
        return (future.result() for future in running)

    def finish(self, vectors):
        """The vectors, (number of shards, D) float32, of what was started."""
        return np.concatenate(list(vectors))

    @staticmethod
    def _vector(session, shard):
        return session.run(None, {"feats": shard})[0]

    def _session(self, threads):
        if threads not in self._sessions:
            self._sessions[threads] = open_session(self._graph, threads)
        return self._sessions[threads]


def onnx_installed():
    """Whether the packages onnx and onnxruntime are there."""
    return all(map(importlib.util.find_spec, ("onnx", "onnxruntime")))


def need_onnx():
    """Raises InputError if they are not there."""
    if not onnx_installed():
        raise InputError("ONNX needs the packages onnx and onnxruntime: pip install onnx onnxruntime")


def open_session(content, threads=1):
    """An onnxruntime.InferenceSession on the CPU for the bytes of an ONNX file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_mem_pattern = False  # kept for every length of an utterance that came by
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def onnx_model(model, node=None, features=None, metadata=None):
    """The onnx.ModelProto of a SpeakerNet: input `feats` (B, T, F), output `embs` (B, D), as WeSpeaker's export has.

    Args:
        model: in eval mode.
        node: the endpoint to give, one vector an utterance; None: the model's own.
        features: function(OnnxGraph) → the Node of the features (B, T, F), where the file has another input.
        metadata: a dict of strings that go into the file.

    Raises:
        InputError: packages are missing, or an operation has no form in ONNX.
    """
    need_onnx()
    graph = OnnxGraph()
    feats = features(graph) if features else graph.input("feats", ("B", "T", model.input_dim))
    return graph.model(model.extract(feats, model.utterance_node(node)), "embs", **(metadata or {}))
