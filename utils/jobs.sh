#!/usr/bin/env bash
# Sourced by scripts that run jobs, or that write a directory which another script might be writing.

# quote WORD...: sets the array $quoted to the words as a job runner must get them to hand them on unchanged.
#
# By Kaldi's contract, a runner leaves a word without blanks to bash, so that users can write pipes and redirections. The
# words of the scripts are names of files and options, which may hold any character: they become $'...' without blanks.
quote() {
  local word i char code special=$' \t\n\'"$`&()<>|;*?[]{}~#!'
  quoted=()
  for word in "$@"; do
    case $word in
      '' | *[!A-Za-z0-9_./:=,+%@^-]*)
        word=${word//\\/\\x5c}
        for ((i = 0; i < ${#special}; i++)); do
          char=${special:i:1}
          printf -v code '\\x%02x' "'$char"
          word=${word//"$char"/"$code"}
        done
        word="\$'$word'"
        ;;
    esac
    quoted+=("$word")
  done
}

# absolute DIR: prints its path. A job runner replaces JOB in every word, so no folder may have it in its name.
absolute() {
  local path
  path=$(cd -P "$1" && pwd) || exit 1
  refuse_job "$path"
  echo "$path"
}

# refuse_job PATH...: stops if JOB is in one of them.
refuse_job() {
  local path
  for path; do
    case $path in
      *JOB*) echo "$0: $path: parallel jobs cannot use a folder with JOB in its name; rename it" >&2; exit 1 ;;
    esac
  done
}

# limit_jobs FILE: lowers $nj to the number of lines of FILE; the last one counts even without an end.
limit_jobs() {
  local lines
  case $nj in '' | *[!0-9]* | 0) echo "$0: --nj must be a number above 0, not '$nj'" >&2; exit 1 ;; esac
  lines=$(grep -c "" "$1" || true)
  if [ "$nj" -gt "$lines" ]; then nj=$lines; fi
}

# lock DIR [again]: makes DIR, and keeps other programs from writing it until this script ends; stops if one is at work
# there. Programs that this script calls may write DIR. `again`: another DIR has taken the place of the one that was locked.
# nnet/locks.py says more.
lock() {
  local held
  mkdir -p "$1" || exit 1
  held=$(cd -P "$1" && pwd)
  if [ $# -eq 1 ]; then case $'\n'${SV_LOCKED:-}$'\n' in *$'\n'"$held"$'\n'*) return 0 ;; esac; fi
  sv_descriptor=$((${sv_descriptor:-20} + 1))  # bash 3.2 cannot choose one
  eval "exec $sv_descriptor>>\"\$1/.lock\"" || exit 1
  held=$(python -m nnet.bin.lock "$1" "$sv_descriptor" $$ "$0") || exit 1
  export SV_LOCKED="${SV_LOCKED:+$SV_LOCKED$'\n'}$held"
}
