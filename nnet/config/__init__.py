"""Reads the JSON configuration of a system into an immutable Config, and checks every key and value.

Sections with a `type` (network, pooling, loss, optimizer, schedule, each of auxiliary) take the options of that type
(nnet.config.types); the other sections have fixed keys. `--set section.key=value` overrides the JSON, which overrides
the defaults.
"""

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nnet.audio.augment import AugmentOptions
from nnet.audio.augmented_copies import check_speeds
from nnet.config.sections import DataSection, FeaturesSection, TrainingSection
from nnet.config.tf_kaldi import convert_tf_kaldi, is_tf_kaldi
from nnet.config.types import Choice, build_choice, find_class, option_names
from nnet.errors import InputError
from nnet.feats.specaugment import SpecAugmentOptions
from nnet.files import AnyPath, read_json
from nnet.kaldi.tables import read_lines
from nnet.losses.distillation import DistillationOptions
from nnet.networks.embedding import EmbeddingOptions
from nnet.optim.dropout import parse_dropout
from nnet.options import build_section, nearest

FORMAT = 1

TYPED = ("network", "pooling", "loss", "optimizer", "schedule")  # and auxiliary, a list of such sections
PLAIN = {
    "features": FeaturesSection,
    "data": DataSection,
    "embedding": EmbeddingOptions,
    "training": TrainingSection,
}
# Sections that may be absent: no augmentation, no SpecAugment, no teacher.
OPTIONAL = {
    "augmentation": AugmentOptions,
    "spec_augment": SpecAugmentOptions,
    "distillation": DistillationOptions,
}


@dataclass(frozen=True)
class Config:
    """A complete configuration with all values checked and defaults filled in.

    >>> nnet.load_config("nnet_conf/xvector.json").network.type
    'tdnn'
    """

    features: FeaturesSection
    data: DataSection
    network: Choice
    pooling: Choice
    embedding: EmbeddingOptions
    loss: Choice
    optimizer: Choice
    schedule: Choice
    training: TrainingSection
    auxiliary: tuple[Choice, ...] = field(default=())
    augmentation: AugmentOptions | None = None
    spec_augment: SpecAugmentOptions | None = None
    distillation: DistillationOptions | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns the configuration as a JSON object, including all defaults."""
        out: dict[str, Any] = {"format": FORMAT}
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            out[f.name] = [_plain(v) for v in value] if f.name == "auxiliary" else _plain(value)
        return out


def _plain(value):
    if isinstance(value, Choice):
        return value.to_dict()
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value


def load_config(path: AnyPath, overrides: Iterable[str] = ()) -> Config:
    """Reads a configuration file.

    >>> config = nnet.load_config("nnet_conf/xvector.json", ["training.epochs=2"])
    >>> config.training.epochs
    2

    Args:
        path: a JSON file with the sections of `Config`, a flat one of tf-kaldi-speaker (with `network_type`), or the
            config.json of a model directory, whose key `model` is ignored.
        overrides: strings `section.key=value`, or several of them separated by spaces; the value is JSON, a bare word
            or a list of bare words, [a,b].

    Raises:
        InputError: no such file, not JSON, or an unknown key, a wrong type or a value out of range.
    """
    path = os.fspath(path)
    if not os.path.exists(path):
        raise InputError(f"{path}: no such configuration; nnet_conf/ holds examples")
    values = read_json(path)
    values.pop("model", None)
    if is_tf_kaldi(values):
        values = convert_tf_kaldi(values, path)
    for override in (word for words in overrides for word in _split_overrides(words)):
        _apply_override(values, override)
    config = build_config(values, path)
    _check_for_training(config, path)
    return config


def build_config(values, path):
    """Makes a Config from a dict of sections; `path` names it in errors, and relative paths start from its folder."""
    values = dict(values)
    if values.pop("format", FORMAT) != FORMAT:
        raise InputError(f"{path}: this version reads configurations of format {FORMAT} only; update the toolkit")
    known = [f.name for f in dataclasses.fields(Config)]
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{path}: {key} is not a known section{nearest(key, known)}")
        _check_shape(key, value, path)
    sections = {n: build_choice(n, values.get(n, {}), f"{path}: {n}") for n in TYPED}
    sections |= {n: build_section(PLAIN[n], values.get(n, {}), f"{path}: {n}") for n in PLAIN}
    sections |= {
        n: build_section(c, values[n], f"{path}: {n}") for n, c in OPTIONAL.items() if values.get(n) is not None
    }
    auxiliary = tuple(
        build_choice("auxiliary", v, f"{path}: auxiliary[{i}]") for i, v in enumerate(values.get("auxiliary", ()))
    )
    config = Config(**sections, auxiliary=auxiliary, note=values.get("note", ""))
    config = _read_rates(config, path)
    _check_combinations(config, path)
    return config


def _check_shape(key, value, path):
    if key == "note":
        if not isinstance(value, str):
            raise InputError(f"{path}: note must be a string, not {value!r}")
    elif key == "auxiliary":
        if not isinstance(value, (list, tuple)):
            raise InputError(f"{path}: auxiliary must be a list of objects, not {value!r}")
    elif not isinstance(value, dict) and not (key in OPTIONAL and value is None):
        raise InputError(f"{path}: {key} must be an object {{...}}, not {value!r}")


def _split_overrides(words):
    """Splits at the spaces before each `section.key=`, so that JSON values may contain spaces."""
    return re.split(r"\s+(?=[a-z]\w*(?:\.\w+)?=)", words.strip()) if words.strip() else []


def _apply_override(values, override):
    name, equals, text = override.partition("=")
    section, _, key = name.partition(".")
    known = [f.name for f in dataclasses.fields(Config)]
    if not equals or not section:
        raise InputError(f"--set {override}: write section.key=value, such as --set optimizer.type=adam")
    if section not in known:
        raise InputError(f"--set {override}: {section} is not a known section{nearest(section, known)}")
    value = _override_value(text)
    if not key:
        values[section] = value
        return
    if section in ("auxiliary", "note"):
        raise InputError(f"--set {override}: {section} is set as a whole, --set '{section}=...'")
    current = dict(values.get(section) or {})
    if key == "type" and section in TYPED and value != current.get("type"):
        # A new type keeps the options that it shares with the old one; the others would be unknown keys.
        own = option_names(find_class(section, value, f"--set {override}: {section}.type"))
        current = {k: v for k, v in current.items() if k in own}
    if (section, key) == ("schedule", "file"):
        current.pop("rates", None)  # those of the file that it names instead
    values[section] = current | {key: value}


def _override_value(text):
    """Parses JSON, a list [a,b] of bare words (a shell strips the quotes), or a bare word."""
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(f"--set: brackets are nested too deeply: {text[:20]}") from None
    except ValueError:
        if text.startswith("[") and text.endswith("]"):
            return [_override_value(word.strip()) for word in text[1:-1].split(",")]
        return text


def _read_rates(config, path):
    """Reads the file of a fixed schedule into the configuration, so that a model directory does not depend on it."""
    options = config.schedule.options
    if config.schedule.type != "file":
        return config
    rates = options.rates or _rates_of_file(options.file, path)
    if len(rates) < config.training.epochs:
        raise InputError(
            f"{path}: schedule.{f'file {options.file}' if options.file else 'rates'} has {len(rates)} rates for "
            f"training.epochs {config.training.epochs}; add some or lower the epochs"
        )
    schedule = dataclasses.replace(options, file=os.path.basename(options.file), rates=rates)
    return dataclasses.replace(config, schedule=dataclasses.replace(config.schedule, options=schedule))


def _rates_of_file(name, path):
    if not name:
        raise InputError(f"{path}: schedule.file is missing: give a file with one learning rate per line")
    candidates = [os.path.join(os.path.dirname(path), name), name]
    found = next((c for c in candidates if os.path.isfile(c)), None)
    if found is None:
        raise InputError(f"{path}: schedule.file {name} not found, neither beside the configuration nor in this folder")
    rates = []
    for number, line in read_lines(found):
        try:
            rates += [float(line)] if line else []
        except ValueError:
            raise InputError(f"{found}:{number}: {line!r} is not a learning rate") from None
        if rates and not 0 <= rates[-1] < math.inf:
            raise InputError(f"{found}:{number}: {line!r} is not a learning rate")
    return tuple(rates)


def _check_combinations(config, path):
    data, training, embedding = config.data, config.training, config.embedding
    if data.min_frames > data.max_frames:
        raise InputError(f"{path}: data.min_frames {data.min_frames} is above data.max_frames {data.max_frames}")
    if data.batch_size % data.segments_per_speaker:
        raise InputError(
            f"{path}: data.batch_size {data.batch_size} must be a multiple of data.segments_per_speaker "
            f"{data.segments_per_speaker}"
        )
    if training.average_checkpoints > training.keep_checkpoints:
        raise InputError(
            f"{path}: training.average_checkpoints {training.average_checkpoints} needs at least as many "
            f"training.keep_checkpoints, not {training.keep_checkpoints}"
        )
    needs = {"augmentation": config.augmentation, "data.speeds": data.speeds, "data.dither": data.dither is not None}
    what = next((name for name, needed in needs.items() if needed), None)
    if what and data.source != "audio":
        raise InputError(f"{path}: {what} needs audio: set data.source to audio, or remove it")
    if data.dither and config.features.type == "mel":
        raise InputError(f"{path}: data.dither {data.dither:g}: features of type mel have no dither; remove it")
    if not embedding.dims:
        raise InputError(f"{path}: embedding.dims is empty; give at least one width, such as [256]")
    if training.average_checkpoints and training.ema:
        raise InputError(f"{path}: training.average_checkpoints and training.ema both average weights; choose one")
    share = getattr(config.loss.options, "sample_classes", 1.0)
    if share < 1 and any(choice.type == "mhe" for choice in config.auxiliary):
        raise InputError(f"{path}: auxiliary type mhe is about all classes: remove it, or loss.sample_classes {share}")
    _check_distillation(config, path)
    if training.dropout is not None:
        parse_dropout(training.dropout, f"{path}: training.dropout")
    schedule = config.schedule.options
    final = getattr(schedule, "final_learning_rate", None)
    if final is not None and final > schedule.learning_rate:
        raise InputError(
            f"{path}: schedule.final_learning_rate {final} is above learning_rate {schedule.learning_rate}"
        )


def _check_for_training(config, path):
    """Refuses what models of earlier versions may have been trained with; these can still be read."""
    check_speeds(config.data.speeds, f"{path}: data.speeds")
    if config.training.ema == 1:
        raise InputError(f"{path}: training.ema 1 would keep the first weights for ever; choose a decay below 1")


def _check_distillation(config, path):
    section = config.distillation
    if section and (section.teacher is None) == (section.embeddings is None):
        raise InputError(
            f"{path}: distillation: give either teacher, a model directory, or embeddings, a folder of kept ones"
        )
    if section and section.embeddings:
        for key in ("frames", "clean"):
            if getattr(section, key):
                raise InputError(f"{path}: distillation.{key} needs distillation.teacher, not kept embeddings")
    if config.loss.type == "none" and not (section or config.auxiliary):
        raise InputError(f"{path}: loss.type none trains nothing: add the section distillation, or auxiliary losses")
