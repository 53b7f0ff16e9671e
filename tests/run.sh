#!/usr/bin/env bash
# The one test command: style of Python and of the scripts, types of the public interface, then the tests. Arguments go
# to pytest, such as `-n 0`: all in one process. `tests/run.sh --rounding` repeats the numerical tests in several
# settings: tests/rounding.py.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SV_EXTRAS=mini,test
. ./path.sh

# Whole files, since a file's tests share their fixtures; recipes, which take longest, come first (tests/conftest.py).
parallel=(-n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder)
if [ "${1:-}" = --rounding ]; then
  shift
  exec python tests/rounding.py "${parallel[@]}" "$@"
fi
python -m ruff check .
python -m ruff format --check .
python -m mypy
git ls-files -z --cached --others --exclude-standard '*.sh' .ci/run utils/mlx-speaker | xargs -0 shellcheck
exec python -m pytest -q "${parallel[@]}" "$@"
