#!/usr/bin/env bash
# From audio to EER on read English speech: LibriSpeech, any part of it, or the public mini set.
#
#   ./run.sh --corpus DIR         DIR holds train-*/ and test-*/ or dev-*/; without it OpenSLR's mini set is downloaded
#   ./run.sh                      does what is not done yet
#   ./run.sh --stage 6            does stage 6 and the later ones again
#   ./run.sh --nnet-conf F.json   trains another network; it goes to exp/F
#   ./run.sh --pretrained EXP     fine-tunes a converted model instead: run_pretrained.sh goes on from stage 1
#
# 0 data preparation     4 train the network
# 1 features and VAD     5 extract embeddings
# 2 augmentation         6 back end and scores
# 3 training set         7 metrics and report
# (8, large-margin fine-tuning, belongs to larger recipes.)
stage=
stop_stage=100
corpus=
nnet_conf=conf/xvector.json
pretrained=
set=  # overrides of the configuration, such as "training.epochs=2"
nj=4
cmd=
speeds="0.9 1.1"  # copies of the training data at other speeds are further speakers; empty: none
lda_dim=200
baseline_lda_dim=40
help_message="Usage: $0 [--corpus DIR] [--stage N] [--stop-stage N] [--nnet-conf FILE] [--set \"KEY=VALUE ...\"]
  [--pretrained MODELDIR] [--nj N] [--cmd CMD] [--speeds \"S ...\"] [--lda-dim N] [--baseline-lda-dim N]"

set -euo pipefail
. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
. steps/stages.sh
train_cmd=${cmd:-$train_cmd} gpu_cmd=${cmd:-$gpu_cmd}
exp=exp/$(basename "$nnet_conf" .json)
baseline=exp/mfcc_statistics
tests="test test_2s"  # the same trials on whole utterances and on 2 s of each
python -m nnet.bin.check_config --dim 30 "$nnet_conf" >/dev/null

make_feats() {  # DATA: features and VAD
  steps/make_mfcc.sh --cmd "$train_cmd" --nj "$nj" --mfcc-config conf/mfcc.conf "$1"
  steps/compute_vad_decision.sh --cmd "$train_cmd" --nj "$nj" --vad-config conf/vad.conf "$1"
}

score() {  # METHOD DIR SET: the trials of a set, whose utterances are compared with one another
  steps/score.sh --cmd "$train_cmd" --method "$1" --backend "$2/backend" "data/$3/trials" \
    "$2/embeddings_$3" "$2/embeddings_$3" "$2/scores/$3.$1"
}

if begin_stage 0 "data preparation" data "$corpus"; then
  if [ -z "$corpus" ]; then
    corpus=corpus
    python local/download_librispeech_mini.py "$corpus"
  fi
  python local/prepare_librispeech.py "$corpus" data
  end_stage
fi

if [ -n "$pretrained" ]; then
  exec ./run_pretrained.sh --pretrained "$pretrained" --stage "$stage" --stop-stage "$stop_stage" --set "$set" \
    --nj "$nj" --cmd "$cmd"
fi

# Where speakers have few utterances, LDA and PLDA learn from pieces of them, and validation takes their ends.
trains=train back_end=train cut=false
if [ -d data/train_pieces ]; then trains="train train_pieces" back_end=train_pieces cut=true; fi

if begin_stage 1 "features and VAD" data conf/mfcc.conf conf/vad.conf; then
  for data in $trains $tests; do
    make_feats "data/$data"
  done
  end_stage
fi

if begin_stage 2 "augmentation" data "$speeds"; then
  if [ -n "$speeds" ]; then
    steps/augment_data.sh --cmd "$train_cmd" --nj "$nj" --speeds "$speeds" data/train data/train_speeds
    make_feats data/train_speeds
    rm -f data/train_speeds/data/wav_*.ark data/train_speeds/wav.scp
    utils/combine_data.sh data/train_all data/train data/train_speeds
  else
    utils/copy_data_dir.sh data/train data/train_all
  fi
  end_stage
fi

if begin_stage 3 "training set" data; then
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn none data/train_all data/train_prepared
  steps/filter_utterances.sh --min-len 150 data/train_prepared data/train_long
  rm -rf data/net
  steps/split_train_valid.sh --cut $cut data/train_long data/net/train data/net/valid data/net/dev
  end_stage
fi

if begin_stage 4 "train the network" "$exp" "$nnet_conf" "$set"; then
  resume=$(resumes "$exp/checkpoints")
  dev=
  if [ -d data/net/dev ]; then dev=data/net/dev; fi  # there is none where there are few speakers
  steps/train_nnet.sh --cmd "$gpu_cmd" --resume "$resume" --set "$set" --dev "$dev" \
    "$nnet_conf" data/net/train data/net/valid "$exp"
  end_stage
fi

if begin_stage 5 "extract embeddings" "$exp"; then
  for data in $back_end $tests; do
    steps/extract_embeddings.sh --cmd "$gpu_cmd" --nj "$nj" "$exp" "data/$data" "$exp/embeddings_$data"
    python local/mfcc_statistics.py "data/$data" "$baseline/embeddings_$data"
  done
  end_stage
fi

if begin_stage 6 "back end and scores" "$exp" "$lda_dim" "$baseline_lda_dim"; then
  steps/train_backend.sh --cmd "$train_cmd" --lda-dim "$lda_dim" \
    "$exp/embeddings_$back_end" "data/$back_end" "$exp/backend"
  steps/train_backend.sh --cmd "$train_cmd" --lda-dim "$baseline_lda_dim" \
    "$baseline/embeddings_$back_end" "data/$back_end" "$baseline/backend"
  for data in $tests; do
    score cosine "$baseline" "$data"
    score cosine "$exp" "$data"
    score plda "$exp" "$data"
  done
  end_stage
fi

if begin_stage 7 "metrics and report" "$exp"; then
  for data in $tests; do
    steps/compute_metrics.sh --train-log "$exp/log.jsonl" "data/$data/trials" "$baseline/scores/$data.cosine" \
      "$exp/scores/$data.cosine" "$exp/scores/$data.plda" "$exp/report_$data"
  done >"$exp/results.txt"
  end_stage
fi

show_results "$exp/results.txt"
