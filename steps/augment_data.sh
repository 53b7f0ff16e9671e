#!/usr/bin/env bash
# Makes a data directory of augmented copies: reverberation, noise, music, babble, speed perturbation.
cmd=utils/run.sh
nj=4
program=(python -m nnet.bin.augment_data)
help_message="Usage: $0 [options] DATA OUT_DATA [ARKDIR]
e.g.: $0 --nj 8 --rirs data/rirs --noises data/musan_noise --music data/musan_music --babble data/musan_speech \\
        --num-utts 1000000 data/train data/train_aug
Options:
  --cmd CMD --nj N  job runner (default: $cmd) and parallel jobs (default: $nj, or fewer utterances)
  others            see --help
ARKDIR, for the audio, defaults to OUT_DATA/data; one minute at 16 kHz takes 1.9 MB."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -lt 2 ] || [ $# -gt 3 ]; then echo "$help_message" >&2; exit 1; fi
data=$1 out_data=$2 arkdir=${3:-$2/data}

for file in "$data/wav.scp" "$data/utt2spk"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
limit_jobs "$data/utt2spk"
lock "$out_data"
mkdir -p "$out_data/log" "$arkdir"
out=$(absolute "$arkdir")
out+=/wav_$(basename "$out_data")

rm -f "$out_data/utt2spk" "$out_data/wav.scp"
quote "${program[@]}" --job JOB --num-jobs "$nj" "$data" "$out.JOB"
$cmd JOB=1:"$nj" "$out_data/log/augment.JOB.log" "${quoted[@]}"

python -m nnet.bin.merge_copies --nj "$nj" "$data" "$out_data" "$out"
