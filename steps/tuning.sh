# Sourced by a recipe's run_pretrained.sh: fine-tunes a converted model in two trainings, a new classifier on the frozen
# network, then everything but batch normalization, for whose statistics small corpora have too little speech.
# shellcheck shell=bash disable=SC2034,SC2154  # script and functions set each other's variables
#
#   . steps/tuning.sh
#   chunks="data.batch_size=32 ..." tuning="loss.margin=0.2 ..."    # overrides of both trainings, of the second one
#   help_message="Usage: ..."
#   begin_tuning 0 data/train/wav.scp -- "$@"                      # stage and files of run.sh, then the options
#   step net 3 "training set" "$feats"
#   tuning_steps "$feats/net/train" after:net                      # stage 4
#
# begin_tuning sets train_cmd, gpu_cmd, name (of the model), feats (data/NAME), tuned (--exp, or exp/NAME_tuned),
# tuned_name (its last part), type (of the model's features) and feats_conf (their options); make_feats computes them.

stage='' stop_stage=100 pretrained='' exp='' set='' retrain=false dry_run=false nj=4 cmd='' nproc='' hosts=''
classifier="training.epochs=2 training.freeze=[network.*,embedding.*] schedule.learning_rate=0.1
  schedule.final_learning_rate=0.01 schedule.warmup_epochs=0 loss.margin=0 optimizer.weight_decay=0"

# begin_tuning STAGE FILE... -- OPTION...: the files must exist, which this stage of run.sh is the last to make.
begin_tuning() {
  local made_by=$1 needed=() file
  shift
  while [ "$1" != -- ]; do needed+=("$1"); shift; done
  shift
  . ./path.sh
  . ./cmd.sh
  . utils/parse_options.sh
  . steps/stages.sh
  no_more_words "$@"
  tuned=${exp%/} exp='' resolved=''
  train_cmd=${cmd:-$train_cmd} gpu_cmd=${cmd:-$gpu_cmd}
  find_pretrained
  name=$(basename "$pretrained")
  feats=data/$name tuned=${tuned:-exp/${name}_tuned}
  tuned_name=$(basename "$tuned")
  if [ "$tuned_name" = "$name" ]; then
    echo "$0: --exp $tuned: its last part must not be that of $pretrained, which names the unchanged model" >&2
    exit 1
  fi
  type=fbank
  if [ -f "$pretrained/mel.conf" ]; then type=mel; fi
  feats_conf=$pretrained/$type.conf
  for file in "$pretrained/config.json" "$feats_conf"; do
    if ! [ -f "$file" ]; then echo "$0: $file is missing; $help_message" >&2; exit 1; fi
  done
  for file in "${needed[@]}"; do
    if [ -f "$file" ]; then continue; fi
    if $dry_run || [ "${stop_stage:-100}" -lt "$made_by" ]; then
      echo "$0: the later stages follow once $file is there, which an earlier stage makes"
      exit 0
    fi
    echo "$0: $file is missing; $help_message" >&2
    exit 1
  done
  local norms="*bn*"
  case $(python -m nnet.bin.check_config --show network.type "$pretrained/config.json") in
    resnet | campplus | *res2net*) norms="*bn*,*shortcut.1*" ;;
  esac
  tuning="training.freeze=[$norms] $tuning"
}

# make_feats DATA [OPTION...]: computes the model's features, with options of steps/make_feats.sh.
make_feats() {
  steps/make_feats.sh --type "$type" "--$type-config" "$feats_conf" --cmd "$train_cmd" --nj "$nj" "${@:2}" "$1"
}

# check OVERRIDES: prints the configuration of a training, checked.
check() {
  python -m nnet.bin.check_config --resolved --set "$1" "$pretrained/config.json"
}

# train_tuned OVERRIDES START OUT
train_tuned() {
  steps/train_nnet.sh --cmd "$gpu_cmd" --nproc "$nproc" --hosts "$hosts" --resume "$resume" --init "$2" --set "$1" \
    "$pretrained/config.json" "$tuning_data" "$feats/net/valid" "$3"
}

# tuning_steps TRAIN_DATA INPUT...: declares the trainings; the result is $tuned.
tuning_steps() {
  tuning_data=$1
  resolved=$(check "$chunks $classifier $set")
  step classifier 4 "a new classifier" "${tuned}_classifier" "${@:2}" "config:$resolved" \
    path:pretrained "file:$pretrained/model.safetensors"
  resolved=$(check "$chunks $tuning $set")
  step network 4 "fine-tuning" "$tuned" after:classifier "config:$resolved"
}
do_classifier() { train_tuned "$chunks $classifier $set" "$pretrained" "${tuned}_classifier"; }
do_network() { train_tuned "$chunks $tuning $set" "${tuned}_classifier" "$tuned"; }
