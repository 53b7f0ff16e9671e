"""Converts a spk2utt to utt2spk: `spk2utt_to_utt2spk.sh data/x/spk2utt > data/x/utt2spk`."""

from nnet.bin.cli import parser, run
from nnet.kaldi.tables import invert_spk2utt, read_spk2utt


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("spk2utt", help="the file to read")
    args = options.parse_args(argv)
    for utterance, speaker in sorted(invert_spk2utt(read_spk2utt(args.spk2utt), args.spk2utt).items()):
        print(utterance, speaker)


if __name__ == "__main__":
    run(main)
