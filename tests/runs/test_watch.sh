#!/usr/bin/env bash
# The watchdog in whole runs: a rank that is held up is named, the run goes on when it does, and its results are those of an undisturbed run.
# usage: test_watch.sh MPIAE
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

on 1 synth glyphs --count 3000 --out glyphs.h5
printf 'model: vhe\ndata: {train: glyphs.h5, shards: 4}\ntrain: {stall_seconds: 4, epochs: 6}\nnetwork: {hidden: [100], latent_size: 8}\nkmeans: {clusters: 5}\n' >vhe.yaml

# The process of rank $1 of the run in $2.
# shellcheck disable=SC2317 # reached through await
find_rank() {
  local process
  for process in /proc/[0-9]*; do
    if grep -qzxE "(OMPI_COMM_WORLD_RANK|PMI_RANK)=$1" "$process/environ" && grep -qzxF "$2" "$process/cmdline"; then
      echo "${process#/proc/}"
      return
    fi
  done 2>/dev/null
}

# shellcheck disable=SC2317
found() {
  process=$(find_rank "$1" "$2")
  [ -n "$process" ]
}

# shellcheck disable=SC2317
not_there() { ! kill -0 "$1" 2>/dev/null; }

# await SECONDS COMMAND…: until the command succeeds
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    if [ "$SECONDS" -gt "$end" ]; then return 1; fi
    sleep 0.02
  done
}

silent() {
  if grep -h "progress: \|without progress" "$1" "$2/run.log"; then fail "$2: a stall was told"; fi
  if [ -e "$2/.stall" ]; then fail "$2/.stall was left"; fi
}

on 3 train vhe.yaml --run plain
silent log plain

# hold RANK: stops it until it was named, then lets it go on
hold() {
  local run=$scratch/held-$1 process training
  timeout 100 "${mpirun[@]}" -n 3 "$mpiae" train vhe.yaml --run "$run" >"held-$1.log" 2>&1 </dev/null &
  training=$!
  # found before there is anything to see, so that it is stopped soon after
  if ! await 60 found "$1" "$run" || ! await 60 test -s "$run/run.log"; then fail "held-$1 did not begin"; fi
  if ! kill -STOP "$process"; then fail "held-$1 cannot be stopped"; fi
  if ! await 30 grep -q "waiting for rank $1 (process $process on $(hostname): no sign of life); the others are in phase" "held-$1.log"; then
    fail "rank $1 was not named"
  fi
  if ! grep -q "^mpiae: warning: no progress for [4-9]\.[0-9] s: waiting for rank $1 " "held-$1.log"; then fail "held-$1: another time"; fi
  if [ ! -e "$run/.stall" ]; then fail "held-$1: no .stall"; fi
  kill -CONT "$process"
  if ! wait "$training"; then
    fail "held-$1 did not end well"
    tail -5 "held-$1.log"
  fi
  if ! grep -q "^mpiae: warning: going on after [0-9.]* s without progress" "held-$1.log"; then fail "held-$1: going on was not told"; fi
  if [ "$(grep -c "no progress for" "held-$1.log")" != 1 ]; then fail "held-$1: not told once"; fi
  if [ -e "$run/.stall" ]; then fail "held-$1/.stall was left"; fi
  equal plain/checkpoint-000000144.h5 "held-$1/checkpoint-000000144.h5"
}
hold 2
# rank 0 has the log: another speaks for it
hold 0
grep -q "waiting for rank 2" held-2/run.log || fail "run.log does not tell of rank 2"

# A rank that stays held up: the run ends, with one message and without a checkpoint lost, and goes on from it to the same bits.
run=$scratch/ended
timeout 100 "${mpirun[@]}" -n 3 "$mpiae" train vhe.yaml train.stall_seconds=0 train.stall_abort_seconds=4 --run "$run" >ended.log 2>&1 </dev/null &
training=$!
if ! await 60 found 1 "$run" || ! await 60 test -e "$run/checkpoint-000000024.h5"; then fail "the run to be ended did not begin"; fi
if ! kill -STOP "$process"; then fail "a rank cannot be stopped"; fi
wait "$training"
status=$?
if [ "$status" != 1 ]; then fail "the run that stalled ended with $status"; fi
told="no progress for [4-9]\.[0-9] s: waiting for rank 1 (process $process on $(hostname): no sign of life); the others are in phase.*; the run is ended (train.stall_abort_seconds)"
if ! grep -q "^mpiae: error: $told" ended.log || [ "$(grep -c "no progress for" ended.log)" != 1 ]; then fail "the end of a stall was not told once"; fi
grep -q "$told" ended/run.log || fail "run.log does not tell of the end"
if kill -0 "$process" 2>/dev/null && ! await 30 not_there "$process"; then fail "the rank that was held up is there still"; fi
await_lock ended
on 3 train vhe.yaml --run ended --resume
equal plain/checkpoint-000000144.h5 ended/checkpoint-000000144.h5

# fails STATUS NAME KEY=VALUE…: the thread ends with the run, however that ends
fails() {
  local expected=$1 name=$2
  shift 2
  timeout 100 "${mpirun[@]}" -n 3 "$mpiae" train vhe.yaml "$@" --run "$name" >log 2>&1 </dev/null
  local status=$?
  if [ "$status" != "$expected" ]; then fail "$name: exit status $status"; fi
  silent log "$name" 2>/dev/null
}
fails 4 diverging train.learning_rate=1000 network.likelihood=gaussian
fails 2 refused data.shards=2
fails 3 absent data.train=absent.h5

# comparing the parameters, without shared memory, leaves them as they are
on 3 train vhe.yaml train.stall_seconds=0 train.verify_every=5 --run verified
if [ -n "$(h5diff plain/checkpoint-000000144.h5 verified/checkpoint-000000144.h5 /parameters 2>&1)" ]; then fail "verify_every changes the parameters"; fi
if ! grep -q "compare parameters" verified/run.log; then fail "verify_every does not compare"; fi

finish
