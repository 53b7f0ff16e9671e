"""Combines Kaldi data directories; a file is combined if all of them have it.

The destination comes first, as in Kaldi.
"""

from nnet.bin.cli import boolean, parser, run
from nnet.datadir.combine import combine
from nnet.datadir.directory import DataDir
from nnet.datadir.fix import fix


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("destination", help="the directory to write")
    options.add_argument("sources", nargs="+", help="the directories to read")
    options.add_argument("--extra-files", default="", help="further tables to combine, names separated by spaces")
    options.add_argument("--skip-fix", type=boolean, default=False, help="do not run utils/fix_data_dir.sh at the end")
    args = options.parse_args(argv)
    combine(args.destination, [DataDir(path) for path in args.sources], args.extra_files.split())
    if not args.skip_fix:
        fix(args.destination)
    data = DataDir(args.destination)
    print(f"{data.path}: {len(data.utt2spk)} utterances of {len(data.spk2utt)} speakers")


if __name__ == "__main__":
    run(main)
