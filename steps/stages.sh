# Sourced by a recipe's run.sh after parsing its options: declares the steps of its stages and runs those that are due.
# shellcheck shell=bash disable=SC2034,SC2154  # recipe and functions set each other's variables
#
#   step net 3 "training set" "$feats" after:augmented min_len dev_speakers
#   do_net() { steps/prepare_feats.sh ...; }
#   run_steps
#
# step NAME STAGE WORDS DIR [INPUT...] declares a step; the function do_NAME does it. A stage is one or more steps. An
# INPUT is something that the result of the step depends on, and nothing else is one (no number of jobs):
#   after:NAME    the result of another step, declared before
#   OPTION        the value of an option of the recipe
#   path:OPTION   the same for an option that names a folder of the user's
#   file:PATH     the content of a file
#   config:JSON   the configuration of a network: the step trains it, and DIR is its model directory
#
# The contract (nnet/jobs/stages.py decides, tests/jobs/test_stages.py and tests/recipes/test_stages.py hold it):
# 1. run_steps decides about all steps before any of them begins. If one may not run, the call ends with a line that says
#    why, and no file was touched.
# 2. A step runs if it has not been completed, if an input has changed, or if a step that it follows runs or has run since.
#    With --stage N, all steps of stages from N on run, and earlier stages must be complete; they are kept, but an
#    option, path, configuration or step before them that differs from theirs is an error. --stop-stage N ends after stage N.
# 3. A path that is not given is the one that the stage was made with (recall); `none` is no path. A path that differs
#    from that of a completed step is an error that says what would be done again; --stage N asks for it.
# 4. A finished or interrupted training is never removed or written over. If the same training was interrupted, it goes
#    on. If it would be trained again, the call is refused with the keys that differ. --exp NEW trains into another folder;
#    --retrain true moves the old one to DIR.1, DIR.2, ... when the training begins.
# 5. DIR/.stageN.NAME is the mark of a completed step. When a step begins to write, its mark goes and
#    DIR/.stageN.NAME.begun stands in its place until the step has ended. Marks of later stages stay.
# 6. The folders of the steps that run are locked until the recipe ends (utils/jobs.sh): a second call that would write
#    one of them stops and says who is at work there.
# 7. --dry-run true prints what each step would do and why, and does nothing.

. "$(dirname "${BASH_SOURCE[0]}")/../utils/jobs.sh"

declared=()           # --step NAME STAGE WORDS DIR INPUT... of each step
step_names=' '
step_models=()        # NAME and DIR, and the values of exp, set, resolved and pretrained that its step was declared with
model_suffix='' repeated=''  # of the steps that fine_tuning_steps declares: in their names, their stage

# no_more_words [WORD...]: stops at what the options have left over, such as the second word of a value without quotes.
no_more_words() {
  if [ $# -gt 0 ]; then echo "$0: '$1' is no option; quote a value that has blanks" >&2; exit 1; fi
}

# find_pretrained: if $pretrained is the name of a model and no folder, puts the folder of that model there.
find_pretrained() {
  case $pretrained in
    '' | none) ;;
    *) if ! [ -d "$pretrained" ]; then pretrained=$(python -m nnet.bin.find_model "$pretrained"); fi ;;
  esac
}

# step NAME STAGE WORDS DIR [INPUT...]: declares a step.
step() {
  local name=$1$model_suffix input other
  declared+=(--step "$name" "${repeated:+$repeated.}$2" "$3" "$4")
  for input in "${@:5}"; do
    case $input in
      after:*)
        other=${input#after:}
        case $step_names in *" $other$model_suffix "*) input=after:$other$model_suffix ;; esac
        ;;
      path:*) other=${input#path:} input=$input=${!other} ;;
      file:* | config:*) ;;
      *) input=option:$input=${!input} ;;
    esac
    declared+=("$input")
  done
  step_names+="$name "
  step_models+=("$name" "$4" "$exp" "$set" "$resolved" "$pretrained")
}

# recall DIR OPTION...: sets options that were not given to the paths that the marks in DIR remember.
recall() {
  local dir=$1 paths option
  shift
  paths=$(python -m nnet.bin.stages --recall "$dir" "$@") || exit 1
  for option in "$@"; do
    case ${!option} in
      '') printf -v "$option" %s "$(sed -n 1p <<<"$paths")" ;;
      none) printf -v "$option" %s '' ;;
    esac
    paths=$(sed 1d <<<"$paths")
  done
}

# run_steps: runs the declared steps that are due, or with --dry-run true only lists all steps.
run_steps() {
  local due entry
  stage_ran=false
  if $dry_run; then
    decide_steps --list true
    return
  fi
  due=$(decide_steps) || exit 1
  for entry in $due; do lock_folder "${entry%:*}"; done
  for entry in $due; do run_step "${entry%:*}" "${entry#*:}"; done
}

decide_steps() {
  python -m nnet.bin.stages --stage "$stage" --stop-stage "$stop_stage" --retrain "$retrain" "$@" "${declared[@]}"
}

# lock_folder NAME [again]: locks the folder of a step until the recipe ends.
lock_folder() {
  local i
  for ((i = 0; i < ${#step_models[@]}; i += 6)); do
    if [ "${step_models[i]}" = "$1" ]; then lock "${step_models[i + 1]}" "${@:2}"; fi
  done
}

# run_step NAME ACTION: does a step between its marks; do_NAME finds in $resume whether it goes on with a training.
run_step() {
  local exp=$exp set=$set resolved=$resolved pretrained=$pretrained resume=false begun mark i
  for ((i = 0; i < ${#step_models[@]}; i += 6)); do
    if [ "${step_models[i]}" = "$1" ]; then
      exp=${step_models[i + 2]} set=${step_models[i + 3]}
      resolved=${step_models[i + 4]} pretrained=${step_models[i + 5]}
    fi
  done
  if [ "$2" = resume ]; then resume=true; fi
  begun=$(decide_steps --begin "$1:$2")  # two lines: the mark, and what the step does
  if [ "$2" = retrain ]; then lock_folder "$1" again; fi  # the lock has gone with the old folder
  mark=$(sed -n 1p <<<"$begun")
  echo "$(date '+%F %T') $(sed 1d <<<"$begun")"
  "do_${1%_lm}"
  sync  # a mark that survives a power loss must not vouch for files that do not
  mv "$mark.begun" "$mark"
  stage_ran=true
}

# show_results FILE...: prints the results at the end of a recipe, if it came to the stage that writes them.
show_results() {
  local file
  if ! $stage_ran; then echo "$0: all stages are up to date; --stage N runs stage N and the later ones again"; fi
  if [ "${stop_stage:-100}" -lt 7 ]; then return; fi
  for file in "$@"; do
    if [ -f "$file" ]; then cat "$file"; fi
  done
}
