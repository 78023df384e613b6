#!/usr/bin/env bash
# Whole runs on four hosts: the same bits as on one; a host that is lost ends the job, which goes on without it; files
# that not every host has.
# usage: test_hosts.sh MPIAE DIRECTORY_OF_TESTS
# shellcheck source=tests/harness/hosts.sh
. "$(dirname "$0")/../harness/hosts.sh"
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"
tests=$(realpath "$2")
start_hosts "$scratch/hosts" 4
four=host0,host1,host2,host3
two=host0:2,host1:2
uneven=host0:3,host1

# done_on PLACES ARGUMENTS…
done_on() {
  if ! across "$1" "$mpiae" "${@:2}" >log 2>&1 </dev/null; then
    fail "mpiae ${*:2} on $1"
    tail -15 log
  fi
}

# refused_on PLACES STATUS PART ARGUMENTS…: one message
refused_on() {
  across "$1" "$mpiae" "${@:4}" >log 2>&1 </dev/null
  local status=$?
  if [ "$status" != "$2" ]; then fail "mpiae ${*:4}: exit status $status, not $2"; fi
  if [ "$(grep -c '^mpiae: ' log)" != 1 ] || ! grep '^mpiae: error: ' log | grep -qF -- "$3"; then
    fail "mpiae ${*:4}: not one message with '$3'"
    tail -15 log
  fi
}

# The parts: reductions, exchange, one-sided communication; files.
part() {
  if ! across "$1" "$tests/$2" >log 2>&1 </dev/null; then
    fail "$2 on $1"
    grep -B 3 -A 3 'ERROR' log | head -20
  fi
}
part "$four" test_comm
part "$two" test_comm
part "$uneven" test_comm
for places in "$four" "$two" "$uneven"; do part "$places" test_exchange; done
part "$four" test_h5

# The same bits as on one host; exemplars come from other hosts.
on 1 synth glyphs --count 1503 --out glyphs.h5
printf 'model: vhe\ndata: {train: glyphs.h5, shards: 8}\ntrain: {batch_size: 60, epochs: 2}\nnetwork: {hidden: [48, 32], latent_size: 6}\nkmeans: {clusters: 7}\n' >vhe.yaml
printf 'model: vae\ndata: {train: glyphs.h5, shards: 8}\ntrain: {batch_size: 60, epochs: 1}\nnetwork: {hidden: [48], latent_size: 6}\n' >vae.yaml
for kind in "vhe 52 2" "vae 26 1"; do
  read -r model steps epoch <<<"$kind"
  on 1 train "$model.yaml" --run "$model-1"
  done_on "$four" train "$model.yaml" --run "$model-four"
  done_on "$two" train "$model.yaml" --run "$model-two"
  done_on "$uneven" train "$model.yaml" --run "$model-uneven"
  for run in "$model-four" "$model-two" "$model-uneven"; do
    equal "$model-1/checkpoint-0000000$steps.h5" "$run/checkpoint-0000000$steps.h5"
    equal "$model-1/codes-00000$epoch.h5" "$run/codes-00000$epoch.h5"
    equal_metrics "$model-1" "$run"
  done
done
# Through host0's interface go the gradients whose owners are elsewhere, and the parameters that they send back, once each:
# runs that differ by 100 steps tell.
# shellcheck disable=SC2016
passed() { at host0 awk '$1 == "eth0:" { print $2 + $10 }' /proc/net/dev; }
wide=(train vae.yaml train.batch_size=12 "network.hidden=[256]" output.codes=none)
before=$(passed)
done_on "$two" "${wide[@]}" train.steps=20 --run twenty
middle=$(passed)
done_on "$two" "${wide[@]}" train.steps=120 --run hundred-twenty
parameters=$(sed -n 's/^vae: \([0-9]*\) parameters.*/\1/p' log)
if ! awk -v one=$((middle - before)) -v two=$(($(passed) - middle)) -v parameters="$parameters" 'BEGIN {
  bytes = (two - one) / 100
  least = 2 * 4 * parameters
  printf "%.2f MB a step through host0, %.3f times the least\n", 1e-6 * bytes, bytes / least
  exit !(bytes >= least && bytes <= 1.1 * least)
}'; then fail "bytes between hosts"; fi

ran_on() {
  if ! "$mpiae" info "$1" 2>/dev/null | grep "/provenance:hosts *$2\$" >/dev/null; then fail "the hosts of $1 are not $2"; fi
}
ran_on vhe-four "host0 host1 host2 host3"
ran_on vhe-two "host0 host1"
done_on "$four" encode vhe-1 glyphs.h5 --out codes-four.h5
on 1 encode vhe-1 glyphs.h5 --out codes-1.h5
equal codes-1.h5 codes-four.h5

# A host without room in /dev/shm counts as one for each of its ranks.
at host0 mount -o remount,size=16m /dev/shm
done_on "$two" train vae.yaml --run vae-full
equal vae-1/checkpoint-000000026.h5 vae-full/checkpoint-000000026.h5
grep -q 'between 3 shared-memory domains' vae-full/run.log || fail "vae-full: $(grep domain vae-full/run.log)"
at host0 mount -o remount,size=50% /dev/shm

# finds FAULTS LAUNCHER…: mpiae doctor
finds() {
  local found
  across "${@:2}" "$mpiae" doctor >log 2>&1 </dev/null
  found=$(sed -n 's/^MEND  \(.\{14\}\) .*/\1/p' log | sed 's/ *$//' | paste -sd ,)
  if [ "$found" != "$1" ]; then
    fail "doctor on ${*:2} finds '$found', not '$1'"
    cat log
  fi
}
says() { if ! grep -q "$1" log; then fail "doctor does not say '$1'"; fi; }
finds "" "$four"
says '^ok    launch *4 ranks on 4 hosts$'
says '^ok    network *host0 to host1: [0-9]* us, [0-9]* MB/s$'
says '^ok    locks *heeded by the other hosts too$'
finds "binding" "$two"
says "the 2 ranks on host0 are bound to no core"
at host0 mount -o remount,size=40m /dev/shm
finds "binding,shared memory" host0:2
says "/dev/shm on host0 has [0-9]* MB to spare, and 2 ranks .*mount -o remount,size=1g /dev/shm"
mkdir narrow
at host0 mount -t tmpfs -o size=64m narrow narrow
at host0 env -C narrow "$mpiae" doctor >log 2>&1 </dev/null
if [ $? != 3 ]; then fail "doctor in a narrow place ends well"; fi
says "^MEND  room *6[0-9] MB are free in this directory: .*free some"

# Seconds that ranks on these hosts live from now on.
lifetime_on() {
  local begun=$SECONDS
  for host; do
    until [ -z "$(ranks_on "$host")" ] || [ $((SECONDS - begun)) -gt 99 ]; do sleep 0.2; done
  done
  echo $((SECONDS - begun))
}

many=(train.epochs=3 checkpoint.every_steps=13 checkpoint.keep=2 output.codes=none)
on 1 train vhe.yaml "${many[@]}" --run whole

# begin NAME COMMAND…: starts such a run on all hosts, through the command where there is one; returns in the middle of
# its first epoch, with $job
begin() {
  local latest=$((SECONDS + 200))
  across "$four" "${@:2}" "$mpiae" train vhe.yaml "${many[@]}" --run "$1" >log 2>&1 </dev/null &
  job=$!
  until [ -e "$1/checkpoint-000000013.h5" ] || [ "$SECONDS" -gt "$latest" ]; do sleep 0.01; done
  for host in host0 host1 host2 host3; do
    if [ "$(ranks_on "$host" | wc -l)" != 1 ]; then fail "$1: there is no rank on $host to lose"; fi
  done
}

is_whole() {
  equal whole/checkpoint-000000078.h5 "$1/checkpoint-000000078.h5"
  equal_metrics whole "$1"
}

# lose NAME PLACES COMMAND HOST: the command takes the host from the run, which must end within 30 seconds, on that host
# too, and go on to the end on the places left
lose() {
  local name=$1 left=$2 clock lost status
  begin "$name"
  "$3" "$4"
  lost=$SECONDS
  lifetime_on "$4" >lifetime &
  clock=$!
  wait "$job"
  status=$?
  lost=$((SECONDS - lost))
  wait "$clock"
  # Open MPI 5's mpirun does not wait for the ranks.
  lifetime_on host0 host1 host2 host3 >all
  if [ "$(<all)" -gt 30 ]; then fail "$name: the other ranks lived for $(<all) s more"; fi
  echo "$name: status $status after $lost s; ranks of $4 lived for $(<lifetime) s; $(cd "$name" && echo checkpoint-*)"
  if [ "$status" = 0 ] && [ "$mpirun_tells" = yes ]; then fail "$name ended well"; fi
  if grep '^done: ' log; then fail "$name is done"; fi
  if [ "$lost" -gt 30 ]; then fail "$name lasted $lost s without a host"; fi
  if [ "$(<lifetime)" -gt 30 ]; then fail "$name: ranks of $4 lived for $(<lifetime) s alone"; fi
  if [ "$(grep -c '^mpiae: ' log)" -gt 1 ]; then
    fail "$name: more than one message"
    tail -15 log
  fi
  if [ -e "$name/checkpoint-000000078.h5" ]; then fail "$name lost no host"; fi
  done_on "$left" train vhe.yaml "${many[@]}" --run "$name" --resume
  if ! grep -q '^going on ' log; then fail "$name did not go on"; fi
  is_whole "$name"
}
lose unreachable host0,host1,host3 cut_off host2
join_again host2

# bereave NAME COMMAND…: after the command all ranks end by themselves
bereave() {
  local name=$1 lifetime
  "${@:2}"
  lifetime=$(lifetime_on host0 host1 host2 host3)
  echo "$name: ranks lived for $lifetime s"
  if [ "$lifetime" -gt 30 ]; then fail "$name: ranks lived for $lifetime s"; fi
  if [ -e "$name/checkpoint-000000078.h5" ]; then fail "$name lost nothing"; fi
  kill_mpirun "$job"
  wait "$job"
}
# mpirun does not look whether hosts are there
usual=("${attentive[@]}") attentive=()
begin silent
bereave silent cut_off host2
if [ "$(grep '^mpiae: ' log)" != "mpiae: error: rank 2 on host2 has ended or can no longer be reached, so the run is over" ]; then
  fail "silent: another message"
  tail -15 log
fi
join_again host2
# shellcheck disable=SC2016
begin orphaned sh -c '"$@"; true' sh
bereave orphaned kill_mpirun "$job"

# A rank that is held up and a cable that is pulled out for a moment end nothing.
begin patient
held=$(ranks_on host2)
kill -STOP "$held"
sleep 20
kill -CONT "$held"
cut_off host2
sleep 8
join_again host2
if [ -e patient/checkpoint-000000078.h5 ]; then fail "patient was not held up"; fi
if ! wait "$job"; then
  fail "patient did not end well"
  tail -15 log
fi
is_whole patient
attentive=("${usual[@]}")

# Files that not every host has: said at once, in one message.
mkdir private
each() { for host in host0 host1 host2 host3; do at "$host" "$@" || fail "$* on $host"; done; }
each mount -t tmpfs private private
at host0 cp -r glyphs.h5 vae-1 private
absent="rank 1 on host1 cannot open private/glyphs.h5: No such file or directory; every host must see the same directory"
refused_on "$four" 3 "$absent" train vae.yaml data.train=private/glyphs.h5 --run absent
refused_on "$four" 3 "$absent" train vae.yaml data.train=private/glyphs.h5:/x --run absent
refused_on "$four" 3 "rank 1 on host1 cannot open private/vae-1/checkpoint-000000026.h5" encode private/vae-1 glyphs.h5 --out codes.h5
refused_on "$four" 3 "rank 1 on host1 cannot open private/codes.h5.partial" encode vae-1 glyphs.h5 --out private/codes.h5
refused_on "$four" 3 "rank 1 on host1 does not see run directory private/vae-1 as rank 0 has it" train vae.yaml train.epochs=2 --run private/vae-1 --resume
at host0 mv private/glyphs.h5 private/moved.h5
at host3 cp glyphs.h5 private
refused_on "$four" 3 "cannot open private/glyphs.h5: No such file" train vae.yaml data.train=private/glyphs.h5 --run absent
# a copy on every host, where nothing can be written, is as good as a shared one
each cp glyphs.h5 private
on 1 synth glyphs --count 1400 --out other.h5
each mount -o remount,bind,ro private
done_on "$four" train vae.yaml data.train=private/glyphs.h5 --run copies
if [ -n "$(h5diff vae-1/checkpoint-000000026.h5 copies/checkpoint-000000026.h5 /parameters 2>&1)" ]; then fail "copies of the data give another model"; fi
each mount -o remount,bind,rw private
at host2 cp other.h5 private/glyphs.h5
refused_on "$four" 3 "rank 2 on host2 sees another private/glyphs.h5" train vae.yaml data.train=private/glyphs.h5 --run other

lose dead host0,host1,host2 kill_host host3

finish
