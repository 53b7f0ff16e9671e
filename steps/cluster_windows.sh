#!/usr/bin/env bash
# Finds who spoke when by another clustering of the windows that steps/diarize.sh kept.
cmd=utils/run.sh
program=(python -m nnet.bin.cluster_windows)
help_message="Usage: $0 [options] EMBDIR OUTDIR
e.g.: $0 --cluster spectral exp/resnet34/diarization_meetings exp/resnet34/diarization_meetings/spectral
Options:
  --cmd CMD         job runner (default: $cmd)
  others            see --help
Writes OUTDIR/rttm."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 2 ]; then echo "$help_message" >&2; exit 1; fi
embeddings=$1 out=$2

for file in "$embeddings/xvector.scp" "$embeddings/segments" "$embeddings/speech/segments"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
lock "$out"
mkdir -p "$out/log"
rm -f "$out/rttm"
quote "${program[@]}" "$embeddings" "$out/rttm"
$cmd "$out/log/cluster_windows.log" "${quoted[@]}"
grep -h ' WARNING ' "$out/log/cluster_windows.log" >&2 || true
