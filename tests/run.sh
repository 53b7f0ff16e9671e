#!/usr/bin/env bash
# The one test command: style of Python and of the scripts, types of the public interface, then the tests. Arguments go
# to pytest.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export SV_EXTRAS=mini,test
. ./path.sh

python -m ruff check .
python -m ruff format --check .
python -m mypy
git ls-files -z --cached --others --exclude-standard '*.sh' .ci/run | xargs -0 shellcheck
exec python -m pytest -q "$@"
