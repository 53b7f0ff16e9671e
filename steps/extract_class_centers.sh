#!/usr/bin/env bash
# Writes the classifier's vector of each training speaker.
program=(python -m nnet.bin.extract_class_centers)
help_message="Usage: $0 [options] MODELDIR OUTDIR
e.g.: $0 exp/xvector exp/xvector/class_centers
Options: see --help.
Writes class_center.{ark,scp} and spk2int to OUTDIR."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -ne 2 ]; then echo "$help_message" >&2; exit 1; fi

"${program[@]}" "$@"
