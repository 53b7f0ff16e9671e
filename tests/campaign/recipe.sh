#!/usr/bin/env bash
# A recipe of six short stages on noise, which the campaign interrupts; its options are those that change a result.
set -euo pipefail
stage='' stop_stage=100
seed=0
lda_dim=3
. ./path.sh
. utils/parse_options.sh
. steps/stages.sh

if begin_stage 1 "features" data/mfcc; then
  utils/copy_data_dir.sh data/noise data/mfcc/noise
  steps/make_mfcc.sh --nj 2 data/mfcc/noise
  steps/compute_vad_decision.sh --nj 2 data/mfcc/noise
  end_stage
fi
if begin_stage 2 "training set" data/net "$seed"; then
  steps/prepare_feats.sh --nj 2 data/mfcc/noise data/net/prepared
  steps/split_train_valid.sh --seed "$seed" data/net/prepared data/net/train data/net/valid
  end_stage
fi
if begin_stage 3 "train the network" exp conf/net.json "$seed"; then
  steps/train_nnet.sh --resume "$(resumes exp/checkpoints)" --set "training.seed=$seed" conf/net.json \
    data/net/train data/net/valid exp
  end_stage
fi
if begin_stage 4 "extract embeddings" exp; then
  steps/extract_embeddings.sh --nj 2 exp data/mfcc/noise exp/embeddings
  end_stage
fi
if begin_stage 5 "back end and scores" exp "$lda_dim"; then
  steps/train_backend.sh --lda-dim "$lda_dim" exp/embeddings data/noise exp/backend
  steps/score.sh --method plda --backend exp/backend data/noise/trials exp/embeddings exp/embeddings exp/scores/plda
  end_stage
fi
if begin_stage 6 "metrics and report" exp; then
  steps/compute_metrics.sh --bootstrap 5 --report exp/report data/noise/trials exp/scores/plda >exp/results.txt
  end_stage
fi
