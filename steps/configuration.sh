# Sourced by a recipe's run.sh: questions about its configuration, the file $nnet_conf.
# shellcheck shell=bash
: "${nnet_conf:?}"

# check OVERRIDES [--show KEY]: whether the configuration is right, or a value of it.
check() {
  local word words=()
  for word in $1; do words+=(--set "$word"); done
  python -m nnet.bin.check_config ${words[@]+"${words[@]}"} "${@:2}" "$nnet_conf"
}

# has_margin OVERRIDES: whether the loss has a margin that grows, which large-margin fine-tuning could raise.
has_margin() { [ "$(check "$1" --has loss.initial_margin)" = true ]; }
