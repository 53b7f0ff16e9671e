#!/usr/bin/env bash
# Computes features for a data directory: feats.scp, utt2num_frames, utt2dur, feats_conf.json.
type=mfcc
cmd=utils/run.sh
nj=4
mfcc_config=conf/mfcc.conf
fbank_config=conf/fbank.conf
mel_config=conf/mel.conf
program=(python -m nnet.bin.make_feats)
help_message="Usage: steps/make_mfcc.sh | steps/make_fbank.sh | steps/make_mel.sh [options] DATA [LOGDIR [ARKDIR]]
e.g.: steps/make_mfcc.sh --nj 8 --mfcc-config conf/mfcc.conf data/train
Options:
  --cmd CMD --nj N  job runner (default: $cmd) and parallel jobs (default: $nj, or fewer utterances)
  --mfcc-config FILE, --fbank-config FILE, --mel-config FILE
                    file with lines --name=value (default: $mfcc_config, $fbank_config, $mel_config)
  others            see --help
LOGDIR defaults to DATA/log, ARKDIR to DATA/data."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -lt 1 ] || [ $# -gt 3 ]; then echo "$help_message" >&2; exit 1; fi
data=$1 logdir=${2:-$1/log} arkdir=${3:-$1/data}
case $type in
  mfcc) config=$mfcc_config ;;
  fbank) config=$fbank_config ;;
  mel) config=$mel_config ;;
  *) echo "$0: --type must be mfcc, fbank or mel, not '$type'" >&2; exit 1 ;;
esac

for file in "$data/wav.scp" "$data/utt2spk" "$config"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
limit_jobs "$data/utt2spk"
lock "$data"
mkdir -p "$logdir" "$arkdir"
out=$(absolute "$arkdir")
out+=/raw_${type}_$(basename "$data")
log=$logdir/make_${type}_$(basename "$data")
rm -f "$log".*.log

for file in feats.scp utt2num_frames; do  # they would not match the new archives
  if [ -f "$data/$file" ]; then mkdir -p "$data/.backup" && mv -f "$data/$file" "$data/.backup"; fi
done
utils/split_data.sh --per-utt "$data" "$nj" >/dev/null

quote "${program[@]}" --type "$type" --config "$config" "$data/split${nj}utt/JOB" "$out.JOB"
$cmd JOB=1:"$nj" "$log.JOB.log" "${quoted[@]}"
grep -h 'channels, using the first' "$log".*.log >&2 || true

python -m nnet.bin.merge_jobs --nj "$nj" "$data" "$out" \
  utt2dur=dur utt2num_frames=num_frames feats_conf.json=json feats.scp=scp
