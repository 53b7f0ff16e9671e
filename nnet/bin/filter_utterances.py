"""Removes short utterances from a data directory, and then speakers with few utterances.

As in Kaldi, an utterance is kept if it has more than --min-len frames (utt2num_frames), and a speaker if at least
--min-num-utts utterances are left.
"""

import logging

from nnet.bin.cli import parser, run
from nnet.datadir.derive import subset
from nnet.datadir.directory import DataDir, examples
from nnet.errors import InputError
from nnet.kaldi.ark import matrix_shape
from nnet.kaldi.tables import invert_utt2spk

logger = logging.getLogger(__name__)


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--min-len", type=int, default=0, help="remove utterances with this many frames or fewer")
    p.add_argument("--min-num-utts", type=int, default=1, help="remove speakers with fewer utterances")
    p.add_argument("data", metavar="DATA")
    p.add_argument("out_data", metavar="OUT_DATA")
    args = p.parse_args(argv)
    data = DataDir(args.data)
    long = {u: s for u, s in data.utt2spk.items() if frames_of(data, u) > args.min_len}
    spk2utt = {s: utts for s, utts in invert_utt2spk(long).items() if len(utts) >= args.min_num_utts}
    kept = sorted(u for utts in spk2utt.values() for u in utts)
    report(data, long, spk2utt, args)
    if not kept:
        raise InputError(f"{data.path}: no utterance is left; lower --min-len or --min-num-utts")
    subset(data, kept, args.out_data)


def frames_of(data, utterance):
    """Returns the number of frames of an utterance; 0 if it has no features (all silence)."""
    if data.has("utt2num_frames"):
        return data.utt2num_frames.get(utterance, 0)
    return matrix_shape(data.feats[utterance])[0] if utterance in data.feats else 0


def report(data, long, spk2utt, args):
    short = data.utt2spk.keys() - long.keys()
    few = set(data.utt2spk.values()) - spk2utt.keys()
    kept = sum(map(len, spk2utt.values()))
    logger.info("%s: %d of %d utterances kept, %d of %d speakers", data.path, kept, len(data.utt2spk), len(spk2utt),
                len(spk2utt) + len(few))  # fmt: skip
    if short:
        logger.info("%d utterances have %d frames or fewer: %s", len(short), args.min_len, examples(short))
    if few:
        logger.info("%d speakers have fewer than %d utterances: %s", len(few), args.min_num_utts, examples(few))


if __name__ == "__main__":
    run(main)
