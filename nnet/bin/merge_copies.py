"""Merges the augmented copies written by parallel jobs of nnet.bin.augment_data into a data directory."""

from nnet.audio.augmented_copies import merge_copies
from nnet.bin.cli import parser, run
from nnet.datadir.directory import DataDir


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--nj", type=int, required=True, help="number of jobs")
    p.add_argument("data", metavar="DATA", help="data directory of the originals")
    p.add_argument("out_data", metavar="OUT_DATA")
    p.add_argument("out", metavar="OUT", help="path of the jobs' files, up to the job number")
    args = p.parse_args(argv)
    merge_copies(DataDir(args.data), args.out_data, args.out, args.nj)


if __name__ == "__main__":
    run(main)
