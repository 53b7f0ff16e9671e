"""Writes augmented copies of the utterances of a data directory: one job of steps/augment_data.sh.

A copy has reverberation (--rirs; its id ends in -reverb), foreground noises in sequence (--noises; -noise), background
music (--music; -music), background babble of several voices (--babble; -babble), or another speed (--speeds; its
utterance and speaker ids begin with sp0.9-, as it counts as another speaker). A copy depends only on the seed and its
id.

Writes OUT.ark (16-bit WAVs), and the tables OUT.scp, OUT.dur, OUT.uniq (the original of each copy), OUT.augment
(the sounds mixed in: NAME@SECONDS:SNR) and OUT.utt2spk.
"""

from nnet.audio.augment import Augmenter, AugmentOptions
from nnet.audio.augmented_copies import check_speeds, copies_of_job, make_copies, select_copies
from nnet.audio.reading import iter_utterances
from nnet.audio.wav_ark import WavArkWriter
from nnet.bin.cli import add_options, boolean, number, options_from, parser, run
from nnet.datadir.directory import DataDir
from nnet.datadir.job_outputs import JobTables
from nnet.errors import InputError
from nnet.progress import progress


def main(argv=None):
    args = make_parser().parse_args(argv)
    check_speeds(args.speeds, "--speeds")
    data = DataDir(args.data)
    data.require_utterances()
    sample_rate = args.sample_rate or next(iter_utterances(data))[2]
    augmenter = make_augmenter(args, sample_rate)
    kinds = (augmenter.kinds if augmenter else []) + [f"sp{speed:g}" for speed in args.speeds]
    count = args.num_utts
    if count and args.allow_fewer:
        count = min(count, len(data.utt2spk) * len(kinds))
    copies = copies_of_job(select_copies(list(data.utt2spk), kinds, count, args.seed), args.job, args.num_jobs)
    made = make_copies(data, copies, augmenter, sample_rate, args.seed, resample=args.sample_rate is not None)
    with (
        JobTables(args.out, ("scp", "dur", "uniq", "augment", "utt2spk")) as tables,
        WavArkWriter(args.out + ".ark", sample_rate) as ark,
    ):
        for copy, samples, what in progress(made, len(copies), f"augmentation of {data.path}", "utt"):
            tables.add(
                copy.name,
                scp=ark.write(copy.name, samples),
                dur=f"{len(samples) / sample_rate:.9g}",
                uniq=copy.utterance,
                augment=what,
                utt2spk=copy.speaker(data.utt2spk[copy.utterance]),
            )


def make_parser():
    p = parser(__doc__)
    add_options(p, AugmentOptions, skip=("probability",))
    p.add_argument("--speeds", type=speeds, default=(), help='speeds such as "0.9 1.1"')
    p.add_argument(
        "--num-utts", type=number(int, low=1), help="number of copies to draw at random; default: all possible ones"
    )
    p.add_argument("--allow-fewer", type=boolean, default=False,
                   help="make all copies if there are fewer than --num-utts; false: stop with an error")  # fmt: skip
    p.add_argument(
        "--sample-rate",
        type=number(int, low=1),
        help="sampling rate of the copies in Hz; default: that of the first utterance, which all must have",
    )
    # fmt: skip
    p.add_argument("--seed", type=int, default=0)
    p.add_argument(
        "--job", type=number(int, low=1), default=1, help="number of this job; each makes an equal share of the copies"
    )
    p.add_argument("--num-jobs", type=number(int, low=1), default=1, help="number of jobs")
    p.add_argument("data", metavar="DATA", help="data directory with wav.scp")
    p.add_argument("out", metavar="OUT", help="path of the output files without extension")
    return p


def speeds(text):
    return tuple(number(float, low=0.5, high=2)(word) for word in text.split())


def make_augmenter(args, sample_rate):
    """Returns the Augmenter of the command line, None if only speeds are given."""
    options = options_from(args, AugmentOptions)
    if any((options.rirs, options.noises, options.music, options.babble)):
        return Augmenter(options, sample_rate)
    if args.speeds:
        return None
    raise InputError("no kind of augmentation: give --rirs, --noises, --music, --babble or --speeds")


if __name__ == "__main__":
    run(main)
