# shellcheck shell=bash
# Where jobs run. utils/run.sh runs them on this machine; Kaldi's queue.pl and slurm.pl take its place on a cluster.
export train_cmd="utils/run.sh"
export gpu_cmd="utils/run.sh"
