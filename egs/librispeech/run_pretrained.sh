#!/usr/bin/env bash
# Fine-tunes a pretrained model on LibriSpeech's training speakers with babble noise, and compares it with the unchanged
# model on whole utterances, on 2 s of each, and on 2 s with babble of unseen voices.
# ./run.sh --pretrained MODELDIR calls this; MODELDIR is made by nnet.bin.convert_checkpoint or steps/export_model.sh.
#
# 1 features of MODELDIR                5 extract embeddings
# 3 noisy test sets, training set       6 scores
# 4 train a new classifier, then all    7 metrics
set -euo pipefail
. steps/tuning.sh
noise="data.source=audio data.batch_size=32 data.min_frames=200 data.max_frames=200 augmentation.probability=0.9
  augmentation.babble_snrs=[15,10,5] augmentation.babble_voices=[3,4,5]"
tuning="training.epochs=2 training.drop=[] schedule.learning_rate=0.001 schedule.final_learning_rate=0.0001
  schedule.warmup_epochs=0 loss.margin=0.4 loss.margin_end_epoch=0"
snrs="15:10 10:5"  # SNRs of each noisy test set, in dB, for each single one of its three to five babble voices
help_message="Usage: $0 --pretrained MODELDIR [--stage N] [--stop-stage N] [--snrs \"DB:DB ...\"] [--exp DIR] [--nj N] [--cmd CMD]
  [--noise \"KEY=VALUE ...\"] [--classifier \"KEY=VALUE ...\"] [--tuning \"KEY=VALUE ...\"] [--set \"KEY=VALUE ...\"]"
begin_tuning 0 data/test_2s/trials -- "$@"

tests="test test_2s"
for snr in $snrs; do tests="$tests test_2s_babble_${snr/:/_}"; done
chunks="augmentation.babble=data/voices_train $noise"
train=$feats/net/train cut=false
if [ -d data/train_pieces ]; then  # few utterances per speaker: many chunks of each; validation data are part of the training data
  chunks="data.steps_per_epoch=25 training.average_checkpoints=1 training.ema=0 $chunks" train=$feats/train cut=true
fi

step features 1 "features" "$feats" file:data/.stage0.data "file:$feats_conf"  # the first is the mark of run.sh's stage 0
do_features() {
  for data in test test_2s; do
    utils/copy_data_dir.sh "data/$data" "$feats/$data"
    make_feats "$feats/$data"
    cp "data/$data/trials" "$feats/$data"
  done
}

step net 3 "noisy test sets, training set" "$feats" after:features snrs
do_net() {
  for snr in $snrs; do
    noisy=$feats/test_2s_babble_${snr/:/_}
    steps/augment_data.sh --cmd "$train_cmd" --nj "$nj" --babble data/voices_test --babble-snrs "$snr" \
      --babble-voices 3:4:5 data/test_2s "$noisy"
    make_feats "$noisy"
    python -m nnet.bin.make_trials "$noisy" "$noisy/trials"
  done
  utils/copy_data_dir.sh data/voices_train "$feats/train"
  make_feats "$feats/train"
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn utterance --remove-silence false \
    "$feats/train" "$feats/prepared"
  rm -rf "$feats/net"
  steps/split_train_valid.sh --cut "$cut" --dev-speakers 0 "$feats/prepared" "$feats/net/train" "$feats/net/valid"
}

tuning_steps "$train" after:net

step embeddings 5 "extract embeddings" "$tuned" after:network
do_embeddings() {
  for data in $tests; do
    for model in "$pretrained" "$tuned"; do
      steps/extract_embeddings.sh --cmd "$gpu_cmd" --nj "$nj" "$model" "$feats/$data" \
        "$tuned/$(basename "$model")/embeddings_$data"
    done
  done
}

step scores 6 "scores" "$tuned" after:embeddings
do_scores() {
  for data in $tests; do
    for model in "$name" "$tuned_name"; do
      steps/score.sh --cmd "$train_cmd" "$feats/$data/trials" "$tuned/$model/embeddings_$data" \
        "$tuned/$model/embeddings_$data" "$tuned/scores/$data.$model"
    done
  done
}

step metrics 7 "metrics" "$tuned" after:scores
do_metrics() {
  for data in $tests; do
    steps/compute_metrics.sh --bootstrap 1000 "$feats/$data/trials" "$tuned/scores/$data.$name" \
      "$tuned/scores/$data.$tuned_name"
  done >"$tuned/results.txt"
}

run_steps
if ! $dry_run; then show_results "$tuned/results.txt"; fi
