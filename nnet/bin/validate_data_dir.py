"""Checks a Kaldi data directory: sorted files without repetitions that speak of the same utterances and speakers.

Exit code 0 where all is well, else 1 and one line that names the file and the entry.
"""

from nnet.bin.cli import parser, run
from nnet.datadir.validate import validate


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("data", help="the data directory")
    options.add_argument("--no-feats", action="store_true", help="feats.scp need not be there")
    options.add_argument("--no-text", action="store_true", help="text need not be there")
    options.add_argument("--no-wav", action="store_true", help="wav.scp need not be there")
    options.add_argument("--no-spk-sort", action="store_true", help="speakers need not be in order")
    options.add_argument("--non-print", action="store_true", help="text may hold characters that cannot be printed")
    args = options.parse_args(argv)
    data = validate(
        args.data,
        feats=not args.no_feats,
        text=not args.no_text,
        wav=not args.no_wav,
        speaker_order=not args.no_spk_sort,
        printable=not args.non_print,
    )
    print(f"{data.path}: valid, {len(data.utt2spk)} utterances of {len(data.spk2utt)} speakers")


if __name__ == "__main__":
    run(main)
