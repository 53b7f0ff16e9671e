"""Writes DATA/reco2dur, the duration of each recording of wav.scp in seconds."""

import logging

from nnet.bin.cli import number, parser, run
from nnet.datadir.directory import DataDir
from nnet.datadir.durations import recording_durations
from nnet.kaldi.tables import write_table

logger = logging.getLogger(__name__)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("data", help="the data directory")
    options.add_argument("--nj", type=number(int, low=1), default=4, help="number of recordings to read in parallel")
    options.add_argument("--cmd", help="accepted as in Kaldi; no jobs are started")
    args = options.parse_args(argv)
    data = DataDir(args.data)
    if data.has("reco2dur") and data.numbers("reco2dur").keys() == data.wav_scp.keys():
        logger.info("%s: already exists", data.file("reco2dur"))
        return
    durations = recording_durations(data.with_tables({"reco2dur": None}), args.nj)
    write_table(data.file("reco2dur"), {recording: f"{seconds:.6g}" for recording, seconds in durations.items()})


if __name__ == "__main__":
    run(main)
