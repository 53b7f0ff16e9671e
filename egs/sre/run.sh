#!/usr/bin/env bash
# NIST SRE: from LDC's unpacked corpora to EER and costs on SRE 2016, 2018, 2021 or earlier evaluations. 8 kHz.
#
#   ./run.sh --corpora FILE --musan DIR --rirs DIR    x-vector of 23 MFCCs; PLDA adapted to unlabeled speech
#   ./run.sh ... --nnet-conf nnet_conf/resnet34.json  ResNet34: 64 filter banks, margin
#   ./run.sh ... --tests "sre16 sre18"                evaluations; scores are calibrated on their development parts
#   ./run.sh ... --dry-run true                       only prints which stages would run, disk, memory and time
#   ./run.sh ... --stage 6                            runs stage 6 and the later ones again
# FILE has lines `NAME FOLDER`; it may also be a folder of LDC's folders (LDC2006S44, ...). See README.md.
#
# 0 data preparation, checks    1 features and VAD    2 augmentation    3 training set    4 train the network
# 5 extract embeddings    6 back end, adaptation, score normalization, calibration    7 metrics and report
# 8 large-margin fine-tuning: stages 4 to 7 again, if the loss has a margin

set -euo pipefail
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
nj=8
corpora='' musan='' rirs=''  # remembered; `none`: without it, if there was one before
tests=sre16          # among sre08 sre10 sre12 sre16 sre18 sre18_vast sre21
max_missing=0.05     # share of a corpus's recordings that may be missing
sph2pipe=false       # use sph2pipe commands in wav.scp even if not needed, so that Kaldi can read it
num_augmented=128000
min_len=500 min_num_utts=8 dev_speakers=''
methods="cosine plda plda_adapted" # lda is cosine after LDA
lda_dim=150 within=0.75 between=0.25 top_n=300
large_margin=$usual_large_margin
begin_recipe "$@"

exp=${exp:-exp/$name} train=data/$type/train vad=true vad_conf=file:conf/vad.conf clean=features
recall data corpora musan rirs
recall "$exp" pretrained
if [ -n "$rirs$musan" ]; then
  use_sounds
  train=$feats/train_augmented copies=$num_augmented clean=augmented
fi
test_sets() {  # [PREFIX]: prints the data directories of the tests, of their development and their unlabeled parts
  local test part
  for test in $tests; do
    for part in '' _dev _unlabeled; do if [ -f "data/$test$part/utt2spk" ]; then echo "${1:-}$test$part"; fi; done
  done
}
check_words methods cosine lda plda plda_adapted
check_numbers max_missing num_augmented min_len min_num_utts dev_speakers lda_dim within between top_n
check_training
if $dry_run || [ -e "$corpora" ]; then  # also checks the tests
  sizes=$(python local/prepare_sre.py --documented true --tests "$tests" "$corpora")
fi
if $dry_run; then
  if [ -f data/.stage0.data ]; then sizes="data/train $(test_sets data/ | xargs)"; fi
  plan "${sizes%% *}" "${sizes#* }"
else
  need corpora
fi

listed=$(if [ -f "$corpora" ]; then echo "file:$corpora"; fi)
# The training set depends on the tests: it is without their speakers and calls.
step data 0 "data preparation" data path:corpora ${listed:+"$listed"} tests sph2pipe
do_data() {
  python local/prepare_sre.py --tests "$tests" --max-missing "$max_missing" --sph2pipe "$sph2pipe" "$corpora" data
  for test in $tests; do
    python -m nnet.bin.check_data --session-prefix true --train data/train "data/$test" "data/$test"/trials_*
  done
  plan data/train "$(test_sets data/ | xargs)"
}

step features 1 "features and VAD" "$feats" after:data "file:conf/$type.conf" ${vad_conf:+"$vad_conf"}
do_features() {
  for data in train $(test_sets); do
    utils/copy_data_dir.sh "data/$data" "$feats/$data"
    if [ "$data" = train ]; then bad=true; else bad=false; fi # a silent side is left out of training
    make_feats "$feats/$data" --skip-bad $bad
  done
}

if [ "$clean" = augmented ]; then
  step sounds 2 "sounds for augmentation" data path:musan path:rirs
  step augmented 2 "augmentation" "$feats" after:features after:sounds num_augmented
fi
do_augmented() { add_augmented "$feats/train" "$train" --sample-rate 8000; }

step net 3 "training set" "$feats" "after:$clean" min_len min_num_utts dev_speakers
do_net() {
  prepare_training "$train"
  utils/filter_scp.sh data/backend_speakers "$train/spk2utt" >"$feats/backend_spk2utt"
  utils/subset_data_dir.sh --spk-list "$feats/backend_spk2utt" "$train" "$feats/backend"
}

model_steps() {
  model_step network 4 "train" after:net
  model_step embeddings 5 "extract embeddings" after:network after:features
  model_step scores 6 "back end and scores" after:embeddings methods lda_dim within between top_n
  model_step metrics 7 "metrics and report" after:scores
}
do_embeddings() {
  # shellcheck disable=SC2046  # several words
  extract "$feats/backend" $(test_sets "$feats/")
}

do_scores() {
  for test in $tests; do
    local/score_sre.sh --cmd "$train_cmd" --methods "$methods" --lda-dim "$lda_dim" --within "$within" \
      --between "$between" --top-n "$top_n" "$feats/backend" "$exp" "data/$test"
  done
}

do_metrics() {
  for test in $tests; do
    steps/report_lists.sh "$exp/scores_$test" "$exp/report" "data/$test"/trials_*
  done >"$exp/results.txt"
}

model_steps
if $margin; then fine_tuning_steps; fi
run_steps
end_recipe
