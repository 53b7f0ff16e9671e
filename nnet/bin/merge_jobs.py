"""Puts the results of parallel jobs into a data directory.

Each TARGET=ENDING is a file of the data directory and the ending of the jobs' files OUT.1.ENDING ... OUT.N.ENDING.
Every utterance must have its results or stand in a job's OUT.N.left_out; the latter are counted, named, and taken out
of the data directory.
"""

from nnet.bin.cli import parser, run
from nnet.datadir.job_outputs import merge_job_outputs


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--nj", type=int, required=True, help="number of jobs")
    p.add_argument("--source", help="data directory of which DATA begins as a copy, without its features")
    p.add_argument("data", metavar="DATA")
    p.add_argument("out", metavar="OUT", help="name of the jobs' files, up to the number of the job")
    p.add_argument("targets", metavar="TARGET=ENDING", nargs="+", help="the last one is written last")
    args = p.parse_args(argv)
    targets = dict(target.split("=", 1) for target in args.targets)
    merge_job_outputs(args.data, args.out, args.nj, targets, args.source)


if __name__ == "__main__":
    run(main)
