#!/usr/bin/env bash
# Splits a data directory into training and validation utterances of the same speakers, and, where DEV_OUT is given and
# the data allow it, a development set of speakers that are held out.
valid_utts=
dev_speakers=
max_share=
utt2sess=
session_prefix=
cut=
seed=

. ./path.sh
. utils/parse_options.sh
set -euo pipefail
echo "$0 $*" >&2

if [ $# -ne 3 ] && [ $# -ne 4 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] DATA TRAIN_OUT VALID_OUT [DEV_OUT]
e.g.: $0 --valid-utts 1000 data/train_combined_no_sil data/train data/valid data/dev
Options:
  --valid-utts N          validation utterances (default: 5 % of all, at most 2000)
  --dev-speakers N        speakers held out (default: 5 % where there are at least 20)
  --max-share X           largest share of a speaker's utterances that is taken for validation (default: 0.25)
  --utt2sess FILE         lines "utterance session"; a session is never split
  --session-prefix true   the session is the id up to its last "-"
  --cut true              take the last fifth of each validation utterance only (speakers with one utterance)
  --seed N                decides what is drawn
others: python -m nnet.bin.split_train_valid --help
USAGE
  exit 1
fi

if ! [ -f "$1/utt2spk" ]; then echo "$0: $1/utt2spk is missing" >&2; exit 1; fi
python -m nnet.bin.split_train_valid ${valid_utts:+--valid-utts "$valid_utts"} \
  ${dev_speakers:+--dev-speakers "$dev_speakers"} ${max_share:+--max-share "$max_share"} \
  ${utt2sess:+--utt2sess "$utt2sess"} ${session_prefix:+--session-prefix "$session_prefix"} \
  ${cut:+--cut "$cut"} ${seed:+--seed "$seed"} "$@"
