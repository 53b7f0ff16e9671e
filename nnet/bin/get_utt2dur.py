"""Writes DATA/utt2dur, the duration of each utterance in seconds, from segments, recordings or numbers of frames."""

import logging

from nnet.bin.cli import number, parser, run
from nnet.datadir.directory import DataDir
from nnet.datadir.durations import utterance_durations
from nnet.kaldi.tables import write_table

logger = logging.getLogger(__name__)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("data", help="the data directory")
    options.add_argument("--nj", type=number(int, low=1), default=4, help="number of recordings to read in parallel")
    options.add_argument(
        "--frame-shift", type=float, default=0.01, help="seconds per frame, if durations come from utt2num_frames"
    )
    options.add_argument("--cmd", help="accepted as in Kaldi; no jobs are started")
    args = options.parse_args(argv)
    data = DataDir(args.data)
    if data.has("utt2dur") and data.utt2dur.keys() == data.utt2spk.keys():
        logger.info("%s: already exists", data.file("utt2dur"))
        return
    durations = utterance_durations(data.with_tables({"utt2dur": None}), args.nj, args.frame_shift)
    write_table(data.file("utt2dur"), {utterance: f"{seconds:.6g}" for utterance, seconds in durations.items()})


if __name__ == "__main__":
    run(main)
