#!/usr/bin/env bash
# Scores trials without a network: mean and standard deviation of voiced MFCCs, LDA, cosine.
cmd=utils/run.sh
program=(steps/train_backend.sh --lda-dim 40)
help_message="Usage: $0 [options] DATA TRAIN OUTDIR TEST [more TESTS ...]
e.g.: $0 data/mfcc train exp/mfcc_statistics test test_2s
Options:
  --cmd CMD         job runner (default: $cmd)
  other options     of steps/train_backend.sh, see --help (--lda-dim is 40)
Reads DATA/{TRAIN,TEST}/{feats,vad}.scp and DATA/TEST/trials. Makes OUTDIR/scores/TEST/mfcc_statistics."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -lt 4 ]; then echo "$help_message" >&2; exit 1; fi
data=$1 train=$2 out=$3
shift 3

for set in "$train" "$@"; do
  if ! [ -f "$data/$set/vad.scp" ]; then echo "$0: $data/$set/vad.scp is missing" >&2; exit 1; fi
  python local/mfcc_statistics.py "$data/$set" "$out/embeddings_$set"
done
"${program[@]}" --cmd "$cmd" "$out/embeddings_$train" "$data/$train" "$out/backend"
for set in "$@"; do
  steps/score.sh --cmd "$cmd" --method cosine --backend "$out/backend" "$data/$set/trials" \
    "$out/embeddings_$set" "$out/embeddings_$set" "$out/scores/$set/mfcc_statistics"
done
