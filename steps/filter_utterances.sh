#!/usr/bin/env bash
# Takes short utterances out of a data directory, and then speakers with few utterances.
min_len=
min_num_utts=

. ./path.sh
. utils/parse_options.sh
set -euo pipefail
echo "$0 $*" >&2

if [ $# -ne 2 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] DATA OUT_DATA
e.g.: $0 --min-len 400 --min-num-utts 8 data/train_no_sil data/train_filtered
Options:
  --min-len FRAMES      utterances with so many frames or fewer go
  --min-num-utts N      speakers with fewer utterances go
others: python -m nnet.bin.filter_utterances --help
USAGE
  exit 1
fi

if ! [ -f "$1/utt2spk" ]; then echo "$0: $1/utt2spk is missing" >&2; exit 1; fi
python -m nnet.bin.filter_utterances ${min_len:+--min-len "$min_len"} \
  ${min_num_utts:+--min-num-utts "$min_num_utts"} "$@"
