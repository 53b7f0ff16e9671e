"""Disk, memory and time that the stages of a recipe take, from the size of the data and the speed of the machine."""

from collections import namedtuple

FRAMES_PER_HOUR = 360_000  # a frame every 10 ms
BYTES_PER_SAMPLE = 2
JOB_MEMORY = 0.3e9  # bytes of a process that makes features
LOADER_MEMORY = 1e9  # bytes of the training beside MLX's
AUGMENTATION_SPEED = 50  # hours of audio an hour and core: reverberation, the slowest kind
PREPARE_SPEED = 1000  # the same of normalising features and leaving out silence
EXTRACTION_FACTOR = 3  # how many times as fast as training: forward only
FLOPS = 1e10  # a second and core, of the back end's products

Size = namedtuple("Size", "speakers utterances hours")
Size.__doc__ = "How large a data directory is."

Features = namedtuple("Features", "dim vad rate speed")
Features.__doc__ = "Dimension, whether there is a vad.scp, Hz of the audio, hours of audio an hour and core."

Network = namedtuple("Network", "parameters embedding slots keep frames_per_epoch epochs speed memory")
Network.__doc__ = (
    "Weights, dimension of the embedding, the optimiser's numbers for each weight, checkpoints kept, frames that an "
    "epoch reads (None: one chunk of chunk_frames an utterance), epochs, frames a second, bytes while training."
)

Need = namedtuple("Need", "stage words kept passing memory hours")
Need.__doc__ = "Of one stage: bytes of disk that stay and that are needed for a while, bytes of memory, hours."


def feature_bytes(size, dim):
    """Bytes of compressed features: one a number, and 8 for each column of an utterance."""
    return size.hours * FRAMES_PER_HOUR * dim + size.utterances * (8 * dim + 60)


def vad_bytes(size):
    """Bytes of the decisions of the VAD: a float32 a frame."""
    return 4 * size.hours * FRAMES_PER_HOUR + 40 * size.utterances


def audio_bytes(size, rate):
    """Bytes of 16-bit audio."""
    return size.hours * 3600 * rate * BYTES_PER_SAMPLE + 80 * size.utterances


def copies_of(size, count):
    """The Size of `count` augmented copies."""
    return Size(size.speakers, count, size.hours * count / size.utterances)


def plan(train, test, copies, features, network, jobs, cores):
    """The needs of stages 1 to 6.

    Args:
        train, test: Sizes.
        copies: how many augmented copies are put on disk; 0: no stage 2.
        features, network: what stands above.
        jobs, cores: parallel jobs, and cores for them.

    Returns:
        a list of Needs.
    """
    workers = min(jobs, cores)
    copied = copies_of(train, copies)
    extra = vad_bytes if features.vad else lambda size: 0
    both = Size(train.speakers, train.utterances + test.utterances, train.hours + test.hours)
    mixed = Size(train.speakers, train.utterances + copies, train.hours + copied.hours)
    needs = [Need(1, "features and VAD", feature_bytes(both, features.dim) + extra(both), 0, JOB_MEMORY * workers,
                  both.hours / features.speed / workers)]  # fmt: skip
    if copies:
        time = copied.hours / features.speed + copied.hours / AUGMENTATION_SPEED
        needs.append(Need(2, "augmentation", feature_bytes(copied, features.dim), audio_bytes(copied, features.rate),
                          JOB_MEMORY * workers, time / workers))  # fmt: skip
    needs.append(Need(3, "training set", feature_bytes(mixed, features.dim), 0, JOB_MEMORY * workers,
                      mixed.hours / PREPARE_SPEED / workers))  # fmt: skip
    frames = network.frames_per_epoch(mixed.utterances) * network.epochs
    weights = 4 * network.parameters
    needs.append(Need(4, "train the network", weights * (1 + network.keep * (1 + network.slots)), 0,
                      network.memory + LOADER_MEMORY, frames / network.speed / 3600))  # fmt: skip
    embeddings = both.utterances * (4 * network.embedding + 60)
    frames = both.hours * FRAMES_PER_HOUR
    needs.append(Need(5, "embeddings", embeddings, 0, (JOB_MEMORY + weights) * workers,
                      frames / network.speed / EXTRACTION_FACTOR / 3600))  # fmt: skip
    products = 30 * train.utterances * network.embedding**2 / FLOPS / cores / 3600
    needs.append(Need(6, "back end and scores", 0, 0, 3 * 8 * train.utterances * network.embedding, products))
    return needs


def most_disk(needs):
    """The most bytes that lie on disk at any time."""
    kept = most = 0
    for need in needs:
        kept += need.kept
        most = max(most, kept + need.passing)
    return most
