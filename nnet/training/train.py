"""Trains a network from a configuration and data directories into a model directory."""

import contextlib
import os

from nnet.config import Config
from nnet.config.compare import differing_keys, differing_settings
from nnet.datadir.directory import DataDir, read_table, write_table
from nnet.dataset import speaker_indices
from nnet.dataset.audio import with_speeds
from nnet.errors import InputError
from nnet.locks import locked
from nnet.model.directory import list_checkpoints, read_config, save_config
from nnet.model.speaker_net import SpeakerNet, attach_loss, build_model
from nnet.ops import mx
from nnet.training.data import check_features, read_development, training_loader, validation_loader
from nnet.training.distributed import Group
from nnet.training.finetune import check_same_front_end, initialize_from
from nnet.training.trainer import Trainer


def train(
    config: Config,
    train_data: str | os.PathLike,
    valid_data: str | os.PathLike,
    directory: str | os.PathLike,
    *,
    dev_data: str | os.PathLike | None = None,
    init: str | os.PathLike | None = None,
    resume: bool = False,
) -> None:
    """Trains a network; the model directory holds the best weights, checkpoints and log.jsonl.

    >>> config = nnet.load_config("nnet_conf/xvector.json", ["training.epochs=2", "data.steps_per_epoch=3"])
    >>> nnet.train(config, "data/train", "data/valid", "exp/new")

    Args:
        config: the configuration.
        train_data: data directory of prepared features or, with data.source audio, of recordings.
        valid_data: data directory with prepared features of other utterances of the same speakers (of any, if the loss
            uses no labels).
        directory: the model directory to write.
        dev_data: data directory of held-out speakers, for the EER of each epoch; None: valid_data.
        init: a model directory whose weights the training starts from.
        resume: continue from the last checkpoint of `directory` if there is one.

    Raises:
        InputError: data directories that do not match each other, the configuration or `init`; or `directory` holds
            another training, or another process trains there now.
    """
    directory = os.fspath(directory)
    data, valid = DataDir(train_data), DataDir(valid_data)
    dev = DataDir(dev_data) if dev_data else valid
    # With data.source audio, training features are computed with the options of the validation data's.
    measured = data if config.data.source == "feats" else valid
    dim = check_features(config, measured, [valid, dev])
    if init:
        check_same_front_end(init, measured.feats_conf, measured.path)
    utt2spk = with_speeds(data.utt2spk, config.data.speeds)
    if not getattr(config.loss.cls, "uses_labels", True):
        utt2spk |= valid.utt2spk
    spk2int = speaker_indices(utt2spk)
    group = Group()
    with contextlib.ExitStack() as opened:
        if group.is_main:
            opened.enter_context(locked(directory))
            _prepare_directory(directory, resume, config, dim, spk2int, measured, group.size)
        dev_utterances = read_development(dev) if group.is_main else []
        loader = opened.enter_context(training_loader(config, data, spk2int, group, measured.feats_conf))
        valid_loader = opened.enter_context(validation_loader(config, valid, spk2int))
        model = new_model(config, dim, len(spk2int), f"{directory}/config.json", loader.target_dims, group.size)
        trainer = Trainer(model, config, directory, loader, valid_loader, dev_utterances, group)
        if not (resume and trainer.resume()) and init:
            initialize_from(model, init, config.training.drop)
        trainer.run()


def new_model(
    config: Config, dim: int, num_speakers: int, where: str, target_dims: tuple | None, processes: int = 1
) -> SpeakerNet:
    """Builds a SpeakerNet with its loss; InputError if chunks are too short for it, or a batch too small.

    Args:
        config, dim, num_speakers: the Config, the dimension of the features, the classes.
        where: names the configuration in errors.
        target_dims: as for `nnet.model.speaker_net.attach_loss`.
        processes: processes that share a batch.
    """
    mx.random.seed(config.training.seed)
    model = build_model(config, dim)
    attach_loss(model, config, num_speakers, target_dims)
    need = model.loss.min_segments_per_speaker
    if config.data.segments_per_speaker < need:
        raise InputError(f"{where}: loss {config.loss.type} needs data.segments_per_speaker of at least {need}")
    if need > 1 and config.data.batch_size // processes < 2 * config.data.segments_per_speaker:
        share = f" of each of {processes} processes" * (processes > 1)
        raise InputError(
            f"{where}: loss {config.loss.type} compares speakers, but the batch{share} has only one; raise "
            "data.batch_size, or lower data.segments_per_speaker"
        )
    frames = model.network.min_frames
    if min(config.data.min_frames, config.data.valid_frames) < frames:
        raise InputError(f"{where}: data.min_frames and valid_frames must be at least the network's {frames} frames")
    return model


def _prepare_directory(
    directory: str, resume: bool, config: Config, dim: int, spk2int: dict[str, int], data: DataDir, processes: int
) -> None:
    """Writes spk2int and config.json, which a resume compares; refuses a directory that holds another training."""
    if list_checkpoints(directory):
        if not resume:
            raise InputError(
                f"{directory} already holds a training; continue it with --resume true, or remove the folder"
            )
        _check_same_training(directory, config, spk2int, data, processes)
    elif os.path.exists(os.path.join(directory, "model.safetensors")):
        interrupted = not os.path.exists(os.path.join(directory, "log.jsonl"))
        if not (resume and interrupted):
            raise InputError(
                f"{directory} holds a model, but no checkpoint to continue from: "
                f"{'train again with --resume true, ' * interrupted}train into another folder or remove it"
            )
        _check_same_training(directory, config, spk2int, data, processes)  # killed before its first checkpoint
    write_table(os.path.join(directory, "spk2int"), {s: str(i) for s, i in spk2int.items()}, durable=True)
    save_config(directory, config, dim, len(spk2int), data.feats_conf)


def _check_same_training(
    directory: str, config: Config, spk2int: dict[str, int], data: DataDir, processes: int
) -> None:
    """Refuses to resume with another configuration, speakers or features; keys added since count as default."""
    old, about = read_config(directory)
    changed = differing_settings(old.to_dict(), config.to_dict(), processes)
    if changed:
        raise InputError(
            f"{directory}/config.json: cannot resume with different {', '.join(changed)}; train into another folder"
        )
    if read_table(os.path.join(directory, "spk2int")) != {s: str(i) for s, i in spk2int.items()}:
        raise InputError(f"{directory}/spk2int: cannot resume with different speakers; train into another folder")
    if about["feats_conf"] != data.feats_conf:
        keys = ", ".join(differing_keys(about["feats_conf"] or {}, data.feats_conf or {}))
        raise InputError(f"{data.path}: cannot resume {directory} with features that differ in {keys}")
