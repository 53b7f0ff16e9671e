#!/usr/bin/env bash
# The front door: `./run.sh [options]` runs the recipe egs/mini; `./run.sh librispeech --stage 3` another one.
# `./run.sh RECIPE --help` lists its options. Paths with a slash that exist here and not in the
# recipe's folder are those here.
set -euo pipefail

unset CDPATH
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
recipe=mini
case "${1:-}" in
  "" | -*) ;;
  *)
    recipe=$1
    shift
    ;;
esac

if ! [ -f "$root/egs/$recipe/run.sh" ]; then
  echo "$0: no recipe '$recipe'; there are: $(cd "$root/egs" && echo *)" >&2
  exit 1
fi
arguments=()
for argument in "$@"; do
  case "$argument" in
    /*) ;;
    */*) if [ -e "$argument" ] && ! [ -e "$root/egs/$recipe/$argument" ]; then argument=$PWD/$argument; fi ;;
  esac
  arguments+=("$argument")
done
cd "$root/egs/$recipe"
exec ./run.sh ${arguments[@]+"${arguments[@]}"}
