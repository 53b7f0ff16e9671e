"""The targets of the campaign by name, and the random numbers of an attempt."""

import zlib

import numpy as np

from tests.campaign import audio, files, recipe, voxceleb, writers

LIBRARY = {**files.TARGETS, **audio.TARGETS, **writers.TARGETS}  # attempts of milliseconds
SCRIPTS = recipe.TARGETS  # attempts of many seconds
TARGETS = {**LIBRARY, **SCRIPTS}  # those that run by default
ALL = {**TARGETS, **recipe.ROOT_TARGETS, **voxceleb.TARGETS}  # minutes an attempt, or root, are needed


def generator(seed, name, attempt):
    """Returns the numpy Generator of one attempt on the target `name`."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), attempt])
