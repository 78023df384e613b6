#!/usr/bin/env bash
# tools/bench/compare.py with stand-ins for mpiae and for interpreters: ratios, the file of results, what is lacking.
# usage: test_compare.sh SOURCE
set -uo pipefail
source=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0
fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  sed 's/^/    /' out err
}

stand_in() {
  printf '#!/bin/sh\n%s\n' "$2" >"$1"
  chmod +x "$1"
}
# shellcheck disable=SC2016
{
  stand_in mpiae 'cat <<END
{"commit": "abc", "cpu": "a processor", "version": "9.8.7", "figures": [
{"name": "vae f32: step", "value": 2}, {"name": "vae bf16: step", "value": 0.5}, {"name": "vae f32: examples", "value": 9}]}
END'
  stand_in peer 'echo "peer $*" >>calls; echo 9.9; while read -r line; do echo 5; done'
  stand_in lacking 'echo "Traceback" >&2; echo "no module torch" >&2; exit 1'
  stand_in dying 'echo 9.9; read -r line; echo "out of memory" >&2; exit 1'
}

compare() { "$source/tools/bench/compare.py" "$@" --mpiae "$scratch/mpiae" >out 2>err; }

head -n 1 "$source/tools/bench/results.csv" >results.csv
compare vae --torch ./peer --rounds 3 --results results.csv || fail "exit status $?"
grep -q '^vae f32: mpiae 2 ms' out || fail "no time of ours"
[ "$(grep -c '2.50 times as long (2.50 to 2.50)' out)" = 2 ] || fail "not twice a ratio in f32"
[ "$(grep -c '10.00 times as long' out)" = 2 ] || fail "not twice a ratio in bf16"
grep -q 'peer_torch.py vae bf16 compile ' calls || fail "not asked for bf16, compiled"
[ "$(wc -l <results.csv)" = 5 ] || fail "not four lines of results below those that were there"
grep -q ',abc,a processor,vae f32,PyTorch eager,9.9,3,ms,2,5,2.5,2.5,2.5$' results.csv || fail "a line of results"
[ "$(sed 's/[^,]//g' results.csv | sort -u | wc -l)" = 1 ] || fail "results of other columns than the file of the repository"

compare vae --torch ./lacking && fail "compared with nothing"
[ "$(grep -c 'not compared: PyTorch .*: no module torch (interpreter: ./lacking)' err)" = 4 ] || fail "does not say what is lacking"
grep -q 'nothing could be compared' err || fail "does not say that there is nothing"
compare vae --torch ./absent && fail "compared with an interpreter that is not there"
grep -q 'No such file' err || fail "does not say that the interpreter is not there"
compare kmeans --sklearn ./lacking && fail "compared k-means with nothing"
compare vae --torch ./dying && fail "went on with a peer that died"
grep -q '^compare.py: error: PyTorch eager: out of memory' err || fail "does not say what the peer died of"
compare nothing && fail "took an unknown name"
grep -q "choose from" err || fail "does not list what there is"

echo "$failures failures"
[ "$failures" = 0 ]
