#!/usr/bin/env bash
# Prepares the features of a data directory for training: normalizes the mean, removes silence (vad.scp).
cmd=utils/run.sh
nj=4
program=(python -m nnet.bin.prepare_feats)
help_message="Usage: $0 [options] DATA OUT_DATA [ARKDIR]
e.g.: $0 --nj 8 data/train data/train_no_sil
Options:
  --cmd CMD --nj N  job runner (default: $cmd) and parallel jobs (default: $nj, or fewer utterances)
  others            see --help
ARKDIR defaults to OUT_DATA/data; utterances without a voiced frame are listed in OUT_DATA/left_out."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -lt 2 ] || [ $# -gt 3 ]; then echo "$help_message" >&2; exit 1; fi
data=$1 out_data=$2 arkdir=${3:-$2/data}

for file in "$data/feats.scp" "$data/utt2spk"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
limit_jobs "$data/utt2spk"
lock "$out_data"
mkdir -p "$out_data/log" "$arkdir"
out=$(absolute "$arkdir")
out+=/feats_$(basename "$out_data")

rm -f "$out_data/feats.scp"
utils/split_data.sh --per-utt "$data" "$nj" >/dev/null

quote "${program[@]}" "$data/split${nj}utt/JOB" "$out.JOB"
$cmd JOB=1:"$nj" "$out_data/log/prepare_feats.JOB.log" "${quoted[@]}"

python -m nnet.bin.merge_jobs --nj "$nj" --source "$data" "$out_data" "$out" \
  utt2num_frames=num_frames feats_conf.json=json feats.scp=scp
