#!/usr/bin/env bash
# Writes a folder that gives a model away: weights, configuration, model card, self-test.
checkpoint=
name=
license=
data=
metrics=
pytorch=

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -ne 2 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] MODELDIR OUT
e.g.: $0 --license cc-by-4.0 --data "VoxCeleb2 dev" --pytorch true exp/resnet34 exp/resnet34/export
Options:
  --name USER/NAME         of the model, as it will be called on a hub (default: the folder's)
  --license WORD           of the weights
  --data TEXT              what the model was trained on
  --metrics "FILE ..."     metrics.json of reports (default: all that are in MODELDIR)
  --pytorch true           also OUT/pytorch, the weights in WeSpeaker's names
  --checkpoint best|last|N which weights
others: python -m nnet.bin.export_model --help
USAGE
  exit 1
fi

options=()
for file in $metrics; do options+=(--metrics "$file"); done
python -m nnet.bin.export_model ${checkpoint:+--checkpoint "$checkpoint"} ${name:+--name "$name"} \
  ${license:+--license "$license"} ${data:+--data "$data"} ${pytorch:+--pytorch "$pytorch"} \
  ${options[@]+"${options[@]}"} "$@"
