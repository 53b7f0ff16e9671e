#!/usr/bin/env bash
# Converts scores of one or more systems to log-likelihood ratios by a model from steps/train_calibration.sh.
program=(python -m nnet.bin.calibrate_scores)
help_message="Usage: $0 [options] MODEL.json SCORES [more SCORES ...] OUT_SCORES
e.g.: $0 exp/xvector/calibration.json exp/xvector/scores/test.plda exp/xvector/scores/test.plda_calibrated
Options: see --help."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -lt 3 ]; then echo "$help_message" >&2; exit 1; fi

"${program[@]}" "$@"
