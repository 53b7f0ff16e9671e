#!/usr/bin/env bash
# Converts spk2utt to utt2spk: utils/spk2utt_to_utt2spk.sh data/train/spk2utt > data/train/utt2spk
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.spk2utt_to_utt2spk "$@"
