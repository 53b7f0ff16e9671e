#!/usr/bin/env bash
# Prints a table of EER and detection costs, a line for each score file.

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -lt 2 ]; then
  cat >&2 <<USAGE
Usage: $0 TRIALS SCORES [more SCORES ...] [REPORT_DIR]
e.g.: $0 data/test/trials exp/xvector/scores/test.cosine exp/xvector/scores/test.plda
USAGE
  exit 1
fi
python -m nnet.bin.compute_metrics "$@"
