#!/usr/bin/env bash
# Writes utt2dur: utils/get_utt2dur.sh [--nj 4] data/train
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.get_utt2dur "$@"
