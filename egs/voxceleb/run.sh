#!/usr/bin/env bash
# VoxCeleb: from the unpacked corpora to EER and minDCF on VoxCeleb1-O, E and H. See README.md.
#
#   ./run.sh --vox1 DIR --vox2 DIR --musan DIR --rirs DIR       x-vector: MFCC, VAD, softmax; cosine and PLDA
#   ./run.sh ... --nnet-conf nnet_conf/resnet34.json            ResNet34: filter banks, margin; cosine
#   ./run.sh ... --dry-run true                                 only prints which stages would run, disk, memory and time
#   ./run.sh ... --stage 6                                      runs stage 6 and the later ones again
#
# 0 data preparation, checks    1 features and VAD    2 augmentation    3 training set    4 train the network
# 5 extract embeddings    6 back end, score normalization, calibration    7 metrics and report
# 8 large-margin fine-tuning: stages 4 to 7 again, if the loss has a margin

set -euo pipefail
. steps/recipe.sh
# Options (--some-name VALUE) and their defaults:
nj=8
vox1='' vox2='' musan='' rirs=''  # `none`: without it, if there was one before
trials_dir=''        # trial lists and vox1_meta.csv; default: beside the corpus, or downloaded
lists="O O-clean E E-clean H H-clean"
train_vox1=false     # also train on VoxCeleb1's development part; then only the O lists are scored
train_vox2_test=false # also train on VoxCeleb2's test part, as Kaldi does
convert=''           # none, flac or wav: converts m4a once, in data/audio; default: flac for fly, none for disk
max_missing=0        # share of recordings that may be missing
augmentation=''      # disk: copies; fly: in the data loader, for features without VAD; default: disk for mfcc, else fly
fly=''               # configuration overrides of fly; default: data.source=audio data.speeds=[0.9,1.1]; and data.dither=1, but for mel
min_len=''           # frames; default: 400 of speech for mfcc, else 100
min_num_utts=''      # of a speaker; default: 8 for mfcc, else 1
dev_speakers=''      # held out for the EER of each epoch and for calibration; default: 60
methods=''           # default: "cosine plda" for mfcc, else cosine; lda is cosine after LDA
lda_dim=200 top_n=300 num_augmented=1000000
large_margin=$usual_large_margin
begin_recipe "$@"

exp=${exp:-exp/$name} train=data/$type/train
recall data vox1 vox2 trials_dir musan rirs
recall "$exp" pretrained
case $type in
  mfcc) min_len=${min_len:-400} min_num_utts=${min_num_utts:-8} methods=${methods:-cosine plda} usual=disk ;;
  fbank | mel) min_len=${min_len:-100} min_num_utts=${min_num_utts:-1} methods=${methods:-cosine} usual=fly ;;
esac
augmentation=${augmentation:-$usual}
fly=${fly:-data.source=audio data.speeds=[0.9,1.1]$(if [ "$type" != mel ]; then echo " data.dither=1"; fi)}
if [ "$augmentation" = fly ]; then convert=${convert:-flac}; else convert=${convert:-none}; fi
check_words augmentation disk fly
check_words convert none flac wav
check_words lists O O-clean E E-clean H H-clean
check_words methods cosine lda plda
if [ "$dev_speakers" = 0 ]; then echo "$0: --dev-speakers must be above 0: calibration needs them" >&2; exit 1; fi
check_numbers max_missing num_augmented min_len min_num_utts dev_speakers lda_dim top_n
clean=features trained_on=net  # steps: of the features to train on, of what the network needs
if [ -n "$rirs$musan" ]; then
  use_sounds
  if [ "$augmentation" = fly ]; then
    trained_on="net after:sounds"
  else
    train=$feats/train_augmented copies=$num_augmented clean=augmented
  fi
fi
if [ "$augmentation" = fly ]; then
  set="$fly ${rirs:+augmentation.rirs=data/rirs} ${musan:+augmentation.noises=data/musan_noise}
    ${musan:+augmentation.music=data/musan_music augmentation.babble=data/musan_speech} $set"
fi
check_training
if $dry_run; then
  sizes=$(python local/prepare_voxceleb.py --documented --train-vox1 "$train_vox1" \
    --train-vox2-test "$train_vox2_test" --vox2 "$vox2")
  if [ -f data/.stage0.training ] && [ -f data/.stage0.test ]; then sizes="data/train data/test"; fi
  plan "${sizes% *}" "${sizes#* }"
else
  need vox1
fi

prepare() {  # train|test: makes a data directory
  if [ -z "$trials_dir" ]; then python local/download_voxceleb_lists.py --lists "$lists" "$vox1" data/lists; fi
  python local/prepare_voxceleb.py --sets "$1" --vox1 "$vox1" --vox2 "$vox2" --trials-dir "${trials_dir:-data/lists}" \
    --lists "$lists" --train-vox1 "$train_vox1" --train-vox2-test "$train_vox2_test" --max-missing "$max_missing" data
}
do_training() { prepare train; }
do_test() { prepare test; }
do_check() {  # that they have nothing in common
  python -m nnet.bin.check_data --session-prefix true --train data/train data/test data/test/trials_*
  plan data/train data/test
}

from_vox1=$(if $train_vox1; then echo path:vox1; fi)
# shellcheck disable=SC2086  # a word, or none
step training 0 "training set of recordings" data path:vox2 $from_vox1 train_vox1 train_vox2_test
step test 0 "test set of recordings and trials" data path:vox1 path:trials_dir lists train_vox1
step check 0 "checks of both sets" data after:training after:test

recordings=training
if [ "$convert" != none ]; then
  recordings=audio
  step audio 0 "audio of training, decoded once" data/audio after:training convert
fi
do_audio() { local/convert_audio.sh --cmd "$train_cmd" --nj "$nj" --format "$convert" data/train data/audio; }

step features 1 "features for training" "$feats" after:$recordings "file:conf/$type.conf" ${vad_conf:+"$vad_conf"}
do_features() {
  utils/copy_data_dir.sh data/train "$feats/train"
  if [ $recordings = audio ]; then cp data/audio/wav.scp "$feats/train"; fi
  make_feats "$feats/train"
}

step test_features 1 "features of the test set" "$feats" after:test "file:conf/$type.conf" ${vad_conf:+"$vad_conf"}
do_test_features() {
  utils/copy_data_dir.sh data/test "$feats/test"
  make_feats "$feats/test"
}

if [ -n "$sounds" ]; then
  step sounds 2 "sounds for augmentation" data path:musan path:rirs
fi
if [ "$clean" = augmented ]; then
  step augmented 2 "augmentation" "$feats" after:features after:sounds num_augmented
fi
do_augmented() { add_augmented "$feats/train" "$train"; }

step net 3 "training set" "$feats" "after:$clean" min_len min_num_utts dev_speakers
do_net() {
  prepare_training "$train"
  python -m nnet.bin.make_trials --session-prefix true "$net/dev" "$net/dev/trials"
  utils/subset_data_dir.sh --spk-list "$net/train/spk2utt" "$feats/train" "$feats/backend"
}

model_steps() {
  # shellcheck disable=SC2086  # several words
  model_step network 4 "train" after:$trained_on
  model_step embeddings 5 "embeddings of training and development" after:network
  model_step test_embeddings 5 "embeddings of the test set" after:network after:test_features
  model_step scores 6 "back end and scores" after:embeddings after:test_embeddings methods lda_dim top_n
  model_step metrics 7 "metrics and report" after:scores
}
do_embeddings() { extract "$feats/backend" "$net/dev"; }
do_test_embeddings() { extract "$feats/test"; }

do_scores() {
  steps/train_backend.sh --cmd "$train_cmd" --lda-dim "$lda_dim" \
    "$exp/embeddings_backend" "$feats/backend" "$exp/backend"
  steps/score_lists.sh --cmd "$train_cmd" --methods "$methods" --backend "$exp/backend" --top-n "$top_n" \
    --cohort "$exp/embeddings_backend" --dev "$exp/embeddings_dev" --dev-trials "$net/dev/trials" \
    "$exp/embeddings_test" "$exp/embeddings_test" "$exp/scores" data/test/trials_*
}

do_metrics() { steps/report_lists.sh "$exp/scores" "$exp/report" data/test/trials_* >"$exp/results.txt"; }

model_steps
if $margin; then fine_tuning_steps; fi
run_steps
end_recipe
