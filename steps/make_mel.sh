#!/usr/bin/env bash
# Computes the mel spectra of ReDimNet's front ends for a data directory; see steps/make_feats.sh for the options.
set -euo pipefail
exec "${BASH_SOURCE[0]%/*}/make_feats.sh" --type mel "$@"
