#!/usr/bin/env bash
# Real telephone speech, from audio to EER and costs: the WUW Corpus II, 317 calls over several kinds of phones. 8 kHz.
#
#   ./run.sh --corpus DIR --librispeech DIR    x-vector of 23 MFCCs; PLDA adapted to unlabeled calls
#   ./run.sh --corpus DIR                      trains on the corpus's other callers alone, without adaptation
#   ./run.sh ... --extra DATA                  also trains on the data directory DATA
#   ./run.sh ... --nnet-conf F.json            trains another network, on the features that F.json names, in exp/F
#   ./run.sh ... --pretrained EXP              scores the same trials with a 16 kHz model, before and after fine-tuning
#   ./run.sh                                   runs the stages that are not up to date; --stage 6: stage 6 and later ones
# DIR: the repository wake-up-word/wuw-corpus-ii; LibriSpeech, any part of it. See README.md.
#
# 0 data preparation, checks    1 features and VAD    2 augmentation, telephone channels    3 training set
# 4 train the network    5 extract embeddings    6 back end, adaptation, score normalization, calibration
# 7 metrics and report
set -euo pipefail
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
corpus='' librispeech='' extra=''  # remembered; `none`: without it, if there was one before
nnet_conf=conf/xvector.json
tests="sentences calls"     # kinds of test utterances: sentences keywords calls (a call's sentences joined)
voices=''                   # a model that finds more doubtful callers; by default only their names decide
speeds="0.9 1.1"            # speed perturbation of LibriSpeech and EXTRA, each speed as new speakers; empty: none
min_len=150                 # frames of speech of a training utterance
methods="cosine lda plda plda_adapted plda_coral"  # lda is cosine after LDA
lda_dim=100 within=0.75 between=0.25 top_n=50
begin_recipe "$@"

recall data corpus librispeech extra voices
exp=${exp:-exp/$name}
recall "$exp" pretrained
check_words tests sentences keywords calls
check_words methods cosine lda plda plda_adapted plda_coral
check_numbers speeds min_len lda_dim within between top_n
if [ -z "$pretrained" ]; then check_training; fi
need corpus
if [ -z "$librispeech$extra" ]; then methods=${methods//plda_adapted/} methods=${methods//plda_coral/}; fi

test_sets() {  # prints the data directories of the tests, of their calibration and their unlabeled parts
  local test
  for test in $tests; do echo "$test" "${test}_dev" "${test}_unlabeled"; done
}

step data 0 "data preparation" data path:corpus path:librispeech path:extra path:voices tests
do_data() {
  python local/prepare_wuw.py --kinds "$tests" ${voices:+--voices "$voices"} "$corpus" data
  if [ -n "$librispeech" ]; then
    python local/prepare_librispeech.py --piece-seconds 4 "$librispeech" data/librispeech
  fi
  python local/make_sounds.py --sample-rate 8000 data/sounds
  for test in $tests; do
    for part in "$test" "${test}_dev"; do
      python -m nnet.bin.check_data --session-prefix true --train data/callers "data/$part" "data/$part"/trials_*
    done
    python -m nnet.bin.check_data --train "data/$test" "data/${test}_dev"
  done
}

step channels 2 "augmentation, telephone channels" data after:data speeds
do_channels() {
  local wide=()  # data directories of speech from elsewhere
  if [ -n "$librispeech" ]; then
    if [ -d data/librispeech/train_pieces ]; then wide+=(data/librispeech/train_pieces); else wide+=(data/librispeech/train); fi
  fi
  if [ -n "$extra" ]; then wide+=("$extra"); fi
  if [ ${#wide[@]} -gt 0 ]; then
    utils/combine_data.sh data/wide "${wide[@]}"
    if [ -n "$speeds" ]; then
      steps/augment_data.sh --cmd "$train_cmd" --nj "$nj" --speeds "$speeds" --sample-rate 8000 data/wide data/wide_speeds
    fi
  fi
  utils/combine_data.sh data/clean data/callers ${wide:+data/wide}
  steps/augment_data.sh --cmd "$train_cmd" --nj "$nj" --sample-rate 8000 --rirs data/sounds/rooms \
    --noises data/sounds/noises_train --babble data/voices data/clean data/copies
  utils/combine_data.sh data/sent data/copies ${wide:+data/wide} ${wide:+${speeds:+data/wide_speeds}}
  python local/code_telephone.py --nj "$nj" data/sent data/coded
  rm -rf data/wide_speeds data/copies
}

if [ -n "$pretrained" ]; then
  without_pretrained nnet_conf methods lda_dim within between min_len
  tune_pretrained --set "$set" --tests "$tests" --top-n "$top_n"
fi

step features 1 "features and VAD" "$feats" after:data "file:conf/$type.conf" ${vad_conf:+"$vad_conf"}
do_features() {
  # shellcheck disable=SC2046  # several words
  for data in callers $(test_sets); do
    utils/copy_data_dir.sh "data/$data" "$feats/$data"
    make_feats "$feats/$data"
  done
}

step speech 2 "features of the copies" "$feats" after:features after:channels
do_speech() {
  utils/copy_data_dir.sh data/coded "$feats/coded"
  make_feats "$feats/coded" --skip-bad true
  utils/combine_data.sh "$feats/train" "$feats/callers" "$feats/coded"
}

# The back end is trained on speech from elsewhere with all its copies, or if there is none, on the callers.
step net 3 "training set" "$feats" after:speech min_len
do_net() {
  local speakers=data/callers
  if [ -n "$librispeech$extra" ]; then speakers=data/wide; fi
  utils/subset_data_dir.sh --spk-list "$speakers/spk2utt" "$feats/train" "$feats/backend"
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn "$cmvn" --remove-silence "$vad" \
    "$feats/train" "$feats/prepared"
  steps/filter_utterances.sh --min-len "$min_len" "$feats/prepared" "$feats/long"
  rm -rf "$net"
  steps/split_train_valid.sh --cut true "$feats/long" "$net/train" "$net/valid" "$net/dev"
}

model_step network 4 "train" after:net

model_step embeddings 5 "extract embeddings" after:network after:features
do_embeddings() {
  # shellcheck disable=SC2046  # several words
  extract "$feats/backend" $(printf "$feats/%s " $(test_sets))
}

model_step scores 6 "back end and scores" after:embeddings methods lda_dim within between top_n
do_scores() {
  for test in $tests; do
    local/score_sre.sh --cmd "$train_cmd" --methods "$methods" --lda-dim "$lda_dim" --within "$within" \
      --between "$between" --top-n "$top_n" "$feats/backend" "$exp" "data/$test"
  done
}

model_step metrics 7 "metrics and report" after:scores
do_metrics() {
  local before='' pairs='' method
  for method in $methods; do
    if [ -n "$before" ]; then pairs+=" $method:$before"; fi
    pairs+=" ${method}_asnorm:$method"
    before=$method
  done
  for test in $tests; do
    steps/report_lists.sh --condition "data/$test/utt2phone" --utt2spk "data/$test/utt2spk" --compare "$pairs" \
      "$exp/scores_$test" "$exp/report" "data/$test"/trials_*
  done >"$exp/results.txt"
}

run_steps
end_recipe
