"""Finds who spoke when in audio files, and prints it as RTTM.

A file is named in the RTTM by its name without folder and extension.
"""

import os
import sys

from nnet.audio.recording import open_recording
from nnet.bin.cli import parser, run
from nnet.bin.diarization_options import (
    RecordingDiarizer,
    add_clustering_options,
    add_naming_options,
    add_window_options,
)
from nnet.diarization.rttm import rttm_lines, write_rttm
from nnet.errors import InputError


def main(argv=None):
    args = make_parser().parse_args(argv)
    names = [recording_name(path) for path in args.audio]
    repeated = [name for i, name in enumerate(names) if name in names[:i]]
    if repeated:
        raise InputError(f'two files would be "{repeated[0]}" in the RTTM; rename one, or give them in two calls')
    diarize = RecordingDiarizer(args, names)
    turns = []
    for name, path in zip(names, args.audio, strict=True):
        turns += diarize(name, open_recording(path, diarize.sample_rate, name))[0]
    if args.out:
        write_rttm(args.out, turns)
    else:
        sys.stdout.writelines(rttm_lines(turns, "RTTM"))


def recording_name(path):
    """The name of an audio file in an RTTM: one word."""
    name = os.path.splitext(os.path.basename(path))[0]
    return "_".join(name.split()) or "recording"


def make_parser():
    p = parser(__doc__)
    p.add_argument("--out", metavar="RTTM", help="file to write; default: standard output")
    add_window_options(p)
    add_clustering_options(p)
    add_naming_options(p)
    p.add_argument("model_dir", metavar="MODELDIR", help="a model directory, or user/name on the Hugging Face Hub")
    p.add_argument("audio", metavar="AUDIO", nargs="+", help="audio files")
    return p


if __name__ == "__main__":
    run(main)
