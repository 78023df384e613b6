#!/usr/bin/env bash
# Signals and the time limit: the run saves, ends with 75 and goes on to the bits of a run that nothing happened to. What Open MPI's
# mpirun does not let through (SIGINT, SIGTERM, SIGHUP) leaves at least the last checkpoint; MPICH's lets all through that it does not die of (SIGUSR2).
# usage: test_signals.sh MPIAE
jobs=$(realpath "$(dirname "$0")/../../jobs")
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

on 1 synth glyphs --count 403 --out glyphs.h5
printf 'model: vhe\ndata: {train: glyphs.h5, shards: 6}\ntrain: {batch_size: 10, epochs: 100000}\nnetwork: {hidden: [100], latent_size: 4}\nkmeans: {clusters: 5}\noutput: {codes: none}\n' >vhe.yaml
# one step an epoch, and no checkpoint but the last
sed 's/batch_size: 10/batch_size: 403/; s/^model/checkpoint: {every_epochs: 100000}\nmodel/' vhe.yaml >whole.yaml

# await COMMAND…: until it succeeds
await() {
  local end=$((SECONDS + 60))
  until "$@" 2>/dev/null; do
    if [ "$SECONDS" -gt "$end" ]; then
      fail "never came: $*"
      return
    fi
    sleep 0.01
  done
}

# begin RANKS ARGUMENTS…: in the background, as process $run. A shell lets what is in the background ignore SIGINT, mpiae heeds that.
begin() {
  local launch=("${mpirun[@]}" -n "$1")
  if [ "$1" = 1 ]; then launch=(); fi
  shift
  : >log
  env --default-signal=INT,HUP "${launch[@]}" "$mpiae" train "$@" >log 2>&1 </dev/null &
  run=$!
}

# What a launcher that has passed on a signal ends with: MPICH's forgets it now and then.
saved=75
if [ "$mpi" = mpich ]; then saved='@(0|75)'; fi

# ended STATUS SECONDS: how and how soon; STATUS is a pattern
ended() {
  local begun=$SECONDS
  wait "$run"
  local status=$?
  # shellcheck disable=SC2053
  if [[ "$status" != $1 ]]; then
    fail "exit status $status, not $1"
    tail -60 log
  fi
  if [ $((SECONDS - begun)) -gt "$2" ]; then fail "ended after $((SECONDS - begun)) s"; fi
}

says() { if ! grep -qE "$1" "$2"; then fail "$2 does not say '$1'"; fi; }

newest() { (cd "$1" && for name in checkpoint-*.h5; do echo "$name"; done | tail -n 1); }
step_of() { echo $((10#$(newest "$1" | tr -dc 0-9) / 10)); }

# goes_on RUN CONFIG: eleven more steps, beside a run that was not stopped
goes_on() {
  local step=$(($(step_of "$1") + 11))
  on 3 train "$2" train.steps="$step" --run "$1" --resume
  on 2 train "$2" train.steps="$step" --run "plain-$1"
  equal "plain-$1/$(newest "plain-$1")" "$1/$(newest "$1")"
  if [ -e "plain-$1/metrics.csv" ]; then equal_metrics "plain-$1" "$1"; fi
  if [ "$(step_of "plain-$1")" != "$step" ]; then fail "plain-$1 stands at $(step_of "plain-$1")"; fi
}

# stopped RUN SIGNAL: by status, message and log; nothing unfinished stays
stopped() {
  ended "$saved" 20
  says "^mpiae: stopped by $2 after step $(step_of "$1"), in $1/$(newest "$1"): run again with --resume to go on$" log
  says "^mpiae: stopped by $2 after step" "$1/run.log"
  if grep -q 'mpiae: error' log; then fail "$1: stopping is called an error"; fi
  if compgen -G "$1/*.partial"; then fail "$1: something is unfinished"; fi
}

# Signals that reach the ranks.
begin 2 vhe.yaml --run usr1
await grep -q '^epoch 3' log
kill -USR1 "$run"
stopped usr1 SIGUSR1
goes_on usr1 vhe.yaml
begin 1 vhe.yaml --run term --quiet
await grep -q '^epoch 2' term/run.log
kill -TERM "$run"
stopped term SIGTERM
begin 1 vhe.yaml --run hup --quiet
await grep -q '^epoch 2' hup/run.log
kill -HUP "$run"
stopped hup SIGHUP
# Nobody reads any more what is told: `mpiae train … |& head`.
mkfifo pipe
head -n 1 pipe >/dev/null &
status=0
timeout 100 "$mpiae" train vhe.yaml train.epochs=3 --run told >pipe 2>&1 </dev/null || status=$?
if [ "$status" != 0 ]; then fail "a run that nobody listens to: status $status"; fi
says '^epoch 3' told/run.log
usr2_ranks=3
if [ "$mpi" = mpich ]; then usr2_ranks=1; fi
begin "$usr2_ranks" whole.yaml --run usr2
await grep -q '^epoch 2' log
kill -USR2 "$run"
stopped usr2 SIGUSR2
goes_on usr2 whole.yaml
begin 1 whole.yaml --run int
await grep -q '^epoch 2' log
kill -INT "$run"
stopped int SIGINT
says '^mpiae: SIGINT: saving after this step; once more ends at once, without saving$' log

# Open MPI's mpirun turns them into an end within about a second: status 1, and the last checkpoint stands. With MPICH's the run saves.
if [ "$mpi" = mpich ]; then
  begin 2 vhe.yaml checkpoint.every_steps=5 --run mpirun
  await grep -q '^epoch 2' log
  kill -TERM "$run"
  ended "$saved" 20
  await_lock mpirun
  says "^mpiae: stopped by SIGTERM after step" mpirun/run.log
  begin 2 whole.yaml --run mpirun-int
  await grep -q '^epoch 2' log
  kill -INT "$run"
  stopped mpirun-int SIGINT
else
  for signal in TERM INT HUP; do
    begin 2 vhe.yaml checkpoint.every_steps=5 --run mpirun --resume
    await grep -q '^epoch [0-9]*/[0-9]*: ' log
    kill -"$signal" "$run"
    ended 1 20
    await_lock mpirun
  done
fi
await_lock mpirun
goes_on mpirun vhe.yaml

# Before the first step: a run with a checkpoint does not begin, one without does a step. One rank of two has the signal.
cat >signalled.py <<'END'
import os, signal, sys
if os.environ.get("OMPI_COMM_WORLD_RANK", os.environ.get("PMI_RANK")) == "1":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    os.kill(os.getpid(), signal.SIGUSR1)
os.execv(sys.argv[1], sys.argv[1:])
END
signalled() {
  timeout 100 "${mpirun[@]}" -n 2 "$python" signalled.py "$mpiae" train vhe.yaml "$@" >log 2>&1 </dev/null
  local status=$?
  if [ "$status" != 75 ]; then fail "signalled before the first step: exit status $status"; fi
}
signalled --run before
says '^SIGUSR1 before the first step of this launch: one step is done first' log
says 'stopped by SIGUSR1 after step 1, in before/checkpoint-000000001.h5' log
signalled --run before --resume
if grep -q 'nan' log before/run.log; then fail "a share of no time is told"; fi
says 'stopped by SIGUSR1 after step 1, in before/checkpoint-000000001.h5' log
goes_on before vhe.yaml

# A job script goes back into the queue when it was told to stop, also with a launcher that forgets the status over it (MPICH's, now and then);
# and not when the run was done.
mkdir slurm
printf '#!/bin/sh\necho "$@" >>%s\n' "$PWD/slurm/told" >slurm/scontrol
cat >slurm/forgetful <<'END'
#!/bin/bash
trap 'kill -USR1 "$run"' USR1
"$@" &
run=$!
while kill -0 "$run" 2>/dev/null; do wait "$run"; done
exit 0
END
chmod +x slurm/scontrol slurm/forgetful
job() {
  env --default-signal=USR1 SLURM_JOB_ID=17 PATH="$PWD/slurm:$PATH" MPIAE="$mpiae" MPIAE_LAUNCH="$PWD/slurm/forgetful" bash "$jobs/single-node.sbatch" \
    "$@" >log 2>&1 </dev/null &
  run=$!
}
job vhe.yaml train.time_limit=0 --run job
await grep -q '^epoch 2' log
kill -USR1 "$run"
ended 0 20
says '^mpiae: stopped by SIGUSR1' log
says '^not done: job 17 goes back into the queue$' log
says '^requeue 17$' slurm/told
rm slurm/told
job vhe.yaml train.time_limit=0 train.steps="$(step_of job)" --run job
ended 0 20
if [ -e slurm/told ]; then fail "a job that is done goes back into the queue"; fi

# The time limit; one that is too short still lets the run come on.
for _ in 1 2; do
  begin 2 vhe.yaml train.time_limit=2 --run limit --resume
  ended 75 20
  says "^mpiae: stopped by train.time_limit after step $(step_of limit), in limit/$(newest limit): run again with --resume to go on$" log
  says '^time limit: saves and stops so as to be done by .*, [012] s from now$' limit/run.log
done
step=$(step_of limit)
begin 2 vhe.yaml train.time_limit=0.001 --run limit --resume
ended 75 20
if [ "$(step_of limit)" != $((step + 1)) ]; then fail "from step $step to step $(step_of limit)"; fi
goes_on limit vhe.yaml

# The second SIGINT, in a step that takes long.
on 1 synth glyphs --count 3000 --out many.h5
printf 'model: ae\ndata: {train: many.h5}\ntrain: {batch_size: 3000}\nnetwork: {hidden: [2000, 2000]}\n' >long.yaml
begin 1 long.yaml --run twice
await grep -q 'step an epoch' log
kill -INT "$run"
await grep -q '^mpiae: SIGINT: saving after this step; once more ends at once' log
kill -INT "$run"
ended 130 2
if grep -q 'stopped by' log; then fail "the second SIGINT waits"; fi

finish
