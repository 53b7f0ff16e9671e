#!/usr/bin/env bash
# Trains a network. What the training says goes to MODELDIR/train.log; its epochs are shown here as they end.
cmd=utils/run.sh
num_threads=
nproc=
hosts=
resume=
init=
dev=
set=

. ./path.sh
. utils/parse_options.sh
set -euo pipefail
echo "$0 $*" >&2

if [ $# -ne 4 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] CONFIG.json TRAIN_DATA VALID_DATA MODELDIR
e.g.: $0 --set "training.epochs=10 optimizer.type=adam" nnet_conf/xvector.json data/train data/valid exp/xvector
Options:
  --cmd CMD                  job runner (default: $cmd; for a GPU on a cluster: "utils/slurm.sh --gpu 1")
  --nproc N, --hosts FILE    N processes on this machine, or those of a host file of mlx.launch, train together
  --resume true              go on from the last checkpoint of MODELDIR, if there is one
  --init MODELDIR            start from the weights of this model (fine-tuning)
  --dev DATA                 held-out speakers for the EER of each epoch
  --set "KEY=VALUE ..."      overrides of the configuration
USAGE
  exit 1
fi
config=$1 train=$2 valid=$3 dir=$4

overrides=()
for override in $set; do overrides+=(--set "$override"); done
program=(nnet.bin.train_nnet)
if [ -n "$nproc$hosts" ]; then
  program=(nnet.bin.launch ${nproc:+--nproc "$nproc"} ${hosts:+--hosts "$hosts"} train_nnet)
fi
log=$dir/train.log
mkdir -p "$dir"
touch "$log"
shown=$(($(wc -l <"$log")))

show_news() {  # prints the epochs that the log has gained
  local lines
  lines=$(($(wc -l <"$log")))
  if [ "$lines" -lt "$shown" ]; then shown=0; fi  # the runner begins a new log
  sed -n "$((shown + 1)),${lines}p" "$log" | grep -E ' epoch [0-9]+ of | resumed after ' >&2 || true
  shown=$lines
}

$cmd ${num_threads:+--num-threads "$num_threads"} "$log" \
  python -m "${program[@]}" ${resume:+--resume "$resume"} ${init:+--init "$init"} ${dev:+--dev "$dev"} \
  ${overrides[@]+"${overrides[@]}"} "$config" "$train" "$valid" "$dir" &
job=$!
trap 'kill $job 2>/dev/null || true' INT TERM
while kill -0 $job 2>/dev/null; do
  sleep 1
  show_news
done
wait $job
