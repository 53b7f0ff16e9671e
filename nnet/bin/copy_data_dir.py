"""Copies a Kaldi data directory, optionally adding prefixes and suffixes to utterance and speaker ids.

The copy is validated as by utils/validate_data_dir.sh.
"""

import sys

from nnet.bin.cli import parser, run
from nnet.datadir.derive import Renaming, copy
from nnet.datadir.directory import DataDir
from nnet.datadir.validate import describe, parse_exemptions, validate

NAMES = ("--utt-prefix", "--utt-suffix", "--spk-prefix", "--spk-suffix")
FILES = {"feats": "feats.scp", "text": "text", "wav": "wav.scp"}
ANY_TEXT = (*NAMES, "--validate-opts")


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("source", help="the data directory to copy")
    options.add_argument("destination", help="the copy")
    for name in NAMES:
        what = "utterance" if "utt" in name else "speaker"
        options.add_argument(name, default="", help=f"text to add {'before' if 'pre' in name else 'after'} {what} ids")
    options.add_argument("--validate-opts", default="", help="further options of utils/validate_data_dir.sh")
    args = options.parse_args(_joined(sys.argv[1:] if argv is None else argv))
    renaming = Renaming(args.utt_prefix, args.utt_suffix, args.spk_prefix, args.spk_suffix)
    source = DataDir(args.source)
    copy(source, args.destination, renaming)
    lacking = {what: False for what, name in FILES.items() if not source.has(name)}
    print(describe(validate(args.destination, **{**lacking, **parse_exemptions(args.validate_opts.split())})))


def _joined(words):
    """Joins each option of ANY_TEXT and its value by `=`, so that a value such as `-noise` is not read as an option."""
    words, joined = list(words), []
    while words:
        word = words.pop(0)
        joined.append(f"{word}={words.pop(0)}" if word in ANY_TEXT and words else word)
    return joined


if __name__ == "__main__":
    run(main)
