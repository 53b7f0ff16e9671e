#!/usr/bin/env bash
# Writes utt2num_frames from feats.scp: utils/get_utt2num_frames.sh data/train
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.get_utt2num_frames "$@"
