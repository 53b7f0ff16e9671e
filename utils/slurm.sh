#!/usr/bin/env bash
# Runs a command through Slurm, once or as an array of jobs, and waits for them; replaces utils/run.sh.
# utils/slurm.sh [--mem 4G] [--gpu 1] [--partition P] [--max-jobs-run N] [JOB=1:N] LOG COMMAND [ARGUMENT...]
set -euo pipefail

root=$(CDPATH='' cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "$(command -v python || command -v python3)" -m nnet.bin.slurm_jobs "$@"
