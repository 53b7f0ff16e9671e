"""Random generators seeded by names, so that results depend neither on the order of work nor on the number of jobs."""

import hashlib

import numpy as np


def generator(seed, *names):
    """Returns a numpy Generator seeded by `(seed, names...)`, the same on every machine and in every process.

    Args:
        seed: an integer.
        names: strings or integers, such as an utterance id and the type of its augmentation.
    """
    digest = hashlib.blake2b("\n".join(map(str, (seed, *names))).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))
