# Sourced by every script, from the root or from a recipe. Finds the root; takes the Python that SV_PYTHON names, or the
# active one where it has all that nnet needs, or ROOT/.venv, which it makes on the first call. SV_EXTRAS="mini,test" asks
# for extras of setup.py besides. Sets PATH, PYTHONPATH and LC_ALL.
# shellcheck shell=bash

sv_root() { CDPATH='' cd -P "$(dirname "${BASH_SOURCE[0]}")/steps/.." && pwd; }

sv_python() {  # prints the interpreter to use; any Python from 3.10 on can make the choice
  local candidate candidates=(python3 python python3.13 python3.12 python3.11 python3.10 python3.14)
  if [ -n "${SV_PYTHON:-}" ]; then candidates=("$SV_PYTHON"); fi
  for candidate in "${candidates[@]}"; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      PYTHONPATH=$1 "$candidate" -m nnet.bin.make_environment "$1"
      return
    fi
  done
  echo "path.sh: no Python 3.10 or newer among: ${candidates[*]}; install one, or name it: SV_PYTHON=/path/to/python3" >&2
  return 1
}

sv_use() {  # puts the interpreter $1 first in PATH as `python`
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
  export SV_PYTHON=$1 PATH="$bin:$PATH"
}

# A script that another script started finds the choice made.
if [ "${SV_READY:-}" != "$(sv_root) ${SV_EXTRAS:-} ${SV_PYTHON:-}" ]; then
  SV_PYTHON=$(sv_python "$(sv_root)") || return 1
  sv_use "$SV_PYTHON" "$(sv_root)" || return 1
  PYTHONPATH=$(sv_root)
  SV_READY="$PYTHONPATH ${SV_EXTRAS:-} $SV_PYTHON"
  export PYTHONPATH SV_READY LC_ALL=C
fi
unset -f sv_root sv_python sv_use
