#!/usr/bin/env bash
# Prints a table of diarization error rates, one line per recording; --report DIR also writes a report with time lines.
program=(python -m nnet.bin.score_diarization)
help_message="Usage: $0 [options] REF_RTTM HYP_RTTM
e.g.: $0 --collar 0.25 --overlap false --report exp/diarization/report data/test/rttm exp/diarization/rttm
Options: see --help."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -lt 2 ]; then echo "$help_message" >&2; exit 1; fi

"${program[@]}" "$@"
