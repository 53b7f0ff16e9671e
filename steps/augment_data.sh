#!/usr/bin/env bash
# Makes a data directory of augmented copies of another: reverberation, noise, music, babble, other speeds.
cmd=utils/run.sh
nj=4
rirs=
noises=
music=
babble=
speeds=
noise_snrs=
music_snrs=
babble_snrs=
babble_voices=
noise_interval=
num_utts=
sample_rate=
seed=

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] DATA OUT_DATA [ARKDIR]
e.g.: $0 --nj 8 --rirs data/rirs --noises data/musan_noise --music data/musan_music --babble data/musan_speech \\
        --num-utts 1000000 data/train data/train_aug
Options:
  --cmd CMD --nj N         job runner (default: $cmd) and number of parallel jobs (default: $nj, or fewer utterances)
  --rirs, --noises, --music, --babble SOUNDS
                           data directories of what to mix in; a copy of each utterance for each of these
  --speeds "0.9 1.1"       copies at other speeds, as other speakers
  --noise-snrs, --music-snrs, --babble-snrs 15:10:5:0, --babble-voices 3:4:5, --noise-interval SECONDS
  --num-utts N             draw N of all the copies, and make only these
  --sample-rate HZ         of the copies, where recordings have different ones
  --seed N                 another seed draws other sounds
ARKDIR, for the audio, is OUT_DATA/data where it is not given; a minute of 16 kHz takes 1.9 MB.
Defaults and the rest: python -m nnet.bin.augment_data --help
USAGE
  exit 1
fi
data=$1 out_data=$2 arkdir=${3:-$2/data}

for file in "$data/wav.scp" "$data/utt2spk"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
utterances=$(($(wc -l <"$data/utt2spk")))
if [ "$nj" -gt "$utterances" ]; then nj=$utterances; fi
if [ -n "$num_utts" ] && [ "$nj" -gt "$num_utts" ]; then nj=$num_utts; fi
mkdir -p "$out_data/log" "$arkdir"
out=$(cd -P "$arkdir" && pwd)/wav_$(basename "$out_data")

rm -f "$out_data/utt2spk" "$out_data/wav.scp"
$cmd JOB=1:"$nj" "$out_data/log/augment.JOB.log" \
  python -m nnet.bin.augment_data --job JOB --num-jobs "$nj" ${rirs:+--rirs "$rirs"} ${noises:+--noises "$noises"} \
  ${music:+--music "$music"} ${babble:+--babble "$babble"} ${speeds:+--speeds "$speeds"} \
  ${noise_snrs:+--noise-snrs "$noise_snrs"} ${music_snrs:+--music-snrs "$music_snrs"} \
  ${babble_snrs:+--babble-snrs "$babble_snrs"} ${babble_voices:+--babble-voices "$babble_voices"} \
  ${noise_interval:+--noise-interval "$noise_interval"} ${num_utts:+--num-utts "$num_utts"} \
  ${sample_rate:+--sample-rate "$sample_rate"} ${seed:+--seed "$seed"} \
  "$data" "$out.JOB"

python -m nnet.bin.merge_copies --nj "$nj" "$data" "$out_data" "$out"
