"""Writing of data directories for diarization: recordings, their RTTM, and the speech in them as an oracle."""

from pathlib import Path

from corpus import write_tables

from nnet.datadir.directory import write_table
from nnet.diarization.rttm import write_rttm


def write_diarization_data(path, wav_scp, durations, turns):
    """Writes PATH with wav.scp, reco2dur, reco2num_spk and rttm, and PATH/oracle with the speech as segments.

    Utterances of PATH are whole recordings. Those of PATH/oracle are where anybody speaks; they do not say who.

    Args:
        path: the data directory.
        wav_scp: {recording: path or command}.
        durations: {recording: seconds}.
        turns: {recording: [Turn, ...]}, for some or all recordings.
    """
    path = Path(path)
    write_tables(path, wav_scp, {name: name for name in wav_scp})
    seconds = {name: f"{durations[name]:.3f}" for name in wav_scp}
    write_table(path / "reco2dur", seconds)
    counts = {name: len({turn.speaker for turn in turns.get(name, ())}) for name in wav_scp}
    write_table(path / "reco2num_spk", {name: max(1, count) for name, count in counts.items()})
    write_rttm(path / "rttm", [turn for recording in turns.values() for turn in recording])
    segments = {
        f"{name}-{round(1000 * start):09d}-{round(1000 * end):09d}": (name, start, end)
        for name in turns
        for start, end in speech(turns[name], durations[name])
    }
    spoken = {name: rx for name, rx in wav_scp.items() if turns.get(name)}
    write_tables(path / "oracle", spoken, {u: name for u, (name, _, _) in segments.items()}, segments=segments)
    write_table(path / "oracle/reco2dur", {name: seconds[name] for name in spoken})


def speech(turns, duration):
    """Joins turns where they overlap or touch: [(start, end), ...] in whole milliseconds, within the recording."""
    found = []
    for turn in sorted(turns, key=lambda turn: turn.start):
        start, end = round(turn.start, 3), round(min(turn.end, duration), 3)
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        elif start < end:
            found.append([start, end])
    return [tuple(interval) for interval in found]
