"""Makes data directories of synthetic sounds for augmentation, in place of MUSAN and RIRS_NOISES.

OUT/noises_train and OUT/noises_test contain different types of noise, so that tests use noises unseen in training;
OUT/rooms contains impulse responses. All are generated from formulas (local/noises.py) and random numbers.
"""

import logging
import shutil
from pathlib import Path

import numpy as np
import soundfile
from corpus import write_tables
from noises import TRAINING, UNSEEN, room

from nnet.audio.seeds import generator
from nnet.bin.cli import number, parser, run

log = logging.getLogger(__name__)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--count", type=number(int, low=1), default=12, help="noises of each type")
    options.add_argument("--seconds", type=number(float, above=0), default=10.0, help="length of a noise")
    options.add_argument("--rooms", type=number(int, low=1), default=100, help="impulse responses")
    options.add_argument("--sample-rate", type=number(int, low=8000), default=16000, help="Hz")
    options.add_argument("--seed", type=int, default=0, help="random seed of the sounds")
    options.add_argument("out", metavar="OUT")
    args = options.parse_args(argv)
    for name, kinds, count, seconds in (
        ("noises_train", TRAINING, args.count, args.seconds),
        ("noises_test", UNSEEN, args.count, args.seconds),
        ("rooms", {"room": room}, args.rooms, 1.0),
    ):
        write_sounds(Path(args.out) / name, kinds, count, seconds, args.sample_rate, args.seed)


def write_sounds(path, kinds, count, seconds, rate, seed):
    """Makes the data directory `path` with `count` sounds of each kind, {name: generator of samples}."""
    shutil.rmtree(path, ignore_errors=True)
    wav = path / "wav"
    wav.mkdir(parents=True)
    files = {f"{kind}-{n:03d}": wav / f"{kind}-{n:03d}.wav" for kind in kinds for n in range(count)}
    for name, file in files.items():
        samples = kinds[name.partition("-")[0]](generator(seed, name), int(seconds * rate), rate)
        soundfile.write(file, 0.9 * samples / np.abs(samples).max(), rate, subtype="PCM_16")
    write_tables(path, {name: file.absolute() for name, file in files.items()}, {name: name for name in files})
    log.info("%s: %d sounds: %s", path, len(files), ", ".join(kinds))


if __name__ == "__main__":
    run(main)
