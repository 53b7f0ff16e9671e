"""Speaker verification with Kaldi's files and MLX's networks: what a notebook needs.

>>> model = nnet.load_model("exp/xvector")
>>> score = nnet.cosine(model.embed_file("a.wav"), model.embed_file("b.wav"))

Every name is loaded when it is first used: importing nnet alone starts nothing and loads neither MLX nor SciPy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; _NAMES says the same to the interpreter
    from nnet.audio.reading import read_audio as read_audio
    from nnet.backend.plda import Plda as Plda
    from nnet.backend.plda import train_plda as train_plda
    from nnet.backend.plda_file import read_plda as read_plda
    from nnet.backend.plda_file import write_plda as write_plda
    from nnet.backend.scoring import Scorer as Scorer
    from nnet.backend.scoring import cosine_scorer as cosine_scorer
    from nnet.backend.scoring import plda_scorer as plda_scorer
    from nnet.backend.statistics import class_statistics as class_statistics
    from nnet.config import Config as Config
    from nnet.config import load_config as load_config
    from nnet.datadir.directory import DataDir as DataDir
    from nnet.errors import InputError as InputError
    from nnet.feats.cmvn import sliding_cmvn as sliding_cmvn
    from nnet.feats.options import FbankOptions as FbankOptions
    from nnet.feats.options import MfccOptions as MfccOptions
    from nnet.feats.spectrum import compute_fbank as compute_fbank
    from nnet.feats.spectrum import compute_mfcc as compute_mfcc
    from nnet.feats.vad import VadOptions as VadOptions
    from nnet.feats.vad import energy_vad as energy_vad
    from nnet.gallery import Gallery as Gallery
    from nnet.kaldi.ark import ArkWriter as ArkWriter
    from nnet.kaldi.ark import read_ark as read_ark
    from nnet.kaldi.ark import read_matrix as read_matrix
    from nnet.kaldi.ark import read_vector as read_vector
    from nnet.kaldi.ark import write_ark as write_ark
    from nnet.kaldi.tables import read_table as read_table
    from nnet.kaldi.tables import write_table as write_table
    from nnet.kaldi.trials import Trials as Trials
    from nnet.kaldi.trials import read_scores as read_scores
    from nnet.kaldi.trials import read_trials as read_trials
    from nnet.kaldi.trials import write_scores as write_scores
    from nnet.metrics.costs import Cost as Cost
    from nnet.metrics.costs import OperatingPoint as OperatingPoint
    from nnet.metrics.costs import min_dcf as min_dcf
    from nnet.metrics.error_rates import ErrorRates as ErrorRates
    from nnet.metrics.error_rates import eer as eer
    from nnet.metrics.error_rates import error_rates as error_rates
    from nnet.model.embedder import Embedder as Embedder
    from nnet.model.embedder import cosine as cosine
    from nnet.model.embedder import load_model as load_model
    from nnet.model.speaker_net import SpeakerNet as SpeakerNet
    from nnet.model.speaker_net import build_model as build_model
    from nnet.training.train import train as train

__version__ = "0.2.0.dev0"

_NAMES = {
    "nnet.audio.reading": ("read_audio",),
    "nnet.backend.plda": ("Plda", "train_plda"),
    "nnet.backend.plda_file": ("read_plda", "write_plda"),
    "nnet.backend.scoring": ("Scorer", "cosine_scorer", "plda_scorer"),
    "nnet.backend.statistics": ("class_statistics",),
    "nnet.config": ("Config", "load_config"),
    "nnet.datadir.directory": ("DataDir",),
    "nnet.errors": ("InputError",),
    "nnet.feats.cmvn": ("sliding_cmvn",),
    "nnet.feats.options": ("FbankOptions", "MfccOptions"),
    "nnet.feats.spectrum": ("compute_fbank", "compute_mfcc"),
    "nnet.feats.vad": ("VadOptions", "energy_vad"),
    "nnet.gallery": ("Gallery",),
    "nnet.kaldi.ark": ("ArkWriter", "read_ark", "read_matrix", "read_vector", "write_ark"),
    "nnet.kaldi.tables": ("read_table", "write_table"),
    "nnet.kaldi.trials": ("Trials", "read_scores", "read_trials", "write_scores"),
    "nnet.metrics.costs": ("Cost", "OperatingPoint", "min_dcf"),
    "nnet.metrics.error_rates": ("ErrorRates", "eer", "error_rates"),
    "nnet.model.embedder": ("Embedder", "cosine", "load_model"),
    "nnet.model.speaker_net": ("SpeakerNet", "build_model"),
    "nnet.training.train": ("train",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
