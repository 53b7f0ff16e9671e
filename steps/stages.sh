# Sourced by a recipe's run.sh after parsing its options: decides which stages run, by $stage and $stop_stage.
# shellcheck shell=bash
#
#   if begin_stage 4 "train the network" "$exp" "$nnet_conf" "lda-dim $lda_dim"; then
#     ...
#     end_stage
#   fi
#
# A completed stage writes DIR/.stageN with its inputs (the stamp of the previous stage, its options, checksums of its
# files) and its own stamp. It is skipped as long as its inputs are unchanged, so a changed option or a repeated stage
# reruns all later stages. With --stage N, stages from N on run, and the earlier ones must be complete.

. "$(dirname "${BASH_SOURCE[0]}")/../utils/jobs.sh"

: "${stop_stage:=100}"
case "$stage$stop_stage" in
  *[!0-9]*) echo "$0: --stage and --stop-stage take numbers, not '$stage' and '$stop_stage'" >&2; exit 1 ;;
esac
stage_stamp=none  # stamp of the last completed or skipped stage
stage_ran=false

# begin_stage NUMBER WORDS DIR [FILE|OPTION...]: returns whether to run the stage; its mark is DIR/.stageNUMBER.
begin_stage() {
  local number=$1 words=$2 dir=$3
  shift 3
  stage_mark=$dir/.stage$number
  if [ "$number" -gt "$stop_stage" ]; then return 1; fi
  stage_inputs="$stage_stamp$(stage_inputs_of "$@")"
  if [ -n "$stage" ] && [ "$number" -lt "$stage" ] && ! [ -f "$stage_mark" ]; then
    echo "$0: stage $number ($words) is not complete; start with --stage $number, or without --stage" >&2
    exit 1
  fi
  if [ -f "$stage_mark" ] && { [ "$number" -lt "${stage:-0}" ] || stage_is_done; }; then
    stage_stamp=$(sed -n '$p' "$stage_mark")
    return 1
  fi
  lock "$dir"
  if [ -f "$stage_mark" ]; then rm -f "$stage_mark.begun" "$stage_mark"; fi
  echo "$(date '+%F %T') stage $number: $words"
}

# Without --stage: returns whether the stage was completed with its current inputs.
stage_is_done() {
  if [ -n "$stage" ]; then return 1; fi
  if [ "$(sed '$d' "$stage_mark")" = "$stage_inputs" ]; then return 0; fi
  echo "$0: the inputs of $stage_mark have changed; running the stage again:"
  return 1
}

stage_inputs_of() {
  local input
  for input in "$@"; do
    if [ -f "$input" ]; then input="$input $(cksum <"$input")"; fi
    printf ' | %s' "$input"
  done
}

# resumes PATH: prints true if PATH holds an interrupted run of this stage with the same inputs; otherwise removes PATH
# and prints false.
resumes() {
  if [ -f "$stage_mark.begun" ] && [ "$(cat "$stage_mark.begun")" = "$stage_inputs" ]; then
    echo true
  else
    rm -rf "$1" "$stage_mark.begun"
    printf '%s\n' "$stage_inputs" >"$stage_mark.tmp"
    mv "$stage_mark.tmp" "$stage_mark.begun"
    echo false
  fi
}

end_stage() {
  stage_stamp="${stage_mark##*/} $(date +%s) $$ $RANDOM"
  printf '%s\n%s\n' "$stage_inputs" "$stage_stamp" >"$stage_mark.tmp"
  mv "$stage_mark.tmp" "$stage_mark"
  rm -f "$stage_mark.begun"
  stage_ran=true
}

# show_results FILE: prints the results at the end of a recipe.
show_results() {
  if ! $stage_ran; then echo "$0: all stages are up to date; --stage N runs stage N and the later ones again"; fi
  if [ -f "$1" ]; then cat "$1"; fi
}
