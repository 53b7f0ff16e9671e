#!/usr/bin/env bash
# Prints the lines of a table whose keys are in a list: utils/filter_scp.sh [--exclude] LIST TABLE
set -euo pipefail

. "$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)/path.sh"
exec python -m nnet.bin.filter_scp "$@"
