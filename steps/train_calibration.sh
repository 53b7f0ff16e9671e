#!/usr/bin/env bash
# Trains a calibration, or the fusion of several systems, on labeled scores. Prints weights and a threshold.
program=(python -m nnet.bin.train_calibration)
help_message="Usage: $0 [options] TRIALS SCORES [more SCORES ...] MODEL.json
e.g.: $0 data/dev/trials exp/xvector/scores/dev.plda exp/xvector/calibration.json
Options: see --help."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -lt 3 ]; then echo "$help_message" >&2; exit 1; fi

"${program[@]}" "$@"
