#!/usr/bin/env bash
# Prints a table of EER and detection costs, one line per score file; --report DIR also writes a report.
program=(python -m nnet.bin.compute_metrics)
help_message="Usage: $0 [options] TRIALS SCORES [more SCORES ...]
e.g.: $0 --report exp/xvector/report data/test/trials exp/xvector/scores/test.cosine exp/xvector/scores/test.plda
Options: see --help."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -lt 2 ]; then echo "$help_message" >&2; exit 1; fi

"${program[@]}" "$@"
