#!/usr/bin/env bash
# Extracts embeddings for a data directory, and averages them over each speaker.
cmd=utils/run.sh
nj=4
program=(python -m nnet.bin.extract_embeddings)
help_message="Usage: $0 [options] MODELDIR DATA OUTDIR
e.g.: $0 --nj 8 exp/xvector data/test exp/xvector/embeddings_test
Options:
  --cmd CMD --nj N  job runner (default: $cmd) and parallel jobs (default: $nj, or fewer utterances)
  others            see --help
Writes xvector.{ark,scp}, spk_xvector.{ark,scp} and num_utts.ark to OUTDIR."

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh
. utils/jobs.sh
if [ $# -ne 3 ]; then echo "$help_message" >&2; exit 1; fi
model=$1 data=$2 out=$3

for file in "$model/config.json" "$data/feats.scp" "$data/utt2spk"; do
  if ! [ -f "$file" ]; then echo "$0: $file is missing" >&2; exit 1; fi
done
limit_jobs "$data/feats.scp"
lock "$out"
mkdir -p "$out/log"
rm -f "$out"/xvector.scp "$out"/spk_xvector.* "$out/num_utts.ark" "$out"/log/extract.*.log
utils/split_data.sh --per-utt "$data" "$nj" >/dev/null

quote "${program[@]}" "$model" "$data/split${nj}utt/JOB" "$out/xvector.JOB"
$cmd JOB=1:"$nj" "$out/log/extract.JOB.log" "${quoted[@]}"
grep -h 'too short for an embedding' "$out"/log/extract.*.log >&2 || true

normalize=false
case " ${program[*]} " in *" --normalize true "*) normalize=true ;; esac
python -m nnet.bin.average_embeddings --nj "$nj" --normalize "$normalize" "$data" "$out"
