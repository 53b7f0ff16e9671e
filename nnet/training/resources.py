"""Estimates disk, memory and time of a recipe's stages from the size of the data and the speed of the machine."""

from collections import namedtuple

FRAMES_PER_HOUR = 360_000  # one frame every 10 ms
BYTES_PER_SAMPLE = 2
JOB_MEMORY = 0.3e9  # bytes of a process that computes features
LOADER_MEMORY, FLY_LOADER_MEMORY = 0.05e9, 0.12e9  # bytes of a loader process; of one that computes features from audio
TRAINING_MEMORY = 0.1e9  # bytes beyond those of the measured steps: validation, checkpoints, batches in flight
PREPARE_SPEED = 1000  # hours of audio per hour and core: CMVN and removal of silence
FLOPS = 1e10  # per second and core, in the back end's matrix products

Size = namedtuple("Size", "speakers utterances hours")
Size.__doc__ = "The size of a data directory."

Features = namedtuple("Features", "dim vad rate speed decoding augmentation")
Features.__doc__ = (
    "Dimension, whether there is a vad.scp, sampling rate in Hz, hours of audio per hour and core: of features, of "
    "reading the recordings (infinite: unknown), and of augmentation."
)

Training = namedtuple("Training", "cost batch slots keep steps epochs workers fly")
Training.__doc__ = (
    "A training: its StepCost, chunks of a batch, optimizer slots per weight, checkpoints kept, steps of an epoch "
    "(None: a chunk of each utterance), epochs, loader processes, whether they compute features from audio."
)

Need = namedtuple("Need", "stage words kept passing memory hours low high")
Need.__doc__ = (
    "Needs of one stage: bytes of disk kept, bytes of disk used temporarily, bytes of memory, hours; low and high are "
    "the bounds of the hours where measurements vary, else the hours."
)


def need(stage, words, kept, passing, memory, hours, low=None, high=None):
    """Makes a Need, whose hours are certain by default."""
    return Need(stage, words, kept, passing, memory, hours, hours if low is None else low, high or hours)


def feature_bytes(size, dim):
    """Bytes of compressed features: one per value, and 8 per column of an utterance."""
    return size.hours * FRAMES_PER_HOUR * dim + size.utterances * (8 * dim + 60)


def vad_bytes(size):
    """Bytes of the VAD decisions: one float32 per frame."""
    return 4 * size.hours * FRAMES_PER_HOUR + 40 * size.utterances


def audio_bytes(size, rate):
    """Bytes of 16-bit audio."""
    return size.hours * 3600 * rate * BYTES_PER_SAMPLE + 80 * size.utterances


def copies_of(size, count):
    """The Size of `count` augmented copies."""
    return Size(size.speakers, count, size.hours * count / size.utterances)


def estimate_stages(train, test, copies, features, training, jobs, cores, fine_tuning=None, convert=False):
    """Estimates the needs of the stages of a recipe.

    Args:
        train, test: Sizes.
        copies: number of augmented copies on disk; 0: no stage 2.
        features: a Features.
        training: a Training.
        jobs, cores: parallel jobs, and the cores they run on.
        fine_tuning: the Training of stage 8, or None.
        convert: whether stage 0 decodes the training set once, to FLAC or wav.

    Returns:
        list of Needs
    """
    workers = min(jobs, cores)
    copied = copies_of(train, copies)
    extra = vad_bytes if features.vad else lambda size: 0
    both = Size(train.speakers, train.utterances + test.utterances, train.hours + test.hours)
    mixed = Size(train.speakers, train.utterances + copies, train.hours + copied.hours)
    own, decoding = features.speed, features.decoding
    copying = 1 / own + 1 / decoding + 1 / features.augmentation
    needs = []
    if convert:
        needs.append(need(0, "decode the audio once", audio_bytes(train, features.rate), 0, JOB_MEMORY * workers,
                          train.hours / decoding / workers))  # fmt: skip
    needs.append(need(1, "features and VAD", feature_bytes(both, features.dim) + extra(both), 0, JOB_MEMORY * workers,
                      both.hours * (1 / own + 1 / decoding) / workers))  # fmt: skip
    if copies:
        needs.append(need(2, "augmentation", feature_bytes(copied, features.dim), audio_bytes(copied, features.rate),
                          JOB_MEMORY * workers, copied.hours * copying / workers))  # fmt: skip
    needs.append(need(3, "training set", feature_bytes(mixed, features.dim), 0, JOB_MEMORY * workers,
                      mixed.hours / PREPARE_SPEED / workers))  # fmt: skip
    needs += _model_stages(4, "", train, both, mixed, features, training, workers, cores)
    if fine_tuning:
        again = _model_stages(8, "large margin: ", train, both, mixed, features, fine_tuning, workers, cores)
        needs += [stage._replace(stage=8) for stage in again]
    return needs


def _model_stages(stage, label, train, both, mixed, features, training, workers, cores):
    """Estimates the stages of one model: training, embeddings, back end."""
    cost, weights = training.cost, 4 * training.cost.parameters
    steps = (training.steps or mixed.utterances / training.batch) * training.epochs
    chunks = steps * training.batch
    hours = [steps * seconds / 3600 for seconds in (cost.seconds, cost.low, cost.high)]
    if training.fly:  # the loader computes the features of each chunk, mostly with augmentation
        one = 1 / features.speed + 1 / features.decoding + 1 / features.augmentation
        loading = chunks * cost.frames / FRAMES_PER_HOUR * one / max(1, training.workers)
        hours = [max(h, loading) if training.workers else h + loading for h in hours]
    loader = FLY_LOADER_MEMORY if training.fly else LOADER_MEMORY
    memory = cost.memory + TRAINING_MEMORY + loader * training.workers
    disk = weights * (1 + training.keep * (1 + training.slots))
    extraction = both.hours * FRAMES_PER_HOUR / cost.extraction / 3600
    products = 30 * train.utterances * cost.embedding**2 / FLOPS / cores / 3600
    return [
        need(stage, f"{label}train the network", disk, 0, memory, *hours),
        need(5, f"{label}embeddings", both.utterances * (4 * cost.embedding + 60), 0, (JOB_MEMORY + weights) * workers,
             extraction),
        need(6, f"{label}back end and scores", 0, 0, 3 * 8 * train.utterances * cost.embedding, products),
    ]  # fmt: skip


def most_disk(needs):
    """Returns the peak number of bytes on disk."""
    kept = most = 0
    for need in needs:
        kept += need.kept
        most = max(most, kept + need.passing)
    return most
