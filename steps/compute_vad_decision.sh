#!/usr/bin/env bash
# Computes voice activity decisions (vad.scp) for a data directory.
cmd=utils/run.sh
nj=4
vad_config=conf/vad.conf
program=(python -m nnet.bin.compute_vad)
help_message="Usage: $0 [options] DATA [LOGDIR [ARKDIR]]
e.g.: $0 --nj 8 --vad-config conf/vad.conf data/train
Options:
  --cmd CMD --nj N  job runner (default: $cmd) and parallel jobs (default: $nj, or fewer utterances)
  --vad-config FILE Kaldi config file with lines --name=value (default: $vad_config)
  others            see --help
LOGDIR defaults to DATA/log, ARKDIR to DATA/data."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -lt 1 ] || [ $# -gt 3 ]; then echo "$help_message" >&2; exit 1; fi
data=$1 logdir=${2:-$1/log} arkdir=${3:-$1/data}

for file in "$data/feats.scp" "$data/utt2spk" "$vad_config"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
limit_jobs "$data/utt2spk"
lock "$data"
mkdir -p "$logdir" "$arkdir"
out=$(absolute "$arkdir")
out+=/vad_$(basename "$data")
log=$logdir/vad_$(basename "$data")

rm -f "$data/vad.scp" "$log".*.log
utils/split_data.sh --per-utt "$data" "$nj" >/dev/null

quote "${program[@]}" --config "$vad_config" "$data/split${nj}utt/JOB" "$out.JOB"
$cmd JOB=1:"$nj" "$log.JOB.log" "${quoted[@]}"
grep -h 'no voiced frame' "$log".*.log >&2 || true

conf=
if [ -f "$data/feats_conf.json" ]; then conf=feats_conf.json=json; fi
python -m nnet.bin.merge_jobs --nj "$nj" "$data" "$out" $conf vad.scp=scp
