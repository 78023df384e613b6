#!/usr/bin/env bash
# Runs killed with SIGKILL at random moments, a rank or mpirun, also while a checkpoint is being written and between its writing and its
# renaming: every checkpoint can be read, and resumed to their end all have the bits of a run that nothing happened to.
# usage: test_kill.sh MPIAE SLOW_RENAME.so [RUNS SECONDS EVERY]    so many runs that take so long, a checkpoint every so many seconds
slow=$(realpath "$2")
runs=${3:-4} seconds=${4:-2} every=${5:-0.3}
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"
# Ranks that are killed leave their shared memory behind: all of it in one place, which goes with the test.
segments=$(mktemp -d /dev/shm/mpiae-kill-XXXXXX)
export OMPI_MCA_btl_vader_backing_directory=$segments
trap 'rm -rf "$scratch" "$segments"' EXIT
seed=${MPIAE_KILL_SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed"

on 1 synth glyphs --count 2000 --out glyphs.h5
printf 'model: vhe\ndata: {train: glyphs.h5, shards: 4}\ntrain: {epochs: 100000, batch_size: 100}\nnetwork: {hidden: [100], latent_size: 8}\nkmeans: {clusters: 5}\ncheckpoint: {keep: 3}\noutput: {codes: none}\n' >vhe.yaml

thousandth() { "$python" -c "print(round(1000 * $1))"; }
now() { echo $(("${EPOCHREALTIME//[!0-9]/}" / 1000)); }
sleep_thousandths() { sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"; }
length=$(thousandth "$seconds")

# How many steps that is, here and now; then what all runs are held against. Long enough, or longer.
timeout 60 "${mpirun[@]}" -n 2 "$mpiae" train vhe.yaml train.time_limit=2 --run pace >log 2>&1 </dev/null
if ! compgen -G "pace/checkpoint-*.h5" >/dev/null; then
  fail "no step in the time limit"
  tail -n 40 log
  finish
fi
pace=$(cd pace && for name in checkpoint-*.h5; do echo "$name"; done | tail -n 1 | tr -dc 0-9)
steps=$(((10#$pace / 10) * length / 1400)) spent=0
if [ "$steps" -lt 60 ]; then steps=60; fi # three epochs, however slow the machine
while [ "$spent" -lt "$length" ]; do
  rm -rf whole
  often=$((steps * $(thousandth "$every") / length + 1))
  goal=("train.steps=$steps" "checkpoint.every_steps=$often")
  begun=$(now)
  if ! timeout 100 "${mpirun[@]}" -n 2 "$mpiae" train vhe.yaml "${goal[@]}" --run whole >log 2>&1 </dev/null; then
    fail "the run that nothing happens to"
    tail -n 5 log
    break
  fi
  spent=$(($(now) - begun))
  echo "$steps steps with a checkpoint every $often take $spent ms"
  steps=$((steps * 3 / 2 + 1))
done
final=$(printf 'checkpoint-%09d.h5' "${goal[0]#*=}")

# Every byte of every checkpoint, past its checksums.
readable() {
  "$python" - "$@" <<'END' || fail "a checkpoint cannot be read: $*"
import h5py, sys
for name in sys.argv[1:]:
    with h5py.File(name, "r") as file:
        file.visititems(lambda path, item: item[()] if isinstance(item, h5py.Dataset) else None)
END
}

# start RANKS RUN [PRELOAD]: sets $launcher; the ranks write their processes into ranks
start() {
  rm -f ranks
  # shellcheck disable=SC2016
  env MPIAE_PRELOAD="${3:-}" "${mpirun[@]}" -n "$1" sh -c 'echo $$ >>ranks; LD_PRELOAD=$MPIAE_PRELOAD exec "$@"' sh \
    "$mpiae" train vhe.yaml "${goal[@]}" --run "$2" --resume >"$2.log" 2>&1 </dev/null &
  launcher=$!
}

runs_still() { kill -0 "$launcher" 2>/dev/null; }

# Ranks outlive an mpirun that was killed for a moment.
await_ranks() {
  local end=$((SECONDS + 30)) process
  if [ ! -e ranks ]; then return; fi
  while read -r process; do
    while kill -0 "$process" 2>/dev/null; do
      if [ "$SECONDS" -gt "$end" ]; then
        fail "rank $process outlives its mpirun"
        kill -KILL "$process"
      fi
      sleep 0.02
    done
  done <ranks
}

await_partial() { while runs_still && ! compgen -G "$1/checkpoint-*.partial" >/dev/null; do :; done; }

# kill_one RUN WHAT MOMENT WAIT: kills when the moment has come, unless the run is over before
kill_one() {
  local victim=$launcher
  sleep_thousandths "$4"
  if [ "$3" != anywhere ]; then await_partial "$1"; fi
  if [ "$3" = renaming ]; then sleep 0.15; fi
  if [ "$2" = rank ] && [ -s ranks ]; then
    mapfile -t processes <ranks
    victim=${processes[RANDOM % ${#processes[@]}]}
  fi
  if runs_still && kill -KILL "$victim" 2>/dev/null; then kills=$((kills + 1)); fi
  wait "$launcher" 2>/dev/null
  await_ranks
}

# What the kill has left.
inspect() {
  local checkpoints=()
  mapfile -t checkpoints < <(compgen -G "$1/checkpoint-*.h5")
  if [ "${#checkpoints[@]}" -gt 0 ]; then readable "${checkpoints[@]}"; fi
  mapfile -t left < <(compgen -G "$1/checkpoint-*.partial")
  if [ "${#left[@]}" = 0 ]; then return; fi
  unfinished=$((unfinished + 1))
  if "$python" -c 'import h5py, sys; h5py.File(sys.argv[1], "r")["provenance"]' "${left[0]}" 2>/dev/null; then whole=$((whole + 1)); fi
}

kills=0 unfinished=0 whole=0 missed=0
victims=(rank mpirun)
moments=(anywhere renaming writing renaming anywhere)
for ((i = 0; i < runs; i++)); do
  run=run-$i times=$((1 + RANDOM % 2)) before=$kills whole_before=$whole
  for ((k = 0; k < times; k++)); do
    victim=${victims[RANDOM % 2]} moment=${moments[i % 5]} ranks=$((1 + RANDOM % 3)) wait=$((400 + RANDOM * (length * 6 / 10) / 32768 / times)) preload=
    if [ "$moment" = renaming ]; then preload=$slow; fi
    echo "$run: $ranks ranks, $victim killed after $wait ms, $moment"
    start "$ranks" "$run" "$preload"
    kill_one "$run" "$victim" "$moment" "$wait"
    inspect "$run"
  done
  # The machine may have become faster since the run was measured: another go, with a new run.
  if [ "$kills" = "$before" ]; then
    echo "$run was over before it was to be killed"
    missed=$((missed + 1))
    if [ "$missed" -gt "$runs" ]; then
      fail "runs are over too soon to be killed"
      break
    fi
    i=$((i - 1))
    rm -rf "$run"
    continue
  fi
  start "$((1 + RANDOM % 3))" "$run"
  if ! wait "$launcher"; then
    fail "$run does not come to its end"
    tail -n 5 "$run.log"
  fi
  if grep 'trying the checkpoint before' "$run.log" "$run/run.log"; then fail "$run: a checkpoint was passed by"; fi
  if compgen -G "$run/*.partial"; then fail "$run: something is unfinished"; fi
  readable "$run"/checkpoint-*.h5
  equal "whole/$final" "$run/$final"
  equal_metrics whole "$run"
  rm -rf "$run"
  # The moment may have been missed on a busy machine: another go.
  if [ "$moment" = renaming ] && [ "$whole" = "$whole_before" ] && [ "$missed" -lt "$runs" ]; then
    missed=$((missed + 1))
    i=$((i - 1))
  fi
done
echo "$runs runs, $kills kills, of them $unfinished with a checkpoint unfinished, $whole of those whole but not renamed; $failures failures"
if [ "$whole" -lt $(((runs + 4) / 5)) ]; then fail "too few kills between writing and renaming"; fi

finish
