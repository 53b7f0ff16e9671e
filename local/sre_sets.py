"""Utterances of telephone corpora, evaluations, and their data directories."""

import logging
from collections import Counter, namedtuple
from pathlib import Path

from corpus import write_tables

from nnet.datadir.directory import examples, write_table
from nnet.errors import InputError
from nnet.files import remove_file
from nnet.kaldi.trials import write_trials

log = logging.getLogger(__name__)

# Speech of one speaker in `path`. `recording` is its id in wav.scp; `channel` counts from 0, None: mono; `span` is
# (start, end) in seconds, None: the whole recording.
Utterance = namedtuple(
    "Utterance", "name speaker recording path channel gender language span", defaults=(None, "", "", None)
)
# Utterances of models (the model is the speaker) and test segments, and trials: {condition: [(model, test, target)]};
# the condition "" has all trials.
Evaluation = namedtuple("Evaluation", "utterances trials")

SIDES = {"a": 0, "1": 0, "b": 1, "2": 1, "x": None, "": None}


def channel_of(side, where):
    """Converts the side of a call to a channel: a or 1, b or 2, in any case; x for a mono recording."""
    if side.lower() not in SIDES:
        raise InputError(f"{where}: expected a or b as the side of a call, found {side!r}")
    return SIDES[side.lower()]


def side_letter(channel):
    """Returns the letter of a side at the end of an utterance id."""
    return "b" if channel == 1 else "a"


def side_utterance(speaker, session, path, channel, gender="", language=""):
    """Builds the Utterance of a side of a call, with the id SPEAKER-SESSION-a."""
    return Utterance(f"{speaker}-{session}-{side_letter(channel)}", speaker, session, path, channel, gender, language)


def refuse_two_speakers(utterances, skip):
    """Removes duplicates, and sides of recordings that are assigned to two speakers.

    Args:
        utterances: Utterances, possibly with duplicates.
        skip: function of a skipped side and the reason.
    """
    speakers = {}
    for u in utterances:
        speakers.setdefault((u.path, u.channel, u.span), set()).add(u.speaker)
    unique = dict.fromkeys(utterances)
    for (path, channel, _), names in speakers.items():
        if len(names) > 1:
            skip(f"{path}:{side_letter(channel)}", f"assigned to two speakers: {examples(names)}")
    return [u for u in unique if len(speakers[u.path, u.channel, u.span]) == 1]


def usable(utterances, recordings, skip):
    """Returns the readable utterances; calls `skip(path, reason)` for the others."""
    recordings.read_headers({u.path for u in utterances})
    kept = []
    for u in utterances:
        problem = recordings.problem(u.path, u.channel, u.span)
        if problem:
            skip(u.path, problem)
        else:
            kept.append(u)
    return kept


def write_set(path, utterances, recordings):
    """Writes a data directory with utt2dur, and with segments unless every recording is one utterance."""
    if not utterances:
        raise InputError(f"{path}: no utterances left; see the log for skipped files")
    spans = {u.name: recordings.span(u.path, u.span) for u in utterances}
    cut = any(u.span or recordings.channels(u.path) > 1 for u in utterances)
    segments = {u.name: (u.recording, *spans[u.name], u.channel or 0) for u in utterances} if cut else None
    wav_scp = {u.recording if cut else u.name: recordings.entry(u.path) for u in utterances}
    write_tables(path, wav_scp, {u.name: u.speaker for u in utterances}, _genders(utterances), segments)
    write_table(Path(path) / "utt2dur", {name: f"{end - start:.3f}" for name, (start, end) in spans.items()})
    remove_file(Path(path) / "utt2lang")
    if all(u.language for u in utterances):
        write_table(Path(path) / "utt2lang", {u.name: u.language for u in utterances})
    hours = sum(end - start for start, end in spans.values()) / 3600
    speakers = len({u.speaker for u in utterances})
    log.info("%s: %d utterances of %d speakers, %.2f hours", path, len(utterances), speakers, hours)


def _genders(utterances):
    """Returns {speaker: m or f} of speakers with one consistent gender."""
    said = {}
    for u in utterances:
        if u.gender.lower()[:1] in ("m", "f"):
            said.setdefault(u.speaker, set()).add(u.gender.lower()[:1])
    return {speaker: genders.pop() for speaker, genders in said.items() if len(genders) == 1}


def write_evaluation(path, evaluation, recordings, release, max_missing):
    """Writes the data directory NAME of an Evaluation, with trials_NAME and trials_NAME_CONDITION.

    Returns:
        its utterances.

    Raises:
        InputError: more than the share `max_missing` of the trials have no audio.
    """
    kept = usable(evaluation.utterances, recordings, release.skip)
    known = {u.name for u in kept} | {u.speaker for u in kept}
    pooled = evaluation.trials[""]
    lost = [trial for trial in pooled if not known.issuperset(trial[:2])]
    if len(lost) > max_missing * len(pooled) or len(lost) == len(pooled):
        raise InputError(
            f"{release.roots}: {len(lost)} of {len(pooled)} trials have no audio, such as {' '.join(lost[0][:2])}; "
            f"unpack all parts of {release.what}, or allow it: --max-missing"
        )
    write_set(path, kept, recordings)
    for old in Path(path).glob("trials_*"):
        remove_file(old)
    for condition, trials in evaluation.trials.items():
        _write_list(path, condition, [trial for trial in trials if known.issuperset(trial[:2])])
    if lost:
        log.warning("%s: skipped %d of %d trials without audio", path, len(lost), len(pooled))
    return kept


def _write_list(path, condition, trials):
    table = Path(path) / "_".join(filter(None, ["trials", Path(path).name, condition]))
    kinds = Counter(target for _, _, target in trials)
    if len(kinds) < 2:
        log.warning("%s: not written: %d targets and %d nontargets", table, kinds[True], kinds[False])
        return
    write_trials(table, trials)
    log.info("%s: %d trials, %d of them targets", table, len(trials), kinds[True])
