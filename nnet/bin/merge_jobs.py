"""Merges the results of parallel jobs into a data directory.

Each TARGET=ENDING is a file of the data directory and the extension of the jobs' files OUT.1.ENDING ... OUT.N.ENDING.
Every utterance must have results or be listed in a job's OUT.N.left_out; the latter are logged and removed from the
data directory.
"""

from nnet.bin.cli import parser, run
from nnet.datadir.job_outputs import merge_job_outputs


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--nj", type=int, required=True, help="number of jobs")
    p.add_argument("--source", help="data directory to copy to DATA first, without its features")
    p.add_argument("data", metavar="DATA")
    p.add_argument("out", metavar="OUT", help="path of the jobs' files, up to the job number")
    p.add_argument("targets", metavar="TARGET=ENDING", nargs="+", help="files to merge, written in this order")
    args = p.parse_args(argv)
    targets = dict(target.split("=", 1) for target in args.targets)
    merge_job_outputs(args.data, args.out, args.nj, targets, args.source)


if __name__ == "__main__":
    run(main)
