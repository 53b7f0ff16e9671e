#!/usr/bin/env bash
# Makes the mini corpus (synthetic speech by eSpeak NG) and its data directories train, enroll and test.
cmd=utils/run.sh
train_speakers=72
test_speakers=24
utterances=12
seed=1
help_message="Usage: $0 [options] CORPUS DATA
e.g.: $0 --train-speakers 40 corpus data
Options:
  --cmd CMD                                job runner (default: $cmd)
  --train-speakers N --test-speakers N     default: $train_speakers and $test_speakers
  --utterances N                           per speaker (default: $utterances)
  --seed N                                 random seed of the voices (default: $seed)
Makes CORPUS/SPEAKER/*.wav and DATA/{train,enroll,test}."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh

if [ $# -ne 2 ]; then echo "$help_message" >&2; exit 1; fi
corpus=$1 data=$2
parts=4  # fixed, since the corpus depends on it: see speak_mini.py

rm -rf "$corpus"
mkdir -p "$corpus"
quote python local/speak_mini.py --num-speakers $((train_speakers + test_speakers)) --utterances "$utterances" \
  --seed "$seed" --part JOB --num-parts $parts "$corpus"
$cmd JOB=1:$parts "$corpus/log/speak.JOB.log" "${quoted[@]}"
python local/prepare_mini.py --test-speakers "$test_speakers" "$corpus" "$data"
for set in train enroll test; do
  utils/validate_data_dir.sh --no-feats --no-text "$data/$set"
done
