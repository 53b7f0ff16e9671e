#!/usr/bin/env bash
# Trains the back end on the embeddings of known speakers: centring, LDA, length normalisation, PLDA.
cmd=utils/run.sh
lda_dim=
total_covariance_factor=
whiten=
wccn=
normalize_length=
num_em_iters=
binary=
adapt=
adapt_method=
within_covar_scale=
between_covar_scale=
mean_diff_scale=
adapt_mean=
adapt_data=
adapt_weight=

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -ne 3 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] EMBDIR DATA OUTDIR
e.g.: $0 --lda-dim 200 exp/xvector/embeddings_train data/train exp/xvector/backend
Options (defaults and the rest: python -m nnet.bin.train_backend --help):
  --cmd CMD                        job runner (default: $cmd)
  --lda-dim N                      dimensions that LDA keeps; 0: no LDA
  --total-covariance-factor X      as in ivector-compute-lda
  --whiten true, --wccn true       whitening before LDA, within-class covariance normalisation after it
  --normalize-length false         leave the length of embeddings as it is
  --num-em-iters N                 steps of PLDA; 0: no PLDA
  --binary false                   write Kaldi's text formats
  --adapt EMBDIR                   adapt PLDA to the domain of these embeddings, whose mean becomes mean.vec
  --adapt-method kaldi|coral|coral+
  --within-covar-scale X, --between-covar-scale X, --mean-diff-scale X, --adapt-mean false
  --adapt-data DATA                speakers of the embeddings of --adapt: train PLDA there too, and interpolate
  --adapt-weight X                 weight of that model
USAGE
  exit 1
fi
embeddings=$1 data=$2 out=$3

for file in "$embeddings/xvector.scp" "$data/utt2spk"; do
  if ! [ -f "$file" ]; then echo "$0: no such file: $file" >&2; exit 1; fi
done
mkdir -p "$out/log"
$cmd "$out/log/train_backend.log" python -m nnet.bin.train_backend \
  ${lda_dim:+--lda-dim "$lda_dim"} \
  ${total_covariance_factor:+--total-covariance-factor "$total_covariance_factor"} \
  ${whiten:+--whiten "$whiten"} ${wccn:+--wccn "$wccn"} \
  ${normalize_length:+--normalize-length "$normalize_length"} \
  ${num_em_iters:+--num-em-iters "$num_em_iters"} ${binary:+--binary "$binary"} \
  ${adapt:+--adapt "$adapt"} ${adapt_method:+--adapt-method "$adapt_method"} \
  ${within_covar_scale:+--within-covar-scale "$within_covar_scale"} \
  ${between_covar_scale:+--between-covar-scale "$between_covar_scale"} \
  ${mean_diff_scale:+--mean-diff-scale "$mean_diff_scale"} ${adapt_mean:+--adapt-mean "$adapt_mean"} \
  ${adapt_data:+--adapt-data "$adapt_data"} ${adapt_weight:+--adapt-weight "$adapt_weight"} \
  "$embeddings" "$data" "$out"
