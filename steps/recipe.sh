# Sourced by a recipe's run.sh: options of all recipes, and functions that their stages share.
# shellcheck shell=bash disable=SC2034,SC2154  # recipe and functions set each other's variables
#
#   . steps/recipe.sh
#   # Options (--some-name VALUE) and their defaults:
#   corpus='' lda_dim=200
#   begin_recipe "$@"
#   check_numbers lda_dim
#   check_training
#   step net 3 "training set" "$feats" lda_dim
#   do_net() { ...; }
#   model_step network 4 "train the network" after:net
#   run_steps
#   end_recipe
#
# begin_recipe parses the options (--help prints the header of the recipe, and the options below) and sets
#   train_cmd gpu_cmd   job runners
#   given given_exp     the options as they were given; the value of --exp, before the recipe sets a default
#   name type           name of the configuration, type of its features: mfcc, fbank or mel
#   vad cmvn            mfcc: voiced frames, sliding mean; fbank, mel: all frames, mean of the utterance
#   vad_conf            the input of a step that computes VAD, if there is VAD
#   feats net           data/TYPE, data/TYPE/net: data directories with features; the network's train, valid and dev sets
# check_training sets
#   resolved margin     the whole configuration, checked; whether stage 8 can fine-tune the network with a larger margin
# The functions below implement steps with these variables, which a recipe may change. What a step is and when it runs is
# in steps/stages.sh.

# Options of every recipe (defaults set by the recipe take precedence):
stage='' stop_stage=100  # first and last stage; without --stage: all stages that are not up to date
nnet_conf=nnet_conf/xvector.json
set=''                   # overrides of the configuration, such as "training.epochs=2"
exp=''                   # model directory; default: exp/NAME of the configuration
pretrained=''            # model directory, or name of a model, to start from; none: without
retrain=false            # true: if $exp holds another training, move it to $exp.1, ... and train again
dry_run=false            # true: only print which stages would run and why, and what they take
nj=4 cmd=''              # parallel jobs; job runner, default: that of cmd.sh
nproc='' hosts=''        # distributed training: see steps/train_nnet.sh

# Default configuration overrides of large-margin fine-tuning (--large-margin): those of WeSpeaker's voxceleb/v2.
usual_large_margin="data.min_frames=600 data.max_frames=600 data.batch_size=64 data.play_speeds=false
  loss.margin=0.5 loss.initial_margin=0.5 training.epochs=5 training.average_checkpoints=1 training.ema=0 training.drop=[]
  schedule.type=exponential schedule.learning_rate=0.0001 schedule.final_learning_rate=0.000025 schedule.warmup_epochs=1"

# begin_recipe OPTION...
begin_recipe() {
  help_message=$(sed -n -e '/^begin_recipe/q' -e '/^#!/d' -e '/^set -e/d' -e '/^export/d' -e '/^\. steps/d' -e p "$0"
    sed -n '/^# Options of every/,/^$/p' steps/recipe.sh)
  . ./path.sh
  . ./cmd.sh
  given=" $* "
  . utils/parse_options.sh
  . steps/stages.sh
  no_more_words "$@"
  exp=${exp%/} given_exp=${exp%/} vad_conf=''
  margin=false copies=0 kinds=4 sounds='' resolved=''
  train_cmd=${cmd:-$train_cmd} gpu_cmd=${cmd:-$gpu_cmd}
  if ! command -v "${train_cmd%% *}" >/dev/null; then echo "$0: --cmd: no command '${train_cmd%% *}'" >&2; exit 1; fi
  check_numbers stage stop_stage nj nproc
  find_pretrained
  name=$(basename "$nnet_conf" .json)
  type=$(check '' --show features.type)
  case ${type:=mfcc} in
    mfcc) vad=true cmvn=sliding vad_conf=file:conf/vad.conf ;;
    fbank | mel) vad=false cmvn=utterance ;;
  esac
  feats=data/$type net=data/$type/net
}

# check OVERRIDES [--show KEY]: checks the configuration, or prints one of its values.
check() {
  python -m nnet.bin.check_config --set "$1" "${@:2}" "$nnet_conf"
}

# check_training: stops at a mistake in the configuration or in $large_margin, and where the features of conf/TYPE.conf do not
# fit the network; sets $resolved to the configuration with its defaults, and $margin: whether the recipe has $large_margin
# and the loss the options of a margin that grows. A recipe without any conf/*.conf has its features from elsewhere.
check_training() {
  local bins=()
  if ls conf/*.conf >/dev/null 2>&1; then bins=(--feats-type "$type" --feats-config "conf/$type.conf"); fi
  resolved=$(check "$set" --resolved ${bins[@]+"${bins[@]}"})
  if [ -n "${large_margin:-}" ]; then margin=$(check "$set" --has loss.initial_margin); fi
  if $margin; then resolved_large_margin=$(check "$set $large_margin" --resolved ${bins[@]+"${bins[@]}"}); fi
}

# check_numbers OPTION...: stops at a value that is not a number or a list of numbers.
check_numbers() {
  local option
  for option in "$@"; do
    case ${!option} in
      *[!0-9.\ ]*) echo "$0: --${option//_/-} expects a number, not '${!option}'" >&2; exit 1 ;;
    esac
  done
}

# check_words OPTION WORD...: stops if a word of an option is none of these.
check_words() {
  local word
  for word in ${!1}; do
    case " ${*:2} " in
      *" $word "*) ;;
      *) echo "$0: --${1//_/-}: '$word' is none of ${*:2}" >&2; exit 1 ;;
    esac
  done
}

# need OPTION...: stops if a folder that only the user knows was never given.
need() {
  local option
  for option in "$@"; do
    if [ -z "${!option}" ]; then echo "$0: --${option//_/-} DIR is required" >&2; exit 1; fi
  done
}

# use_sounds: by $musan and $rirs sets $sounds, what steps/add_augmented.sh mixes in; none: empty.
use_sounds() {
  sounds=${rirs:+--rirs data/rirs}
  sounds+=${musan:+ --noises data/musan_noise --music data/musan_music --babble data/musan_speech}
}

# do_sounds: makes the data directories that use_sounds names.
do_sounds() {
  if [ -n "$musan" ]; then python local/prepare_musan.py "$musan" data; fi
  if [ -n "$rirs" ]; then python local/prepare_rirs.py "$rirs" data/rirs; fi
}

# plan TRAIN TEST, data directories or SPEAKERS:UTTERANCES:HOURS: prints disk, memory and time of each stage.
plan() {
  local more=()
  if $margin; then more=(--large-margin "$large_margin"); fi
  if [ "${convert:-none}" != none ]; then more+=(--convert true); fi
  python -m nnet.bin.estimate --train "$1" --test "$2" --feats-type "$type" --feats-config "conf/$type.conf" \
    --vad "$vad" --copies "$copies" --kinds "$kinds" --nj "$nj" --set "$set" ${more[@]+"${more[@]}"} "$nnet_conf"
}

# make_feats DATA [OPTION...]: computes features, with options of steps/make_feats.sh, and VAD.
make_feats() {
  steps/make_feats.sh --type "$type" --cmd "$train_cmd" --nj "$nj" "${@:2}" "$1"
  if $vad; then steps/compute_vad_decision.sh --cmd "$train_cmd" --nj "$nj" "$1"; fi
}

# add_augmented DATA OUT [OPTION...]: combines DATA and at most $num_augmented copies augmented with $sounds.
add_augmented() {
  # shellcheck disable=SC2086  # several words
  steps/add_augmented.sh --cmd "$train_cmd" --nj "$nj" --type "$type" --num-utts "$num_augmented" $sounds "${@:3}" \
    "$1" "$2"
}

# prepare_training DATA: makes the network's sets, without short utterances and speakers with few utterances.
prepare_training() {
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn "$cmvn" --remove-silence "$vad" "$1" "$feats/prepared"
  steps/filter_utterances.sh --min-len "$min_len" --min-num-utts "$min_num_utts" "$feats/prepared" "$feats/filtered"
  steps/split_train_valid.sh --session-prefix true --dev-speakers "$dev_speakers" "$feats/filtered" \
    "$net/train" "$net/valid" "$net/dev"
}

# model_step NAME STAGE WORDS [INPUT...]: declares a step in $exp; the step `network` trains it.
model_step() {
  if [ "$1" != network ]; then
    step "$1" "$2" "$3" "$exp" "${@:4}"
  elif [ -n "$repeated" ]; then  # from the weights of the network before
    step "$1" "$2" "$3 $exp" "$exp" "config:$resolved" after:network "${@:4}"
  else
    step "$1" "$2" "$3 $exp" "$exp" "config:$resolved" path:pretrained \
      ${pretrained:+"file:$pretrained/model.safetensors"} "${@:4}"
  fi
}

# fine_tuning_steps: declares the steps that the recipe's function model_steps declares again, as stage 8, for a model with a
# larger margin in ${exp}_lm.
fine_tuning_steps() {
  local base=$exp
  local exp=${base}_lm set="$set $large_margin" resolved=$resolved_large_margin pretrained=$base model_suffix=_lm repeated=8
  model_steps
}

# without_pretrained OPTION...: stops at options that were given and have no effect with --pretrained.
without_pretrained() {
  local option
  for option in "$@"; do
    case $given in
      *" --${option//_/-} "*) echo "$0: --${option//_/-} has no effect with --pretrained; leave it out" >&2; exit 1 ;;
    esac
  done
}

# tune_pretrained OPTION...: runs the steps declared so far, then goes on with the recipe's run_pretrained.sh.
tune_pretrained() {
  run_steps
  exec ./run_pretrained.sh --pretrained "$pretrained" --exp "$given_exp" --stage "$stage" --stop-stage "$stop_stage" \
    --retrain "$retrain" --dry-run "$dry_run" --nj "$nj" --cmd "$cmd" --nproc "$nproc" --hosts "$hosts" "$@"
}

# do_network: trains, or resumes an interrupted training; with few speakers there is no $net/dev.
do_network() {
  local dev=
  if [ -f "$net/dev/utt2spk" ]; then dev=$net/dev; fi
  steps/train_nnet.sh --cmd "$gpu_cmd" --nproc "$nproc" --hosts "$hosts" --resume "$resume" --init "$pretrained" \
    --set "$set" --dev "$dev" "$nnet_conf" "$net/train" "$net/valid" "$exp"
}

# extract DATA...: extracts $exp/embeddings_NAME for each data directory .../NAME.
extract() {
  local data
  for data in "$@"; do
    steps/extract_embeddings.sh --cmd "$gpu_cmd" --nj "$nj" "$exp" "$data" "$exp/embeddings_${data##*/}"
  done
}

# end_recipe: prints the results, and those of the fine-tuning.
end_recipe() {
  local results=("$exp/results.txt")
  if [ "${stop_stage:-100}" -ge 8 ]; then results+=("${exp}_lm/results.txt"); fi
  if ! $dry_run; then show_results "${results[@]}"; fi
}
