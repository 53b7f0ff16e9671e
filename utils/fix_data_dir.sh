#!/usr/bin/env bash
# Sorts the files of a data directory and keeps their common entries: utils/fix_data_dir.sh data/train
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.fix_data_dir "$@"
