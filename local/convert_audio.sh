#!/usr/bin/env bash
# Decodes the recordings of a data directory that are commands in wav.scp once, to files.
cmd=utils/run.sh
nj=4
format=flac
help_message="Usage: $0 [options] DATA OUTDIR
e.g.: $0 --nj 16 --format wav data/train data/audio
Options:
  --cmd CMD --nj N     job runner (default: $cmd) and parallel jobs (default: $nj)
  --format flac|wav    of the files (default: $format)
Makes OUTDIR/SPEAKER/RECORDING.FORMAT; those that are there are kept, so that an interrupted conversion goes on.
OUTDIR/wav.scp names them, and the recordings that are no commands as DATA/wav.scp does."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh

if [ $# -ne 2 ]; then echo "$help_message" >&2; exit 1; fi

convert=(python local/convert_audio.py --format "$format" --num-jobs "$nj")
if grep -q '|[[:space:]]*$' "$1/wav.scp"; then
  "${convert[@]}" --announce true "$1" "$2"
  quote "${convert[@]}" --job JOB "$1" "$2"
  $cmd JOB=1:"$nj" "$2/log/convert.JOB.log" "${quoted[@]}"
fi
"${convert[@]}" --finish true "$1" "$2"
