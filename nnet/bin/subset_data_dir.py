"""Extracts a subset of a Kaldi data directory.

  subset_data_dir.sh [--first|--last|--shortest|--speakers|--per-spk] SOURCE N DESTINATION
  subset_data_dir.sh --utt-list FILE|--spk-list FILE SOURCE DESTINATION

By default, N utterances evenly spread over the list; --per-spk takes N utterances of each speaker.
"""

from nnet.bin.cli import parser, run
from nnet.datadir.derive import select_utterances, subset
from nnet.datadir.directory import DataDir
from nnet.datadir.validate import read_selection
from nnet.errors import InputError


def main(argv=None):
    options = parser(__doc__)
    way = options.add_mutually_exclusive_group()
    for name, meaning in WAYS.items():
        way.add_argument(f"--{name}", dest="way", action="store_const", const=name, help=meaning)
    way.add_argument("--utt-list", metavar="FILE", help="file of the utterances to take")
    way.add_argument("--spk-list", metavar="FILE", help="file of the speakers to take")
    options.add_argument("words", nargs="+", metavar="SOURCE [N] DESTINATION", help="directories and number")
    args = options.parse_args(argv)
    listed = args.utt_list or args.spk_list
    if len(args.words) != (2 if listed else 3):
        options.error("expected SOURCE DESTINATION" if listed else "expected SOURCE N DESTINATION")
    source, destination = DataDir(args.words[0]), args.words[-1]
    utterances = (
        _listed(source, args) if listed else select_utterances(source, args.way or "even", _count(args.words[1]))
    )
    if not utterances:
        raise InputError(f"{source.path}: the subset would be empty")
    subset(source, utterances, destination)
    print(f"{destination}: {len(set(utterances))} of {len(source.utt2spk)} utterances")


WAYS = {
    "first": "the first N utterances",
    "last": "the last N utterances",
    "shortest": "the N shortest utterances",
    "speakers": "whole speakers, drawn at random, until there are N utterances",
    "per-spk": "N utterances of each speaker",
}


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"the number of utterances must be at least 1, not {text}")
    return int(text)


def _listed(source, args):
    if args.utt_list:
        return read_selection(args.utt_list, source.utt2spk, source.file("utt2spk"))
    speakers = read_selection(args.spk_list, source.spk2utt, source.file("utt2spk"))
    return [utterance for speaker in speakers for utterance in source.spk2utt[speaker]]


if __name__ == "__main__":
    run(main)
