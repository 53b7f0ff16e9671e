"""Fixes a Kaldi data directory: sorts its files and keeps only the entries that all of them have.

The original files are kept in DATA/.backup. spk2utt is derived from utt2spk.
"""

from nnet.bin.cli import parser, run
from nnet.datadir.directory import DataDir
from nnet.datadir.fix import fix


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("data", help="the data directory")
    options.add_argument(
        "--utt-extra-files", default="", help="further files keyed by utterance, names separated by spaces"
    )
    options.add_argument("--spk-extra-files", default="", help="further files keyed by speaker")
    args = options.parse_args(argv)
    fix(args.data, args.utt_extra_files.split(), args.spk_extra_files.split())
    data = DataDir(args.data)
    print(f"{data.path}: {len(data.utt2spk)} utterances of {len(data.spk2utt)} speakers; original files are in .backup")


if __name__ == "__main__":
    run(main)
