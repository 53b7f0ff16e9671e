"""Puts the results of the jobs of steps/diarize.sh together: OUTDIR/rttm, and the windows with their embeddings."""

import os

from nnet.bin.cli import number, parser, run
from nnet.diarization.files import merge_windows
from nnet.diarization.rttm import read_rttm, write_rttm


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--nj", type=number(int, low=1), required=True, help="number of jobs")
    p.add_argument("directory", metavar="OUTDIR")
    p.add_argument("out", metavar="OUT", help="path of the jobs' files, up to the job number")
    args = p.parse_args(argv)
    merge_windows(args.directory, args.out, args.nj)
    parts = [read_rttm(f"{args.out}.{job}.rttm") for job in range(1, args.nj + 1)]
    write_rttm(
        os.path.join(args.directory, "rttm"), [turn for part in parts for turns in part.values() for turn in turns]
    )


if __name__ == "__main__":
    run(main)
