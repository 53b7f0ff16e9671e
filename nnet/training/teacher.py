"""The targets of distillation: a teacher's embeddings, computed during the training or kept from before.

Both give, for each batch of a loader, a tuple of targets: the embeddings (B, E) of its chunks and, only where they are
computed and asked for, the frames (B, T', C) before the pooling. They depend on the batch's place in the training
alone, as the chunks do, so that a resumed training has the same ones.
"""

import os

import numpy as np

from nnet.backend.embeddings import read_embeddings
from nnet.config.compare import differing_keys
from nnet.datadir.directory import DataDir
from nnet.dataset import ChunkLoader, ValidationLoader
from nnet.errors import InputError
from nnet.feats.prepare import INCIDENTAL
from nnet.model.directory import load_speaker_net
from nnet.model.engine import engine_of
from nnet.model.extraction import embed_utterances
from nnet.model.hub import find_model
from nnet.ops import mx
from nnet.ops.gradients import inference

# Options that decide where a frame lies, which student and teacher must share.
FRAMING = ("sample_frequency", "frame_shift", "frame_length", "snip_edges", "layout")


class TaughtLoader:
    """A loader whose batches are (features (B, T, F), labels (B,), *targets).

    Args:
        loader: ChunkLoader or ValidationLoader of what the student hears.
        targets: KeptTargets or ComputedTargets of the same chunks.
    """

    def __init__(self, loader, targets):
        self.loader, self.targets = loader, targets
        self.steps_per_epoch, self.num_workers, self.dim = loader.steps_per_epoch, loader.num_workers, loader.dim
        self.target_dims = targets.dims

    @property
    def wait_seconds(self):
        """Total time spent waiting for chunks of the student and the teacher, not for its embeddings."""
        return self.loader.wait_seconds + self.targets.wait_seconds

    def epoch(self, epoch, start_step=0):
        """Yields the batches of an epoch from `start_step` on."""
        heard, targets = self.loader.epoch(epoch, start_step), self.targets.epoch(epoch, start_step)
        for batch, taught in zip(heard, targets, strict=True):
            yield *batch, *taught

    def close(self):
        """Stops the worker processes."""
        self.loader.close()
        self.targets.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class KeptTargets:
    """Embeddings of whole utterances, kept by steps/extract_embeddings.sh.

    Args:
        folder: with xvector.scp, which must have all utterances of the loader.
        loader: what the student hears.

    Raises:
        InputError: an utterance has no embedding.
    """

    wait_seconds = 0.0

    def __init__(self, folder, loader):
        kept = read_embeddings(os.path.join(folder, "xvector.scp"))
        self.sampler = loader.maker.sampler
        table = self.sampler.table
        self.vectors = kept.select([table.utterance(row) for row in range(table.num_utterances)]).vectors
        self.dims = self.vectors.shape[1:]

    def epoch(self, epoch, start_step=0):
        """Yields (embeddings (B, E) float32,)."""
        for step in range(start_step, self.sampler.steps_per_epoch):
            yield (self.vectors[self.sampler.batch(epoch, step).rows].astype(np.float32),)

    def close(self):
        """Does nothing: there are no processes."""


class ComputedTargets:
    """Embeddings, and frames if it gives them, that the teacher computes of the clean chunks.

    Args:
        teacher: a Teacher.
        clean: loader of the same chunks without augmentation, with the teacher's features.
    """

    def __init__(self, teacher, clean):
        self.teacher, self.clean, self.dims = teacher, clean, teacher.dims

    @property
    def wait_seconds(self):
        """Total time spent waiting for clean chunks."""
        return self.clean.wait_seconds

    def epoch(self, epoch, start_step=0):
        """Yields (embeddings (B, E) float32,), or these and frames (B, T', C)."""
        for features, _ in self.clean.epoch(epoch, start_step):
            yield self.teacher(features)

    def close(self):
        """Stops the worker processes."""
        self.clean.close()


class Teacher:
    """A trained model that embeds chunks.

    Args:
        directory: a model directory.
        frames: give the frames before the pooling too. MLX then computes both.

    Attributes:
        conf: its feats_conf.
        clean_conf: the same without dither.
        dims: (E,), of its embeddings, or (E, C) with those of its frames.
    """

    def __init__(self, directory, frames=False):
        self.directory = find_model(directory)
        self.net, _, about = load_speaker_net(self.directory)
        self.conf, self.dims = about["feats_conf"], (self.net.endpoint_dim(self.net.node),)
        self.clean_conf = self.conf and self.conf | {"options": self.conf["options"] | {"dither": 0.0}}
        self._engine = None if frames else engine_of(self.net, self.net.node)
        if frames:
            self.dims += (self.net.network.out_dim,)

    def __call__(self, features):
        """Embeds features (B, T, F): a tuple of (B, E) float32 and, on demand, frames (B, T', C)."""
        least = self.net.network.min_frames
        if features.shape[1] < least:
            raise InputError(f"{self.directory}: the teacher needs chunks of at least {least} frames: data.min_frames")
        if self._engine is None:
            return self._with_frames(features)
        chunks = enumerate(features)
        return (np.stack([vector for _, vector in embed_utterances(self.net, chunks, -1, engine=self._engine)]),)

    def _with_frames(self, features):
        with inference():
            kept = {}
            self.net.train_forward(mx.array(features), kept)
            targets = kept[self.net.node], kept["frames"]
            mx.eval(targets)
        return targets

    def hears(self, conf, path):
        """Whether features of `conf`, of the data directory `path`, are the teacher's own.

        Raises:
            InputError: their frames lie elsewhere.
        """
        if not (conf and self.conf):
            raise InputError(f"{path}: no feats_conf.json, or {self.directory} has none: cannot tell what it hears")
        differing = [key.removeprefix("options.") for key in differing_keys(self.conf, conf)]
        own, others = self.conf["options"], conf["options"]
        framing = [key for key in FRAMING if own.get(key) != others.get(key)]
        if framing:
            raise InputError(
                f"{path}: the teacher {self.directory} has another {', '.join(framing)}; keep its embeddings "
                "(distillation.embeddings)"
            )
        silence = [] if conf["silence_removed"] or self.conf["silence_removed"] else ["vad"]
        return not [key for key in differing if key not in INCIDENTAL and key.partition(".")[0] not in silence]

    def refuse(self, path, advice):
        """Raises the InputError for data whose features are not the teacher's."""
        raise InputError(
            f"{path}: its features are not those of the teacher {self.directory}; {advice}, or keep its embeddings "
            "(distillation.embeddings)"
        )


def taught(options, loader, clean):
    """Adds the targets of the section distillation to a loader.

    Args:
        options: DistillationOptions; None: the loader is returned as it is.
        loader: what the student hears.
        clean: function of a Teacher that opens the same chunks with the teacher's features, without augmentation.
    """
    if options is None:
        return loader
    if options.embeddings:
        return TaughtLoader(loader, KeptTargets(options.embeddings, loader))
    teacher = Teacher(options.teacher, frames=options.frames > 0)
    return TaughtLoader(loader, ComputedTargets(teacher, clean(teacher)))


def clean_training(teacher, loader, data_dir, spk2int, conf, **arguments):
    """Opens the training chunks of the student's `loader` for a Teacher.

    Args:
        data_dir: with the same utterances as the student's, of the same lengths.
        spk2int: as for the student's ChunkLoader.
        conf: feats_conf of the student.
        arguments: of the student's ChunkLoader, less those that change what is heard.
    """
    if arguments["source"] == "feats":
        conf = DataDir(data_dir).feats_conf
    hears = teacher.hears(conf, data_dir)
    if arguments["source"] == "audio":
        clean = ChunkLoader(data_dir, spk2int, conf=teacher.clean_conf, **arguments)
    elif hears:
        clean = ChunkLoader(data_dir, spk2int, **arguments)
    else:
        teacher.refuse(data_dir, "set data.source to audio")
    heard = loader.maker.sampler.table
    _check_same(
        heard, clean.maker.sampler.table, f"{data_dir} and {heard.path} (distillation.clean)", ("ids", "frames")
    )
    return clean


def clean_validation(teacher, loader, data, spk2int, **arguments):
    """Opens the validation chunks of the student's `loader` for a Teacher; `data` is a DataDir."""
    source = {}
    if not teacher.hears(data.feats_conf, data.path):
        if not data.has("wav.scp"):
            teacher.refuse(data.path, "give it a wav.scp")
        source = {"source": "audio", "conf": teacher.clean_conf}
    clean = ValidationLoader(data.path, spk2int, **arguments, **source)
    _check_same(loader.maker.sampler.table, clean.maker.sampler.table, f"feats.scp and wav.scp of {data.path}")
    return clean


def _check_same(heard, clean, names, columns=("ids",)):
    """Raises InputError unless two UtteranceTables have the same utterances in the same order of lengths."""
    if not all(np.array_equal(heard.columns[column], clean.columns[column]) for column in columns):
        raise InputError(f"{names} have other utterances or lengths; cannot teach on them")
