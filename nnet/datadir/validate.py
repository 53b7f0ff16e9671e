"""Checks the consistency of the files of a data directory (utils/validate_data_dir.sh)."""

from nnet.datadir.directory import RECORDING_FILES, SPEAKER_FILES, UTTERANCE_FILES, DataDir, examples
from nnet.errors import InputError
from nnet.kaldi.tables import invert_spk2utt, read_list, read_spk2utt

# Options of utils/validate_data_dir.sh: (argument of `validate` that becomes False, help text).
EXEMPTIONS = {
    "--no-feats": ("feats", "feats.scp may be missing"),
    "--no-text": ("text", "text may be missing"),
    "--no-wav": ("wav", "wav.scp may be missing"),
    "--no-spk-sort": ("speaker_order", "speakers need not be sorted"),
    "--non-print": ("printable", "text may contain non-printable characters"),
}

_FIX = "utils/fix_data_dir.sh keeps the entries common to all files"


def validate(path, feats=True, text=True, wav=True, speaker_order=True, printable=True):
    """Checks a data directory.

    Args:
        path: the directory.
        feats, text, wav: whether feats.scp, text and wav.scp are required.
        speaker_order: whether sorting by utterance must also sort by speaker.
        printable: whether text must contain printable characters only.

    Returns:
        DataDir.

    Raises:
        InputError: the first violation; names file and entry.
    """
    data = DataDir(path)
    _check_speakers(data, speaker_order)
    for name, needed in (("feats.scp", feats), ("text", text), ("wav.scp", wav)):
        if needed and not data.has(name):
            flag = {"feats.scp": "--no-feats", "text": "--no-text", "wav.scp": "--no-wav"}[name]
            raise InputError(f"{data.file(name)}: no such file; {flag} allows it to be missing")
    _check_recordings(data)
    for name in UTTERANCE_FILES:
        if data.has(name):
            _check_keys(data, name, data.utt2spk, "utt2spk")
    for name in SPEAKER_FILES:
        if data.has(name):
            _check_keys(data, name, data.spk2utt, "spk2utt")
    _check_values(data)
    if printable and data.has("text"):
        _check_printable(data)
    return data


def parse_exemptions(flags):
    """Returns the arguments of `validate` for flags of EXEMPTIONS; raises InputError for an unknown flag."""
    for flag in flags:
        if flag not in EXEMPTIONS:
            raise InputError(f"{flag}: not an option of utils/validate_data_dir.sh; known: {', '.join(EXEMPTIONS)}")
    return {EXEMPTIONS[flag][0]: False for flag in flags}


def describe(data):
    """Describes a valid DataDir in one line."""
    return f"{data.path}: valid, {len(data.utt2spk)} utterances of {len(data.spk2utt)} speakers"


def _check_speakers(data, speaker_order):
    data.require_utterances()
    if not data.has("spk2utt"):
        raise InputError(f"{data.file('spk2utt')}: no such file; make it with utils/utt2spk_to_spk2utt.sh")
    if invert_spk2utt(read_spk2utt(data.file("spk2utt")), data.file("spk2utt")) != data.utt2spk:
        raise InputError(f"{data.file('spk2utt')}: inconsistent with utt2spk; utils/fix_data_dir.sh rebuilds it")
    previous = ("", "")
    for utterance, speaker in data.utt2spk.items():
        if speaker_order and speaker < previous[1]:
            raise InputError(
                f'{data.file("utt2spk")}: "{utterance}" of speaker "{speaker}" comes after "{previous[0]}" of '
                f'"{previous[1]}": start each utterance id with its speaker id and "-", or use --no-spk-sort'
            )
        previous = utterance, speaker


def _check_recordings(data):
    if data.segments is not None and not data.has("wav.scp"):
        raise InputError(f"{data.file('segments')}: needs wav.scp, which is missing")
    if not data.has("wav.scp"):
        return
    recordings = data.utt2spk if data.segments is None else [s[0] for s in data.segments.values()]
    for name in RECORDING_FILES:
        if data.has(name):
            _check_keys(data, name, recordings, "utt2spk" if data.segments is None else "segments")


def _check_keys(data, name, expected, source):
    keys, expected = data.table(name).keys(), set(expected)
    missing, extra = expected - keys, keys - expected
    if missing:
        raise InputError(f"{data.file(name)}: {len(missing)} entries of {source} missing: {examples(missing)}; {_FIX}")
    if extra:
        raise InputError(f"{data.file(name)}: {len(extra)} entries are not in {source}: {examples(extra)}; {_FIX}")


def _check_values(data):
    for name, kind in (("utt2num_frames", int), ("utt2dur", float), ("reco2dur", float)):
        if data.has(name):
            table = data.numbers(name, kind)
            bad = [u for u, value in table.items() if not value > 0]
            if bad:
                raise InputError(f'{data.file(name)}: "{bad[0]}" is {table[bad[0]]}, must be above 0')
    if data.has("spk2gender"):
        for speaker, gender in data.table("spk2gender").items():
            if gender not in ("f", "m"):
                raise InputError(f'{data.file("spk2gender")}: "{speaker}" is {gender}, expected f or m')


def _check_printable(data):
    for utterance, words in data.table("text").items():
        if not words.isprintable() and not words.replace("\t", " ").isprintable():
            raise InputError(
                f'{data.file("text")}: "{utterance}" contains non-printable characters; --non-print allows them'
            )


def read_selection(path, known, what):
    """Reads a list of ids; raises InputError for ids that are not in `known`, the keys of the file `what`."""
    names = read_list(path)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"{path}: {len(unknown)} ids are not in {what}: {examples(unknown)}")
    return names
