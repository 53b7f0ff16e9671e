"""Estimates disk, memory and time of a recipe's stages from the size of the data and the speed of the machine."""

from collections import namedtuple

FRAMES_PER_HOUR = 360_000  # one frame every 10 ms
BYTES_PER_SAMPLE = 2
JOB_MEMORY = 0.3e9  # bytes of a process that computes features
LOADER_MEMORY = 1e9  # bytes of a training process and its loader, apart from MLX's arrays
AUGMENTATION_SPEED = 50  # hours of audio per hour and core: reverberation, the slowest kind
PREPARE_SPEED = 1000  # hours of audio per hour and core: CMVN and removal of silence
EXTRACTION_FACTOR = 3  # speed relative to training, as it is forward only
FLOPS = 1e10  # per second and core, in the back end's matrix products

Size = namedtuple("Size", "speakers utterances hours")
Size.__doc__ = "The size of a data directory."

Features = namedtuple("Features", "dim vad rate speed")
Features.__doc__ = "Dimension, whether there is a vad.scp, sampling rate in Hz, hours of audio per hour and core."

Network = namedtuple("Network", "parameters embedding slots keep frames_per_epoch epochs speed memory")
Network.__doc__ = (
    "Number of weights, dimension of the embedding, optimizer slots per weight, checkpoints kept, frames per epoch "
    "(None: one chunk of chunk_frames per utterance), epochs, frames per second, bytes of memory in training."
)

Need = namedtuple("Need", "stage words kept passing memory hours")
Need.__doc__ = "Needs of one stage: bytes of disk kept, bytes of disk used temporarily, bytes of memory, hours."


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


def estimate_stages(train, test, copies, features, network, jobs, cores):
    """Estimates the needs of stages 1 to 6 of a recipe.

    Args:
        train, test: Sizes.
        copies: number of augmented copies on disk; 0: no stage 2.
        features: a Features.
        network: a Network.
        jobs, cores: parallel jobs, and the cores they run on.

    Returns:
        list of Needs
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
    """Returns the peak number of bytes on disk."""
    kept = most = 0
    for need in needs:
        kept += need.kept
        most = max(most, kept + need.passing)
    return most
