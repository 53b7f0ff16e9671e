"""Mutated files through the entry points of the library: archives, tables, configurations, models, back ends."""

import json
import os
from pathlib import Path

import numpy as np

from nnet.backend.calibration import Calibration, read_calibration, write_calibration
from nnet.backend.directory import Backend, read_backend, write_backend
from nnet.backend.embeddings import Enrollment, read_embeddings, read_utterances
from nnet.backend.plda import Plda
from nnet.backend.system import ScoringOptions, System, score_list
from nnet.backend.transforms import Chain
from nnet.config import load_config
from nnet.datadir.directory import DataDir
from nnet.datadir.validate import validate
from nnet.dataset import ValidationLoader, speaker_indices
from nnet.export.torch_writer import write_torch_state
from nnet.feats.front_end import FrontEnd
from nnet.feats.options import MfccOptions
from nnet.feats.vad import VadOptions, energy_vad
from nnet.kaldi.ark import read_dict, read_matrix, read_rows, write_ark
from nnet.kaldi.tables import read_table, write_table
from nnet.kaldi.trials import read_scores, read_trials, write_scores, write_trials
from nnet.metrics.error_rates import eer, error_rates
from nnet.model.directory import load_speaker_net, save_config
from nnet.model.engine import MlxEngine
from nnet.model.extraction import embed_utterance
from nnet.model.speaker_net import attach_loss, build_model
from nnet.model.weights import save_weights, weights_of
from nnet.ops import mx
from nnet.optim.schedules import Schedule
from nnet.pretrained.checkpoint import read_checkpoint
from nnet.training.checkpoints import restore_checkpoint, save_checkpoint
from tests.campaign.mutations import mutate
from tests.campaign.outcomes import outcome_of
from tests.toy_data import DIM, make_config, make_data


class Files:
    """Base of the targets: `make` writes files, `use` reads them.

    Attributes:
        whole: names of files that tell their length, so that no shortened one may pass; "" for all.
    """

    whole = ()

    def prepare(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.make()
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        self.files = {str(path): path.read_bytes() for path in paths if path.stat().st_size}
        self.expected = self.use()

    def attempt(self, rng):
        name = list(self.files)[rng.integers(len(self.files))]
        kind, data = mutate(self.files[name], rng)
        if bytes(data) == self.files[name]:
            return outcome_of(self.use, self.expected, True)
        with open(name, "wb") as file:
            file.write(data)
        try:
            must_notice = kind == "cut" and name.endswith(self.whole)
            outcome = outcome_of(self.use, self.expected, must_notice)
        finally:
            with open(name, "wb") as file:
                file.write(self.files[name])
        return outcome._replace(what=f"{kind} {os.path.relpath(name, self.folder)}: {outcome.what}")

    def path(self, name):
        return str(self.folder / name)


class Archives(Files):
    """Matrices of all kinds in archives."""

    whole = (".ark",)

    def make(self):
        rng = np.random.default_rng(0)
        m = {"a": rng.normal(size=(30, 4)).astype(np.float32), "b": rng.normal(size=(5, 4)).astype(np.float32)}
        for name, options in (("plain", {}), ("packed", {"compress": True}), ("text", {"text": True})):
            write_ark(self.path(f"{name}.ark"), m, self.path(f"{name}.scp"), **options)
        write_ark(self.path("ints.ark"), {"v": np.arange(9)}, self.path("ints.scp"), text=True)

    def use(self):
        found = []
        for name in ("plain", "packed", "text"):
            for rx in read_table(self.path(f"{name}.scp")).values():
                matrix = read_matrix(rx)
                found += [matrix, read_rows(rx, 1, 4), energy_vad(matrix, VadOptions())]
        return found + list(read_dict(self.path("ints.scp")).values())


class Tables(Files):
    """A data directory."""

    def make(self):
        self.data = self.path("data")
        make_data_dir(self.data)

    def use(self):
        data = validate(self.data, feats=False, text=False)
        return [
            *(word for _, *segment in sorted(data.segments.items()) for word in str(segment).split()),
            *data.utt2dur.values(),
            *data.utt2num_frames.values(),
            *data.wav_scp.values(),
        ]


def make_data_dir(path):
    os.makedirs(path)
    utterances = [f"s{s}-{u}" for s in range(3) for u in range(3)]
    tables = {
        "utt2spk": {u: u[:2] for u in utterances},
        "spk2utt": {f"s{s}": " ".join(u for u in utterances if u[:2] == f"s{s}") for s in range(3)},
        "segments": {u: f"r{u[:2]} {i % 3} {i % 3 + 0.8}" for i, u in enumerate(utterances)},
        "wav.scp": {f"rs{s}": f"rs{s}.wav" for s in range(3)},
        "utt2dur": dict.fromkeys(utterances, 0.8),
        "utt2num_frames": dict.fromkeys(utterances, 80),
    }
    for name, table in tables.items():
        write_table(os.path.join(path, name), table)


class Confs(Files):
    """Kaldi's configuration files, feats_conf.json, and the JSON of a system."""

    def make(self):
        self.write("mfcc.conf", "--sample-frequency=8000\n--num-ceps=8\n# a comment\n--use-energy=false\n")
        self.write("vad.conf", "--vad-energy-threshold=5.5\n--vad-frames-context=2\n")
        options = MfccOptions.from_conf(self.path("mfcc.conf"))
        conf = {"type": "mfcc", "options": options.to_dict(), "cmvn": "sliding", "silence_removed": True}
        os.makedirs(self.path("data"))
        self.write("data/feats_conf.json", json.dumps(conf | {"vad": {"vad_frames_context": 2}}))
        self.write("data/utt2spk", "a a\n")
        make_config(self.folder / "system.json")

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def use(self):
        options, vad = MfccOptions.from_conf(self.path("mfcc.conf")), VadOptions.from_conf(self.path("vad.conf"))
        front_end = FrontEnd(DataDir(self.path("data")).feats_conf)
        config = load_config(self.path("system.json"), ["training.epochs=2"])
        return [str(options), str(vad), str(front_end.options), str(front_end.vad), str(config)]


class Trials(Files):
    """A trial list and its scores."""

    def make(self):
        pairs = [(f"s{s}", f"s{t}-{u}", s == t) for s in range(4) for t in range(4) for u in range(3)]
        write_trials(self.path("trials"), pairs)
        trials = read_trials(self.path("trials"))
        write_scores(self.path("scores"), trials, np.random.default_rng(0).normal(size=len(trials)) + trials.target)

    def use(self):
        trials = read_trials(self.path("trials"))
        scores = read_scores(self.path("scores"), trials)
        return [scores, trials.target, eer(error_rates(scores, trials.target))]


class BackEnds(Files):
    """Embeddings, a back end, a calibration, and scores by them."""

    whole = (".ark", "mean.vec", "transform.mat", "plda")

    def make(self):
        rng = np.random.default_rng(0)
        vectors = {f"s{s}-{u}": rng.normal(size=6).astype(np.float32) for s in range(3) for u in range(3)}
        write_ark(self.path("xvector.ark"), vectors, self.path("xvector.scp"))
        chain = Chain(rng.normal(size=6), rng.normal(size=(4, 6)))
        plda = Plda(rng.normal(size=4), np.eye(4), np.array([4.0, 3.0, 2.0, 1.0]))
        write_backend(self.folder, Backend(chain, plda, {"dim": 4}))
        write_calibration(self.path("calibration.json"), Calibration(0.5, np.array([2.0]), 0.1), {})
        with open(self.path("pairs"), "w") as file:
            file.writelines(f"{a} {b}\n" for a in vectors for b in vectors)

    def use(self):
        utterances = read_utterances(self.folder)
        enrollment = Enrollment(utterances, np.ones(len(utterances), int))
        scores = []
        for method in ("plda", "cosine"):
            system = System(ScoringOptions(method=method), read_backend(self.folder))
            out = str(self.folder.parent / "scores")
            score_list(system, self.path("pairs"), enrollment, read_embeddings(self.path("xvector.scp")), out)
            scores.append(read_scores(out, read_trials(out, labels=False)))
        calibration, _ = read_calibration(self.path("calibration.json"))
        return [*scores, calibration.apply(scores[0][:, None])]


class Models(Files):
    """A model directory and its checkpoint."""

    whole = (".safetensors",)

    def make(self):
        config = load_config(str(make_config(self.folder.parent / "c.json")))
        self.model = build_model(config, DIM)
        attach_loss(self.model, config, 5)
        self.config, self.optimizer = config, config.optimizer.build()
        os.makedirs(self.path("exp"))
        conf = {"type": "mfcc", "options": {"num_ceps": DIM}, "cmvn": "none", "silence_removed": False}
        save_config(self.path("exp"), config, DIM, 5, conf)
        save_weights(self.path("exp/model.safetensors"), weights_of(self.model))
        sums = {"loss": 0.0, "accuracy": 0.0, "chunks": 0}
        state = {"epoch": 1, "step": 0, "best": None, "stop": False, "log": [], "sums": sums, "schedule": {}}
        save_checkpoint(self.path("exp"), self.model, self.optimizer, {"x": mx.ones(3)}, state, 2)

    def use(self):
        model, config, about = load_speaker_net(self.path("exp"))
        FrontEnd(about["feats_conf"])
        engine = MlxEngine(model, model.utterance_node(None))
        vector = embed_utterance(model, np.ones((40, DIM), np.float32), engine=engine)
        state, ema = restore_checkpoint(self.path("exp"), self.model, self.optimizer, Schedule(1, None))
        weights = [np.array(array) for array in (weights_of(self.model) | ema).values()]
        return [str(config), vector, *weights, str(state)]


class Checkpoints(Files):
    """Checkpoints of other toolkits: npz, safetensors, PyTorch."""

    whole = (".npz", ".safetensors", ".pt")

    def make(self):
        arrays = {"a.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.ones(5, np.float32)}
        np.savez(self.path("w.npz"), **arrays)
        save_weights(self.path("w.safetensors"), {name: mx.array(array) for name, array in arrays.items()})
        write_torch_state(self.path("w.pt"), arrays)
        for name, text in (("config.json", '{"model": {"bins": 80}}'), ("config.yaml", "model: {bins: 80}\n")):
            with open(self.path(name), "w") as file:
                file.write(text)

    def use(self):
        found = []
        for name in ("w.npz", "w.safetensors", "w.pt"):
            checkpoint = read_checkpoint(self.path(name))
            found += [str(checkpoint.settings), str(sorted(checkpoint.state))]
            found += [np.nan_to_num(checkpoint.state[n]) for n in sorted(checkpoint.state)]
        return found


class Loaders(Files):
    """The chunks of a training."""

    whole = (".ark",)

    def make(self):
        make_data(self.folder / "data", speakers=3, utterances=2)

    def use(self):
        data = DataDir(self.path("data"))
        with ValidationLoader(data.path, speaker_indices(data.utt2spk), batch_size=4, frames=50) as loader:
            return [array for batch in loader.epoch(0) for array in batch]


TARGETS = {
    "archives": Archives,
    "tables": Tables,
    "confs": Confs,
    "trials": Trials,
    "backends": BackEnds,
    "models": Models,
    "checkpoints": Checkpoints,
    "loaders": Loaders,
}
