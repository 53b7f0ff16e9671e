"""Finds who spoke when from windows whose embeddings are there: another clustering of what steps/diarize.sh kept.

Reads EMBDIR/xvector.scp, segments and speech/segments; writes turns of speakers.
"""

from nnet.bin.cli import parser, run
from nnet.bin.diarization_options import TurnFinder, add_clustering_options
from nnet.diarization.files import read_windows
from nnet.diarization.rttm import write_rttm


def main(argv=None):
    p = parser(__doc__)
    add_clustering_options(p)
    p.add_argument("embeddings", metavar="EMBDIR", help="folder written by steps/diarize.sh")
    p.add_argument("out", metavar="RTTM", help="file to write")
    args = p.parse_args(argv)
    recordings = list(read_windows(args.embeddings))
    find_turns = TurnFinder(args, [name for name, _ in recordings])
    write_rttm(args.out, [turn for name, windows in recordings for turn in find_turns(name, windows)])


if __name__ == "__main__":
    run(main)
