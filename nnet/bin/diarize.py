"""Finds who spoke when in the recordings of a data directory.

DATA needs wav.scp. Speech is what --vad finds or, without --vad, what --segments or DATA/segments says; without any of
these, what the energy VAD finds. It is cut into windows, each with an embedding; clusters of these are the speakers.

Writes turns (OUT.rttm), segments of speech (OUT.speech), windows (OUT.segments) and their embeddings (OUT.ark and
OUT.scp). steps/diarize.sh runs it in parallel jobs, each on its share of the recordings, and merges their results.
"""

import logging

import numpy as np

from nnet.audio.recording import open_recording
from nnet.bin.cli import number, parser, run
from nnet.bin.diarization_options import (
    RecordingDiarizer,
    add_clustering_options,
    add_naming_options,
    add_window_options,
)
from nnet.datadir.directory import DataDir, examples
from nnet.diarization.files import WindowWriter
from nnet.diarization.rttm import write_rttm
from nnet.diarization.speech import channels_of_segments, given_segments
from nnet.errors import InputError

log = logging.getLogger(__name__)


def main(argv=None):
    args = make_parser().parse_args(argv)
    data = DataDir(args.data)
    names = sorted(data.wav_scp)[args.job - 1 :: args.num_jobs]
    segments, channels = known_segments(args, data, names)
    diarize = RecordingDiarizer(args, names)
    turns = []
    with WindowWriter(args.out) as writer:
        for name in names:
            where = f'{data.file("wav.scp")}: "{name}"'
            recording = open_recording(data.wav_scp[name], diarize.sample_rate, where, channels.get(name))
            spans = None if segments is None else segments.get(name, np.zeros((0, 2)))
            found, windows = diarize(name, recording, spans)
            turns += found
            if windows is not None:
                writer.write(name, windows)
    write_rttm(args.out + ".rttm", turns)


def known_segments(args, data, names):
    """Reads the segments of speech that are given.

    Returns:
        {recording: spans (S, 2)}, None if they are to be found, and {recording: the channel that they name}
    """
    if args.segments and args.vad:
        raise InputError("--segments says what is speech: omit --vad")
    source = DataDir(args.segments) if args.segments else data
    if not args.segments and (args.vad or args.overlap == "local" or data.segments is None):
        return None, channels_of_segments(data, names)
    segments = given_segments(source)
    if names and not segments.keys() & data.wav_scp.keys():
        raise InputError(
            f"{source.file('segments')}: none of its recordings ({examples(segments) or 'none'}) is in "
            f"{data.file('wav.scp')} ({examples(data.wav_scp)}); do they have the same names?"
        )
    log.info("speech is what %s says", source.file("segments"))
    without = [name for name in names if name not in segments]
    if without:
        log.warning(
            "%s: %d of %d recordings have no segments: %s",
            source.file("segments"),
            len(without),
            len(names),
            examples(without),
        )
    return segments, channels_of_segments(source, names)


def make_parser():
    p = parser(__doc__)
    p.add_argument("--segments", metavar="DIR", help="data directory whose file segments gives the speech")
    add_window_options(p)
    add_clustering_options(p)
    add_naming_options(p)
    p.add_argument("--job", type=number(int, low=1), default=1, help="number of this job")
    p.add_argument("--num-jobs", type=number(int, low=1), default=1, help="number of jobs")
    p.add_argument("model_dir", metavar="MODELDIR")
    p.add_argument("data", metavar="DATA")
    p.add_argument("out", metavar="OUT", help="path of the output files without extension")
    return p


if __name__ == "__main__":
    run(main)
