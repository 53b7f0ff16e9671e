"""Energy-based voice activity detection: decides which frames are voiced by the log energy, the first feature.

Writes OUT.ark and OUT.scp: a vector for each utterance of feats.scp, 1 for voiced frames and 0 for others; and
OUT.json: DATA's feats_conf.json, if there is one, with the VAD options added.
steps/compute_vad_decision.sh runs it in parallel jobs and merges their results into DATA/vad.scp.
"""

import contextlib
import dataclasses
import logging

import numpy as np

from nnet.bin.cli import parser, run
from nnet.datadir.directory import DataDir, examples
from nnet.datadir.job_outputs import JobTables
from nnet.errors import InputError
from nnet.feats.vad import VadOptions, voiced_rows
from nnet.kaldi.ark import ArkWriter, open_matrix
from nnet.progress import progress

logger = logging.getLogger(__name__)


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--config", help="Kaldi config file with lines --name=value; default: all defaults")
    p.add_argument("data", metavar="DATA", help="data directory with feats.scp")
    p.add_argument("out", metavar="OUT", help="path of the output files without extension")
    args = p.parse_args(argv)
    options = VadOptions.from_conf(args.config)
    data = DataDir(args.data)
    if (data.feats_conf or {}).get("type") == "mel":
        raise InputError(f"{data.path}: features of type mel have no log energy, by which the VAD decides")
    conf = data.feats_conf and {**data.feats_conf, "vad": dataclasses.asdict(options)}
    silent, voiced_frames, frames = [], 0, 0
    with contextlib.ExitStack() as files:
        files.enter_context(JobTables(args.out, (), conf))
        writer = files.enter_context(ArkWriter(args.out + ".ark", args.out + ".scp"))
        for utterance, rx in progress(data.feats.items(), label=f"VAD of {data.path}", unit="utt"):
            voiced = voiced_rows(open_matrix(rx), options)
            writer.write(utterance, voiced.astype(np.float32))
            voiced_frames, frames = voiced_frames + voiced.sum(), frames + len(voiced)
            if not voiced.any():
                silent.append(utterance)
    logger.info("%s: %.1f %% of %d frames are voiced", data.path, 100 * voiced_frames / max(frames, 1), frames)
    if silent:
        logger.warning("%s: no voiced frame in %d utterances: %s", data.path, len(silent), examples(silent))


if __name__ == "__main__":
    run(main)
