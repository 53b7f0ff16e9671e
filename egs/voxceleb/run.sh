#!/usr/bin/env bash
# VoxCeleb: from the corpora as they unpack to EER and minDCF on VoxCeleb1-O, E and H. README.md tells the rest.
#
#   ./run.sh --vox1 DIR --vox2 DIR --musan DIR --rirs DIR       x-vector: MFCC, VAD, softmax; cosine and PLDA
#   ./run.sh ... --nnet-conf nnet_conf/resnet34.json            ResNet34: filter banks, margin; cosine
#   ./run.sh ... --dry-run true                                 disk, memory and time it will take, and nothing else
#   ./run.sh ... --stage 6                                      does stage 6 and the later ones again
#
# 0 data preparation, checks    1 features and VAD    2 augmentation    3 training set    4 train the network
# 5 extract embeddings    6 back end, score normalisation, calibration    7 metrics and report
# 8 large-margin fine-tuning: 4 to 7 once more, where the loss has a margin
#
# Options (--some-name VALUE) and their defaults:
stage='' stop_stage=100 dry_run=false nj=8 nproc='' hosts='' cmd=''
vox1='' vox2='' musan='' rirs=''
trials_dir=''        # trial lists and vox1_meta.csv; without it they lie beside the corpus, or are downloaded
lists="O O-clean E E-clean H H-clean"
train_vox1=false     # train on VoxCeleb1's development part too; then only the lists O are tried
max_missing=0        # share of recordings that may be missing
nnet_conf=nnet_conf/xvector.json
set=''               # overrides of the configuration, such as "training.epochs=2"
exp=''               # model directory; default: exp/NAME of the configuration
pretrained=''        # model directory to start from
augmentation=disk    # or fly: in the loader's workers, for features without VAD
num_augmented=1000000
min_len=''           # frames; default: 400 of speech for mfcc, 200 for fbank
min_num_utts=8 dev_speakers=''
methods=''           # default: "cosine plda" for mfcc, cosine for fbank; lda is cosine after LDA
lda_dim=200 top_n=300
large_margin="data.min_frames=600 data.max_frames=600 data.batch_size=64 loss.margin=0.5 loss.initial_margin=0.5
  training.epochs=5 training.drop=[] schedule.type=exponential schedule.learning_rate=0.0001
  schedule.final_learning_rate=0.000025 schedule.warmup_epochs=0"
help_message=$(sed -n '2,/^help_message/p' "$0" | sed '$d')

set -euo pipefail
options=("$@")
. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
. steps/stages.sh
. steps/configuration.sh
train_cmd=${cmd:-$train_cmd} gpu_cmd=${cmd:-$gpu_cmd}
exp=${exp:-exp/$(basename "$nnet_conf" .json)}
type=$(python -m nnet.bin.check_config --show features.type "$nnet_conf")
case ${type:=mfcc} in
  mfcc) vad=true cmvn=sliding min_len=${min_len:-400} methods=${methods:-cosine plda} ;;
  fbank) vad=false cmvn=utterance min_len=${min_len:-200} methods=${methods:-cosine} ;;
esac
feats=data/$type net=data/$type/net train=data/$type/train lm=${exp}_lm copies=0 sounds=''
if [ "$augmentation" = fly ]; then
  set="data.source=audio ${rirs:+augmentation.rirs=data/rirs} ${musan:+augmentation.noises=data/musan_noise}
    ${musan:+augmentation.music=data/musan_music augmentation.babble=data/musan_speech} $set"
elif [ -n "$rirs$musan" ]; then
  train=$feats/train_augmented copies=$num_augmented
  sounds="${rirs:+--rirs data/rirs} ${musan:+--noises data/musan_noise --music data/musan_music}
    ${musan:+--babble data/musan_speech}"
fi
plan() {  # TRAIN TEST, data directories or SPEAKERS:UTTERANCES:HOURS: disk, memory and time of each stage
  python -m nnet.bin.estimate --train "$1" --test "$2" --feats-type "$type" --feats-config "conf/$type.conf" \
    --vad "$vad" --copies "$copies" --nj "$nj" --set "$set" "$nnet_conf"
}
if $dry_run; then
  sizes=$(python local/prepare_voxceleb.py --documented --train-vox1 "$train_vox1" --vox2 "$vox2")
  if [ -f data/.stage0 ]; then sizes="data/train data/test"; fi
  plan "${sizes% *}" "${sizes#* }"
  exit
fi
check "$set" >/dev/null
margin=false
if has_margin "$set"; then
  margin=true
  check "$set $large_margin" >/dev/null
fi

if begin_stage 0 "data preparation" data "$vox1 $vox2 $musan $rirs $trials_dir $lists $train_vox1 $max_missing"; then
  if [ -z "$trials_dir" ]; then python local/download_voxceleb_lists.py --lists "$lists" "$vox1" data/lists; fi
  python local/prepare_voxceleb.py --vox1 "$vox1" --vox2 "$vox2" --trials-dir "${trials_dir:-data/lists}" \
    --lists "$lists" --train-vox1 "$train_vox1" --max-missing "$max_missing" data
  if [ -n "$musan" ]; then python local/prepare_musan.py "$musan" data; fi
  if [ -n "$rirs" ]; then python local/prepare_rirs.py "$rirs" data/rirs; fi
  python -m nnet.bin.check_data --session-prefix true --train data/train data/test data/test/trials_*
  plan data/train data/test
  end_stage
fi

if begin_stage 1 "features" "$feats" "conf/$type.conf" conf/vad.conf; then
  for data in train test; do
    utils/copy_data_dir.sh "data/$data" "$feats/$data"
    steps/make_feats.sh --type "$type" --cmd "$train_cmd" --nj "$nj" "$feats/$data"
    if $vad; then steps/compute_vad_decision.sh --cmd "$train_cmd" --nj "$nj" "$feats/$data"; fi
  done
  end_stage
fi

if [ -n "$sounds" ] && begin_stage 2 "augmentation" "$feats" "$sounds $num_augmented"; then
  # shellcheck disable=SC2086  # several words
  steps/add_augmented.sh --cmd "$train_cmd" --nj "$nj" --type "$type" --num-utts "$copies" $sounds \
    "$feats/train" "$train"
  end_stage
fi

if begin_stage 3 "training set" "$feats" "$min_len $min_num_utts $dev_speakers"; then
  steps/prepare_feats.sh --cmd "$train_cmd" --nj "$nj" --cmvn "$cmvn" --remove-silence "$vad" "$train" "$feats/prepared"
  steps/filter_utterances.sh --min-len "$min_len" --min-num-utts "$min_num_utts" "$feats/prepared" "$feats/filtered"
  steps/split_train_valid.sh --session-prefix true --dev-speakers "$dev_speakers" "$feats/filtered" \
    "$net/train" "$net/valid" "$net/dev"
  python -m nnet.bin.make_trials --session-prefix true "$net/dev" "$net/dev/trials"
  utils/subset_data_dir.sh --spk-list "$net/train/spk2utt" "$feats/train" "$feats/backend"
  end_stage
fi

if begin_stage 4 "train $exp" "$exp" "$nnet_conf" "$set" "${pretrained:+$pretrained/model.safetensors}"; then
  resume=$(resumes "$exp/checkpoints")
  steps/train_nnet.sh --cmd "$gpu_cmd" --nproc "$nproc" --hosts "$hosts" --resume "$resume" --init "$pretrained" \
    --set "$set" --dev "$net/dev" "$nnet_conf" "$net/train" "$net/valid" "$exp"
  end_stage
fi

if begin_stage 5 "extract embeddings" "$exp"; then
  for data in "$feats/backend" "$feats/test" "$net/dev"; do
    steps/extract_embeddings.sh --cmd "$gpu_cmd" --nj "$nj" "$exp" "$data" "$exp/embeddings_$(basename "$data")"
  done
  end_stage
fi

if begin_stage 6 "back end and scores" "$exp" "$methods $lda_dim $top_n"; then
  steps/train_backend.sh --cmd "$train_cmd" --lda-dim "$lda_dim" \
    "$exp/embeddings_backend" "$feats/backend" "$exp/backend"
  steps/score_lists.sh --cmd "$train_cmd" --methods "$methods" --backend "$exp/backend" --top-n "$top_n" \
    --cohort "$exp/embeddings_backend" --dev "$exp/embeddings_dev" --dev-trials "$net/dev/trials" \
    "$exp/embeddings_test" "$exp/embeddings_test" "$exp/scores" data/test/trials_*
  end_stage
fi

if begin_stage 7 "metrics and report" "$exp"; then
  steps/report_lists.sh "$exp/scores" "$exp/report" data/test/trials_* >"$exp/results.txt"
  end_stage
fi

if $margin && begin_stage 8 "large-margin fine-tuning" "$exp" "$large_margin"; then
  ./run.sh ${options[@]+"${options[@]}"} --stage "${stage:+4}" --stop-stage 7 --pretrained "$exp" --exp "$lm" \
    --set "$set $large_margin" >&2
  end_stage
fi

show_results "$exp/results.txt"
if [ -f "$lm/results.txt" ]; then show_results "$lm/results.txt"; fi
