#!/usr/bin/env bash
# Sourced by scripts that run jobs.

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
