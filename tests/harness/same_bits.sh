#!/usr/bin/env bash
# same_bits.sh "RANKS…" PROGRAM ARGUMENTS…: runs the program on each number of ranks and requires the same, non-empty
# standard output.
# A "%" in an argument stands for the number of ranks, for files of its own.
# shellcheck source=tests/harness/launcher.sh
. "$(dirname "$0")/launcher.sh"
ranks=$1
shift
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

run() { # number of ranks, program, arguments
  count=$1
  shift
  i=$#
  while [ "$i" -gt 0 ]; do
    argument=$(printf '%s\n' "$1" | sed "s/%/$count/g")
    shift
    set -- "$@" "$argument"
    i=$((i - 1))
  done
  "${mpirun[@]}" -n "$count" "$@" </dev/null
}

first=
for count in $ranks; do
  run "$count" "$@" >"$scratch/$count" || { echo "same_bits: $1 failed on $count ranks"; exit 1; }
  [ -s "$scratch/$count" ] || { echo "same_bits: $1 printed nothing on $count ranks"; exit 1; }
  : "${first:=$count}"
  if ! diff "$scratch/$first" "$scratch/$count"; then
    echo "same_bits: $1 differs between $first (<) and $count (>) ranks"
    exit 1
  fi
done
[ "$first" ] || { echo "same_bits: no number of ranks was given"; exit 1; }
echo "same_bits: the same on $ranks ranks:"
cat "$scratch/$first"
