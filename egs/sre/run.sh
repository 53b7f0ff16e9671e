#!/usr/bin/env bash
# NIST SRE: from LDC's corpora as they unpack to EER and costs on SRE 2016, 2018, 2021 or earlier ones. 8 kHz.
#
#   ./run.sh --corpora FILE --musan DIR --rirs DIR    x-vector of 23 MFCCs; PLDA adapted to unlabelled speech
#   ./run.sh ... --nnet-conf nnet_conf/resnet34.json  ResNet34: 64 filter banks, margin
#   ./run.sh ... --tests "sre16 sre18"                what to test on; scores are calibrated on its development part
#   ./run.sh ... --dry-run true                       disk, memory and time it will take, and nothing else
#   ./run.sh ... --stage 6                            does stage 6 and the later ones again
# FILE has lines `NAME FOLDER`; a folder with LDC's folders in it (LDC2006S44, ...) serves as well. README.md tells more.
#
# 0 data preparation, checks    1 features and VAD    2 augmentation    3 training set    4 train the network
# 5 extract embeddings    6 back end, adaptation, score normalisation, calibration    7 metrics and report
# 8 large-margin fine-tuning: 4 to 7 once more, where the loss has a margin
#
# Options (--some-name VALUE) and their defaults:
stage='' stop_stage=100 dry_run=false nj=8 nproc='' cmd=''
corpora='' musan='' rirs=''
tests=sre16          # of sre08 sre10 sre12 sre16 sre18 sre18_vast sre21
max_missing=0.05     # share of a corpus's recordings that may be missing
sph2pipe=false       # put its commands into wav.scp even where they are not needed, so that Kaldi can read it
nnet_conf=nnet_conf/xvector.json
set=''               # overrides of the configuration, such as "training.epochs=2"
exp='' pretrained='' # model directory (default: exp/NAME of the configuration), and one to start from
num_augmented=128000
min_len=500 min_num_utts=8 dev_speakers=''
methods="cosine plda plda_adapted" # lda is cosine after LDA
lda_dim=150 within=0.75 between=0.25 top_n=300
large_margin="data.min_frames=600 data.max_frames=600 data.batch_size=64 loss.margin=0.5 loss.initial_margin=0.5
  training.epochs=5 training.drop=[] schedule.type=exponential schedule.learning_rate=0.0001
  schedule.final_learning_rate=0.000025 schedule.warmup_epochs=0"
help_message=$(sed -n '2,/^help_message/p' "$0" | sed '$d')

set -euo pipefail
options=("$@")
. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
. steps/stages.sh
. steps/configuration.sh
train_cmd=${cmd:-$train_cmd} gpu_cmd=${cmd:-$gpu_cmd}
exp=${exp:-exp/$(basename "$nnet_conf" .json)} lm=${exp}_lm
type=$(python -m nnet.bin.check_config --show features.type "$nnet_conf")
if [ "${type:=mfcc}" = fbank ]; then cmvn=utterance; else cmvn=sliding; fi
feats=data/$type net=data/$type/net train=data/$type/train copies=0
if [ -n "$rirs$musan" ]; then
  train=$feats/train_augmented copies=$num_augmented
  sounds="${rirs:+--rirs data/rirs} ${musan:+--noises data/musan_noise --music data/musan_music}
    ${musan:+--babble data/musan_speech}"
fi
plan() {  # TRAIN TESTS: data directories, or SPEAKERS:UTTERANCES:HOURS
  python -m nnet.bin.estimate --train "$1" --test "$2" --feats-type "$type" --feats-config "conf/$type.conf" \
    --vad true --copies "$copies" --nj "$nj" --set "$set" "$nnet_conf"
}
test_sets() {  # [PREFIX]: the data directories of the tests, of their development parts, of what to adapt to
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
check "$set" >/dev/null
margin=false
if has_margin "$set"; then
  margin=true
  check "$set $large_margin" >/dev/null
fi

if begin_stage 0 "data preparation" data "$corpora" "$musan $rirs $tests $max_missing $sph2pipe"; then
  python local/prepare_sre.py --tests "$tests" --max-missing "$max_missing" --sph2pipe "$sph2pipe" "$corpora" data
  if [ -n "$musan" ]; then python local/prepare_musan.py "$musan" data; fi
  if [ -n "$rirs" ]; then python local/prepare_rirs.py "$rirs" data/rirs; fi
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
    steps/make_feats.sh --type "$type" --cmd "$train_cmd" --nj "$nj" --skip-bad $bad "$feats/$data"
    steps/compute_vad_decision.sh --cmd "$train_cmd" --nj "$nj" "$feats/$data"
  done
  end_stage
fi

if [ "$copies" -gt 0 ] && begin_stage 2 "augmentation" "$feats" "$sounds $copies"; then
  # shellcheck disable=SC2086  # several words
  steps/add_augmented.sh --cmd "$train_cmd" --nj "$nj" --type "$type" --num-utts "$copies" --sample-rate 8000 \
    $sounds "$feats/train" "$train"
  end_stage
fi

if begin_stage 3 "training set" "$feats" "$min_len $min_num_utts $dev_speakers"; then
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn "$cmvn" "$train" "$feats/prepared"
  steps/filter_utterances.sh --min-len "$min_len" --min-num-utts "$min_num_utts" "$feats/prepared" "$feats/filtered"
  steps/split_train_valid.sh --session-prefix true --dev-speakers "$dev_speakers" "$feats/filtered" \
    "$net/train" "$net/valid" "$net/dev"
  utils/filter_scp.sh data/backend_speakers "$train/spk2utt" >"$feats/backend_spk2utt"
  utils/subset_data_dir.sh --spk-list "$feats/backend_spk2utt" "$train" "$feats/backend"
  end_stage
fi

if begin_stage 4 "train $exp" "$exp" "$nnet_conf" "$set" "${pretrained:+$pretrained/model.safetensors}"; then
  resume=$(resumes "$exp/checkpoints")
  steps/train_nnet.sh --cmd "$gpu_cmd" --nproc "$nproc" --resume "$resume" --init "$pretrained" --set "$set" \
    --dev "$net/dev" "$nnet_conf" "$net/train" "$net/valid" "$exp"
  end_stage
fi

if begin_stage 5 "extract embeddings" "$exp"; then
  for data in backend $(test_sets); do
    steps/extract_embeddings.sh --cmd "$gpu_cmd" --nj "$nj" "$exp" "$feats/$data" "$exp/embeddings_$data"
  done
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
  ./run.sh ${options[@]+"${options[@]}"} --stage "${stage:+4}" --stop-stage 7 --pretrained "$exp" --exp "$lm" \
    --set "$set $large_margin" >&2
  end_stage
fi

show_results "$exp/results.txt"
if [ -f "$lm/results.txt" ]; then show_results "$lm/results.txt"; fi
