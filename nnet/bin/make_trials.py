"""Makes a trial list from the utterances of a data directory, such as held-out speakers for calibration.

Target trials are pairs of utterances of the same speaker, from different sessions if sessions are known and the speaker
has several; nontarget trials are pairs of different speakers, of the same gender if there is a spk2gender. If there are
more than --most of a kind, they are drawn at random.
"""

import itertools
import logging

import numpy as np

from nnet.bin.cli import boolean, number, parser, run
from nnet.datadir.directory import DataDir, read_table
from nnet.dataset.split import session_prefix
from nnet.errors import InputError
from nnet.kaldi.trials import write_trials

log = logging.getLogger(__name__)

MOST_OF_SPEAKER = 100  # utterances per speaker that are paired


def main(argv=None):
    p = parser(__doc__)
    p.add_argument(
        "--most",
        type=number(int, low=1),
        default=50000,
        help="maximum number of target trials, and of nontarget trials",
    )
    p.add_argument("--utt2sess", metavar="FILE", help="lines `utterance session`")
    p.add_argument(
        "--session-prefix", type=boolean, default=False, help="the session is the utterance's id up to its last `-`"
    )
    p.add_argument("--seed", type=number(int, low=0), default=0)
    p.add_argument("data", metavar="DATA")
    p.add_argument("trials", metavar="TRIALS")
    args = p.parse_args(argv)
    data, rng = DataDir(args.data), np.random.default_rng(args.seed)
    session_of = session_prefix if args.session_prefix else read_table(args.utt2sess).get if args.utt2sess else None
    targets = drawn(target_pairs(data, session_of), args.most, rng)
    nontargets = drawn(nontarget_pairs(data, args.most, rng), args.most, rng)
    if not targets or not nontargets:
        kind = "nontarget" if targets else "target"
        raise InputError(f"{data.path}: its {len(data.spk2utt)} speakers give no {kind} trial")
    write_trials(args.trials, sorted([(*t, True) for t in targets] + [(*t, False) for t in nontargets]))
    log.info("%s: %d target and %d nontarget trials", args.trials, len(targets), len(nontargets))


def target_pairs(data, session_of=None):
    """Returns pairs of utterances of the same speaker; within a session only for speakers with a single session."""
    pairs = []
    for utterances in data.spk2utt.values():
        own = list(itertools.combinations(utterances[:: -(-len(utterances) // MOST_OF_SPEAKER)], 2))
        apart = [(a, b) for a, b in own if session_of and session_of(a) != session_of(b)]
        pairs += apart or own
    return pairs


def nontarget_pairs(data, most, rng):
    """Returns distinct pairs of utterances of different speakers of the same gender; slightly more than `most`."""
    gender = data.table("spk2gender") if data.has("spk2gender") else {}
    groups = {}
    for utterance, speaker in data.utt2spk.items():
        groups.setdefault(gender.get(speaker), []).append(utterance)
    total, pairs = sum(len(g) ** 2 for g in groups.values()), set()
    for utterances in groups.values():
        count = min(len(utterances) ** 2, 2 + 4 * most * len(utterances) ** 2 // total)
        for index in rng.choice(len(utterances) ** 2, count, replace=False):
            one, other = (utterances[i] for i in divmod(int(index), len(utterances)))
            if data.utt2spk[one] != data.utt2spk[other]:
                pairs.add((min(one, other), max(one, other)))
    return sorted(pairs)


def drawn(pairs, most, rng):
    """Draws at most `most` of the pairs."""
    if len(pairs) <= most:
        return pairs
    return [pairs[i] for i in sorted(rng.choice(len(pairs), most, replace=False))]


if __name__ == "__main__":
    run(main)
