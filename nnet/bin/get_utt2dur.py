"""Writes DATA/utt2dur, the duration of each utterance in seconds, from segments, recordings or numbers of frames."""

import concurrent.futures
import logging

from nnet.audio.reading import audio_duration
from nnet.bin.cli import parser, run
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.kaldi.tables import write_table
from nnet.progress import progress

logger = logging.getLogger(__name__)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("data", help="the data directory")
    options.add_argument("--nj", type=int, default=4, help="number of recordings to read in parallel")
    options.add_argument(
        "--frame-shift", type=float, default=0.01, help="seconds per frame, if durations come from utt2num_frames"
    )
    options.add_argument("--cmd", help="accepted as in Kaldi; no jobs are started")
    args = options.parse_args(argv)
    data = DataDir(args.data)
    if data.has("utt2dur") and data.utt2dur.keys() == data.utt2spk.keys():
        logger.info("%s: already exists", data.file("utt2dur"))
        return
    durations = utterance_durations(data, args.nj, args.frame_shift)
    write_table(data.file("utt2dur"), {utterance: f"{seconds:.6g}" for utterance, seconds in durations.items()})


def utterance_durations(data, jobs=1, frame_shift=0.01):
    """Returns a dict from utterance to duration in seconds of a DataDir."""
    if data.segments is not None:
        open_ended = {s[0] for s in data.segments.values() if s[2] == -1}
        whole = _recording_durations(data, open_ended, jobs)
        return {u: (whole[r] if end == -1 else end) - start for u, (r, start, end, _) in data.segments.items()}
    if data.has("wav.scp"):
        return _recording_durations(data, data.wav_scp, jobs)
    if data.has("utt2num_frames"):
        return {utterance: frames * frame_shift for utterance, frames in data.utt2num_frames.items()}
    raise InputError(f"{data.path}: no segments, wav.scp or utt2num_frames to derive durations from")


def _recording_durations(data, recordings, jobs):
    def duration(recording):
        return audio_duration(data.wav_scp[recording], f'{data.file("wav.scp")}: "{recording}"')

    recordings = list(recordings)
    # threads suffice: most of the time is spent opening files and waiting for commands
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        seconds = progress(pool.map(duration, recordings), len(recordings), f"durations of {data.path}", "rec")
        return dict(zip(recordings, seconds, strict=True))


if __name__ == "__main__":
    run(main)
