"""Durations of the utterances and recordings of a data directory, in seconds."""

import concurrent.futures

from nnet.audio.reading import audio_duration
from nnet.errors import InputError
from nnet.progress import progress


def utterance_durations(data, jobs=1, frame_shift=0.01):
    """Returns `{utterance: seconds}` of a DataDir, from segments, recordings, or else numbers of frames.

    Args:
        data: a DataDir.
        jobs: number of recordings to read in parallel.
        frame_shift: seconds per frame.

    Raises:
        InputError: there is none of these files, or a recording cannot be read.
    """
    if data.segments is not None:
        open_ended = {s[0] for s in data.segments.values() if s[2] == -1}
        whole = recording_durations(data, jobs, open_ended)
        return {u: (whole[r] if end == -1 else end) - start for u, (r, start, end, _) in data.segments.items()}
    if data.has("wav.scp"):
        return recording_durations(data, jobs)
    if data.has("utt2num_frames"):
        return {utterance: frames * frame_shift for utterance, frames in data.utt2num_frames.items()}
    raise InputError(f"{data.path}: no segments, wav.scp or utt2num_frames to derive durations from")


def recording_durations(data, jobs=1, recordings=None):
    """Returns `{recording: seconds}` of some recordings of a DataDir; None: all in wav.scp.

    A reco2dur is used if it has all of them. Without segments a recording is an utterance, so utt2dur is used, too.

    Raises:
        InputError: a recording is not in wav.scp, or cannot be read.
    """
    recordings = list(data.wav_scp if recordings is None else recordings)
    for name in ("reco2dur", *(() if data.has("segments") else ("utt2dur",))):
        if data.has(name):
            known = data.numbers(name)
            if known.keys() >= set(recordings):
                return {recording: known[recording] for recording in recordings}

    def duration(recording):
        where = f'{data.file("wav.scp")}: "{recording}"'
        if recording not in data.wav_scp:
            raise InputError(f"{where} is missing")
        return audio_duration(data.wav_scp[recording], where)

    # threads suffice: most of the time is spent opening files and waiting for commands
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        seconds = progress(pool.map(duration, recordings), len(recordings), f"durations of {data.path}", "rec")
        return dict(zip(recordings, seconds, strict=True))
