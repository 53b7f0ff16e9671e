"""Computes the features of a data directory: MFCCs, filter banks, or the mel spectra of other toolkits.

Writes OUT.ark and OUT.scp, the tables OUT.num_frames and OUT.dur, OUT.json (type and options of the features), and
OUT.left_out (utterance and reason) for utterances without features. steps/make_mfcc.sh and its like run it in
parallel jobs and merge their results into the data directory.

Bad audio (missing, truncated, empty, all zeros, NaN, or of another sampling rate) is an error; with --skip-bad true it
is left out. Utterances too short for one frame are left out.
"""

import contextlib

from threadpoolctl import threadpool_limits

from nnet.bin.cli import boolean, parser, run
from nnet.datadir.directory import DataDir
from nnet.datadir.job_outputs import JobTables, feats_conf
from nnet.feats.computing import extract
from nnet.feats.options import FEATURE_OPTIONS
from nnet.kaldi.ark import ArkWriter
from nnet.progress import progress


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--type", default="mfcc", choices=sorted(FEATURE_OPTIONS), help="kind of features")
    p.add_argument("--config", help="Kaldi config file with lines --name=value; default: all defaults")
    p.add_argument("--compress", type=boolean, default=True, help="write Kaldi's compressed matrices")
    p.add_argument("--skip-bad", type=boolean, default=False, help="leave out bad audio; false: stop with an error")
    p.add_argument("--seed", type=int, default=0, help="random seed of the dither")
    p.add_argument("data", metavar="DATA", help="data directory with wav.scp, and segments where there are any")
    p.add_argument("out", metavar="OUT", help="path of the output files without extension")
    args = p.parse_args(argv)
    options = FEATURE_OPTIONS[args.type].from_conf(args.config)
    data = DataDir(args.data)
    total = len(data.segments or data.wav_scp)
    conf = feats_conf(args.type, options)
    if data.has("vad.scp") and "vad" in (data.feats_conf or {}):
        conf["vad"] = data.feats_conf["vad"]  # augmented copies keep the VAD decisions of the clean speech
    results = extract(data, options, args.seed, args.skip_bad)
    with contextlib.ExitStack() as files:
        # The rounding of matrix products depends on the number of threads.
        files.enter_context(threadpool_limits(limits=1))
        tables = files.enter_context(JobTables(args.out, ("num_frames", "dur"), conf))
        arks = files.enter_context(ArkWriter(args.out + ".ark", args.out + ".scp", args.compress))
        for result in progress(results, total, f"{args.type} of {data.path}", "utt"):
            if result.problem:
                tables.skip(result.utterance, result.problem)
                continue
            arks.write(result.utterance, result.feats)
            tables.add(result.utterance, num_frames=len(result.feats), dur=f"{result.seconds:.9g}")


if __name__ == "__main__":
    run(main)
