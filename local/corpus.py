"""Writing of data directories, shared by the preparation scripts of all corpora."""

from pathlib import Path

from nnet.datadir.derive import write_speakers
from nnet.datadir.directory import write_table
from nnet.files import remove_file


def write_data_dir(path, recordings, segments=None):
    """Writes wav.scp, utt2spk, spk2utt and, if given, segments.

    Args:
        path: the data directory.
        recordings: {speaker: paths}; the id of a recording is its file name without extension.
        segments: {utterance: (recording, start, end)} in seconds, or None if recordings are utterances.
    """
    speaker_of = {Path(p).stem: speaker for speaker, paths in recordings.items() for p in paths}
    wav_scp = {Path(p).stem: p for paths in recordings.values() for p in paths}
    if segments is None:
        write_tables(path, wav_scp, speaker_of)
    else:
        utt2spk = {u: speaker_of[r] for u, (r, _, _) in segments.items()}
        write_tables(path, wav_scp, utt2spk, segments=segments)


def write_tables(path, wav_scp, utt2spk, genders=None, segments=None):
    """Writes a data directory from tables.

    Args:
        path: the directory.
        wav_scp: {recording: path or command}.
        utt2spk: {utterance: speaker}.
        genders: {speaker: "m" or "f"}; spk2gender is written if every speaker is in it.
        segments: {utterance: (recording, start, end[, channel])}, channels counted from 0, or None if recordings are
            utterances.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    for name in ("utt2spk", "segments", "spk2gender", "utt2dur"):
        remove_file(path / name)  # of an earlier preparation
    write_table(path / "wav.scp", wav_scp)
    if segments is not None:
        write_table(path / "segments", {utterance: _segment(*place) for utterance, place in segments.items()})
    if genders and genders.keys() >= set(utt2spk.values()):
        write_table(path / "spk2gender", {speaker: genders[speaker] for speaker in set(utt2spk.values())})
    write_speakers(path, utt2spk)


def _segment(recording, start, end, *channel):
    return " ".join([recording, f"{start:.3f}", f"{end:.3f}", *map(str, channel)])
