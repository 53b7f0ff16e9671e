#!/usr/bin/env bash
# Prints a table of EER and detection costs, a line for each score file; --report DIR makes a report of them.
report=
title=
cost=
condition=
bootstrap=
utt2spk=
train_log=

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -lt 2 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] TRIALS SCORES [more SCORES ...]
e.g.: $0 --report exp/xvector/report data/test/trials exp/xvector/scores/test.cosine exp/xvector/scores/test.plda
Options (defaults and the rest: python -m nnet.bin.compute_metrics --help):
  --report DIR                         a page, plots and metrics.json
  --title TEXT                         of the report
  --cost "CMISS,CFA,PTARGET ..."       more detection costs
  --condition "FILE ..."               tables such as utt2gender: figures for each value
  --bootstrap N                        draws of speakers for confidence intervals
  --utt2spk FILE                       speakers for them; otherwise told from the target trials
  --train-log FILE                     log.jsonl of the model: training curves
USAGE
  exit 1
fi

options=()
for word in $cost; do options+=(--cost "$word"); done
for file in $condition; do options+=(--condition "$file"); done
python -m nnet.bin.compute_metrics ${report:+--report "$report"} ${title:+--title "$title"} ${bootstrap:+--bootstrap "$bootstrap"} \
  ${utt2spk:+--utt2spk "$utt2spk"} ${train_log:+--train-log "$train_log"} ${options[@]+"${options[@]}"} "$@"
