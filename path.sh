# Sourced by every script, from the root or from a recipe. Finds the root; takes the Python that SV_PYTHON names, or the
# active one where it has all that nnet needs, or ROOT/.venv, which it makes on the first call. SV_EXTRAS="mini,test" asks
# for extras of setup.py besides. Sets PATH, PYTHONPATH (a caller's own folders stay, behind the root) and LC_ALL.
# shellcheck shell=bash

sv_root() { CDPATH='' cd -P "$(dirname "${BASH_SOURCE[0]}")/steps/.." && pwd; }

sv_python() {  # prints the interpreter to use; any Python from 3.10 on can make the choice
  local candidate code candidates=(python3 python python3.13 python3.12 python3.11 python3.10 python3.14)
  local choose='import runpy, sys
if sys.version_info < (3, 10): sys.exit(99)
runpy.run_module("nnet.bin.make_environment", run_name="__main__", alter_sys=True)'
  if [ -n "${SV_PYTHON:-}" ]; then candidates=("$SV_PYTHON"); fi
  for candidate in "${candidates[@]}"; do
    if ! command -v "$candidate" >/dev/null; then continue; fi
    code=0
    PYTHONPATH=$1 "$candidate" -c "$choose" "$1" || code=$?
    case $code in
      99 | 126 | 127) ;;  # too old, or a name without a program behind it
      *) return "$code" ;;
    esac
  done
  echo "path.sh: no Python 3.10 or newer among: ${candidates[*]}; install one, or name it: SV_PYTHON=/path/to/python3" >&2
  return 1
}

sv_use() {  # puts the interpreter $1 first in PATH as `python`, then the folder utils of the root $2
  local bin
  bin=$(dirname "$1")
  if ! [ "$bin/python" -ef "$1" ]; then  # such as Debian's, which is only called python3
    bin=$2/.venv.bin/$(printf %s "$1" | cksum | cut -d ' ' -f 1)
    if ! [ -x "$bin/python" ]; then
      mkdir -p "$bin"
      printf '#!/bin/sh\nexec "%s" "$@"\n' "$1" >"$bin/python.$$"
      chmod +x "$bin/python.$$"
      mv "$bin/python.$$" "$bin/python"
    fi
  fi
  export SV_PYTHON=$1 PATH="$bin:$2/utils:$PATH"
}

sv_choose() {
  local root python
  root=$(sv_root) || return 1
  # A script that another script started finds the choice made.
  if [ "${SV_READY:-}" = "$root ${SV_EXTRAS:-} ${SV_PYTHON:-}" ]; then return 0; fi
  python=$(sv_python "$root") || return 1
  sv_use "$python" "$root" || return 1
  export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" LC_ALL=C SV_READY="$root ${SV_EXTRAS:-} $python"
}

if ! sv_choose; then
  case $- in
    *i*) return 1 ;;
    *) exit 1 ;;  # the script that sources this may not have said `set -e`
  esac
fi
case $- in *i*) ;; *) unset CDPATH ;; esac  # with it, `cd` may go elsewhere, and prints the folder
unset -f sv_root sv_python sv_use sv_choose
