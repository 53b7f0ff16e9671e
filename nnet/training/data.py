"""Opens the data of a training: training chunks, validation batches, utterances for the EER of each epoch."""

from nnet.audio.augment import Augmenter
from nnet.config.compare import differing_keys
from nnet.cores import cores
from nnet.dataset import ChunkLoader, ValidationLoader, feature_dim
from nnet.dataset.utterances import speakers_of
from nnet.errors import InputError
from nnet.feats.front_end import feature_options
from nnet.feats.specaugment import SpecAugment
from nnet.kaldi.ark import matrix_shape, read_rows
from nnet.training.teacher import clean_training, clean_validation, taught

DEV_UTTERANCES, DEV_FRAMES = 1000, 1000


def check_features(config, train, others):
    """Returns the feature dimension.

    Raises:
        InputError: the data directories differ from each other or from the configuration in how features are computed.
    """
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


def training_loader(config, data, spk2int, group, conf):
    """Opens the training chunks, with distillation and their targets; `conf` is the content of feats_conf.json."""
    d = config.data
    chunks = {
        "source": d.source,
        "speeds": d.speeds if d.play_speeds else (),
        "batch_size": d.batch_size,
        "min_frames": d.min_frames,
        "max_frames": d.max_frames,
        "seed": config.training.seed,
        "steps_per_epoch": d.steps_per_epoch,
        "segments_per_speaker": d.segments_per_speaker,
        "sampling": d.sampling,
        "num_workers": num_workers(d, group.at_this_place()),
        "rank": group.rank,
        "num_ranks": group.size,
    }
    if d.source == "audio" and (not conf or conf["silence_removed"]):
        raise InputError(
            "data.source audio: the validation data must have a feats_conf.json, without removal of silence"
        )
    heard = {
        "conf": conf if d.dither is None else conf | {"options": conf["options"] | {"dither": d.dither}},
        "augment": augmenter(config, conf),
        "transform": SpecAugment(config.spec_augment) if config.spec_augment else None,
    }
    loader = ChunkLoader(data.path, spk2int, **chunks, **heard)
    clean = (config.distillation and config.distillation.clean) or data.path
    return taught(
        config.distillation, loader, lambda teacher: clean_training(teacher, loader, clean, spk2int, conf, **chunks)
    )


def validation_loader(config, data, spk2int):
    """Opens one fixed chunk of every utterance of a DataDir with prepared features, with distillation and targets."""
    chunks = {"batch_size": config.data.batch_size, "frames": config.data.valid_frames}
    loader = ValidationLoader(data.path, spk2int, **chunks)
    return taught(
        config.distillation, loader, lambda teacher: clean_validation(teacher, loader, data, spk2int, **chunks)
    )


def num_workers(data, processes):
    """Returns the number of loader processes: data.num_workers, or by the cores, which `processes` trainings share."""
    if data.num_workers is not None:
        return data.num_workers
    share = cores() // processes
    return max(1, min(16, share - 1) if data.source == "audio" else min(4, share // 4))


def augmenter(config, conf):
    """Returns the Augmenter for the audio of training chunks, None if the configuration has none."""
    if config.augmentation is None:
        return None
    return Augmenter(config.augmentation, int(feature_options(conf).sample_frequency))


def read_development(data):
    """Reads (speaker, features) of at most DEV_UTTERANCES evenly spaced utterances, at most DEV_FRAMES frames each."""
    utterances = sorted(data.feats)
    speakers = speakers_of(data, utterances, "feats.scp")
    out = []
    for i in range(0, len(utterances), -(-len(utterances) // DEV_UTTERANCES) or 1):
        rx = data.feats[utterances[i]]
        out.append((speakers[i], read_rows(rx, 0, min(matrix_shape(rx)[0], DEV_FRAMES))))
    return out
