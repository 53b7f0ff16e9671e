#!/usr/bin/env bash
# Normalises scores against a cohort of other speakers; give the scoring options that the scores were made with.
cmd=utils/run.sh
norm=
top_n=
cohort=
method=
backend=
transform=
smoothing=
normalize_length=
simple_length_normalization=
enroll_spk2utt=

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -ne 6 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] COHORT_EMBDIR TRIALS ENROLL_EMBDIR TEST_EMBDIR SCORES OUT_SCORES
e.g.: $0 --top-n 300 exp/xvector/embeddings_train data/test/trials exp/xvector/embeddings_enroll \\
        exp/xvector/embeddings_test exp/xvector/scores/test.cosine exp/xvector/scores/test.cosine_asnorm
Options (defaults and the rest: python -m nnet.bin.score_norm --help):
  --cmd CMD                            job runner (default: $cmd)
  --norm as|s|z|t                      adaptive S-norm, S-norm, Z-norm, T-norm
  --top-n N                            highest cohort scores that count in adaptive S-norm
  --cohort speaker|utterance           what a member of the cohort is
  --method, --backend, --transform, --smoothing, --normalize-length, --simple-length-normalization, --enroll-spk2utt
                                       as they were given to steps/score.sh
USAGE
  exit 1
fi
cohort_embeddings=$1 trials=$2 enroll=$3 test=$4 scores=$5 out=$6

for file in "$trials" "$test/xvector.scp" "$scores"; do
  if ! [ -f "$file" ]; then echo "$0: no such file: $file" >&2; exit 1; fi
done
logs=$(dirname "$out")/log
mkdir -p "$logs"
$cmd "$logs/score_norm.$(basename "$out").log" python -m nnet.bin.score_norm \
  ${norm:+--norm "$norm"} ${top_n:+--top-n "$top_n"} ${cohort:+--cohort "$cohort"} \
  ${method:+--method "$method"} ${backend:+--backend "$backend"} ${transform:+--transform "$transform"} \
  ${smoothing:+--smoothing "$smoothing"} ${normalize_length:+--normalize-length "$normalize_length"} \
  ${simple_length_normalization:+--simple-length-normalization "$simple_length_normalization"} \
  ${enroll_spk2utt:+--enroll-spk2utt "$enroll_spk2utt"} \
  "$cohort_embeddings" "$trials" "$enroll" "$test" "$scores" "$out"
