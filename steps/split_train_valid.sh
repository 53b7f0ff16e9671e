#!/usr/bin/env bash
# Splits a data directory into training and validation utterances of the same speakers and, if DEV_OUT is given and there
# are enough speakers, a development set of held-out speakers.
program=(python -m nnet.bin.split_train_valid)
help_message="Usage: $0 [options] DATA TRAIN_OUT VALID_OUT [DEV_OUT]
e.g.: $0 --valid-utts 1000 data/train_combined_no_sil data/train data/valid data/dev
Options: see --help."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -ne 3 ] && [ $# -ne 4 ]; then echo "$help_message" >&2; exit 1; fi

"${program[@]}" "$@"
