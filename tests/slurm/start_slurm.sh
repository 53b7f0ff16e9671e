#!/usr/bin/env bash
# Starts a Slurm of one node on this machine, for the tests of utils/slurm.sh: Debian's slurm-wlm, as root, nothing of
# it outside the folder DIR but munge's own. Prints the path of slurm.conf; where Slurm cannot be had, says why.
#
#   export SLURM_CONF=$(tests/slurm/start_slurm.sh DIR)
#   tests/slurm/start_slurm.sh --stop DIR
set -euo pipefail

if [ "${1:-}" = --stop ] && [ $# -eq 2 ]; then
  for daemon in slurmd slurmctld munged; do
    pid=$(cat "$2/$daemon.pid" 2>/dev/null) || continue
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 50); do # it still writes its state into the folder that is to go
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
  done
  exit
fi
if [ $# -ne 1 ]; then
  echo "Usage: $0 [--stop] DIR" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "$0: needs root" >&2
  exit 1
fi
if ! command -v slurmctld >/dev/null; then
  if ! command -v apt-get >/dev/null; then
    echo "$0: there is neither slurmctld nor apt-get" >&2
    exit 1
  fi
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends slurm-wlm munge; } >&2
fi

mkdir -p "$1/state" "$1/spool"
dir=$(cd -P "$1" && pwd)
host=$(hostname -s)
cores=$(env -u OMP_NUM_THREADS nproc)
if [ "$cores" -lt 2 ]; then cores=2; fi # some tests have two tasks; config_overrides lets Slurm believe it
dd if=/dev/urandom of="$dir/munge.key" bs=128 count=1 2>/dev/null
chmod 600 "$dir/munge.key"
chmod 755 "$dir"
munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
  --log-file="$dir/munged.log" --seed-file="$dir/munge.seed" >&2

cat >"$dir/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=2
SlurmdParameters=config_overrides
MpiDefault=none
SchedulerParameters=batch_sched_delay=0,sched_interval=1
MinJobAge=300
KillWait=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
CONF
export SLURM_CONF=$dir/slurm.conf
slurmctld >&2
slurmd -N "$host" >&2

for _ in $(seq 50); do
  if [ "$(sinfo --noheader --format=%t 2>/dev/null)" = idle ]; then
    echo "$SLURM_CONF"
    exit
  fi
  sleep 0.2
done
echo "$0: the node does not come up:" >&2
tail -n 5 "$dir/slurmctld.log" "$dir/slurmd.log" >&2
exit 1
