#!/usr/bin/env bash
# Makes a data directory of clean features and those of augmented copies: what a network is trained on.
cmd=utils/run.sh
nj=4
type=mfcc
mfcc_config=conf/mfcc.conf
fbank_config=conf/fbank.conf
rirs=
noises=
music=
babble=
num_utts=
sample_rate=
keep_audio=false

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -ne 2 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] DATA OUT_DATA
e.g.: $0 --type fbank --rirs data/rirs --noises data/musan_noise --num-utts 1000000 data/fbank/train data/fbank/train_all
Options:
  --cmd CMD --nj N         job runner (default: $cmd) and number of parallel jobs (default: $nj)
  --type mfcc|fbank        features, as those of DATA (default: $type), by --mfcc-config or --fbank-config
  --rirs, --noises, --music, --babble SOUNDS
                           data directories of what to mix in
  --num-utts N             draw N of all the copies that there can be, where there can be more
  --sample-rate HZ         of the copies' audio, where recordings have different ones
  --keep-audio true        keep the copies' audio, OUT_DATA_copies/data/wav_*.ark, once there are features
The copies alone are OUT_DATA_copies. For more choice: steps/augment_data.sh, then utils/combine_data.sh.
USAGE
  exit 1
fi
data=$1 out_data=$2 copies=${2}_copies

for file in "$data/wav.scp" "$data/utt2spk" "$data/feats.scp"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
utterances=$(($(wc -l <"$data/utt2spk"))) kinds=0
for sounds in "$rirs" "$noises" "$music" "$babble"; do
  if [ -n "$sounds" ]; then kinds=$((kinds + 1)); fi
done
if [ -n "$num_utts" ] && [ "$num_utts" -ge $((kinds * utterances)) ]; then num_utts=; fi

steps/augment_data.sh --cmd "$cmd" --nj "$nj" --rirs "$rirs" --noises "$noises" --music "$music" --babble "$babble" \
  --num-utts "$num_utts" --sample-rate "$sample_rate" "$data" "$copies"
steps/make_feats.sh --type "$type" --cmd "$cmd" --nj "$nj" --mfcc-config "$mfcc_config" \
  --fbank-config "$fbank_config" "$copies"
if ! $keep_audio; then rm -f "$copies"/data/wav_*.ark "$copies/wav.scp"; fi
utils/combine_data.sh "$out_data" "$data" "$copies"
