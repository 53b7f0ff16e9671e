#!/usr/bin/env bash
# Fine-tunes a pretrained 16 kHz model to telephone speech, upsampled, and compares it with the unchanged model on the
# trials of run.sh: cosine scores, centered by the mean of the unlabeled calls, normalized against them, and calibrated.
# ./run.sh --pretrained MODELDIR calls this; MODELDIR is made by nnet.bin.convert_checkpoint or steps/export_model.sh.
#
# 1 features of MODELDIR                5 extract embeddings
# 3 training set                        6 scores
# 4 train a new classifier, then all    7 metrics and report
set -euo pipefail
. steps/tuning.sh
tests=
chunks="data.source=feats data.batch_size=32 data.min_frames=200 data.max_frames=200 data.steps_per_epoch=50
  training.average_checkpoints=1 training.ema=0"
tuning="training.epochs=2 training.drop=[] schedule.learning_rate=0.001 schedule.final_learning_rate=0.0001
  schedule.warmup_epochs=0 loss.margin=0.2 loss.margin_end_epoch=0"
top_n=50
help_message="Usage: $0 --pretrained MODELDIR --tests \"sentences ...\" [--stage N] [--stop-stage N] [--top-n N] [--exp DIR] [--nj N]
  [--cmd CMD] [--chunks \"KEY=VALUE ...\"] [--classifier \"KEY=VALUE ...\"] [--tuning \"KEY=VALUE ...\"]
  [--set \"KEY=VALUE ...\"]"
begin_tuning 2 data/coded/wav.scp -- "$@"

step features 1 "features, upsampled" "$feats" file:data/.stage2.channels "file:$feats_conf" tests
feats_conf=$feats/$type.conf
do_features() {
  cp "$pretrained/$type.conf" "$feats_conf"
  echo "--allow-upsample=true" >>"$feats_conf"
  for test in $tests; do
    for data in "$test" "${test}_dev" "${test}_unlabeled"; do
      utils/copy_data_dir.sh "data/$data" "$feats/$data"
      make_feats "$feats/$data"
    done
  done
}

step net 3 "training set" "$feats" after:features
do_net() {
  utils/subset_data_dir.sh --spk-list data/clean/spk2utt data/coded "$feats/coded"  # not those at other speeds
  utils/copy_data_dir.sh data/callers "$feats/callers"
  for data in coded callers; do make_feats "$feats/$data" --skip-bad true; done
  utils/combine_data.sh "$feats/train" "$feats/callers" "$feats/coded"
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn utterance --remove-silence false \
    "$feats/train" "$feats/prepared"
  steps/filter_utterances.sh --min-len 200 "$feats/prepared" "$feats/long"
  rm -rf "$feats/net"
  steps/split_train_valid.sh --cut true --dev-speakers 0 "$feats/long" "$feats/net/train" "$feats/net/valid"
}

tuning_steps "$feats/net/train" after:net

step embeddings 5 "extract embeddings" "$tuned" after:network
do_embeddings() {
  for model in "$pretrained" "$tuned"; do
    for test in $tests; do
      for data in "$test" "${test}_dev" "${test}_unlabeled"; do
        steps/extract_embeddings.sh --cmd "$gpu_cmd" --nj "$nj" "$model" "$feats/$data" \
          "$tuned/$(basename "$model")/embeddings_$data"
      done
    done
  done
}

step scores 6 "scores" "$tuned" after:embeddings top_n
do_scores() {
  local model test
  for model in "$tuned/$name" "$tuned/$tuned_name"; do
    for test in $tests; do
      steps/train_backend.sh --cmd "$train_cmd" --lda-dim 0 --num-em-iters 0 \
        "$model/embeddings_${test}_unlabeled" "$feats/${test}_unlabeled" "$model/backend_$test"  # only their mean
      steps/score_lists.sh --cmd "$train_cmd" --methods cosine --backend "$model/backend_$test" --top-n "$top_n" \
        --cohort "$model/embeddings_${test}_unlabeled" --dev "$model/embeddings_${test}_dev" \
        --dev-trials "data/${test}_dev/trials_${test}_dev" "$model/embeddings_$test" "$model/embeddings_$test" \
        "$model/scores_$test" "data/$test"/trials_*
    done
  done
}

step metrics 7 "metrics and report" "$tuned" after:scores
do_metrics() {
  local test trials list old new
  for test in $tests; do
    for trials in "data/$test"/trials_*; do
      list=${trials##*/trials_} old=$tuned/$name/scores_$test/$list new=$tuned/$tuned_name/scores_$test/$list
      echo "$list:"
      steps/compute_metrics.sh --report "$tuned/report/$list" --condition "data/$test/utt2phone" \
        --utt2spk "data/$test/utt2spk" --compare "$(compared "$list")" "$trials" \
        "$old"/cosine{,_asnorm,_calibrated} "$new"/cosine{,_asnorm,_calibrated}
    done
  done >"$tuned/results.txt"
}
compared() {  # LIST: the pairs of systems to compare, by their names in the table
  local test=${1%%_*} old new
  old=$name/scores_$test/$1 new=$tuned_name/scores_$test/$1
  echo "$old/cosine_asnorm:$old/cosine $new/cosine:$old/cosine $new/cosine_asnorm:$old/cosine_asnorm"
}

run_steps
if ! $dry_run; then show_results "$tuned/results.txt"; fi
