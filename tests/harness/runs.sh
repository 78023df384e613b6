# shellcheck shell=bash
# Sourced by tests of whole runs, with the program as $1: a scratch directory and what is asked of runs in it.
set -uo pipefail
# shellcheck source=tests/harness/launcher.sh
. "$(dirname "${BASH_SOURCE[0]}")/launcher.sh"
mpiae=$(realpath "$1")
python=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../tools/python")
export python
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

# A run that fails makes everything after it fail too.
fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  if [ "$failures" -gt 5 ]; then
    echo "and so on"
    exit 1
  fi
}

# on RANKS ARGUMENTS…: exit status 124 is that of a run that hangs. One rank needs no launcher, which takes longer than most of what it starts.
on() {
  local ranks=$1 status=0 launch=("${mpirun[@]}" -n "$1")
  if [ "$ranks" = 1 ]; then launch=(); fi
  shift
  timeout 300 "${launch[@]}" "$mpiae" "$@" >log 2>&1 </dev/null || status=$?
  if [ "$status" != 0 ]; then
    fail "mpiae $* on $ranks ranks: exit status $status"
    tail -40 log
  fi
}

# h5diff says "not comparable" with exit status 0, so its silence is required too.
equal() {
  local found
  found=$(h5diff --exclude-path /provenance "$1" "$2" 2>&1) || fail "$1 and $2 differ"
  if [ -n "$found" ]; then fail "$1 and $2: ${found:0:300}"; fi
}

# 1: there are differences; 2: an error
differ() {
  local status=0
  h5diff --exclude-path /provenance "$1" "$2" >/dev/null 2>&1 || status=$?
  if [ "$status" != 1 ]; then fail "$1 and $2 do not differ: h5diff ended with $status"; fi
}

# Columns of time differ from run to run.
equal_metrics() {
  if [ ! -s "$1/metrics.csv" ]; then fail "$1 has no metrics"; fi
  if ! diff <(cut -d, -f1-2,5- "$1/metrics.csv") <(cut -d, -f1-2,5- "$2/metrics.csv"); then fail "metrics of $1 and $2"; fi
}

# Ranks outlive an mpirun that was ended by a signal, or by the end of one of them, for a moment.
await_lock() {
  if [ -e "$1/.lock" ] && ! flock -w 60 "$1/.lock" true; then fail "$1 is still locked"; fi
}

finish() {
  echo "$failures failures"
  [ "$failures" = 0 ]
  exit
}
