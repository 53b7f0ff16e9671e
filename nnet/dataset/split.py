"""Splits a set of utterances into training, validation and development sets."""

import logging
from dataclasses import dataclass

import numpy as np

from nnet.errors import InputError
from nnet.kaldi.ark import matrix_shape, parse_rx
from nnet.kaldi.tables import invert_utt2spk

logger = logging.getLogger(__name__)

# Files that describe whole utterances; a directory of cut utterances has none of them.
UNCUT_FILES = ("wav.scp", "segments", "vad.scp", "utt2dur", "reco2dur", "reco2file_and_channel", "text")
FEWEST_SPEAKERS = 20  # with fewer, no speakers are held out for development by default


@dataclass(frozen=True)
class Split:
    """Sorted utterance ids of each set; `unused`: copies of development utterances, in no set."""

    train: list
    valid: list
    dev: list
    unused: list


def split_utterances(utt2spk, origins, groups, *, valid_utts=None, dev_speakers=0, max_share=0.25, seed=0):
    """Draws validation utterances from all speakers, and holds out some speakers for development.

    Utterances of a group stay together: augmented copies of one utterance, or utterances of one session. Only recorded
    speakers are held out, not their speed-perturbed copies, which are removed from training together with them. The
    validation set has at most `max_share` of a speaker's utterances, one group per speaker before any second one.

    Args:
        utt2spk: {utterance: speaker}.
        origins: {utterance: the utterance it is a copy of, or itself}.
        groups: {utterance: name of its group}.
        valid_utts: validation utterances; None: 5 %, at most 2000.
        dev_speakers: speakers to hold out; None: 5 %, from 2 to 60, if there are at least 20 speakers.
        max_share: maximum share of a speaker's utterances for validation.
        seed: of the random choice.

    Returns:
        a Split, whose development set has no copies.

    Raises:
        InputError: too few speakers to hold out, or no utterance available for validation.
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
    """Groups utterances by original and session.

    Args:
        data: a DataDir; its utt2uniq, if present, maps augmented utterances to their originals.
        session_of: function from an utterance to the name of its session, or None; applied to the original first.

    Returns:
        `origins` and `groups` for split_utterances.
    """
    uniq = data.table("utt2uniq") if data.has("utt2uniq") else {}
    origins = {u: _origin(u, uniq, data.file("utt2uniq")) for u in data.utt2spk}
    if session_of is None:
        return origins, origins
    return origins, {u: session_of(o) or session_of(u) or o for u, o in origins.items()}


def _origin(utterance, uniq, path):
    """Returns the original of an utterance, following copies of copies."""
    seen = {utterance}
    while uniq.get(utterance, utterance) != utterance:
        utterance = uniq[utterance]
        if utterance in seen:
            raise InputError(f"{path}: {utterance} is a copy of itself, by way of other copies")
        seen.add(utterance)
    return utterance


def session_prefix(utterance):
    """Returns the id up to its last "-", the session if ids are speaker-session-utterance."""
    return utterance.rpartition("-")[0]


def cut_utterances(data, utterances, beginning, share=0.2):
    """Cuts utterances of a data directory in two and keeps one piece of each, as features only.

    There is no audio for the pieces: cuts are at frames, from which silence may have been removed.

    Args:
        data: a DataDir.
        utterances: the utterances to cut.
        beginning: keep the beginning; False: the end.
        share: share of an utterance that is its end.

    Returns:
        a DataDir.

    Raises:
        InputError: an utterance is too short.
    """
    pieces = {u: _piece(data.feats[u], beginning, share) for u in utterances}
    tables = {**dict.fromkeys(UNCUT_FILES), "feats.scp": data.feats | {u: rx for u, (rx, _) in pieces.items()}}
    if data.has("utt2num_frames"):
        frames = {u: str(frames) for u, (_, frames) in pieces.items()}
        tables["utt2num_frames"] = data.table("utt2num_frames") | frames
    return data.with_tables(tables)


def _piece(rx, beginning, share):
    """Returns a piece of a matrix as an rxfilename with a row range, and its length."""
    if rx.endswith("|"):
        raise InputError(f"{rx}: the output of a command cannot be cut; write the features to an archive first")
    address = parse_rx(rx)
    first, stop = address.rows or (0, matrix_shape(rx)[0])
    border = stop - max(1, round((stop - first) * share))
    first, stop = (first, border) if beginning else (border, stop)
    if stop <= first:
        raise InputError(f"{rx}: too short to be cut in two; remove short utterances first (--min-len)")
    return str(address._replace(rows=(first, stop))), stop - first


def _draw_dev_speakers(spk2utt, groups, wanted, rng):
    fit = [s for s, utts in spk2utt.items() if len({groups[u] for u in utts}) >= 2]
    if wanted is None:
        if len(spk2utt) < FEWEST_SPEAKERS or len(fit) < 2:
            logger.info(
                "no development set: %d speakers, %d of them with two or more utterances of different sessions",
                len(spk2utt),
                len(fit),
            )
            return []
        wanted = min(len(fit), 60, max(2, round(0.05 * len(spk2utt))))
    if wanted > len(fit) or (wanted and wanted >= len(spk2utt)):
        raise InputError(
            f"cannot hold out {wanted} development speakers: {len(fit)} of {len(spk2utt)} speakers have two or more "
            "utterances (of different sessions); reduce --dev-speakers"
        )
    if wanted == 1:
        raise InputError("one development speaker gives no nontarget trials; use 0 or at least 2")
    return sorted(fit[i] for i in rng.choice(len(fit), wanted, replace=False))


def _draw_valid(spk2utt, groups, wanted, max_share, rng):
    """Draws a random group from each speaker in turn, in random order, until there are enough utterances."""
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
        _report_too_few(taken, wanted, len(spk2utt), max_share)
    return taken


def _shuffled_groups(utterances, groups, rng):
    members = {}
    for utterance in utterances:
        members.setdefault(groups[utterance], []).append(utterance)
    members = list(members.values())
    return [members[i] for i in rng.permutation(len(members))]


def _report_too_few(taken, wanted, num_speakers, max_share):
    if not taken:
        raise InputError(
            f"no utterance available for validation: none of the {num_speakers} speakers has enough of them, as a "
            f"validation utterance, with its copies or its session, may be at most {max_share:g} of a speaker's "
            "utterances; increase --max-share, or use the ends of utterances with --cut"
        )
    logger.warning(
        "only %d of %d validation utterances available with at most %g of a speaker's utterances",
        len(taken),
        wanted,
        max_share,
    )
