#!/usr/bin/env bash
# Scores trial lists by several methods: raw, normalized against a cohort, and calibrated on development trials.
cmd=utils/run.sh
methods=cosine
backend=
adapted=
coral=
cohort=
dev=
dev_trials=
program=(steps/score_norm.sh)
help_message="Usage: $0 [options] ENROLL_EMBDIR TEST_EMBDIR OUTDIR TRIALS [more TRIALS ...]
e.g.: $0 --methods \"cosine plda\" --backend exp/xvector/backend --cohort exp/xvector/embeddings_backend \\
        --dev exp/xvector/embeddings_dev --dev-trials data/dev/trials \\
        exp/xvector/embeddings_test exp/xvector/embeddings_test exp/xvector/scores data/test/trials_O
Options:
  --cmd CMD                job runner (default: $cmd)
  --methods \"cosine plda\"  scoring methods (default: $methods)
  --backend DIR            back end from steps/train_backend.sh; optional for cosine
  --adapted DIR            adapted back end: for plda_adapted, and for the mean that cosine and lda subtract
  --coral DIR              back end adapted by CORAL+: for plda_coral
  --cohort EMBDIR          cohort for adaptive S-norm
  --dev EMBDIR, --dev-trials TRIALS    development data for calibration
  others                   options of steps/score_norm.sh: --top-n, --norm; see --help
Writes OUTDIR/LIST/METHOD anew and, if requested, METHOD_asnorm and METHOD_calibrated; LIST is the name of TRIALS without
\"trials_\". Methods: cosine (of centered embeddings), lda (cosine after LDA), plda, plda_adapted,
plda_coral."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -lt 4 ]; then echo "$help_message" >&2; exit 1; fi
enroll=$1 test=$2 out=$3
shift 3
same=$(for trials in "$@"; do basename "$trials"; done | sed 's/^trials_//' | sort | uniq -d)
if [ -n "$same" ]; then echo "$0: two trial lists have the name $same, so their scores would collide; rename one" >&2; exit 1; fi

score() {  # METHOD TRIALS ENROLL TEST OUT: writes raw and normalized scores; $best is the last file written
  local options=(--cmd "$cmd" --backend "${adapted:-$backend}") trials=$2 enroll=$3 test=$4
  case $1 in
    cosine) options+=(--method cosine --transform false) ;;
    lda) options+=(--method cosine) ;;
    plda) options+=(--method plda --backend "$backend") ;;
    plda_adapted) options+=(--method plda) ;;
    plda_coral) options+=(--method plda --backend "$coral") ;;
  esac
  best=$5/$1
  steps/score.sh "${options[@]}" "$trials" "$enroll" "$test" "$best"
  if [ -n "$cohort" ]; then
    best=$5/${1}_asnorm
    "${program[@]}" "${options[@]}" "$cohort" "$trials" "$enroll" "$test" "$5/$1" "$best"
  fi
}

for method in $methods; do
  case $method:$adapted:$coral in
    cosine:* | lda:* | plda:* | plda_adapted:?*:* | plda_coral:*:?*) ;;
    plda_adapted:*) echo "$0: --methods: plda_adapted needs --adapted" >&2; exit 1 ;;
    plda_coral:*) echo "$0: --methods: plda_coral needs --coral" >&2; exit 1 ;;
    *) echo "$0: --methods: unknown method $method" >&2; exit 1 ;;
  esac
done
for trials in dev "$@"; do  # scores of another choice of methods do not stay
  list=$(basename "$trials")
  rm -rf "${out:?}/${list#trials_}"
done

for method in $methods; do
  if [ -n "$dev_trials" ]; then
    score "$method" "$dev_trials" "$dev" "$dev" "$out/dev"
    steps/train_calibration.sh "$dev_trials" "$best" "$out/dev/$method.calibration.json" >&2
  fi
  for trials in "$@"; do
    list=$(basename "$trials")
    list=${list#trials_}
    score "$method" "$trials" "$enroll" "$test" "$out/$list"
    if [ -n "$dev_trials" ]; then
      steps/calibrate_scores.sh "$out/dev/$method.calibration.json" "$best" "$out/$list/${method}_calibrated" >&2
    fi
  done
done
