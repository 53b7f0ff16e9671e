#!/usr/bin/env bash
# From audio to EER on read English speech: LibriSpeech, any part of it, or the public mini set.
#
#   ./run.sh --corpus DIR         DIR holds train-*/ and test-*/ or dev-*/; without it OpenSLR's mini set is downloaded
#   ./run.sh                      runs the stages that are not up to date; --stage 6: stage 6 and later ones again
#   ./run.sh --nnet-conf F.json   trains another network, on the features that F.json names, in exp/F
#   ./run.sh --augment true       also trains on noisy and reverberated copies, in exp/F_augmented
#   ./run.sh --pretrained EXP     fine-tunes a converted model instead: continues with run_pretrained.sh from stage 1
#
# 0 data preparation     4 train the network
# 1 features, VAD        5 extract embeddings
# 2 augmentation         6 back end and scores
# 3 training set         7 metrics and report
# (Stage 8, large-margin fine-tuning, is in larger recipes.)
set -euo pipefail
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
corpus=''                   # remembered, as are musan and rirs; `none`: without it, if there was one before
nnet_conf=conf/xvector.json
speeds="0.9 1.1"            # speed perturbation, each speed as new speakers; empty: none
augment=false               # augment with synthetic sounds and training voices, or with these:
musan='' rirs='' num_augmented=100000  # maximum number of copies
methods="cosine lda plda"   # lda is cosine after LDA
lda_dim=200 top_n=100       # score normalization: number of cohort scores (cohort: training speakers)
begin_recipe "$@"

recall data corpus musan rirs
sets=$feats/plain train=train suffix='' cmvn=none follows=features
if $augment || [ -n "$musan$rirs" ]; then
  sets=$feats/augmented train=train_augmented suffix=_augmented
  use_sounds
  if [ -z "$rirs" ]; then sounds+=" --rirs data/sounds/rooms"; fi
  if [ -z "$musan" ]; then sounds+=" --noises data/sounds/noises_train --babble data/voices_train"; fi
  if [ -n "$musan$rirs" ]; then follows="features after:sounds"; fi
fi
exp=${exp:-exp/$name$suffix} net=$sets/net
recall "$exp" pretrained
check_words methods cosine lda plda
check_numbers speeds num_augmented lda_dim top_n
tests="test test_2s test_noise test_babble"  # the same trials: whole, 2 s of each, in unseen noise, among unseen voices
if [ -z "$pretrained" ]; then check_training; fi

step data 0 "data preparation" data path:corpus
do_data() {
  if [ -z "$corpus" ]; then python local/download_librispeech_mini.py corpus; fi
  python local/prepare_librispeech.py "${corpus:-corpus}" data
  local/prepare_noisy_tests.sh --cmd "$train_cmd" --nj "$nj" data
}

if [ -n "$pretrained" ]; then
  without_pretrained nnet_conf augment musan rirs num_augmented speeds methods lda_dim top_n
  tune_pretrained --set "$set"
fi
if $dry_run && [ -f data/.stage0.data ]; then
  copies=$(($(wc -l <data/train/utt2spk) * $(wc -w <<<"$speeds"))) kinds=$((4 + $(wc -w <<<"$speeds")))
  if [ -n "$sounds" ]; then copies=$((copies + num_augmented)); fi
  plan data/train "data/${tests// / data/}"
fi

# If speakers have few utterances, LDA and PLDA are trained on pieces of them, and validation uses their ends.
if_pieces() { if [ -d data/train_pieces ]; then echo "$1"; else echo "$2"; fi; }

step features 1 "features" "$feats" after:data "file:conf/$type.conf" ${vad_conf:+"$vad_conf"}
do_features() {
  for data in train $(if_pieces train_pieces ''); do  # without the babble voices of the noisy test
    utils/subset_data_dir.sh --spk-list data/voices_train/spk2utt "data/$data" "$feats/$data"
    make_feats "$feats/$data"
  done
  for data in $tests; do
    utils/copy_data_dir.sh "data/$data" "$feats/$data"
    cp "data/$data/trials" "$feats/$data"
    make_feats "$feats/$data"
  done
}

if [ -n "$musan$rirs" ]; then
  step sounds 2 "sounds for augmentation" data path:musan path:rirs
fi
# shellcheck disable=SC2086  # several words
step speech 2 "augmentation" "$sets" after:$follows speeds sounds num_augmented
do_speech() {
  utils/copy_data_dir.sh "$feats/train" "$sets/train"
  if [ -n "$speeds" ]; then
    steps/augment_data.sh --cmd "$train_cmd" --nj "$nj" --speeds "$speeds" "$feats/train" "$sets/speeds"
    make_feats "$sets/speeds"
    utils/combine_data.sh "$sets/train" "$feats/train" "$sets/speeds"
  fi
  if [ -n "$sounds" ]; then
    add_augmented "$sets/train" "$sets/train_augmented"
  fi
  rm -f "$sets"/speeds/data/wav_*.ark "$sets/speeds/wav.scp" "$sets/train/wav.scp"
}

step net 3 "training set" "$sets" after:speech
do_net() {
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn "$cmvn" --remove-silence "$vad" \
    "$sets/$train" "$sets/prepared"
  steps/filter_utterances.sh --min-len 150 "$sets/prepared" "$sets/long"
  rm -rf "$net"
  steps/split_train_valid.sh --cut "$(if_pieces true false)" "$sets/long" "$net/train" "$net/valid" "$net/dev"
}

model_step network 4 "train" after:net

model_step embeddings 5 "extract embeddings" after:network after:features
do_embeddings() {
  for data in $(if_pieces train_pieces train) $tests; do extract "$feats/$data"; done
}

model_step scores 6 "back end and scores" after:embeddings methods lda_dim top_n
do_scores() {
  local back_end
  back_end=$(if_pieces train_pieces train)
  steps/train_backend.sh --cmd "$train_cmd" --lda-dim "$lda_dim" \
    "$exp/embeddings_$back_end" "$feats/$back_end" "$exp/backend"
  for data in $tests; do
    steps/score_lists.sh --cmd "$train_cmd" --methods "$methods" --backend "$exp/backend" --top-n "$top_n" \
      --cohort "$exp/embeddings_$back_end" "$exp/embeddings_$data" "$exp/embeddings_$data" "$exp/scores/$data" \
      "$feats/$data/trials"
  done
  if $vad; then  # baseline without a network
    # shellcheck disable=SC2086  # several words
    local/mfcc_baseline.sh --cmd "$train_cmd" "$feats" "$back_end" exp/mfcc_statistics $tests
  fi
}

model_step metrics 7 "metrics and report" after:scores
do_metrics() {
  for data in $tests; do
    systems=()
    if $vad; then systems+=("exp/mfcc_statistics/scores/$data/mfcc_statistics"); fi
    for method in $methods; do systems+=("$exp/scores/$data/trials/$method"{,_asnorm}); done
    echo "$data:"
    steps/compute_metrics.sh --train-log "$exp/log.jsonl" --report "$exp/report_$data" \
      "$feats/$data/trials" "${systems[@]}"
  done >"$exp/results.txt"
}

run_steps
end_recipe
