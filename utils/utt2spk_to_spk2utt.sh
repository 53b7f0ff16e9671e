#!/usr/bin/env bash
# Converts utt2spk to spk2utt: utils/utt2spk_to_spk2utt.sh data/train/utt2spk > data/train/spk2utt
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.utt2spk_to_spk2utt "$@"
