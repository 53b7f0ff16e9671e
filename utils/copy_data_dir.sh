#!/usr/bin/env bash
# Copies a data directory: utils/copy_data_dir.sh [--utt-suffix -noise] [--spk-prefix a-] data/train data/train_copy
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.copy_data_dir "$@"
