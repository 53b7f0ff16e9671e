#!/usr/bin/env bash
# Makes a data directory with the features of clean utterances and of their augmented copies, for training.
cmd=utils/run.sh
nj=4
type=mfcc
mfcc_config=conf/mfcc.conf
fbank_config=conf/fbank.conf
mel_config=conf/mel.conf
keep_audio=false
program=(steps/augment_data.sh --allow-fewer true)
help_message="Usage: $0 [options] DATA OUT_DATA
e.g.: $0 --type fbank --rirs data/rirs --noises data/musan_noise --num-utts 1000000 data/fbank/train \\
        data/fbank/train_all
Options:
  --cmd CMD --nj N  job runner (default: $cmd) and parallel jobs (default: $nj, or fewer utterances)
  --type mfcc|fbank|mel
                    type of the features, the same as in DATA (default: $type), with --mfcc-config, --fbank-config or
                    --mel-config
  --keep-audio true keep the audio of the copies, OUT_DATA_copies/data/wav_*.ark, after computing features
  others            options of steps/augment_data.sh, see --help; --num-utts N makes at most N copies
OUT_DATA_copies holds only the copies. For more control, use steps/augment_data.sh and utils/combine_data.sh."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 2 ]; then echo "$help_message" >&2; exit 1; fi
data=$1 out_data=$2 copies=${2}_copies

for file in "$data/wav.scp" "$data/utt2spk" "$data/feats.scp"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
lock "$copies"
lock "$out_data"
"${program[@]}" --cmd "$cmd" --nj "$nj" "$data" "$copies"
steps/make_feats.sh --type "$type" --cmd "$cmd" --nj "$nj" --mfcc-config "$mfcc_config" \
  --fbank-config "$fbank_config" --mel-config "$mel_config" "$copies"
if ! $keep_audio; then rm -f "$copies"/data/wav_*.ark "$copies/wav.scp"; fi
utils/combine_data.sh "$out_data" "$data" "$copies"
