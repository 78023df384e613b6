#!/usr/bin/env bash
# The job scripts under a real SLURM on loopback: runs that finish, are told to stop, are put into the queue again, are cancelled, in arrays;
# and srun without PMIx. The scripts run as they are: options and variables of their sites come from outside.
# usage: test_slurm.sh MPIAE    exit status 77: SLURM is not installed, or this is not root
jobs=$(realpath "$(dirname "$0")/../../jobs")
here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"
# shellcheck source=tests/harness/slurm.sh
. "$here/../harness/slurm.sh"

if lacks=$(slurm_lacks) && [ -n "$lacks" ]; then
  echo "skipped: $lacks"
  exit 77
fi
start_slurm || exit 1
trap 'stop_slurm "$slurm" $$ $BASHPID; rm -rf "$scratch" "$slurm"' EXIT
export MPIAE=$mpiae
leave_unbound
# What the job scripts say by themselves suits Open MPI.
if [ "$mpi" != openmpi ]; then export MPIAE_LAUNCH="$srun --cpu-bind=cores"; fi

on 1 synth glyphs --count 403 --out glyphs.h5
make_config() {
  printf 'model: vhe\ndata: {train: glyphs.h5, shards: 2}\ntrain: {batch_size: 10, epochs: 100000, steps: %s}\nnetwork: {hidden: [100], latent_size: 4}\nkmeans: {clusters: 5}\noutput: {codes: none}\n' "$2" >"$1.yaml"
}

# await SECONDS COMMAND…: until it succeeds
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@" 2>/dev/null; do
    if [ "$SECONDS" -gt "$end" ]; then
      fail "never came: $*"
      squeue
      tail -n 3 ./*.log "$slurm/slurmd.log"
      return 1
    fi
    sleep 0.1
  done
}

state() { scontrol -o show job "$1" | grep -oP '(?<=JobState=)\S+' | sort -u; }
is() { [ "$(state "$1")" = "$2" ]; }
# shellcheck disable=SC2317 # reached through await
is_over() { ! [[ $(state "$1") =~ PENDING|RUNNING|COMPLETING|CONFIGURING ]]; }
restarts() { [ "$(scontrol -o show job "$1" | grep -oP '(?<=Restarts=)\d+')" = "$2" ]; }

# SLURM waits two minutes before it starts a job again. What is left of the first start must be gone: its end would count for the second.
start_again() {
  await 70 restarts "$1" 1
  await 60 is "$1" PENDING
  await 60 test ! -e "$slurm/spool/job$(printf %05d "$1")"
  sleep 1
  scontrol update JobId="$1" StartTime=now
}

finishes() {
  await 60 is_over "$1"
  if ! is "$1" COMPLETED; then
    fail "job $1 ends as $(state "$1")"
    tail -n 5 ./*.log
  fi
}

says() { if ! grep -qE "$1" "$2"; then fail "$2 does not say '$1'"; fi; }
newest() { (cd "$1" && for name in checkpoint-*.h5; do echo "$name"; done | tail -n 1); }
step_of() { echo $((10#$(newest "$1" | tr -dc 0-9) / 10)); }

# go_on RUN CONFIG: the configuration, read again at each start, gets an end eleven steps later
go_on() { make_config "$2" $(($(step_of "$1") + 11)); }

# as_plain RUN CONFIG [KEY=VALUE]…: the bits of a run that was never interrupted; what the scripts set is in the configuration
as_plain() {
  local run=$1 plain
  plain=plain-$(basename "$1")
  shift
  on 1 train "$1.yaml" train.stall_abort_seconds=1800 "${@:2}" --run "$plain"
  equal "$plain/$(newest "$plain")" "$run/$(newest "$run")"
  if [ -e "$plain/metrics.csv" ]; then equal_metrics "$plain" "$run"; fi
}

# Told before the time limit (SLURM looks at limits every 30 s): the log goes on where it was, and so does the run.
make_config told 0
told=$(sbatch --parsable --nodes=1 --ntasks-per-node=1 --time=1 --signal=B:USR1@20 "$jobs/train.sbatch" told.yaml)

# Beside it, on the other core: to the end, the limit taken from SLURM itself.
make_config finished 50
finished=$(sbatch --parsable --nodes=1 --ntasks-per-node=1 --time=5 "$jobs/train.sbatch" finished.yaml train.learning_rate=0.002)
finishes "$finished"
says '^time limit: saves and stops so as to be done by .*, (29[0-9]|2[0-8][0-9]|300) s from now$' runs/finished/run.log
as_plain runs/finished finished train.learning_rate=0.002
if [ "$(step_of runs/finished)" != 50 ]; then fail "finished stands at $(step_of runs/finished)"; fi

start_again "$told"
go_on runs/told told
finishes "$told"
says '^mpiae: stopped by SIGUSR1 after step' "mpiae-$told.log"
says "^not done: job $told goes back into the queue" "mpiae-$told.log"
says '^done: runs/told/checkpoint' "mpiae-$told.log"
as_plain runs/told told

# The same to mpirun on two ranks: only the signal is ours.
make_config single 0
single=$(MPIAE_LAUNCH="${mpirun[0]} --bind-to core" sbatch --parsable --ntasks=2 "$jobs/single-node.sbatch" single.yaml)
await 60 grep -q '^epoch 2' runs/single/run.log
scancel --batch --signal=USR1 "$single"
start_again "$single"
says "on 2 ranks" runs/single/run.log
go_on runs/single single
finishes "$single"
says '^done: runs/single/checkpoint' "mpiae-$single.log"
as_plain runs/single single

# An array over configurations, a task of which is put into the queue again in its middle; without a third configuration.
make_config one 30
make_config two 0
sweep=$(sbatch --parsable --ntasks=1 --array=0-2 "$jobs/sweep.sbatch" one.yaml two.yaml train.seed=7)
await 60 grep -q '^epoch 2' runs/sweep/two/run.log
again=$(squeue -h -o %A -j "${sweep}_1")
scontrol requeue "$again"
start_again "$again"
says '^mpiae: stopped by SIGTERM after step' "sweep-${sweep}_1.log"
go_on runs/sweep/two two
finishes "$again"
await 60 is_over "$sweep"
says '^going on ' "sweep-${sweep}_1.log"
says 'there is no configuration 2: for these use --array=0-1' "sweep-${sweep}_2.log"
as_plain runs/sweep/one one train.seed=7
as_plain runs/sweep/two two train.seed=7

# Told so, the last task of an array, whose number is the array's, goes back alone.
make_config both 0
cp both.yaml other.yaml
array=$(sbatch --parsable --ntasks=1 --array=0-1 "$jobs/sweep.sbatch" both.yaml other.yaml)
for name in both other; do await 60 grep -q '^epoch 2' "runs/sweep/$name/run.log"; done
last=$(squeue -h -o '%A %K' -j "$array" | sed -n "s/^$array //p")
scancel --batch --signal=USR1 "${array}_$last"
await 60 restarts "${array}_$last" 1
says "^not done: job ${array}_$last goes back into the queue" "sweep-${array}_$last.log"
if ! is "${array}_$((1 - last))" RUNNING || ! restarts "${array}_$((1 - last))" 0; then fail "one task of an array takes the others along"; fi
scancel "$array"
await 60 is_over "$array"

# A row of a table each.
make_config base 20
printf '# of what\nname kmeans.clusters network.hidden\n\nfew 2 [30]\nmany 9 [20,10]\n' >table.txt
study=$(sbatch --parsable --ntasks=1 --array=1-3 "$jobs/study.sbatch" base.yaml table.txt train.seed=3)
await 60 is_over "$study"
as_plain runs/table/few base kmeans.clusters=2 'network.hidden=[30]' train.seed=3
as_plain runs/table/many base kmeans.clusters=9 'network.hidden=[20,10]' train.seed=3
says 'table.txt has no row 3: use --array=1-2' "study-${study}_3.log"

# scancel: saved at once, for good.
make_config cancelled 0
cancelled=$(sbatch --parsable --nodes=1 --ntasks-per-node=2 "$jobs/train.sbatch" cancelled.yaml)
await 60 grep -q '^epoch 2' runs/cancelled/run.log
scancel "$cancelled"
await 60 is_over "$cancelled"
if ! is "$cancelled" CANCELLED; then fail "scancel gives $(state "$cancelled")"; fi
says '^mpiae: stopped by SIGTERM after step' "mpiae-$cancelled.log"
if grep -q 'goes back into the queue' "mpiae-$cancelled.log"; then fail "a cancelled job goes back into the queue"; fi
go_on runs/cancelled cancelled
on 2 train cancelled.yaml train.stall_abort_seconds=1800 --run runs/cancelled --resume
as_plain runs/cancelled cancelled

# SLURM does not take it back: said so.
make_config once 0
once=$(sbatch --parsable --no-requeue --nodes=1 --ntasks-per-node=1 "$jobs/train.sbatch" once.yaml)
await 60 grep -q '^epoch 2' runs/once/run.log
scancel --batch --signal=USR1 "$once"
await 60 is_over "$once"
says "^SLURM does not take job $once back .*: submit it again with the same arguments" "mpiae-$once.log"

# An error does not go back into the queue.
broken=$(sbatch --parsable --nodes=1 --ntasks-per-node=1 "$jobs/train.sbatch" absent.yaml)
await 60 is_over "$broken"
if ! is "$broken" FAILED || ! restarts "$broken" 0; then fail "an error gives $(state "$broken")"; fi
says '^mpiae: error: absent.yaml' "mpiae-$broken.log"

# srun without PMIx: copies that do not know of each other are refused, in one sentence; a single one is none of them.
refused() {
  srun --ntasks=2 --mpi=none "$@" info glyphs.h5 >log 2>&1
  local status=$?
  if [ "$status" != 2 ]; then fail "srun without PMIx: exit status $status"; fi
  says '^mpiae: error: srun started 2 separate copies instead of 2 ranks: start it with '"$srun"', or with mpirun' log
  if [ "$(grep -c mpiae log)" != 1 ]; then fail "srun without PMIx is told $(grep -c mpiae log) times"; fi
}
refused "$mpiae"
# and where MPI starts all the same
refused env -u SLURM_STEP_ID -u SLURM_STEPID PMI_RANK=0 "$mpiae"
# MPICH's mpiexec would start its ranks by another srun, which waits for the CPUs of this one.
export HYDRA_LAUNCHER=fork
for launch in "srun --ntasks=1 --mpi=none" "$srun --ntasks=2" "srun --ntasks=1 --mpi=none ${mpirun[*]} -n 2"; do
  if ! $launch "$mpiae" info glyphs.h5 >log 2>&1; then
    fail "$launch"
    tail -n 5 log
  fi
done

finish
