"""Trains a network.

CONFIG.json is a file of nnet_conf/; TRAIN_DATA and VALID_DATA are data directories as steps/prepare_feats.sh and
steps/split_train_valid.sh make them; MODELDIR receives config.json, model.safetensors (the best weights), checkpoints/,
spk2int and log.jsonl.
"""

import logging
import os

from nnet.audio.augment import Augmenter
from nnet.bin.cli import boolean, parser, run
from nnet.config import load_config
from nnet.config.compare import differing_keys
from nnet.datadir.directory import DataDir, read_table, write_table
from nnet.dataset import ChunkLoader, ValidationLoader, feature_dim, speaker_indices
from nnet.dataset.audio import with_speeds
from nnet.errors import InputError
from nnet.feats.specaugment import SpecAugment
from nnet.kaldi.ark import matrix_shape, read_rows
from nnet.model.directory import list_checkpoints, read_config, save_config
from nnet.model.speaker_net import attach_loss, build_model
from nnet.ops import mx
from nnet.training.distributed import Group
from nnet.training.finetune import check_same_front_end, take_over
from nnet.training.trainer import Trainer

log = logging.getLogger(__name__)

DEV_UTTERANCES, DEV_FRAMES = 1000, 1000


def main(argv=None):
    args = make_parser().parse_args(argv)
    config = load_config(args.config, args.set)
    data, valid = DataDir(args.train_data), DataDir(args.valid_data)
    # Features that are made on the fly are made as those of the validation data were.
    measured = data if config.data.source == "feats" else valid
    dim = check_features(config, measured, [valid, *([DataDir(args.dev)] if args.dev else [])])
    if args.init:
        check_same_front_end(args.init, measured.feats_conf, measured.path)
    spk2int = speaker_indices(with_speeds(data.utt2spk, config.data.speeds))
    group = Group()
    if group.first:
        prepare_directory(args, config, dim, spk2int, measured)
    dev = read_development(DataDir(args.dev) if args.dev else valid) if group.first else []
    with (
        training_loader(config, data, spk2int, group, measured.feats_conf) as loader,
        validation_loader(config, args, spk2int) as valid_loader,
    ):
        train(args, config, dim, len(spk2int), (loader, valid_loader, dev, group))


def make_parser():
    p = parser(__doc__)
    p.add_argument("--init", metavar="MODELDIR", help="start from the weights of this model")
    p.add_argument(
        "--resume", type=boolean, default=False, help="go on from the last checkpoint of MODELDIR if there is one"
    )
    p.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="overrides the configuration"
    )
    p.add_argument("--dev", metavar="DATA", help="held-out speakers for the EER of each epoch; without it, VALID_DATA")
    p.add_argument("config", metavar="CONFIG.json")
    p.add_argument("train_data", metavar="TRAIN_DATA")
    p.add_argument("valid_data", metavar="VALID_DATA")
    p.add_argument("model_dir", metavar="MODELDIR")
    return p


def check_features(config, train, others):
    """The dimension of the features, the same in all data directories and as the configuration expects it."""
    dim, conf = feature_dim(train), train.feats_conf
    for data in others:
        if feature_dim(data) != dim:
            raise InputError(f"{data.path}: features have {feature_dim(data)} dimensions, those of {train.path} {dim}")
        if data.feats_conf != conf:
            keys = ", ".join(differing_keys(conf or {}, data.feats_conf or {}))
            raise InputError(f"{data.path}: feats_conf.json differs from that of {train.path} in {keys}")
    expected = config.features
    if expected.dim not in (None, dim):
        raise InputError(
            f"{train.path}: features have {dim} dimensions, features.dim of the configuration is {expected.dim}"
        )
    if expected.type and conf and conf["type"] != expected.type:
        raise InputError(
            f"{train.path}: features are {conf['type']}, features.type of the configuration is {expected.type}"
        )
    return dim


def prepare_directory(args, config, dim, spk2int, data):
    """Refuses to mix two trainings in one directory; writes spk2int and config.json."""
    directory = args.model_dir
    if list_checkpoints(directory):
        if not args.resume:
            raise InputError(
                f"{directory} holds a training already; --resume true goes on with it, or remove the folder"
            )
        check_same_training(directory, config, spk2int, data)
    os.makedirs(directory, exist_ok=True)
    write_table(os.path.join(directory, "spk2int"), {s: str(i) for s, i in spk2int.items()})
    save_config(directory, config, dim, len(spk2int), data.feats_conf)


def check_same_training(directory, config, spk2int, data):
    """A resumed training must be the same training; keys that it did not know yet have their defaults."""
    old, about = read_config(directory)
    old, new = old.to_dict(), config.to_dict()
    free = {"training.log_every", "training.keep_checkpoints", "training.save_every", "data.num_workers", "note"}
    changed = [k for k in differing_keys(old, new) if k not in free]
    if changed:
        raise InputError(
            f"{directory}/config.json: cannot resume with another {', '.join(changed)}; train into another folder"
        )
    if read_table(os.path.join(directory, "spk2int")) != {s: str(i) for s, i in spk2int.items()}:
        raise InputError(f"{directory}/spk2int: cannot resume with other speakers; train into another folder")
    if about["feats_conf"] != data.feats_conf:
        keys = ", ".join(differing_keys(about["feats_conf"] or {}, data.feats_conf or {}))
        raise InputError(f"{data.path}: cannot resume {directory} with features of another {keys}")


def training_loader(config, data, spk2int, group, conf):
    d = config.data
    return ChunkLoader(
        data.path,
        spk2int,
        source=d.source,
        conf=conf,
        augment=augmenter(config, conf),
        speeds=d.speeds,
        transform=SpecAugment(config.spec_augment) if config.spec_augment else None,
        batch_size=d.batch_size,
        min_frames=d.min_frames,
        max_frames=d.max_frames,
        seed=config.training.seed,
        steps_per_epoch=d.steps_per_epoch,
        segments_per_speaker=d.segments_per_speaker,
        sampling=d.sampling,
        num_workers=d.num_workers,
        rank=group.rank,
        num_ranks=group.size,
    )


def augmenter(config, conf):
    """What is done to the audio of a chunk, or None."""
    if config.data.source == "audio" and (not conf or conf["silence_removed"]):
        raise InputError(
            "data.source audio: the validation data must say how features are made, with no silence removed"
        )
    if config.augmentation is None:
        return None
    return Augmenter(config.augmentation, int(conf["options"]["sample_frequency"]))


def validation_loader(config, args, spk2int):
    d = config.data
    return ValidationLoader(args.valid_data, spk2int, batch_size=d.batch_size, frames=d.valid_frames)


def read_development(data):
    """(speaker, features) of at most DEV_UTTERANCES utterances, evenly spread, at most DEV_FRAMES frames each."""
    utterances = sorted(data.feats)
    utterances = utterances[:: -(-len(utterances) // DEV_UTTERANCES)]
    out = []
    for utterance in utterances:
        rx = data.feats[utterance]
        out.append((data.utt2spk[utterance], read_rows(rx, 0, min(matrix_shape(rx)[0], DEV_FRAMES))))
    return out


def train(args, config, dim, num_speakers, parts):
    mx.random.seed(config.training.seed)
    model = build_model(config, dim)
    attach_loss(model, config, num_speakers)
    need = model.loss.min_segments_per_speaker
    if config.data.segments_per_speaker < need:
        raise InputError(f"{args.config}: loss {config.loss.type} needs data.segments_per_speaker of at least {need}")
    frames = model.network.min_frames
    if min(config.data.min_frames, config.data.valid_frames) < frames:
        raise InputError(
            f"{args.config}: data.min_frames and valid_frames must be at least the network's {frames} frames"
        )
    trainer = Trainer(model, config, args.model_dir, *parts)
    if not (args.resume and trainer.resume()) and args.init:
        take_over(model, args.init, config.training.drop)
    trainer.run()


if __name__ == "__main__":
    run(main)
