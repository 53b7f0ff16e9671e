# Sourced by a recipe's run.sh once its options are known: which stages run. It reads $stage and $stop_stage.
# shellcheck shell=bash
#
#   if begin_stage 4 "train the network" "$exp" "$nnet_conf" "lda-dim $lda_dim"; then
#     ...
#     end_stage
#   fi
#
# A stage that ends leaves DIR/.stageN: its inputs (the stamp of the stage before it, its options, checksums of its
# files) and a stamp of its own. It is passed over while its inputs are the same; so a changed option, and whatever is
# done again, redoes all that follows. With --stage N, stage N and the later ones run, the earlier must have ended.

: "${stop_stage:=100}"
case "$stage$stop_stage" in
  *[!0-9]*) echo "$0: --stage and --stop-stage take numbers, not '$stage' and '$stop_stage'" >&2; exit 1 ;;
esac
stage_stamp=none  # of the last stage passed
stage_ran=false

# begin_stage NUMBER WORDS DIR [FILE|OPTION...]: whether to run it; DIR is where it leaves its mark.
begin_stage() {
  local number=$1 words=$2 dir=$3
  shift 3
  stage_mark=$dir/.stage$number
  if [ "$number" -gt "$stop_stage" ]; then return 1; fi
  stage_inputs="$stage_stamp$(stage_inputs_of "$@")"
  if [ -n "$stage" ] && [ "$number" -lt "$stage" ] && ! [ -f "$stage_mark" ]; then
    echo "$0: stage $number ($words) has not ended; begin with --stage $number, or leave --stage out" >&2
    exit 1
  fi
  if [ -f "$stage_mark" ] && { [ "$number" -lt "${stage:-0}" ] || stage_is_done; }; then
    stage_stamp=$(sed -n '$p' "$stage_mark")
    return 1
  fi
  if [ -f "$stage_mark" ]; then rm -f "$stage_mark.begun" "$stage_mark"; fi
  mkdir -p "$dir" || exit 1
  echo "$(date '+%F %T') stage $number: $words"
}

# Without --stage: whether the stage ended with the very inputs that it has now.
stage_is_done() {
  if [ -n "$stage" ]; then return 1; fi
  if [ "$(sed '$d' "$stage_mark")" = "$stage_inputs" ]; then return 0; fi
  echo "$0: what $stage_mark was made from has changed; again:"
  return 1
}

stage_inputs_of() {
  local input
  for input in "$@"; do
    if [ -f "$input" ]; then input="$input $(cksum <"$input")"; fi
    printf ' | %s' "$input"
  done
}

# resumes PATH: prints true where PATH holds an interrupted run of this stage with these inputs; else clears PATH and
# prints false.
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

# show_results FILE: the end of a recipe.
show_results() {
  if ! $stage_ran; then echo "$0: everything was done already; --stage N does stage N and the later ones again"; fi
  if [ -f "$1" ]; then cat "$1"; fi
}
