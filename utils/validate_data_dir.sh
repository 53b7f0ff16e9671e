#!/usr/bin/env bash
# Checks a data directory: utils/validate_data_dir.sh [--no-feats] [--no-text] [--no-wav] [--no-spk-sort] data/train
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.validate_data_dir "$@"
