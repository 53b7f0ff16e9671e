#!/usr/bin/env bash
# A recipe of six short stages on noise, which the campaign interrupts; --seed and --lda-dim change results.
set -euo pipefail
stage='' stop_stage=100 retrain=false dry_run=false
seed=0
lda_dim=3
. ./path.sh
. utils/parse_options.sh
. steps/stages.sh
exp=exp set="training.seed=$seed" resolved="{\"training\": {\"seed\": $seed}}" pretrained=''

step features 1 "features" data/mfcc file:conf/mfcc.conf
do_features() {
  utils/copy_data_dir.sh data/noise data/mfcc/noise
  steps/make_mfcc.sh --nj 2 data/mfcc/noise
  steps/compute_vad_decision.sh --nj 2 data/mfcc/noise
}

step net 2 "training set" data/net after:features seed
do_net() {
  steps/prepare_feats.sh --nj 2 data/mfcc/noise data/net/prepared
  steps/split_train_valid.sh --seed "$seed" data/net/prepared data/net/train data/net/valid
}

step network 3 "train the network" "$exp" after:net "config:$resolved" file:conf/net.json
do_network() {
  steps/train_nnet.sh --resume "$resume" --set "$set" conf/net.json data/net/train data/net/valid "$exp"
}

step embeddings 4 "extract embeddings" "$exp" after:network
do_embeddings() { steps/extract_embeddings.sh --nj 2 "$exp" data/mfcc/noise "$exp/embeddings"; }

step scores 5 "back end and scores" "$exp" after:embeddings lda_dim
do_scores() {
  steps/train_backend.sh --lda-dim "$lda_dim" "$exp/embeddings" data/noise "$exp/backend"
  steps/score.sh --method plda --backend "$exp/backend" data/noise/trials "$exp/embeddings" "$exp/embeddings" \
    "$exp/scores/plda"
}

step metrics 6 "metrics and report" "$exp" after:scores
do_metrics() {
  steps/compute_metrics.sh --bootstrap 5 --report "$exp/report" data/noise/trials "$exp/scores/plda" >"$exp/results.txt"
}

run_steps
