#!/usr/bin/env bash
# Makes noisy copies of a test set, with sounds unseen in training, and sounds for the augmentation of training.
cmd=utils/run.sh
nj=4
help_message="Usage: $0 [options] DATA
e.g.: $0 data
Options:
  --cmd CMD --nj N         job runner (default: $cmd) and number of parallel jobs (default: $nj)
Reads DATA/train and DATA/test. Makes DATA/sounds (synthetic), DATA/voices_test (a twentieth of train, whole speakers),
DATA/voices_train (the others), and DATA/test_noise and DATA/test_babble, each with the trials of test."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -ne 1 ]; then echo "$help_message" >&2; exit 1; fi
data=$1

for file in "$data/train/utt2spk" "$data/test/wav.scp" "$data/test/trials"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done

python local/make_sounds.py "$data/sounds"
utils/subset_data_dir.sh --speakers "$data/train" $(($(wc -l <"$data/train/utt2spk") / 20 + 1)) "$data/voices_test"
utils/filter_scp.sh --exclude "$data/voices_test/utt2spk" "$data/train/utt2spk" >"$data/voices_train.utts"
utils/subset_data_dir.sh --utt-list "$data/voices_train.utts" "$data/train" "$data/voices_train"

make_noisy() {  # KIND OPTION ...
  steps/augment_data.sh --cmd "$cmd" --nj "$nj" "${@:2}" "$data/test" "$data/test_$1"
  sed "s/^\([^ ]*\) \([^ ]*\)/\1-$1 \2-$1/" "$data/test/trials" >"$data/test_$1/trials"
}
make_noisy noise --noises "$data/sounds/noises_test" --noise-snrs 10:5:0 --noise-interval 0
make_noisy babble --babble "$data/voices_test" --babble-voices 4 --babble-snrs 16:11:6  # SNRs per voice; 10, 5, 0 dB in total
