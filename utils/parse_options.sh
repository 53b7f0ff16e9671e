#!/usr/bin/env bash
# Sourced by a script: turns `--some-option value` into `some_option=value`, by Kaldi's contract.
#
# A variable that is set before the line `. utils/parse_options.sh` is an option; any other `--name` is an error. If the
# default is true or false, so must be the value. `--config FILE` reads lines `name=value`, which the command line
# overrides. `--help` prints $help_message if the script sets it. The arguments after the options remain in "$@". Values
# are never evaluated; works under `set -eu` and in bash 3.2.
#
# A script that wraps another command puts it in the array `program`: options that are not the script's own are appended
# as `--some-option value` and checked by that command (an empty value counts as not given), and `--help` also prints
# that command's help.

_po_fail() {
  echo "$0: $*" >&2
  exit 1
}

# _po_set NAME VALUE SHOWN: sets the option NAME; SHOWN is its spelling by the user, for messages.
_po_set() {
  case "$1" in
    "" | [0-9]* | _po_* | *[!A-Za-z0-9_]*) _po_fail "$3: not the name of an option" ;;
  esac
  if [ -z "${!1+set}" ]; then
    [ -n "${program+set}" ] || _po_fail "$3: no such option"
    if [ -n "$2" ]; then program+=("--${1//_/-}" "$2"); fi
    return
  fi
  case "${!1}:$2" in
    true:true | true:false | false:true | false:false) ;;
    true:* | false:*) _po_fail "$3: expects true or false, not '$2'" ;;
  esac
  printf -v "$1" '%s' "$2"
}

_po_read_config() {
  local _po_line _po_name _po_value _po_number=0
  [ -r "$1" ] || _po_fail "--config: cannot read '$1'"
  while IFS= read -r _po_line || [ -n "$_po_line" ]; do
    _po_number=$((_po_number + 1))
    _po_line=${_po_line%%[[:space:]]#*}
    _po_line=${_po_line#"${_po_line%%[![:space:]]*}"}
    _po_line=${_po_line%"${_po_line##*[![:space:]]}"}
    case "$_po_line" in "" | \#*) continue ;; esac
    case "$_po_line" in *=*) ;; *) _po_fail "$1:$_po_number: expects name=value, not '$_po_line'" ;; esac
    _po_name=${_po_line%%=*}
    _po_value=${_po_line#*=}
    _po_name=${_po_name#--}
    case "$_po_value" in
      \"*\" | \'*\') _po_value=${_po_value:1:${#_po_value}-2} ;;
    esac
    _po_set "${_po_name//-/_}" "$_po_value" "$1:$_po_number: $_po_name"
  done <"$1"
}

_po_option=
for _po_argument in "$@"; do
  case "$_po_option:$_po_argument" in
    :--*) _po_option=$_po_argument ;;
    :*) break ;;
    *)
      if [ "$_po_option" = --config ]; then _po_read_config "$_po_argument"; fi
      _po_option=
      ;;
  esac
done

while [ $# -gt 0 ]; do
  case "$1" in
    --help | -h)
      printf '%s\n' "${help_message:-$0: no help; the options are set at the top of the script}" >&2
      if [ -n "${program+set}" ]; then "${program[@]}" --help >&2; fi
      exit 0
      ;;
    --*=*) _po_fail "$1: options are written '--name value', without '='" ;;
    --*)
      [ $# -ge 2 ] || _po_fail "$1: the value is missing"
      _po_name=${1#--}
      if [ "$_po_name" != config ] || [ -n "${config+set}" ]; then
        _po_set "${_po_name//-/_}" "$2" "$1"
      fi
      shift 2
      ;;
    "") _po_fail "an empty argument where an option or a file should be" ;;
    *) break ;;
  esac
done
unset _po_name _po_argument _po_option
unset -f _po_fail _po_set _po_read_config
true
