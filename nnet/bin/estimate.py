"""Estimates disk, memory and time of each stage of a recipe, and whether this machine has enough of them.

Sizes follow from the numbers of utterances and hours; speeds are measured on this machine as it is now, with whatever
else it does: reading the recordings of DATA and computing features on one core, training by steps on noise with the
network, the optimizer and, as far as a step takes no longer than 10 seconds, the batch of CONFIG.json.
"""

import math
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from nnet.audio.mixing import reverberate
from nnet.audio.reading import iter_utterances
from nnet.bin.cli import boolean, number, parser, run
from nnet.config import load_config
from nnet.cores import cores
from nnet.datadir.checks import summarize
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.feats.options import FEATURE_OPTIONS
from nnet.feats.spectrum import compute_rows
from nnet.report.tables import as_text
from nnet.training.data import num_workers
from nnet.training.resources import FRAMES_PER_HOUR, Features, Size, Training, estimate_stages, most_disk
from nnet.training.step_cost import measure

SECONDS = 20.0  # of noise, to measure feature extraction
ROOM = 1  # seconds of a room impulse response
READING = 3.0  # seconds in which recordings are read, to measure that
SLOTS = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}


def main(argv=None):
    args = make_parser().parse_args(argv)
    train, test = size_of(args.train), size_of(args.test)
    config = load_config(args.config, [args.set])
    options = FEATURE_OPTIONS[args.feats_type].from_conf(args.feats_config)
    features = Features(
        options.dim,
        args.vad,
        options.sample_frequency,
        feature_speed(options),
        reading_speed(args.train),
        augmentation_speed(options.sample_frequency),
    )
    utterance = round(train.hours * FRAMES_PER_HOUR / train.utterances)
    training = training_of(config, options.dim, train.speakers, utterance)
    fine_tuning = None
    if args.large_margin:
        changed = load_config(args.config, [args.set, args.large_margin])
        fine_tuning = training_of(changed, options.dim, train.speakers, utterance)
    copies = min(args.copies, args.kinds * train.utterances)
    needs = estimate_stages(train, test, copies, features, training, args.nj, cores(), fine_tuning, args.convert)
    print(as_text(table(needs)), end="")
    print(basis(training, config, features))
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
    p.add_argument(
        "--large-margin", default="", metavar='"KEY=VALUE ..."', help="overrides of stage 8, if there is one"
    )
    p.add_argument("--convert", type=boolean, default=False, help="whether stage 0 decodes the training set once")
    p.add_argument("--nj", type=number(int, low=1), default=4, help="parallel jobs")
    p.add_argument("--set", default="", metavar='"KEY=VALUE ..."', help="overrides of the configuration")
    p.add_argument("--folder", default=".", help="folder for the data, to check free disk space")
    p.add_argument("config", metavar="CONFIG.json")
    return p


def size_of(text):
    """Returns the total Size of data directories, each given by its path or as SPEAKERS:UTTERANCES:HOURS."""
    if not text.split():
        raise InputError("a set is empty: give data directories, or SPEAKERS:UTTERANCES:HOURS")
    return Size(*map(sum, zip(*map(_size_of, text.split()), strict=True)))


def _size_of(text):
    if os.path.isdir(text):
        summary = summarize(DataDir(text), str)
        return Size(summary.speakers, summary.utterances, summary.hours)
    try:
        speakers, utterances, hours = text.split(":")
        size = Size(int(speakers), int(utterances), float(hours))
    except ValueError:
        size = None
    if size is None or min(size) <= 0:
        raise InputError(f"{text}: neither a data directory nor SPEAKERS:UTTERANCES:HOURS, all above 0")
    return size


def feature_speed(options):
    """Measures feature extraction on one core: hours of audio per hour."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, int(SECONDS * options.sample_frequency)).astype(np.float32)
    compute_rows(samples[: len(samples) // 10], options, rng)
    start = time.perf_counter()
    compute_rows(samples, options, rng)
    return SECONDS / (time.perf_counter() - start)


def augmentation_speed(rate):
    """Measures reverberation, the slowest kind of augmentation, on one core: hours of audio per hour."""
    rng = np.random.default_rng(0)
    samples, room = (rng.normal(0, 0.1, int(s * rate)).astype(np.float32) for s in (SECONDS, ROOM))
    reverberate(samples, room)
    start = time.perf_counter()
    reverberate(samples, room)
    return SECONDS / (time.perf_counter() - start)


def reading_speed(sets):
    """Measures the reading of recordings of data directories on one core: hours of audio per hour; infinite: none."""
    seconds, begun = 0.0, time.perf_counter()
    for text in sets.split():
        if not (os.path.isdir(text) and DataDir(text).has("wav.scp")):
            continue
        for _, samples, rate in iter_utterances(DataDir(text)):
            seconds += len(samples) / rate
            if time.perf_counter() - begun > READING:
                break
    return seconds / (time.perf_counter() - begun) if seconds else math.inf


def training_of(config, dim, speakers, utterance_frames):
    """Returns the Training of a configuration, measured in a process of its own, whose memory is that of training."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        cost = pool.submit(measure, config, dim, speakers, utterance_frames).result()
    data, training = config.data, config.training
    return Training(
        cost,
        data.batch_size,
        SLOTS.get(config.optimizer.type, 2),
        training.keep_checkpoints,
        data.steps_per_epoch,
        training.epochs,
        num_workers(data, 1),
        data.source == "audio",
    )


def basis(training, config, features):
    """Returns a line that says what the hours rest on."""
    cost, batch = training.cost, config.data.batch_size
    how = "its batch" if cost.measured == batch else f"{cost.measured} of the {batch} chunks of its batch, extrapolated"
    read = "not known" if math.isinf(features.decoding) else f"{features.decoding:.0f} times real time on a core"
    return (
        f"training: {cost.seconds:.3g} s a step ({cost.low:.3g} to {cost.high:.3g}), measured with {how}; reading the "
        f"recordings: {read}; stage 3 and the back end: rough constants"
    )


def table(needs):
    rows = [["stage", "disk GB", "temporary", "memory GB", "hours", "at least", "at most"]]
    for need in needs:
        numbers = (need.kept / 1e9, need.passing / 1e9, need.memory / 1e9, need.hours)
        bounds = (need.low, need.high) if need.low != need.high else ()
        cells = [f"{n:.3g}" if n < 100 else f"{n:.0f}" for n in (*numbers, *bounds)]
        rows.append([f"{need.stage} {need.words}", *cells, *[""] * (2 - len(bounds))])
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
