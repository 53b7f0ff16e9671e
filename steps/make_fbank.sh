#!/usr/bin/env bash
# Computes the filter banks of a data directory: steps/make_feats.sh tells the options.
set -euo pipefail
exec "${BASH_SOURCE[0]%/*}/make_feats.sh" --type fbank "$@"
