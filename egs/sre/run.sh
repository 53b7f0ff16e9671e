#!/usr/bin/env bash
# NIST SRE: from LDC's unpacked corpora to EER and costs on SRE 2016, 2018, 2021 or earlier evaluations. 8 kHz.
#
#   ./run.sh --corpora FILE --musan DIR --rirs DIR    x-vector of 23 MFCCs; PLDA adapted to unlabeled speech
#   ./run.sh ... --nnet-conf nnet_conf/resnet34.json  ResNet34: 64 filter banks, margin
#   ./run.sh ... --tests "sre16 sre18"                evaluations; scores are calibrated on their development parts
#   ./run.sh ... --dry-run true                       only estimates disk, memory and time
#   ./run.sh ... --stage 6                            runs stage 6 and the later ones again
# FILE has lines `NAME FOLDER`; it may also be a folder of LDC's folders (LDC2006S44, ...). See README.md.
#
# 0 data preparation, checks    1 features and VAD    2 augmentation    3 training set    4 train the network
# 5 extract embeddings    6 back end, adaptation, score normalization, calibration    7 metrics and report
# 8 large-margin fine-tuning: stages 4 to 7 again, if the loss has a margin

set -euo pipefail
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
nj=8 dry_run=false
corpora='' musan='' rirs=''
tests=sre16          # among sre08 sre10 sre12 sre16 sre18 sre18_vast sre21
max_missing=0.05     # share of a corpus's recordings that may be missing
sph2pipe=false       # use sph2pipe commands in wav.scp even if not needed, so that Kaldi can read it
num_augmented=128000
min_len=500 min_num_utts=8 dev_speakers=''
methods="cosine plda plda_adapted" # lda is cosine after LDA
lda_dim=150 within=0.75 between=0.25 top_n=300
large_margin=$usual_large_margin
begin_recipe "$@"

exp=${exp:-exp/$name} train=data/$type/train vad=true
if [ -n "$rirs$musan" ]; then
  use_sounds
  train=$feats/train_augmented copies=$num_augmented
fi
test_sets() {  # [PREFIX]: prints the data directories of the tests, of their development and their unlabeled parts
  local test part
  for test in $tests; do
    for part in '' _dev _unlabeled; do if [ -f "data/$test$part/utt2spk" ]; then echo "${1:-}$test$part"; fi; done
  done
}
if $dry_run; then
  sizes=$(python local/prepare_sre.py --documented true "$corpora")
  if [ -f data/.stage0 ]; then sizes="data/train $(test_sets data/ | xargs)"; fi
  plan "${sizes%% *}" "${sizes#* }"
  exit
fi
check_training

if begin_stage 0 "data preparation" data "$corpora" "$musan $rirs $tests $max_missing $sph2pipe"; then
  python local/prepare_sre.py --tests "$tests" --max-missing "$max_missing" --sph2pipe "$sph2pipe" "$corpora" data
  prepare_sounds
  for test in $tests; do
    python -m nnet.bin.check_data --session-prefix true --train data/train "data/$test" "data/$test"/trials_*
  done
  plan data/train "$(test_sets data/ | xargs)"
  end_stage
fi

if begin_stage 1 "features and VAD" "$feats" "conf/$type.conf" conf/vad.conf; then
  for data in train $(test_sets); do
    utils/copy_data_dir.sh "data/$data" "$feats/$data"
    if [ "$data" = train ]; then bad=true; else bad=false; fi # a silent side is left out of training
    make_feats "$feats/$data" --skip-bad $bad
  done
  end_stage
fi

if [ "$copies" -gt 0 ] && begin_stage 2 "augmentation" "$feats" "$sounds $copies"; then
  add_augmented "$feats/train" "$train" --sample-rate 8000
  end_stage
fi

if begin_stage 3 "training set" "$feats" "$min_len $min_num_utts $dev_speakers"; then
  prepare_training "$train"
  utils/filter_scp.sh data/backend_speakers "$train/spk2utt" >"$feats/backend_spk2utt"
  utils/subset_data_dir.sh --spk-list "$feats/backend_spk2utt" "$train" "$feats/backend"
  end_stage
fi

if begin_stage 4 "train $exp" "$exp" "$nnet_conf" "$set" "${pretrained:+$pretrained/model.safetensors}"; then
  train_network
  end_stage
fi

if begin_stage 5 "extract embeddings" "$exp"; then
  # shellcheck disable=SC2046  # several words
  extract "$feats/backend" $(test_sets "$feats/")
  end_stage
fi

if begin_stage 6 "back end and scores" "$exp" "$methods $lda_dim $within $between $top_n"; then
  for test in $tests; do
    local/score_sre.sh --cmd "$train_cmd" --methods "$methods" --lda-dim "$lda_dim" --within "$within" \
      --between "$between" --top-n "$top_n" "$feats/backend" "$exp" "data/$test"
  done
  end_stage
fi

if begin_stage 7 "metrics and report" "$exp"; then
  for test in $tests; do
    steps/report_lists.sh "$exp/scores_$test" "$exp/report" "data/$test"/trials_*
  done >"$exp/results.txt"
  end_stage
fi

if $margin && begin_stage 8 "large-margin fine-tuning" "$exp" "$large_margin"; then
  fine_tune
  end_stage
fi

end_recipe
