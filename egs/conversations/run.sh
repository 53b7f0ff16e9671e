#!/usr/bin/env bash
# Who spoke when: diarization of simulated conversations, or of recordings of your own, and its error rates.
#
#   ./run.sh --pretrained MODELDIR --corpus DIR   conversations of 2 to 6 speakers from a LibriSpeech-shaped folder
#   ./run.sh --pretrained MODELDIR                the same from OpenSLR's mini set, which is downloaded
#   ./run.sh --pretrained MODELDIR --data DIR     DIR has wav.scp and rttm (AMI, VoxConverse, CALLHOME: docs/diarization.md)
#
# 0 data preparation   5 diarization   7 error rates and report
#
# A system is a kind of speech segments, a handling of overlap, a clustering, and a number of speakers: all combinations
# of --speech, --overlap, --cluster and --number are compared, but overlap `local` only with speech `model`.
stage='' stop_stage=100    # first and last stage; without --stage: all stages that are not up to date
pretrained=''              # the model directory
corpus='' data=''          # see above; corpus is remembered
conversations=100 seed=0   # how many are simulated; another seed simulates others
speech="oracle energy"     # where somebody speaks: oracle (by the reference), energy, model (of --segmentation)
overlap="none"             # who else speaks: none, or by the model of --segmentation: added, local (docs/diarization.md)
segmentation=''            # model directory of the segmentation model
cluster="ahc"              # clustering, of steps/diarize.sh --cluster: ahc, spectral, vbx
backend=''                 # for vbx: folder of steps/train_backend.sh with a PLDA of this model's embeddings
number="unknown"           # of speakers: unknown, known
options=''                 # further options of steps/diarize.sh, such as "--threshold 0.6"
exp=''                     # results; default: exp/NAME of the model directory
dry_run=false              # true: only print which stages would run and why
nj=4 cmd=''                # parallel jobs; job runner, default: that of cmd.sh
help_message=$(sed -n -e '/^#!/d' -e '/^help_message/q' -e p "$0")

set -euo pipefail
. ./path.sh
. ./cmd.sh
. utils/parse_options.sh
. steps/stages.sh
no_more_words "$@"
retrain=false set='' resolved=''
gpu_cmd=${cmd:-$gpu_cmd}
if [ -z "$pretrained" ]; then echo "$0: --pretrained MODELDIR is required" >&2; exit 1; fi
if [ -n "$corpus" ] && [ -n "$data" ]; then echo "$0: give either --corpus or --data" >&2; exit 1; fi
case " $speech $overlap " in
  *" model "* | *" added "* | *" local "*)
    if [ -z "$segmentation" ]; then echo "$0: --segmentation MODELDIR is required" >&2; exit 1; fi ;;
esac
case " $cluster " in
  *" vbx "*)
    if ! [ -f "$backend/plda" ]; then
      echo "$0: --cluster vbx needs --backend DIR with a PLDA, of steps/train_backend.sh" >&2
      exit 1
    fi ;;
esac
find_pretrained
exp=${exp%/}
exp=${exp:-exp/$(basename "$pretrained")}

check_words() {  # OPTION WORD...: stops if a word of an option is none of these
  local word
  if [ -z "${!1// /}" ]; then echo "$0: --$1 is empty; give one of: ${*:2}" >&2; exit 1; fi
  for word in ${!1}; do
    case " ${*:2} " in
      *" $word "*) ;;
      *) echo "$0: --$1: '$word' is not one of: ${*:2}" >&2; exit 1 ;;
    esac
  done
}
check_words speech oracle energy model
check_words overlap none added local
check_words cluster ahc spectral vbx
check_words number unknown known
case " $overlap / $speech " in
  *" local "*/*" model "*) ;;
  *" local "*/*) echo "$0: --overlap local finds speech by its model: add model to --speech" >&2; exit 1 ;;
esac

if [ -n "$data" ]; then
  set_dir=data/$(basename "$data")
  if [ "$set_dir" -ef "$data" ]; then echo "$0: --data $data: this recipe writes there; move it out of data/" >&2; exit 1; fi
  out=$exp/$(basename "$data")
  step data 0 "data preparation" "$set_dir" path:data "file:$data/wav.scp" "file:$data/rttm" "file:$data/uem"
else
  set_dir=data/simulated out=$exp/simulated
  recall "$set_dir" corpus
  step data 0 "data preparation" "$set_dir" path:corpus conversations seed
fi
do_data() {
  if [ -n "$data" ]; then
    python local/prepare_diarization.py --nj "$nj" "$data" "$set_dir"
    return
  fi
  if [ -z "$corpus" ]; then python local/download_librispeech_mini.py corpus; fi
  python local/simulate_conversations.py --count "$conversations" --seed "$seed" "${corpus:-corpus}" "$set_dir"
}

kept=''  # folder of a system with the same speech, whose windows are clustered again

diarize() {  # SPEECH OVERLAP CLUSTER NUMBER OUT: writes OUT/rttm
  local heard=() chosen=(--cluster "$3")
  if [ "$3" = vbx ]; then chosen+=(--backend "$backend"); fi
  if [ "$4" = known ]; then chosen+=(--reco2num-spk "$set_dir/reco2num_spk"); fi
  if [ -n "$kept" ]; then
    steps/cluster_windows.sh --cmd "$gpu_cmd" "${chosen[@]}" "$kept" "$5"
    return
  fi
  case $1 in
    oracle) heard=(--segments "$set_dir/oracle") ;;
    *) if [ "$2" != local ]; then heard=(--vad "$1"); fi ;;
  esac
  if [ -n "$segmentation" ]; then heard+=(--segmentation "$segmentation"); fi
  # shellcheck disable=SC2086  # several words
  steps/diarize.sh --cmd "$gpu_cmd" --nj "$nj" --overlap "$2" ${heard[@]+"${heard[@]}"} "${chosen[@]}" \
    $options "$pretrained" "$set_dir" "$5"
  if [ "$2" = none ] && [ -z "$options" ]; then kept=$5; fi
}

each_system() {  # FUNCTION: calls it with the speech, overlap, clustering, number and folder of each system
  local s o c n
  for s in $speech; do
    for o in $overlap; do
      if [ "$o" = local ] && [ "$s" != model ]; then continue; fi
      kept=''
      for c in $cluster; do
        for n in $number; do "$1" "$s" "$o" "$c" "$n" "$out/${s}_${o}_${c}_$n"; done
      done
    done
  done
}

step diarization 5 "diarization" "$out" after:data path:pretrained "file:$pretrained/model.safetensors" \
  speech overlap cluster number options path:backend ${backend:+"file:$backend/plda"} \
  path:segmentation ${segmentation:+"file:$segmentation/model.safetensors"}
do_diarization() { each_system diarize; }

score() {  # SPEECH OVERLAP CLUSTER NUMBER OUT: prints two lines for each way of scoring
  local uem=() collar overlap
  if [ -f "$set_dir/uem" ]; then uem=(--uem "$set_dir/uem"); fi
  for collar in 0 0.25; do
    overlap=true
    if [ "$collar" = 0.25 ]; then overlap=false; fi
    steps/score_diarization.sh --collar $collar --overlap $overlap "${uem[@]+"${uem[@]}"}" \
      --title "Speech: $1, overlap: $2, clustering: $3, number of speakers: $4" --report "$5/report_collar_$collar" \
      "$set_dir/rttm" "$5/rttm" >"$5/errors_collar_$collar.txt"
    echo "speech: $1, overlap: $2, clustering: $3, number of speakers: $4. $(tail -n 1 "$5/errors_collar_$collar.txt")"
    sed -n -e 1p -e '/^all /p' "$5/errors_collar_$collar.txt"
  done
}

step metrics 7 "error rates and report" "$out" after:diarization
do_metrics() { each_system score >"$out/results.txt"; }

run_steps
if ! $dry_run; then show_results "$out/results.txt"; fi
