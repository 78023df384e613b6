#!/usr/bin/env bash
# Whole runs on nodes that are made up on one host: the same bits for any of them and for any order of ranks over them.
# usage: test_nodes.sh MPIAE NODES (the library of harness/nodes.c)
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"
library=$(realpath "$2")

# on_nodes "NODE OF EACH RANK" ARGUMENTS…
on_nodes() {
  local nodes status=0
  read -ra nodes <<<"$1"
  timeout 300 "${mpirun[@]}" -n "${#nodes[@]}" env LD_PRELOAD="$library" MPIAE_NODES="$1" "$mpiae" "${@:2}" >log 2>&1 </dev/null || status=$?
  if [ "$status" = 0 ]; then return; fi
  fail "mpiae ${*:2} on nodes $1: exit status $status"
  tail -40 log
}

# 13 shards, which no number of ranks but one divides
on 1 synth glyphs --count 303 --out glyphs.h5
printf 'model: vhe\ndata: {train: glyphs.h5, shards: 13}\ntrain: {batch_size: 60, epochs: 1}\nnetwork: {hidden: [48, 32], latent_size: 6}\nkmeans: {clusters: 7}\n' >vhe.yaml
on 1 train vhe.yaml --run one

# is_one RUN DOMAINS
is_one() {
  equal one/checkpoint-000000006.h5 "$1/checkpoint-000000006.h5"
  equal one/codes-000001.h5 "$1/codes-000001.h5"
  equal_metrics one "$1"
  grep -q "between $2 shared-memory domain" "$1/run.log" || fail "$1: $(grep domain "$1/run.log")"
}

# each rank a node (messages alone), uneven nodes, ranks in no order
number=0
for map in "0 1 2 3" "0 0 0 1" "0 0 1 1 1 2" "0 1 1 2 2 2 2" "2 0 0 1 1 1 1 2 3"; do
  number=$((number + 1))
  on_nodes "$map" train vhe.yaml --run "run-$number"
  is_one "run-$number" "$(tr ' ' '\n' <<<"$map" | sort -u | wc -l)"
done
grep -q '^mpiae: warning: between nodes go [2-9] sums of each gradient' log || fail "no warning of several sums"

# stopped on some nodes, over which ranks are dealt round robin, and resumed on others
on_nodes "0 1 0 1" train vhe.yaml train.steps=4 --run resumed
on_nodes "1 0 0" train vhe.yaml --run resumed --resume
is_one resumed 2

finish
