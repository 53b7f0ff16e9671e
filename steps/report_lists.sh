#!/usr/bin/env bash
# Prints the table of EER and costs of each trial list that steps/score_lists.sh scored, and writes its report.
program=(steps/compute_metrics.sh)
help_message="Usage: $0 [options] SCORES_DIR REPORT_DIR TRIALS [more TRIALS ...]
e.g.: $0 exp/xvector/scores exp/xvector/report data/test/trials_O data/test/trials_E
Options: those of steps/compute_metrics.sh, see --help."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -lt 3 ]; then echo "$help_message" >&2; exit 1; fi
scores=$1 report=$2
shift 2

for trials in "$@"; do
  list=$(basename "$trials")
  list=${list#trials_}
  systems=()
  for method in cosine lda plda plda_adapted plda_coral; do
    for system in $method ${method}_asnorm ${method}_calibrated; do
      if [ -f "$scores/$list/$system" ]; then systems+=("$scores/$list/$system"); fi
    done
  done
  if [ ${#systems[@]} -eq 0 ]; then echo "$0: no scores in $scores/$list" >&2; exit 1; fi
  echo "$scores/$list:"
  "${program[@]}" --report "$report/$list" "$trials" "${systems[@]}"
done
