#!/usr/bin/env bash
# Writes a subset of a data directory: utils/subset_data_dir.sh [--per-spk|--first|...] data/train 1000 data/train_1k
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.subset_data_dir "$@"
