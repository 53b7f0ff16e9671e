#!/usr/bin/env bash
# Scores a trial list: cosine or PLDA of enrolled speakers and test utterances.
cmd=utils/run.sh
program=(python -m nnet.bin.score)
help_message="Usage: $0 [options] TRIALS ENROLL_EMBDIR TEST_EMBDIR SCORES
e.g.: $0 --method plda --backend exp/xvector/backend data/test/trials exp/xvector/embeddings_enroll \\
        exp/xvector/embeddings_test exp/xvector/scores/test.plda
Options:
  --cmd CMD         job runner (default: $cmd)
  others            see --help"

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 4 ]; then echo "$help_message" >&2; exit 1; fi
trials=$1 enroll=$2 test=$3 scores=$4

for file in "$trials" "$test/xvector.scp"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
logs=$(dirname "$scores")/log
mkdir -p "$logs"
quote "${program[@]}" "$trials" "$enroll" "$test" "$scores"
$cmd "$logs/score.$(basename "$scores").log" "${quoted[@]}"
