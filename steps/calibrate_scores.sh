#!/usr/bin/env bash
# Turns scores of one or more systems into log-likelihood ratios, with a model of steps/train_calibration.sh.
p_target=
c_miss=
c_fa=
enroll_quality=
test_quality=

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -lt 3 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] MODEL.json SCORES [more SCORES ...] OUT_SCORES
e.g.: $0 exp/xvector/calibration.json exp/xvector/scores/test.plda exp/xvector/scores/test.plda_calibrated
Options (defaults and the rest: python -m nnet.bin.calibrate_scores --help):
  --p-target P, --c-miss X, --c-fa X   prior and costs, for the threshold that is printed
  --enroll-quality FILE, --test-quality FILE    measures of both sides: python -m nnet.bin.measure_quality
USAGE
  exit 1
fi
python -m nnet.bin.calibrate_scores ${p_target:+--p-target "$p_target"} \
  ${c_miss:+--c-miss "$c_miss"} ${c_fa:+--c-fa "$c_fa"} \
  ${enroll_quality:+--enroll-quality "$enroll_quality"} ${test_quality:+--test-quality "$test_quality"} "$@"
