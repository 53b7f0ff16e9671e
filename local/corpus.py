"""What the preparation of every corpus shares."""

from pathlib import Path

from nnet.io.data_dir import invert_utt2spk, write_table


def write_data_dir(path, recordings, segments=None):
    """Makes wav.scp, utt2spk, spk2utt and, where given, segments.

    Args:
        recordings: {speaker: paths}; an utterance is called as its file without the ending.
        segments: {utterance: (recording, start, end)} in seconds, or None where recordings are utterances.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    speaker_of = {Path(p).stem: speaker for speaker, paths in recordings.items() for p in paths}
    write_table(path / "wav.scp", {Path(p).stem: p for paths in recordings.values() for p in paths})
    if segments is None:
        (path / "segments").unlink(missing_ok=True)
        utt2spk = speaker_of
    else:
        write_table(path / "segments", {u: f"{r} {start:.3f} {end:.3f}" for u, (r, start, end) in segments.items()})
        utt2spk = {u: speaker_of[r] for u, (r, _, _) in segments.items()}
    write_table(path / "utt2spk", utt2spk)
    write_table(path / "spk2utt", {s: " ".join(u) for s, u in invert_utt2spk(utt2spk).items()})
