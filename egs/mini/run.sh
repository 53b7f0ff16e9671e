#!/usr/bin/env bash
# From audio to EER in a few minutes, on speech synthesized by eSpeak NG.
#
#   ./run.sh                      runs the stages that are not up to date
#   ./run.sh --stage 6            runs stage 6 and the later ones again
#   ./run.sh --nnet-conf F.json   trains another network, on the features that F.json names, in exp/F
#
# 0 data preparation     4 train the network
# 1 features, VAD        5 extract embeddings
# 3 training set         6 back end and scores
#                        7 metrics and report
# (In other recipes stage 2 is augmentation and stage 8 large-margin fine-tuning; here the corpus is noisy already.)
set -euo pipefail
export SV_EXTRAS=mini
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
nnet_conf=conf/xvector.json
train_speakers=72 test_speakers=24 utterances=12
lda_dim=50
top_n=20  # score normalization: number of cohort scores (cohort: training speakers)
begin_recipe "$@"

exp=${exp:-exp/$name}
recall "$exp" pretrained
check_numbers train_speakers test_speakers utterances lda_dim top_n
check_training

step data 0 "data preparation" data train_speakers test_speakers utterances
do_data() {
  local/prepare_mini.sh --cmd "$train_cmd" --train-speakers "$train_speakers" --test-speakers "$test_speakers" \
    --utterances "$utterances" corpus data
}

step features 1 "features" "$feats" after:data "file:conf/$type.conf" ${vad_conf:+"$vad_conf"}
do_features() {
  for data in train enroll test; do
    utils/copy_data_dir.sh "data/$data" "$feats/$data"
    make_feats "$feats/$data"
  done
}

step net 3 "training set" "$feats" after:features
do_net() {
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn "$cmvn" --remove-silence "$vad" \
    "$feats/train" "$feats/prepared"
  rm -rf "$net"
  steps/split_train_valid.sh "$feats/prepared" "$net/train" "$net/valid" "$net/dev"
}

model_step network 4 "train" after:net

model_step embeddings 5 "extract embeddings" after:network
do_embeddings() { extract "$feats/train" "$feats/enroll" "$feats/test"; }

model_step scores 6 "back end and scores" after:embeddings lda_dim top_n
do_scores() {
  steps/train_backend.sh --cmd "$train_cmd" --lda-dim "$lda_dim" "$exp/embeddings_train" data/train "$exp/backend"
  for method in cosine plda; do
    steps/score.sh --cmd "$train_cmd" --method $method --backend "$exp/backend" data/test/trials \
      "$exp/embeddings_enroll" "$exp/embeddings_test" "$exp/scores/test.$method"
  done
  steps/score_norm.sh --cmd "$train_cmd" --method cosine --backend "$exp/backend" --top-n "$top_n" --cohort speaker \
    "$exp/embeddings_train" data/test/trials "$exp/embeddings_enroll" "$exp/embeddings_test" \
    "$exp/scores/test.cosine" "$exp/scores/test.cosine_asnorm"
}

model_step metrics 7 "metrics and report" after:scores
do_metrics() {
  steps/compute_metrics.sh --train-log "$exp/log.jsonl" --report "$exp/report" data/test/trials \
    "$exp/scores/test.cosine" "$exp/scores/test.cosine_asnorm" "$exp/scores/test.plda" >"$exp/results.txt"
}

run_steps
end_recipe
