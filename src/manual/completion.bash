
# Completion of mpiae, also behind a launcher (mpirun -n 2 mpiae …). What can be completed stands in the tables above, which
# the program's own make. Bash cuts words at '=' and ':' (COMP_WORDBREAKS); here blanks alone do.

# _mpiae_add PREFIX WORD…: those of the words that go on as $_mpiae_current does, which begins with PREFIX
_mpiae_add() {
  local prefix=$1 word
  shift
  for word; do
    if [[ $prefix$word == "$_mpiae_current"* ]]; then COMPREPLY+=("$prefix$word"); fi
  done
}

# _mpiae_add_files PREFIX [PATTERN]: directories, and the files whose names match the pattern, or all
_mpiae_add_files() {
  local prefix=$1 name
  compopt -o filenames
  while IFS= read -r name; do
    # shellcheck disable=SC2254
    case $name in
    ${2-*}) COMPREPLY+=("$prefix$name") ;;
    *) if [ -d "${name/#~\//$HOME/}" ]; then COMPREPLY+=("$prefix$name"); fi ;;
    esac
  done < <(compgen -f -- "${_mpiae_current#"$prefix"}")
}

# _mpiae_offer PREFIX HINTS: HINTS as in the tables
_mpiae_offer() {
  local prefix=$1 hint
  for hint in $2; do
    case $hint in
    @directories) _mpiae_add_files "$prefix" '' ;;
    @yaml) _mpiae_add_files "$prefix" '*.yaml' ;;
    @h5) _mpiae_add_files "$prefix" '*.h5' ;;
    @files) _mpiae_add_files "$prefix" ;;
    *) _mpiae_add "$prefix" "$hint" ;;
    esac
  done
}

# _mpiae_offer_topics OPERANDS…: what `mpiae help` explains
_mpiae_offer_topics() {
  local keys=("${!_mpiae_keys[@]}")
  if [ "$#" = 0 ]; then _mpiae_offer '' "$_mpiae_commands config metrics"; fi
  if [ "$#" = 0 ] && [[ $_mpiae_current == *.* ]]; then _mpiae_add '' "${keys[@]}"; fi
  if [ "$*" = config ]; then _mpiae_add '' "${keys[@]}" "${keys[@]%%.*}"; fi
}

# _mpiae_offer_operand COMMAND OPERANDS…: what may stand behind the operands that are there. False when nothing may.
_mpiae_offer_operand() {
  local hints hint
  read -ra hints <<<"${_mpiae_operands[$1]}"
  if [ "$1" = help ]; then
    _mpiae_offer_topics "${@:2}"
    return
  fi
  hint=${hints[$# - 1]:-}
  if [ "${#hints[@]}" -lt "$#" ] && [[ ${hints[*]} == *... ]]; then hint=${hints[-1]}; fi
  if [ -z "$hint" ]; then return 1; fi
  hint=${hint%...}
  _mpiae_offer '' "${hint//|/ }"
}

# _mpiae_offer_key COMMAND: keys, with an '=' for their value
_mpiae_offer_key() {
  local keys=("${!_mpiae_keys[@]}")
  if [[ $_mpiae_assigning != *" $1 "* ]]; then return 1; fi
  compopt -o nospace
  _mpiae_add '' "${keys[@]/%/=}"
}

# _mpiae_offer_option COMMAND USED: options that are not used yet
_mpiae_offer_option() {
  local option
  for option in ${_mpiae_options[${1:-none}]:-} $_mpiae_global; do
    if [[ $2 != *" $option "* ]]; then _mpiae_add '' "$option"; fi
  done
}

# Of each offer Bash wants what comes behind the last '=' or ':' of the current word.
_mpiae_cut() {
  local breaks=${COMP_WORDBREAKS//[^=:]/} before
  if [ -z "$breaks" ]; then return; fi
  before=${_mpiae_current%"${_mpiae_current##*["$breaks"]}"}
  COMPREPLY=("${COMPREPLY[@]#"$before"}")
}

_mpiae() {
  local line=${COMP_LINE:0:COMP_POINT} words word command='' awaiting='' used=' ' operands=() _mpiae_current
  local IFS=$' \t\n'
  COMPREPLY=()
  read -ra words <<<"$line"
  if [[ $line == *[[:blank:]] ]]; then words+=(''); fi
  while [ "${#words[@]}" -gt 0 ] && [ "${words[0]##*/}" != mpiae ]; do words=("${words[@]:1}"); done
  # Behind a launcher, before the program: Bash's own.
  if [ "${#words[@]}" -lt 2 ]; then return; fi
  compopt +o bashdefault +o default 2>/dev/null
  _mpiae_current=${words[-1]}
  for word in "${words[@]:1:${#words[@]}-2}"; do
    if [ -n "$awaiting" ]; then
      awaiting=''
      continue
    fi
    case $word in
    --*=*) used+="${word%%=*} " ;;
    -*)
      used+="$word "
      if [ -n "${_mpiae_values[$command $word]+is}" ]; then awaiting=$word; fi
      ;;
    *=*) ;;
    *) if [ -z "$command" ]; then command=$word; else operands+=("$word"); fi ;;
    esac
  done
  case $_mpiae_current in
  --*=*) _mpiae_offer "${_mpiae_current%%=*}=" "${_mpiae_values[$command ${_mpiae_current%%=*}]:-}" ;;
  -*) if [ -z "$awaiting" ]; then _mpiae_offer_option "$command" "$used"; fi ;;
  *)
    if [ -n "$awaiting" ]; then _mpiae_offer '' "${_mpiae_values[$command $awaiting]}"
    elif [ -z "$command" ]; then _mpiae_offer '' "$_mpiae_commands"
    elif [[ $_mpiae_current == *=* ]]; then
      _mpiae_offer "${_mpiae_current%%=*}=" "${_mpiae_keys[${_mpiae_current%%=*}]:-}"
    elif [ -n "${_mpiae_options[$command]+is}" ]; then
      _mpiae_offer_operand "$command" "${operands[@]}" || _mpiae_offer_key "$command" ||
        _mpiae_offer_option "$command" "$used"
    fi
    ;;
  esac
  _mpiae_cut
}

complete -F _mpiae mpiae
# A launcher that has a completion of its own keeps it.
for _mpiae_launcher in mpirun mpiexec; do
  complete -p "$_mpiae_launcher" &>/dev/null ||
    complete -o bashdefault -o default -F _mpiae "$_mpiae_launcher"
done
unset -v _mpiae_launcher
