#!/usr/bin/env bash
# Trains the back end on labeled embeddings: centering, LDA, length normalization, PLDA.
cmd=utils/run.sh
program=(python -m nnet.bin.train_backend)
help_message="Usage: $0 [options] EMBDIR DATA OUTDIR
e.g.: $0 --lda-dim 200 exp/xvector/embeddings_train data/train exp/xvector/backend
Options:
  --cmd CMD         job runner (default: $cmd)
  others            see --help"

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 3 ]; then echo "$help_message" >&2; exit 1; fi
embeddings=$1 data=$2 out=$3

for file in "$embeddings/xvector.scp" "$data/utt2spk"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
lock "$out"
mkdir -p "$out/log"
quote "${program[@]}" "$embeddings" "$data" "$out"
$cmd "$out/log/train_backend.log" "${quoted[@]}"
