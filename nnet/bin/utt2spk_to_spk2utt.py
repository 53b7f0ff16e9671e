"""Converts an utt2spk to spk2utt: `utt2spk_to_spk2utt.sh data/x/utt2spk > data/x/spk2utt`."""

from nnet.bin.cli import parser, run
from nnet.kaldi.tables import invert_utt2spk, read_utt2spk


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("utt2spk", help="the file to read")
    args = options.parse_args(argv)
    for speaker, utterances in sorted(invert_utt2spk(read_utt2spk(args.utt2spk)).items()):
        print(speaker, *utterances)


if __name__ == "__main__":
    run(main)
