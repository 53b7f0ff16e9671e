# Sourced by a recipe's run.sh: questions about its configuration, the file $nnet_conf.
# shellcheck shell=bash
: "${nnet_conf:?}"

# check OVERRIDES [--show KEY]: whether the configuration is right, or a value of it.
check() {
  python -m nnet.bin.check_config --set "$1" "${@:2}" "$nnet_conf"
}

# has_margin OVERRIDES: whether the loss has a margin, which large-margin fine-tuning could raise.
has_margin() {
  case $(check "$1" --show loss.type) in
    additive* | sphereface2) return 0 ;;
    *) return 1 ;;
  esac
}
