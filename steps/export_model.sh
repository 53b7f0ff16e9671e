#!/usr/bin/env bash
# Exports a model for publication: weights, configuration, model card, self-test.
program=(python -m nnet.bin.export_model)
help_message="Usage: $0 [options] MODELDIR OUT
e.g.: $0 --license cc-by-4.0 --data \"VoxCeleb2 dev\" --pytorch true exp/resnet34 exp/resnet34/export
Options: see --help."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
if [ $# -ne 2 ]; then echo "$help_message" >&2; exit 1; fi

"${program[@]}" "$@"
