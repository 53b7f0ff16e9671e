#!/usr/bin/env bash
# Trains calibration, or fusion of several systems, on scores whose labels are known. Prints weights and a threshold.
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
Usage: $0 [options] TRIALS SCORES [more SCORES ...] MODEL.json
e.g.: $0 data/dev/trials exp/xvector/scores/dev.plda exp/xvector/calibration.json
Options (defaults and the rest: python -m nnet.bin.train_calibration --help):
  --p-target P                         prior of targets, which the loss is weighted by
  --c-miss X, --c-fa X                 costs, for the threshold that is printed
  --enroll-quality FILE, --test-quality FILE    measures of both sides: python -m nnet.bin.measure_quality
USAGE
  exit 1
fi
python -m nnet.bin.train_calibration ${p_target:+--p-target "$p_target"} \
  ${c_miss:+--c-miss "$c_miss"} ${c_fa:+--c-fa "$c_fa"} \
  ${enroll_quality:+--enroll-quality "$enroll_quality"} ${test_quality:+--test-quality "$test_quality"} "$@"
