#!/usr/bin/env bash
# Runs a command on this machine, once or as an array of parallel jobs, each with a log (Kaldi's run.pl).
# utils/run.sh [--max-jobs-run N] [queue options, ignored] [JOB=1:N] LOG COMMAND [ARGUMENT...]
set -euo pipefail

root=$(CDPATH='' cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "$(command -v python || command -v python3)" -m nnet.bin.run_jobs "$@"
