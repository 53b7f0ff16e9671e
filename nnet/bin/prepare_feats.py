"""Normalizes the features of a data directory and removes their silence, for training.

Writes OUT.ark and OUT.scp, the table OUT.num_frames, OUT.json (how the features were computed, if DATA records it) and
OUT.left_out (utterance and reason) for utterances without a voiced frame. steps/prepare_feats.sh runs it in parallel
jobs and merges their results into a data directory.
"""

import contextlib

from nnet.bin.cli import boolean, parser, run
from nnet.datadir.directory import DataDir
from nnet.datadir.job_outputs import JobTables
from nnet.errors import InputError
from nnet.feats.prepare import CMVN, known_conf, prepare, read_voiced
from nnet.kaldi.ark import ArkWriter, open_matrix
from nnet.progress import progress


def main(argv=None):
    p = parser(__doc__)
    p.add_argument(
        "--cmvn",
        default="sliding",
        choices=CMVN,
        help="subtract the mean of 300 frames around each frame, of the utterance, or none",
    )
    p.add_argument(
        "--remove-silence", type=boolean, default=True, help="keep only the frames that are voiced according to vad.scp"
    )
    p.add_argument("--compress", type=boolean, default=True, help="write Kaldi's compressed matrices")
    p.add_argument("data", metavar="DATA", help="data directory with feats.scp and vad.scp")
    p.add_argument("out", metavar="OUT", help="path of the output files without extension")
    args = p.parse_args(argv)
    data = DataDir(args.data)
    conf = prepared_conf(data, args.cmvn, args.remove_silence)
    with contextlib.ExitStack() as files:
        tables = files.enter_context(JobTables(args.out, ("num_frames",), conf))
        arks = files.enter_context(ArkWriter(args.out + ".ark", args.out + ".scp", args.compress))
        for utterance, rx in progress(data.feats.items(), label=f"CMVN and silence of {data.path}", unit="utt"):
            feats = open_matrix(rx)
            voiced = read_voiced(data, utterance, len(feats)) if args.remove_silence else None
            feats = prepare(feats, args.cmvn, voiced)
            if len(feats) == 0:
                tables.skip(utterance, "no voiced frame")
                continue
            arks.write(utterance, feats)
            tables.add(utterance, num_frames=len(feats))


def prepared_conf(data, cmvn, remove_silence):
    """Returns the feats_conf.json of the prepared features of a DataDir."""
    conf, where = known_conf(data), data.file("feats_conf.json")
    if conf["silence_removed"] or (conf["cmvn"] != "none" and cmvn != "none"):
        raise InputError(
            f"{where}: these features are already normalized or without silence; start from the original ones"
        )
    return {**conf, "cmvn": conf["cmvn"] if cmvn == "none" else cmvn, "silence_removed": remove_silence}


if __name__ == "__main__":
    run(main)
