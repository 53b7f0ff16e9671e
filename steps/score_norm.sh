#!/usr/bin/env bash
# Normalizes scores against a cohort of other speakers; takes the scoring options by which the scores were computed.
cmd=utils/run.sh
program=(python -m nnet.bin.score_norm)
help_message="Usage: $0 [options] COHORT_EMBDIR TRIALS ENROLL_EMBDIR TEST_EMBDIR SCORES OUT_SCORES
e.g.: $0 --top-n 300 exp/xvector/embeddings_train data/test/trials exp/xvector/embeddings_enroll \\
        exp/xvector/embeddings_test exp/xvector/scores/test.cosine exp/xvector/scores/test.cosine_asnorm
Options:
  --cmd CMD         job runner (default: $cmd)
  others            see --help"

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 6 ]; then echo "$help_message" >&2; exit 1; fi
cohort=$1 trials=$2 enroll=$3 test=$4 scores=$5 out=$6

for file in "$trials" "$test/xvector.scp" "$scores"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
logs=$(dirname "$out")/log
mkdir -p "$logs"
quote "${program[@]}" "$cohort" "$trials" "$enroll" "$test" "$scores" "$out"
$cmd "$logs/score_norm.$(basename "$out").log" "${quoted[@]}"
