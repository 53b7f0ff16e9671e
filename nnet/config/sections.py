"""Defines the sections features, data and training of a configuration."""

from dataclasses import dataclass

from nnet.feats.options import FEATURE_OPTIONS
from nnet.options import option


@dataclass(frozen=True)
class FeaturesSection:
    """The features that the network expects; the data directory records how they were computed."""

    type: str | None = option(None, "Required kind of features; null: any.", choices=tuple(FEATURE_OPTIONS))
    dim: int | None = option(None, "Required feature dimension; null: that of the training data.", low=1)


@dataclass(frozen=True)
class DataSection:
    """How training batches are drawn, on the fly, from feats.scp or from the audio itself."""

    source: str = option(
        "feats",
        "feats: chunks of the features in feats.scp; audio: chunks of the recordings, with features computed on the "
        "fly by the options of the validation data's features.",
        choices=("feats", "audio"),
    )
    speeds: tuple[float, ...] = option(
        (),
        "For audio: speed perturbation; each speed adds a copy of every speaker as a new speaker. An utterance counts "
        "once in an epoch, at a random one of its speeds.",
        low=0.5,
        high=2,
    )
    play_speeds: bool = option(
        True,
        "false: the speakers that data.speeds adds stay outputs of the loss, but their copies are not drawn, as in "
        "large-margin fine-tuning.",
    )
    dither: float | None = option(
        None, "For audio: dither of the training chunks, in Kaldi's units; null: that of the features.", low=0
    )
    batch_size: int = option(64, "Chunks in a batch.", low=2)
    segments_per_speaker: int = option(1, "Chunks of one speaker in a batch; losses on pairs need at least 2.", low=1)
    min_frames: int = option(
        200, "Minimum frames of a chunk; all chunks of a batch have one length, drawn at random.", low=1
    )
    max_frames: int = option(400, "Maximum frames of a chunk.", low=1)
    sampling: str = option(
        "speaker",
        "speaker: speakers are drawn equally often; utterance: every utterance is drawn once an epoch.",
        choices=("speaker", "utterance"),
    )
    steps_per_epoch: int | None = option(None, "Batches per epoch; null: about one chunk per utterance.", low=1)
    valid_frames: int = option(300, "Frames of the chunk taken from each validation utterance.", low=1)
    num_workers: int | None = option(
        None,
        "Processes that prefetch batches; 0: batches are read in the training process; null: by the cores, a quarter "
        "of them and at most 4 for feats, all but one and at most 16 for audio.",
        low=0,
    )


@dataclass(frozen=True)
class TrainingSection:
    """Length, reproducibility and checkpoints of the training."""

    epochs: int = option(20, "Maximum number of epochs; a schedule may stop earlier.", low=1)
    seed: int = option(
        0,
        "Seed of initial weights, batches and dropout; the same seed gives the same model on the same processor "
        "family, BLAS and number of threads.",
        low=0,
    )
    accumulate: int = option(1, "Batches whose gradients are averaged before an update.", low=1)
    precision: str = option(
        "float32",
        "Precision of the network's computation; bfloat16 is for GPUs. Batch normalization, pooling, embedding, loss "
        "and the weights that are trained and saved are always float32.",
        choices=("float32", "bfloat16"),
    )
    sync_batch_norm: bool = option(
        False,
        "With several processes: batch normalization uses the statistics of the joint batch; false: each process uses "
        "those of its own share.",
    )
    clip_norm: float | None = option(None, "Maximum norm of the gradient of all weights; null: no clipping.", above=0)
    dropout: str | None = option(
        None,
        "Dropout schedule in Kaldi's notation, such as 0,0@0.2,0.1@0.5,0: values at fractions of the training, linear "
        "in between; null: the network's own, constant.",
    )
    best_by: str = option(
        "valid_loss",
        "Which number selects the best epoch: the one where it is lowest.",
        choices=("valid_loss", "dev_eer"),
    )
    keep_checkpoints: int = option(
        3, "Number of the last whole epochs whose checkpoints are kept, besides the newest checkpoint.", low=1
    )
    average_checkpoints: int = option(
        0,
        "The final model is the average of this many last checkpoints (at most keep_checkpoints); 0: the best one.",
        low=0,
    )
    ema: float = option(
        0.0,
        "Decay, below 1, of an exponential moving average of the weights, which is then validated and saved; 0: none.",
        low=0,
        high=1,
    )
    save_every: int | None = option(
        None,
        "Steps between checkpoints within an epoch; null: only at its end. Several processes average their running "
        "statistics at each.",
        low=1,
    )
    log_every: int = option(100, "Steps between lines in the log.", low=1)
    tensorboard: bool = option(
        False,
        "Write event files of TensorBoard to the folder `tensorboard` of the model directory, after each epoch; needs "
        "the package tensorboardX.",
    )
    drop: tuple[str, ...] = option(
        ("loss.*",), "Patterns of weight names that --init does not load, such as the old classifier's."
    )
    freeze: tuple[str, ...] = option((), "Patterns of weight names that training does not change, such as network.*")
