"""Back-end directory: `mean.vec`, `transform.mat` and `plda` in Kaldi's formats, and `backend.json`."""

import contextlib
import dataclasses
import os

import numpy as np

from nnet.backend.plda import Plda
from nnet.backend.plda_file import read_plda, write_plda
from nnet.backend.transforms import Chain
from nnet.errors import InputError
from nnet.files import check_entries, make_directory, read_json, write_json
from nnet.kaldi.ark import read_matrix, read_vector, write_object

FILES = ("mean.vec", "transform.mat", "plda", "backend.json")


@dataclasses.dataclass(frozen=True)
class Backend:
    """Trained back end.

    Attributes:
        chain: transforms applied to embeddings before scoring.
        plda: PLDA model, or None for cosine scoring only.
        description: how it was trained, the content of backend.json.
    """

    chain: Chain
    plda: Plda | None
    description: dict


def write_backend(folder, backend, binary=True):
    """Writes a directory; mean and transform in single precision as Kaldi does, PLDA in double precision."""
    make_directory(folder)
    for name in FILES:  # mean.vec is removed first and written last: without it the directory is not a back end
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, name))
    description = {**backend.description, "normalize_length": backend.chain.normalize_length}
    write_json(os.path.join(folder, "backend.json"), description)
    if backend.chain.matrix is not None:
        write_object(os.path.join(folder, "transform.mat"), backend.chain.matrix.astype(np.float32), binary)
    if backend.plda is not None:
        write_plda(os.path.join(folder, "plda"), backend.plda, binary)
    write_object(os.path.join(folder, "mean.vec"), backend.chain.mean.astype(np.float32), binary)


def read_backend(folder):
    """Reads a directory written by `write_backend` or by Kaldi's programs.

    Only mean.vec is required. Without transform.mat, embeddings are centered and length-normalized only; without plda,
    only cosine scoring is possible.
    """
    paths = {name: os.path.join(folder, name) for name in FILES}
    if not os.path.exists(paths["mean.vec"]):
        raise InputError(f"{paths['mean.vec']}: no such file; is {folder} a trained back end?")
    mean = read_vector(paths["mean.vec"]).astype(np.float64)
    matrix = read_matrix(paths["transform.mat"]).astype(np.float64) if os.path.exists(paths["transform.mat"]) else None
    plda = read_plda(paths["plda"]) if os.path.exists(paths["plda"]) else None
    description = read_json(paths["backend.json"]) if os.path.exists(paths["backend.json"]) else {}
    normalize_length = description.get("normalize_length", True)
    check_entries({"normalize_length": normalize_length}, {"normalize_length": bool}, paths["backend.json"])
    return Backend(Chain(mean, matrix, normalize_length), plda, description)
