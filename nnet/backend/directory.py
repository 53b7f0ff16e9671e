"""A back end as a folder: `mean.vec`, `transform.mat` and `plda` in Kaldi's formats, and `backend.json` beside them."""

import contextlib
import dataclasses
import json
import os

import numpy as np

from nnet.backend.plda import Plda
from nnet.backend.plda_file import read_plda, write_plda
from nnet.backend.transforms import Chain
from nnet.errors import InputError
from nnet.files import atomic_write, make_directory
from nnet.kaldi.ark import read_matrix, read_vector, write_object

FILES = ("mean.vec", "transform.mat", "plda", "backend.json")


@dataclasses.dataclass(frozen=True)
class Backend:
    """What turns embeddings into scores.

    Attributes:
        chain: the transforms that come before every score.
        plda: the model, or None where only cosine is meant.
        description: how it was trained, as it stands in backend.json.
    """

    chain: Chain
    plda: Plda | None
    description: dict


def write_backend(folder, backend, binary=True):
    """Writes the folder; mean and matrix are stored in single precision as Kaldi does, the PLDA model in double."""
    make_directory(folder)
    for name in FILES:  # mean.vec goes first and comes last: without it the folder is no back end
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, name))
    with atomic_write(os.path.join(folder, "backend.json")) as file:
        json.dump({**backend.description, "normalize_length": backend.chain.normalize_length}, file, indent=2)
        file.write("\n")
    if backend.chain.matrix is not None:
        write_object(os.path.join(folder, "transform.mat"), backend.chain.matrix.astype(np.float32), binary)
    if backend.plda is not None:
        write_plda(os.path.join(folder, "plda"), backend.plda, binary)
    write_object(os.path.join(folder, "mean.vec"), backend.chain.mean.astype(np.float32), binary)


def read_backend(folder):
    """Reads a folder that `write_backend` or Kaldi's programs filled.

    Only mean.vec must be there; without transform.mat vectors are centred and scaled, without plda only cosine works.
    """
    paths = {name: os.path.join(folder, name) for name in FILES}
    if not os.path.exists(paths["mean.vec"]):
        raise InputError(f"{paths['mean.vec']}: no such file; is {folder} a trained back end?")
    mean = read_vector(paths["mean.vec"]).astype(np.float64)
    matrix = read_matrix(paths["transform.mat"]).astype(np.float64) if os.path.exists(paths["transform.mat"]) else None
    plda = read_plda(paths["plda"]) if os.path.exists(paths["plda"]) else None
    description = _read_json(paths["backend.json"]) if os.path.exists(paths["backend.json"]) else {}
    return Backend(Chain(mean, matrix, description.get("normalize_length", True)), plda, description)


def _read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except ValueError as error:
        raise InputError(f"{path}: is not JSON ({error})") from None
