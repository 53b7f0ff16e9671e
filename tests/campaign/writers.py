"""The writers of the library on a disk that fills up: an old file stays whole, and the error is one line."""

import os
import resource

import numpy as np

from nnet.audio.wav_ark import WavArkWriter
from nnet.backend.plda import Plda
from nnet.backend.plda_file import write_plda
from nnet.errors import InputError
from nnet.files import write_json
from nnet.kaldi.ark import write_ark, write_object
from nnet.kaldi.tables import write_table
from nnet.kaldi.trials import ScoreWriter
from nnet.model.weights import save_weights
from nnet.ops import mx
from tests.campaign.outcomes import REFUSED, SILENT, TRACEBACK, Outcome


def _write_scores(path, values):
    with ScoreWriter(path) as writer:
        writer.write([f"a{i}" for i in range(len(values))], ["b"] * len(values), values)


def _write_wavs(path, values):
    with WavArkWriter(path, 8000) as writer:
        writer.write("a", values.clip(-0.9, 0.9))


WRITERS = {
    "ark": lambda path, values: write_ark(path, {"a": values.reshape(-1, 10)}),
    "packed": lambda path, values: write_ark(path, {"a": values.reshape(-1, 10)}, compress=True),
    "text": lambda path, values: write_ark(path, {"a": values}, text=True),
    "object": write_object,
    "table": lambda path, values: write_table(path, dict(enumerate(values))),
    "json": lambda path, values: write_json(path, values.tolist()),
    "plda": lambda path, values: write_plda(path, Plda(values, np.outer(values, values), values**2)),
    "scores": _write_scores,
    "weights": lambda path, values: save_weights(path, {"a": mx.array(values)}),
    "wavs": _write_wavs,
}


class Writers:
    """Writes a file of every kind whole, then again with a limit of its size below what it needs."""

    def prepare(self, folder):
        os.makedirs(folder)
        self.folder = folder

    def attempt(self, rng):
        name = list(WRITERS)[rng.integers(len(WRITERS))]
        path = os.path.join(self.folder, name)
        WRITERS[name](path, rng.normal(size=200))
        with open(path, "rb") as file:
            before = file.read()
        limit = int(rng.integers(len(before) - 50))
        outcome = self._limited(name, path, rng.normal(size=200), limit)
        with open(path, "rb") as file:
            if file.read() != before:
                outcome = Outcome(SILENT, "the old file is lost")
        if os.listdir(self.folder) != [name]:
            outcome = Outcome(SILENT, f"left: {os.listdir(self.folder)}")
        os.unlink(path)
        return outcome._replace(what=f"{name} with {limit} bytes: {outcome.what}")

    def _limited(self, name, path, values, limit):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            WRITERS[name](path, values)
        except InputError as error:
            return Outcome(REFUSED, str(error))
        except Exception as error:  # whatever else is raised is what the campaign looks for
            return Outcome(TRACEBACK, repr(error))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        return Outcome(SILENT, "said to be written")


TARGETS = {"writers": Writers}
