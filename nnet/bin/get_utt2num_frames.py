"""Writes DATA/utt2num_frames, the number of frames of each utterance, from the headers of its feature archives."""

import logging

from nnet.bin.cli import parser, run
from nnet.datadir.directory import DataDir
from nnet.kaldi.ark import matrix_shape
from nnet.kaldi.tables import write_table
from nnet.progress import progress

logger = logging.getLogger(__name__)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("data", help="the data directory, with feats.scp")
    for name in ("--nj", "--cmd", "--frame-shift"):
        options.add_argument(name, help="accepted as in Kaldi; reading headers needs no jobs")
    args = options.parse_args(argv)
    data = DataDir(args.data)
    if data.has("utt2num_frames") and data.utt2num_frames.keys() == data.feats.keys():
        logger.info("%s: already exists", data.file("utt2num_frames"))
        return
    entries = progress(data.feats.items(), len(data.feats), f"frames of {data.path}", "utt")
    write_table(data.file("utt2num_frames"), {utterance: matrix_shape(rx)[0] for utterance, rx in entries})


if __name__ == "__main__":
    run(main)
