#!/usr/bin/env bash
# Scores trials without a network: mean and standard deviation of the voiced MFCCs, LDA, cosine.
cmd=utils/run.sh
lda_dim=40

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -lt 4 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] DATA TRAIN OUTDIR TEST [more TESTS ...]
e.g.: $0 data/mfcc train exp/mfcc_statistics test test_2s
Options:
  --cmd CMD                job runner (default: $cmd)
  --lda-dim N              (default: $lda_dim)
Reads DATA/{TRAIN,TEST}/{feats,vad}.scp and DATA/TEST/trials. Makes OUTDIR/scores/TEST/mfcc_statistics.
USAGE
  exit 1
fi
data=$1 train=$2 out=$3
shift 3

for set in "$train" "$@"; do
  if ! [ -f "$data/$set/vad.scp" ]; then echo "$0: $data/$set/vad.scp is missing" >&2; exit 1; fi
  python local/mfcc_statistics.py "$data/$set" "$out/embeddings_$set"
done
steps/train_backend.sh --cmd "$cmd" --lda-dim "$lda_dim" "$out/embeddings_$train" "$data/$train" "$out/backend"
for set in "$@"; do
  steps/score.sh --cmd "$cmd" --method cosine --backend "$out/backend" "$data/$set/trials" \
    "$out/embeddings_$set" "$out/embeddings_$set" "$out/scores/$set/mfcc_statistics"
done
