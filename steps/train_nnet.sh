#!/usr/bin/env bash
# Trains a network. The log is MODELDIR/train.log; its line for each epoch is also printed here.
cmd=utils/run.sh
num_threads=
nproc=
hosts=
program=(python -m nnet.bin.train_nnet)
help_message="Usage: $0 [options] CONFIG.json TRAIN_DATA VALID_DATA MODELDIR
e.g.: $0 --set \"training.epochs=10 optimizer.type=adam\" nnet_conf/xvector.json data/train data/valid exp/xvector
Options:
  --cmd CMD                job runner (default: $cmd; for a GPU on a cluster: \"utils/slurm.sh --gpu 1\")
  --num-threads N          threads of the training job
  --nproc N, --hosts FILE  distributed training: N processes on this machine, or those of a host file of mlx.launch;
                           --hosts slurm: the tasks of the job of Slurm (docs/scaling.md)
  others                   see --help"

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 4 ]; then echo "$help_message" >&2; exit 1; fi
dir=$4

if [ -n "$nproc$hosts" ]; then
  launcher=(python -m nnet.bin.launch ${nproc:+--nproc "$nproc"} ${hosts:+--hosts "$hosts"})
  program=("${launcher[@]}" train_nnet "${program[@]:3}")
fi
log=$dir/train.log
lock "$dir"
touch "$log"
shown=$(($(wc -l <"$log")))

show_news() {  # prints new lines of the log about epochs
  local lines
  lines=$(($(wc -l <"$log")))
  if [ "$lines" -lt "$shown" ]; then shown=0; fi  # the runner started a new log
  sed -n "$((shown + 1)),${lines}p" "$log" | grep -E ' epoch [0-9]+ of | resumed after ' >&2 || true
  shown=$lines
}

quote env "SV_LOCKED=$SV_LOCKED" "${program[@]}" "$@"  # Kaldi's queue.pl and slurm.pl export PATH alone
$cmd ${num_threads:+--num-threads "$num_threads"} "$log" "${quoted[@]}" &
job=$!
trap 'kill $job 2>/dev/null || true' INT TERM
while kill -0 $job 2>/dev/null; do
  sleep 1
  show_news
done
wait $job
