"""Estimates disk, memory and time of each stage of a recipe, and whether this machine has enough of them.

Sizes follow from the numbers of utterances and hours; speeds are measured on this machine: feature extraction on one
core, training by steps on noise with the network of CONFIG.json on MLX's device.
"""

import os
import shutil
import time

import numpy as np

from nnet.bin.cli import boolean, number, parser, run
from nnet.config import load_config
from nnet.cores import cores
from nnet.datadir.checks import summarize
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.feats.options import FEATURE_OPTIONS
from nnet.feats.spectrum import COMPUTE
from nnet.model.speaker_net import attach_loss, build_model
from nnet.ops import mx, nn, tree_flatten
from nnet.report.tables import as_text
from nnet.training.resources import Features, Network, Size, estimate_stages, most_disk

SECONDS = 20.0  # of noise, to measure feature extraction
LONG_ENOUGH = 0.5  # seconds that a measured training step should last
SLOTS = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}


def main(argv=None):
    args = make_parser().parse_args(argv)
    train, test = size_of(args.train), size_of(args.test)
    config = load_config(args.config, [args.set])
    options = FEATURE_OPTIONS[args.feats_type].from_conf(args.feats_config)
    features = Features(options.dim, args.vad, options.sample_frequency, feature_speed(args.feats_type, options))
    network = measure(config, options.dim, train.speakers)
    copies = min(args.copies, args.kinds * train.utterances)
    needs = estimate_stages(train, test, copies, features, network, args.nj, cores())
    print(as_text(table(needs)), end="")
    print("\n".join(capacity_lines(needs, args.folder)))


def make_parser():
    p = parser(__doc__)
    sets = '"DATA|SPEAKERS:UTTERANCES:HOURS ..."'
    p.add_argument("--train", required=True, metavar=sets, help="training set")
    p.add_argument("--test", required=True, metavar=sets, help="all other data")
    p.add_argument("--feats-type", choices=tuple(FEATURE_OPTIONS), default="mfcc")
    p.add_argument("--feats-config", metavar="FILE", help="Kaldi config file of the features")
    p.add_argument("--vad", type=boolean, default=False, help="whether the recipe uses VAD")
    p.add_argument("--copies", type=number(int, low=0), default=0, help="maximum number of augmented copies on disk")
    p.add_argument(
        "--kinds",
        type=number(int, low=1),
        default=4,
        help="kinds of augmentation, each of which gives at most one copy per utterance",
    )
    p.add_argument("--nj", type=number(int, low=1), default=4, help="parallel jobs")
    p.add_argument("--set", default="", metavar='"KEY=VALUE ..."', help="overrides of the configuration")
    p.add_argument("--folder", default=".", help="folder for the data, to check free disk space")
    p.add_argument("config", metavar="CONFIG.json")
    return p


def size_of(text):
    """Returns the total Size of data directories, each given by its path or as SPEAKERS:UTTERANCES:HOURS."""
    return Size(*map(sum, zip(*map(_size_of, text.split()), strict=True)))


def _size_of(text):
    if os.path.isdir(text):
        summary = summarize(DataDir(text), str)
        return Size(summary.speakers, summary.utterances, summary.hours)
    try:
        speakers, utterances, hours = text.split(":")
        return Size(int(speakers), int(utterances), float(hours))
    except ValueError:
        raise InputError(f"{text}: neither a data directory nor SPEAKERS:UTTERANCES:HOURS") from None


def feature_speed(kind, options):
    """Measures feature extraction on one core: hours of audio per hour."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, int(SECONDS * options.sample_frequency)).astype(np.float32)
    COMPUTE[kind](samples[: len(samples) // 10], options, rng)
    start = time.perf_counter()
    COMPUTE[kind](samples, options, rng)
    return SECONDS / (time.perf_counter() - start)


def measure(config, dim, speakers):
    """Returns the Network of a configuration, with its speed and memory measured on this machine."""
    mx.random.seed(0)
    model = build_model(config, dim)
    data = config.data
    speakers *= 1 + len(data.speeds)
    attach_loss(model, config, speakers)
    model.train()
    model.loss.set_progress(0, 0.0)
    frames = max((data.min_frames + data.max_frames) // 2, model.network.min_frames)
    chunks, seconds, memory = time_steps(model, config, dim, speakers, frames)
    steps = data.steps_per_epoch
    return Network(
        parameters=sum(w.size for _, w in tree_flatten(model.parameters())),
        embedding=model.endpoint_dim(model.node),
        slots=SLOTS[config.optimizer.type],
        keep=config.training.keep_checkpoints,
        frames_per_epoch=lambda utterances: frames * (steps * data.batch_size if steps else utterances),
        epochs=config.training.epochs,
        speed=chunks * frames / seconds,
        memory=memory * data.batch_size / chunks,
    )


def time_steps(model, config, dim, speakers, frames):
    """Times training steps on noise, with more chunks until a step takes LONG_ENOUGH.

    Returns:
        (chunks, seconds per step, peak bytes of MLX's memory)
    """
    segments = max(config.data.segments_per_speaker, model.loss.min_segments_per_speaker)
    gradients = nn.value_and_grad(model, lambda f, labels: model.loss(model.train_forward(f)[0], labels).loss)
    chunks = 2 * segments
    while True:
        labels = mx.array([i // segments % speakers for i in range(chunks)])
        features = mx.random.normal((chunks, frames, dim))
        mx.eval(gradients(features, labels))
        mx.reset_peak_memory()
        start = time.perf_counter()
        mx.eval(gradients(features, labels))
        seconds = time.perf_counter() - start
        if seconds > LONG_ENOUGH or 2 * chunks > config.data.batch_size:
            return chunks, seconds, mx.get_peak_memory()
        chunks *= 2


def table(needs):
    rows = [["stage", "disk GB", "temporary", "memory GB", "hours"]]
    for need in needs:
        numbers = (need.kept / 1e9, need.passing / 1e9, need.memory / 1e9, need.hours)
        rows.append([f"{need.stage} {need.words}", *(f"{n:.3g}" if n < 100 else f"{n:.0f}" for n in numbers)])
    return rows


def capacity_lines(needs, folder):
    """Returns two lines that say whether disk and memory suffice."""
    disk, memory = most_disk(needs), max(need.memory for need in needs)
    free = shutil.disk_usage(folder).free
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    lines = []
    for what, need, have in (("disk", disk, free), ("memory", memory, there)):
        enough = "enough" if need < have else "NOT ENOUGH"
        lines.append(f"{what}: {need / 1e9:.1f} GB needed at peak, {have / 1e9:.1f} GB available: {enough}")
    return lines


if __name__ == "__main__":
    run(main)
