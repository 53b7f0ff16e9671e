#!/usr/bin/env bash
# Scores a trial list: cosine or PLDA of enrolled speakers and test utterances.
cmd=utils/run.sh
method=
backend=
transform=
smoothing=
normalize_length=
simple_length_normalization=
enroll_spk2utt=

set -euo pipefail
echo "$0 $*" >&2
. ./path.sh
. utils/parse_options.sh

if [ $# -ne 4 ]; then
  cat >&2 <<USAGE
Usage: $0 [options] TRIALS ENROLL_EMBDIR TEST_EMBDIR SCORES
e.g.: $0 --method plda --backend exp/xvector/backend data/test/trials exp/xvector/embeddings_enroll \\
        exp/xvector/embeddings_test exp/xvector/scores/test.plda
Options (defaults and the rest: python -m nnet.bin.score --help):
  --cmd CMD                            job runner (default: $cmd)
  --method cosine|plda                 how two embeddings are compared
  --backend DIR                        what steps/train_backend.sh made; not needed for cosine
  --transform false                    cosine of centred embeddings, without LDA
  --smoothing X                        as in ivector-copy-plda
  --normalize-length false, --simple-length-normalization true    as in ivector-plda-scoring
  --enroll-spk2utt FILE                enroll the mean of several utterances: "model utterance utterance ..." a line
USAGE
  exit 1
fi
trials=$1 enroll=$2 test=$3 scores=$4

for file in "$trials" "$test/xvector.scp"; do
  if ! [ -f "$file" ]; then echo "$0: no such file: $file" >&2; exit 1; fi
done
logs=$(dirname "$scores")/log
mkdir -p "$logs"
$cmd "$logs/score.$(basename "$scores").log" python -m nnet.bin.score \
  ${method:+--method "$method"} ${backend:+--backend "$backend"} ${transform:+--transform "$transform"} \
  ${smoothing:+--smoothing "$smoothing"} ${normalize_length:+--normalize-length "$normalize_length"} \
  ${simple_length_normalization:+--simple-length-normalization "$simple_length_normalization"} \
  ${enroll_spk2utt:+--enroll-spk2utt "$enroll_spk2utt"} \
  "$trials" "$enroll" "$test" "$scores"
