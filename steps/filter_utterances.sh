#!/usr/bin/env bash
# Removes short utterances from a data directory, and then speakers with few utterances.
program=(python -m nnet.bin.filter_utterances)
help_message="Usage: $0 [options] DATA OUT_DATA
e.g.: $0 --min-len 400 --min-num-utts 8 data/train_no_sil data/train_filtered
Options: see --help."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -ne 2 ]; then echo "$help_message" >&2; exit 1; fi

"${program[@]}" "$@"
