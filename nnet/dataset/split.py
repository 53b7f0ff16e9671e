"""Training, validation and development sets out of one set of utterances."""

import logging
from dataclasses import dataclass

import numpy as np

from nnet.errors import InputError
from nnet.kaldi.ark import matrix_shape, parse_rx
from nnet.kaldi.tables import invert_utt2spk

logger = logging.getLogger(__name__)

# Describe whole utterances: what is cut has none of them.
UNCUT_FILES = ("wav.scp", "segments", "vad.scp", "utt2dur", "reco2dur", "reco2file_and_channel")
FEWEST_SPEAKERS = 20  # with fewer, holding some out for development costs more than it tells


@dataclass(frozen=True)
class Split:
    """Sorted ids of the utterances of each set; `unused`: copies of development utterances, in no set."""

    train: list
    valid: list
    dev: list
    unused: list


def split_utterances(utt2spk, origins, groups, *, valid_utts=None, dev_speakers=0, max_share=0.25, seed=0):
    """Takes validation utterances from all speakers, and all utterances of some held-out speakers.

    Utterances of a group stay together: augmented copies of one utterance, utterances of one session. Nobody is held
    out who is another speaker at another speed, and with a speaker all such copies leave the training. The validation
    set takes at most `max_share` of a speaker's utterances, one group a speaker before any second one.

    Args:
        utt2spk: dict utterance → speaker.
        origins: dict utterance → the utterance that it is a copy of (itself, if it is none).
        groups: dict utterance → any name of its group.
        valid_utts: utterances wanted for validation; None: 5 %, at most 2000.
        dev_speakers: speakers to hold out; None: 5 %, from 2 to 60, where there are at least 20 speakers.
        seed: decides which.

    Returns:
        a Split. Its development set holds originals only, as a copy is no trial of its speaker's voice.

    Raises:
        InputError: fewer held-out speakers can be had than were asked for, or no validation utterance at all.
    """
    rng = np.random.default_rng(seed)
    spk2utt = dict(sorted(invert_utt2spk(utt2spk).items()))
    voices = {s: {utt2spk.get(origins[u], s) for u in utts} for s, utts in spk2utt.items()}
    recorded = {s: utts for s, utts in spk2utt.items() if s in voices[s]}
    held_out = _draw_dev_speakers(recorded, groups, dev_speakers, rng)
    dev = [u for s in voices if not voices[s].isdisjoint(held_out) for u in spk2utt.pop(s)]
    total = sum(map(len, spk2utt.values()))
    wanted = min(2000, round(0.05 * total)) or 1 if valid_utts is None else valid_utts
    valid = _draw_valid(spk2utt, groups, wanted, max_share, rng)
    train = set(utt2spk).difference(dev, valid)
    originals = [u for u in dev if origins[u] == u or origins[u] not in utt2spk]
    return Split(sorted(train), sorted(valid), sorted(originals), sorted(set(dev).difference(originals)))


def utterance_groups(data, session_of=None):
    """Which utterances belong together.

    Args:
        data: a DataDir; its utt2uniq, where there is one, names the utterance that each augmented one was made from.
        session_of: called with an utterance, it gives the name of its session, or None; asked first of the utterance
            that a copy was made from.

    Returns:
        `origins` and `groups` as split_utterances takes them.
    """
    uniq = data.table("utt2uniq") if data.has("utt2uniq") else {}
    origins = {u: _origin(u, uniq) for u in data.utt2spk}
    if session_of is None:
        return origins, origins
    return origins, {u: session_of(o) or session_of(u) or o for u, o in origins.items()}


def _origin(utterance, uniq):
    """What an utterance goes back to, where a copy may have been made of a copy."""
    while uniq.get(utterance, utterance) != utterance:
        utterance = uniq[utterance]
    return utterance


def session_prefix(utterance):
    """The id up to its last "-": the session where ids are speaker-session-utterance."""
    return utterance.rpartition("-")[0]


def cut_utterances(data, utterances, beginning, share=0.2):
    """A data directory of features in which some utterances are cut in two, and one piece of each is kept.

    The audio of the pieces is not given: cuts are counted in frames, from which silence may have been removed.

    Args:
        data: a DataDir.
        utterances: which are cut.
        beginning: whether the pieces are the beginnings, or else the ends.
        share: the ends' share of an utterance.

    Returns:
        a DataDir.
    """
    pieces = {u: _piece(data.feats[u], beginning, share) for u in utterances}
    tables = {**dict.fromkeys(UNCUT_FILES), "feats.scp": data.feats | {u: rx for u, (rx, _) in pieces.items()}}
    if data.has("utt2num_frames"):
        frames = {u: str(frames) for u, (_, frames) in pieces.items()}
        tables["utt2num_frames"] = data.table("utt2num_frames") | frames
    return data.with_tables(tables)


def _piece(rx, beginning, share):
    """A piece of a matrix as a rxfilename with a row range, and its length."""
    path, offset, rows = parse_rx(rx)
    first, stop = rows or (0, matrix_shape(rx)[0])
    border = stop - max(1, round((stop - first) * share))
    first, stop = (first, border) if beginning else (border, stop)
    if stop <= first:
        raise InputError(f"{rx}: too short to be cut in two; take short utterances out first (--min-len)")
    return f"{path}:{offset}[{first}:{stop - 1}]", stop - first


def _draw_dev_speakers(spk2utt, groups, wanted, rng):
    fit = [s for s, utts in spk2utt.items() if len({groups[u] for u in utts}) >= 2]
    if wanted is None:
        if len(spk2utt) < FEWEST_SPEAKERS or len(fit) < 2:
            logger.info("no development set: %d speakers, %d of them with two or more", len(spk2utt), len(fit))
            return []
        wanted = min(len(fit), 60, max(2, round(0.05 * len(spk2utt))))
    if wanted > len(fit) or (wanted and wanted >= len(spk2utt)):
        raise InputError(
            f"{wanted} development speakers cannot be held out of {len(spk2utt)}, of which {len(fit)} have two or "
            "more utterances (of different sessions); lower --dev-speakers"
        )
    if wanted == 1:
        raise InputError("one development speaker gives no nontarget trial; ask for none or at least 2")
    return sorted(fit[i] for i in rng.choice(len(fit), wanted, replace=False))


def _draw_valid(spk2utt, groups, wanted, max_share, rng):
    """Round after round, each speaker in a random order gives a random group, until enough are taken."""
    speakers = [list(spk2utt)[i] for i in rng.permutation(len(spk2utt))]
    left = {s: _shuffled_groups(spk2utt[s], groups, rng) for s in speakers}
    quota = {s: int(max_share * len(spk2utt[s])) for s in speakers}
    taken = []
    while speakers and len(taken) < wanted:
        giving = []
        for speaker in speakers:
            group = next((g for g in left[speaker] if len(g) <= quota[speaker]), None)
            if group is None or len(taken) >= wanted:
                continue
            left[speaker].remove(group)
            quota[speaker] -= len(group)
            taken += group
            giving.append(speaker)
        speakers = giving
    if len(taken) < wanted:
        _complain(taken, wanted, len(spk2utt), max_share)
    return taken


def _shuffled_groups(utterances, groups, rng):
    members = {}
    for utterance in utterances:
        members.setdefault(groups[utterance], []).append(utterance)
    members = list(members.values())
    return [members[i] for i in rng.permutation(len(members))]


def _complain(taken, wanted, num_speakers, max_share):
    if not taken:
        raise InputError(
            f"no utterance can be taken for validation: of the {num_speakers} speakers none has a whole group within "
            f"{max_share:g} of its utterances; raise --max-share, or take ends of utterances with --cut"
        )
    logger.warning(
        "only %d of %d validation utterances can be taken without more than %g of a speaker's",
        len(taken),
        wanted,
        max_share,
    )
