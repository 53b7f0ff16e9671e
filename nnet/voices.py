"""Enrolled voices: how they are stored, and the matrix in which they are searched."""

import dataclasses
import json
import struct

import numpy as np

from nnet.backend.embeddings import unit_length
from nnet.errors import InputError
from nnet.files import check_entries, decode_text, parse_json

LENGTH = struct.Struct("<I")


@dataclasses.dataclass(frozen=True)
class Voice:
    """An enrolled voice.

    Attributes:
        name: of the speaker.
        vectors: float32 (R, D), the embeddings of its recordings, of length 1.
        durations: float64 (R,), seconds of speech in each.
    """

    name: str
    vectors: np.ndarray
    durations: np.ndarray

    @property
    def seconds(self) -> float:
        """Seconds of speech in all recordings."""
        return float(self.durations.sum())

    @property
    def vector(self) -> np.ndarray:
        """The mean of the embeddings, weighted by the seconds, of length 1: float32 (D,)."""
        return unit_length(self.durations @ self.vectors).astype(np.float32)

    def joined(self, other: "Voice") -> "Voice":
        """The voice with the recordings of another one behind its own."""
        vectors = np.concatenate([self.vectors, other.vectors])
        return Voice(self.name, vectors, np.concatenate([self.durations, other.durations]))


class Index:
    """Voices in a matrix that grows: adding one copies none of the others, but every doubling of their number all.

    Attributes:
        names: of the voices, one a row.
    """

    def __init__(self, dim: int) -> None:
        self.names: list[str] = []
        self._rows: dict[str, int] = {}
        self._vectors, self._seconds = np.empty((16, dim), np.float32), np.empty(16)

    @property
    def vectors(self) -> np.ndarray:
        """float32 (N, D), each of length 1."""
        return self._vectors[: len(self.names)]

    @property
    def seconds(self) -> np.ndarray:
        """float64 (N,), of speech."""
        return self._seconds[: len(self.names)]

    def put(self, voice: Voice) -> None:
        """Adds a voice, or replaces the one of this name."""
        row = self._rows.setdefault(voice.name, len(self.names))
        if row == len(self.names):
            self.names.append(voice.name)
        if row == len(self._seconds):
            self._vectors, self._seconds = np.tile(self._vectors, (2, 1)), np.tile(self._seconds, 2)
        self._vectors[row], self._seconds[row] = voice.vector, voice.seconds


def packed_voice(voice: Voice) -> bytes:
    """The payload of a voice's record: the length of a JSON object, the object, and the embeddings as float32."""
    about = packed({"name": voice.name, "durations": voice.durations.tolist()})
    return about + voice.vectors.astype("<f4").tobytes()


def unpacked_voice(payload: bytes, dim: int, where: str) -> Voice:
    """Reads a payload of `packed_voice`; embeddings have the dimension `dim`, and `where` is for errors."""
    values, rest = unpacked(payload, where)
    check_entries(values, {"name": str, "durations": list}, where)
    durations = np.array(values["durations"], np.float64)
    if len(rest) != 4 * dim * len(durations) or not len(durations):
        raise InputError(f"{where}: {values['name']}: damaged: {len(rest)} bytes of embeddings")
    return Voice(values["name"], np.frombuffer(rest, "<f4").reshape(len(durations), dim), durations)


def packed(values: dict) -> bytes:
    """A JSON object, and its length before it."""
    text = json.dumps(values, allow_nan=False).encode()
    return LENGTH.pack(len(text)) + text


def unpacked(payload: bytes, where: str) -> tuple[dict, bytes]:
    """Reads the object of `packed`: (object, the bytes behind it)."""
    if len(payload) < LENGTH.size:
        raise InputError(f"{where}: a record without content")
    stop = LENGTH.size + LENGTH.unpack_from(payload)[0]
    return parse_json(decode_text(payload[LENGTH.size : stop], where), where), payload[stop:]
