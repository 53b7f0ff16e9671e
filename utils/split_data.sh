#!/usr/bin/env bash
# Splits a data directory for parallel jobs: utils/split_data.sh [--per-utt] data/train 8
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.split_data "$@"
