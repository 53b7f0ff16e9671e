# shellcheck shell=bash
# Where jobs run, for all recipes (their cmd.sh are links to this): on this machine, or with SV_JOBS=slurm on a cluster.
# Memory, time, partitions are yours to change here. Kaldi's queue.pl and slurm.pl can stand in the place of the runners.
case ${SV_JOBS:-local} in
  local) export train_cmd="utils/run.sh" gpu_cmd="utils/run.sh" ;;
  slurm)
    export train_cmd="utils/slurm.sh --mem 4G" gpu_cmd="utils/slurm.sh --mem 16G"
    if sinfo --noheader --format=%G 2>/dev/null | grep gpu >/dev/null; then gpu_cmd+=" --gpu 1"; fi # where there are GPUs
    ;;
  *) echo "cmd.sh: SV_JOBS must be local or slurm, not $SV_JOBS" >&2; exit 1 ;;
esac
