#!/usr/bin/env bash
# Combines data directories: utils/combine_data.sh data/all data/a data/b
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.combine_data "$@"
