#!/usr/bin/env bash
# VoxCeleb: from the unpacked corpora to EER and minDCF on VoxCeleb1-O, E and H. See README.md.
#
#   ./run.sh --vox1 DIR --vox2 DIR --musan DIR --rirs DIR       x-vector: MFCC, VAD, softmax; cosine and PLDA
#   ./run.sh ... --nnet-conf nnet_conf/resnet34.json            ResNet34: filter banks, margin; cosine
#   ./run.sh ... --dry-run true                                 only estimates disk, memory and time
#   ./run.sh ... --stage 6                                      runs stage 6 and the later ones again
#
# 0 data preparation, checks    1 features and VAD    2 augmentation    3 training set    4 train the network
# 5 extract embeddings    6 back end, score normalization, calibration    7 metrics and report
# 8 large-margin fine-tuning: stages 4 to 7 again, if the loss has a margin

set -euo pipefail
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
nj=8 dry_run=false
vox1='' vox2='' musan='' rirs=''
trials_dir=''        # trial lists and vox1_meta.csv; default: beside the corpus, or downloaded
lists="O O-clean E E-clean H H-clean"
train_vox1=false     # also train on VoxCeleb1's development part; then only the O lists are scored
max_missing=0        # share of recordings that may be missing
augmentation=disk    # or fly: on the fly in the data loader, for features without VAD
num_augmented=1000000
min_len=''           # frames; default: 400 of speech for mfcc, 200 for fbank
min_num_utts=8 dev_speakers=''
methods=''           # default: "cosine plda" for mfcc, cosine for fbank; lda is cosine after LDA
lda_dim=200 top_n=300
large_margin=$usual_large_margin
begin_recipe "$@"

exp=${exp:-exp/$name} train=data/$type/train
case $type in
  mfcc) min_len=${min_len:-400} methods=${methods:-cosine plda} ;;
  fbank) min_len=${min_len:-200} methods=${methods:-cosine} ;;
esac
if [ "$augmentation" = fly ]; then
  set="data.source=audio ${rirs:+augmentation.rirs=data/rirs} ${musan:+augmentation.noises=data/musan_noise}
    ${musan:+augmentation.music=data/musan_music augmentation.babble=data/musan_speech} $set"
elif [ -n "$rirs$musan" ]; then
  use_sounds
  train=$feats/train_augmented copies=$num_augmented
fi
if $dry_run; then
  sizes=$(python local/prepare_voxceleb.py --documented --train-vox1 "$train_vox1" --vox2 "$vox2")
  if [ -f data/.stage0 ]; then sizes="data/train data/test"; fi
  plan "${sizes% *}" "${sizes#* }"
  exit
fi
check_training

if begin_stage 0 "data preparation" data "$vox1 $vox2 $musan $rirs $trials_dir $lists $train_vox1 $max_missing"; then
  if [ -z "$trials_dir" ]; then python local/download_voxceleb_lists.py --lists "$lists" "$vox1" data/lists; fi
  python local/prepare_voxceleb.py --vox1 "$vox1" --vox2 "$vox2" --trials-dir "${trials_dir:-data/lists}" \
    --lists "$lists" --train-vox1 "$train_vox1" --max-missing "$max_missing" data
  prepare_sounds
  python -m nnet.bin.check_data --session-prefix true --train data/train data/test data/test/trials_*
  plan data/train data/test
  end_stage
fi

if begin_stage 1 "features" "$feats" "conf/$type.conf" conf/vad.conf; then
  for data in train test; do
    utils/copy_data_dir.sh "data/$data" "$feats/$data"
    make_feats "$feats/$data"
  done
  end_stage
fi

if [ -n "$sounds" ] && begin_stage 2 "augmentation" "$feats" "$sounds $num_augmented"; then
  add_augmented "$feats/train" "$train"
  end_stage
fi

if begin_stage 3 "training set" "$feats" "$min_len $min_num_utts $dev_speakers"; then
  prepare_training "$train"
  python -m nnet.bin.make_trials --session-prefix true "$net/dev" "$net/dev/trials"
  utils/subset_data_dir.sh --spk-list "$net/train/spk2utt" "$feats/train" "$feats/backend"
  end_stage
fi

if begin_stage 4 "train $exp" "$exp" "$nnet_conf" "$set" "${pretrained:+$pretrained/model.safetensors}"; then
  train_network
  end_stage
fi

if begin_stage 5 "extract embeddings" "$exp"; then
  extract "$feats/backend" "$feats/test" "$net/dev"
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
  fine_tune
  end_stage
fi

end_recipe
