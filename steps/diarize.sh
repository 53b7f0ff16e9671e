#!/usr/bin/env bash
# Finds who spoke when in the recordings of a data directory.
cmd=utils/run.sh
nj=1
program=(python -m nnet.bin.diarize)
help_message="Usage: $0 [options] MODELDIR DATA OUTDIR
e.g.: $0 --max-speakers 8 exp/resnet34 data/meetings exp/resnet34/diarization_meetings
Options:
  --cmd CMD --nj N  job runner (default: $cmd) and parallel jobs (default: $nj, which uses all cores)
  others            see --help
Writes OUTDIR/rttm, and for steps/cluster_windows.sh: segments (windows), xvector.{ark,scp} (their embeddings) and
speech/segments."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 3 ]; then echo "$help_message" >&2; exit 1; fi
model=$1 data=$2 out=$3

for file in "$model/config.json" "$data/wav.scp"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
refuse_job "$model" "$data" "$out"
limit_jobs "$data/wav.scp"
lock "$out"
mkdir -p "$out/log"
rm -f "$out"/rttm "$out"/segments "$out"/xvector.* "$out"/speech/segments "$out"/log/diarize.*.log

quote "${program[@]}" --job JOB --num-jobs "$nj" "$model" "$data" "$out/xvector.JOB"
$cmd JOB=1:"$nj" "$out/log/diarize.JOB.log" "${quoted[@]}"
grep -h ' WARNING ' "$out"/log/diarize.*.log >&2 || true

python -m nnet.bin.merge_diarization --nj "$nj" "$out" "$out/xvector"
