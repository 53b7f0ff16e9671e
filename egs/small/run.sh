#!/usr/bin/env bash
# Distils a small network from a large one, on speech of a few hundred speakers, without their labels.
#
#   ./run.sh --teacher MODELDIR --corpus DIR    DIR as for egs/librispeech; MODELDIR hears 80 filter banks at 16 kHz
#   ./run.sh --words DIR                        also trains on DSPSpeech-20
#   ./run.sh --extra DATA                       and on the speech of the data directory DATA
#
# 0 data preparation                       5 extract embeddings
# 2 windows, each with its own voice       6 scores
# 3 training set                           7 metrics and report
# 4 cut the student out of the teacher, train it
set -euo pipefail
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
nnet_conf=conf/campplus.json
teacher='' corpus='' words='' extra=''  # remembered; `none` for words, extra: without, if there were some before
windows=32 word_windows=9      # windows cut from each utterance, and from each utterance of words
extra_windows=4                # and from each utterance of extra
valid_speakers=16              # speakers whose windows measure the validation loss
prune=true                     # begin with a part of the teacher, a CAM++ as the network; false: with random weights
begin_recipe "$@"

recall data corpus words
recall data/voices extra
recall data/distillation teacher
exp=${exp:-exp/$name} sets=data/distillation net=data/distillation/net
check_numbers windows word_windows extra_windows valid_speakers
need teacher
recall "$exp" pretrained
tests="test test_2s test_noise test_babble"
check_training

step data 0 "data preparation" data path:corpus path:words
do_data() {
  need corpus
  python local/prepare_librispeech.py "$corpus" data
  local/prepare_noisy_tests.sh --cmd "$train_cmd" --nj "$nj" data
  rm -rf data/words
  if [ -n "$words" ]; then python local/prepare_words.py "$words" data/words; fi
}

step voices 2 "windows, each with its own voice" data/voices after:data path:extra windows word_windows extra_windows
do_voices() {
  rm -rf data/voices/*
  python local/make_voices.py --windows "$windows" data/voices_train data/voices/read
  if [ -d data/words ]; then python local/make_voices.py --windows "$word_windows" data/words data/voices/words; fi
  if [ -n "$extra" ]; then
    python local/make_voices.py --windows "$extra_windows" --shortest 1 "$extra" data/voices/extra
  fi
  for kind in clean heard; do utils/combine_data.sh data/voices/$kind data/voices/*/$kind; done
}

step net 3 "training set" "$sets" after:voices path:teacher "file:$teacher/model.safetensors" \
  "file:$teacher/fbank.conf" valid_speakers
do_net() {
  make_feats data/voices/clean --fbank-config "$teacher/fbank.conf"
  rm -rf "$net" "$sets/teacher"
  ln -s "$(cd "$teacher" && pwd)" "$sets/teacher"
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn "$cmvn" --remove-silence false data/voices/clean \
    "$sets/prepared"
  utils/subset_data_dir.sh --speakers "$sets/prepared" "$((valid_speakers * windows))" "$net/valid"
  utils/filter_scp.sh --exclude "$net/valid/utt2spk" data/voices/heard/utt2spk >"$sets/train_utts"
  for part in train:heard clean:clean; do
    utils/subset_data_dir.sh --utt-list "$sets/train_utts" "data/voices/${part#*:}" "$net/${part%:*}"
  done
  for data in $tests; do make_feats "data/$data" --fbank-config "$teacher/fbank.conf"; done
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn "$cmvn" --remove-silence false data/test_2s "$net/dev"
}

if $prune && [ -z "$pretrained" ]; then
  pretrained=$sets/start/$(basename "$exp")
  step start 4 "cut the student out of the teacher" "$pretrained" after:net "file:$nnet_conf" set
  step network 4 "train $exp" "$exp" "config:$resolved" after:start
else
  model_step network 4 "train" after:net
fi
do_start() {
  python local/prune_campplus.py --set "$set" "$teacher" "$nnet_conf" "$sets/prepared" \
    "$sets/start/$(basename "$exp")"
}

model_step embeddings 5 "extract embeddings" after:network
do_embeddings() {
  for data in $tests; do
    extract "data/$data"
    steps/extract_embeddings.sh --cmd "$gpu_cmd" --nj "$nj" "$teacher" "data/$data" "$exp/teacher/embeddings_$data"
  done
}

model_step scores 6 "scores" after:embeddings
do_scores() {
  for data in $tests; do
    for system in student teacher; do
      local folder=$exp
      if [ $system = teacher ]; then folder=$exp/teacher; fi
      steps/score.sh --cmd "$train_cmd" --method cosine "data/$data/trials" \
        "$folder/embeddings_$data" "$folder/embeddings_$data" "$exp/scores/$data/$system"
    done
  done
}

model_step metrics 7 "metrics and report" after:scores
do_metrics() {
  for data in $tests; do
    echo "$data:"
    steps/compute_metrics.sh --train-log "$exp/log.jsonl" --report "$exp/report_$data" \
      "data/$data/trials" "$exp/scores/$data/student" "$exp/scores/$data/teacher"
  done >"$exp/results.txt"
}

run_steps
end_recipe
