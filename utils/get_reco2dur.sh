#!/usr/bin/env bash
# Writes reco2dur: utils/get_reco2dur.sh [--nj 4] data/train
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.get_reco2dur "$@"
