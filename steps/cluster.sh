#!/usr/bin/env bash
# Finds pseudo-speakers: embeddings without labels become an utt2spk.
cmd=utils/run.sh
program=(python -m nnet.bin.cluster)
help_message="Usage: $0 [options] EMBDIR OUTDIR
e.g.: $0 --threshold 0.5 exp/resnet34/embeddings_unlabeled exp/resnet34/pseudo_speakers
Options:
  --cmd CMD         job runner (default: $cmd)
  others            see --help
Writes OUTDIR/utt2spk."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 2 ]; then echo "$help_message" >&2; exit 1; fi
embeddings=$1 out=$2

if ! [ -f "$embeddings/xvector.scp" ]; then echo "$0: $embeddings/xvector.scp is missing" >&2; exit 1; fi
lock "$out"
mkdir -p "$out/log"
rm -f "$out/utt2spk"
quote "${program[@]}" "$embeddings" "$out/utt2spk"
$cmd "$out/log/cluster.log" "${quoted[@]}"
