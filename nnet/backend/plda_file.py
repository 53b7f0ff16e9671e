"""PLDA models in Kaldi's file format, binary and text."""

import io

import numpy as np

from nnet.backend.plda import Plda
from nnet.errors import InputError
from nnet.files import AnyPath, atomic_write
from nnet.kaldi import matrices
from nnet.kaldi.streams import StreamReader, open_stream

OPEN, CLOSE = b"<Plda>", b"</Plda>"


def read_plda(path: str) -> Plda:
    """Reads a model written by ivector-compute-plda, ivector-adapt-plda or `write_plda`.

    >>> nnet.write_plda("plda", nnet.Plda(np.zeros(2), np.eye(2), np.array([4.0, 1.0])))
    >>> nnet.read_plda("plda").psi.tolist()
    [4.0, 1.0]
    """
    with open_stream(path) as stream:
        reader = StreamReader(stream, path)
        binary = reader.peek(2) == matrices.BINARY_MARK
        if binary:
            reader.read(len(matrices.BINARY_MARK))
        _expect(reader, OPEN + b" ")
        mean, transform, psi = (_read_array(reader, binary) for _ in range(3))
        _expect(reader, CLOSE)
    shapes = mean.shape, transform.shape, psi.shape
    if shapes != ((len(psi),), (len(psi), len(psi)), (len(psi),)):
        raise InputError(f"{path}: mean, transform and psi have inconsistent shapes {shapes}")
    if (psi < 0).any():
        raise InputError(f"{path}: psi holds a negative variance, {psi.min():g}")
    return Plda(mean.astype(float), transform.astype(float), psi.astype(float))


def write_plda(path: AnyPath, plda: Plda, binary: bool = True) -> None:
    """Writes a model atomically, in Kaldi's binary or text format.

    >>> nnet.write_plda("plda.txt", nnet.Plda(np.zeros(2), np.eye(2), np.array([4.0, 1.0])), binary=False)
    """
    for array in (plda.mean, plda.transform, plda.psi):
        matrices.check_finite(array, path)
    mark = matrices.BINARY_MARK if binary else b""
    with atomic_write(path, binary=True) as file:
        file.write(mark + OPEN + b" ")
        for array in (plda.mean, plda.transform, plda.psi):
            part = io.BytesIO()
            (matrices.write_binary if binary else matrices.write_text)(part, array)
            file.write(part.getvalue()[len(mark) :])  # the mark occurs once, before <Plda>
        file.write(CLOSE + b" ")


def _expect(reader: StreamReader, token: bytes) -> None:
    word = reader.read(len(token))
    if word != token:
        reader.fail(f"not a Kaldi PLDA model: expected {token.decode().strip()}, found {word!r}")


def _read_array(reader: StreamReader, binary: bool) -> np.ndarray:
    if binary:
        reader.push(matrices.BINARY_MARK)
    return matrices.read_object(reader)
