#!/usr/bin/env bash
# Scores telephone speech with LDA and PLDA, adapted to the test's unlabeled speech if available. Scores are
# normalized with that speech, or else with the training speakers, as cohort, and calibrated on the development part if
# available.
cmd=utils/run.sh
methods="cosine plda plda_adapted"
lda_dim=150
within=
between=
top_n=
help_message="Usage: $0 [options] BACKEND_DATA MODELDIR DATA_TEST
e.g.: $0 data/mfcc/backend exp/xvector data/sre16
Options:
  --cmd CMD                    job runner (default: $cmd)
  --methods \"cosine plda ...\"  of steps/score_lists.sh (default: $methods)
  --lda-dim N                  LDA dimensions (default: $lda_dim)
  --within X, --between X      --within-covar-scale and --between-covar-scale of steps/train_backend.sh
  --top-n N                    of steps/score_norm.sh: number of cohort scores
Reads MODELDIR/embeddings_{backend,TEST,TEST_dev,TEST_unlabeled} and DATA_TEST/trials_TEST, makes MODELDIR/backend,
MODELDIR/backend_TEST, MODELDIR/backend_TEST_coral and MODELDIR/scores_TEST/LIST/*; lists trials_TEST_CONDITION share the
scores of all trials."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -ne 3 ]; then echo "$help_message" >&2; exit 1; fi
data=$1 exp=$2 test=$(basename "$3")

backend=(--cmd "$cmd" --lda-dim "$lda_dim" "$exp/embeddings_backend" "$data")
steps/train_backend.sh "${backend[@]}" "$exp/backend"
cohort=$exp/embeddings_backend adapted='' coral=''
if [ -f "$3_unlabeled/utt2spk" ]; then
  cohort=$exp/embeddings_${test}_unlabeled adapted=$exp/backend_$test
  steps/train_backend.sh --adapt "$cohort" --within-covar-scale "$within" --between-covar-scale "$between" \
    "${backend[@]}" "$adapted"
  case " $methods " in
    *" plda_coral "*)
      coral=${adapted}_coral
      steps/train_backend.sh --adapt "$cohort" --adapt-method coral+ --within-covar-scale "$within" \
        --between-covar-scale "$between" "${backend[@]}" "$coral"
      ;;
  esac
else
  echo "$0: $3_unlabeled is missing: PLDA is not adapted" >&2
  methods=${methods//plda_adapted/} methods=${methods//plda_coral/}
fi
dev='' dev_trials=''
if [ -f "$3_dev/utt2spk" ]; then
  dev=$exp/embeddings_${test}_dev dev_trials=$3_dev/trials_${test}_dev
fi
steps/score_lists.sh --cmd "$cmd" --methods "$methods" --backend "$exp/backend" --adapted "$adapted" --coral "$coral" \
  --cohort "$cohort" --top-n "$top_n" --dev "$dev" --dev-trials "$dev_trials" \
  "$exp/embeddings_$test" "$exp/embeddings_$test" "$exp/scores_$test" "$3/trials_$test"
for trials in "$3/trials_${test}_"*; do  # conditions are subsets of the trials, with the same scores
  if [ -f "$trials" ]; then ln -sfn "$test" "$exp/scores_$test/${trials##*/trials_}"; fi
done
