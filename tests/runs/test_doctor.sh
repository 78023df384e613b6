#!/usr/bin/env bash
# mpiae doctor: each fault is produced, and must be named with its remedy.
# usage: test_doctor.sh MPIAE LOCKS_LIBRARY [OTHER_VERSION_LIBRARY]
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"
locks=$(realpath "$2")
other_version=${3:+$(realpath "$3")}
chmod 755 .
cores=$(lscpu -p=core,socket | grep -v '^#' | sort -u | wc -l)
checks="launch binding threads BLAS convolutions shared memory one-sided network files locks room "

contents() { find . -mindepth 1 ! -name out ! -name err | sort; }

# doctor STATUS FAULTS LAUNCHER…: must find these faults and no others, and leave nothing behind
doctor() {
  local expected=$1 faults=$2 found status before
  shift 2
  before=$(contents)
  timeout 60 "$@" "$mpiae" doctor >out 2>err </dev/null
  status=$?
  if [ "$status" != "$expected" ]; then fail "$*: exit status $status, not $expected"; fi
  found=$(sed -n 's/^MEND  \(.\{14\}\) .*/\1/p' out | sed 's/ *$//' | paste -sd ,)
  if [ "$found" != "$faults" ]; then
    fail "$*: found '$found', not '$faults'"
    cat out err
  fi
  if [ "$(sed 's/^.\{6\}\(.\{14\}\) .*/\1/; s/ *$//' out | tr '\n' ' ')" != "$checks" ]; then fail "$*: not every check, once"; fi
  if [ "$expected" = 0 ] && grep -q '^mpiae: ' err; then fail "$*: a message"; fi
  if [ "$expected" != 0 ] && [ "$(grep -c "^mpiae: error: to mend: ${faults//,/, }; " err)" != 1 ]; then fail "$*: not one message"; fi
  if [ "$(contents)" != "$before" ]; then fail "$*: left $(contents)"; fi
}

# says CHECK PART…: in the line of that check
says() {
  local line
  line=$(grep -m 1 "^[a-zA-Z]* *$1 " out)
  for part in "${@:2}"; do
    if [[ $line != *"$part"* ]]; then fail "'$line' does not hold '$part'"; fi
  done
}

# no fault
one=("${mpirun[@]}" -n 1)
doctor 0 "" env
doctor 0 "" "${one[@]}"
says launch "1 rank on 1 host"
says locks "heeded"
says BLAS "$("$mpiae" --version | sed -n 's/^BLAS *\(.*\), core .*/\1/p')" "kernels '$("$mpiae" --version | sed -n 's/^BLAS .*, core \(.*\)/\1/p')'"
says convolutions "$("$mpiae" --version | sed -n 's/^images *//p')"

# Ranks exchange models there: with less, what several find is not only what they are made to find.
if [ "$(df --output=avail -k /dev/shm | tail -n 1)" -lt 131072 ]; then
  echo "/dev/shm has less than 128 MB to spare: tried with one rank only"
  finish
fi

# more ranks than cores, on a part of the machine as on all of it
first=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')
narrow=(taskset -c "$first" "${mpirun[@]}")
doctor 2 "binding" "${narrow[@]}" -n 3
says binding "3 ranks on $(hostname) have 1 core between them" "start at most 1 there"
if [ "$cores" -ge 2 ]; then
  doctor 0 "" "${mpirun[0]}" --bind-to core --map-by core -n 2
  says binding "2 ranks on 2 cores"
  doctor 2 "binding" "${mpirun[0]}" --bind-to none -n 2
  says binding "the 2 ranks on $(hostname) are bound to no core" "mpirun --bind-to core --map-by core"
fi

# threads that libraries would start
doctor 2 "threads" "${one[@]}" env OMP_NUM_THREADS=9999
says threads "OMP_NUM_THREADS=9999 on each of 1 rank" "set OMP_NUM_THREADS=1"
doctor 2 "binding,threads" "${narrow[@]}" -n 2 env OPENBLAS_NUM_THREADS=2
says threads "asks for 4 threads on 1 core" "set OPENBLAS_NUM_THREADS=1"

# a world that is not what was asked for
doctor 2 "launch" "${one[@]}" env SLURM_NTASKS=4
says launch "1 rank started, but SLURM_NTASKS is 4" "$srun"
doctor 0 "" "${one[@]}" env SLURM_NTASKS=1

# libraries of another age on another host
if [ -n "$other_version" ]; then
  by_rank LD_PRELOAD libm.so.6 "$other_version" # the first has that anyway
  doctor 2 "binding,convolutions" "${narrow[@]}" -n 2 "${by_rank[@]}"
  says convolutions "rank 1 on $(hostname) has oneDNN 9.8.7, rank 0 oneDNN " "load the same modules"
fi

# kernels: of other processors, of another time
if "$mpiae" --version | grep '^BLAS *OpenBLAS ' >/dev/null && grep -qm 1 'flags.* avx2 ' /proc/cpuinfo; then
  doctor 2 "BLAS" "${one[@]}" env OPENBLAS_CORETYPE=Nehalem
  says BLAS "runs its kernels 'Nehalem'" "set OPENBLAS_CORETYPE="
  by_rank OPENBLAS_CORETYPE Haswell Nehalem
  doctor 2 "binding,BLAS" "${narrow[@]}" -n 2 "${by_rank[@]}"
  says BLAS "rank 1 on $(hostname) has the kernels 'Nehalem', rank 0 'Haswell'" "set OPENBLAS_CORETYPE=Nehalem for all"
  by_rank OPENBLAS_CORETYPE Zen Haswell
  doctor 2 "binding,BLAS" "${narrow[@]}" -n 2 "${by_rank[@]}"
  says BLAS "rank 1 on $(hostname) has the kernels 'Haswell', rank 0 'Zen'" "set OPENBLAS_CORETYPE=Haswell for all"
fi

# locks: none; off; granted to all
doctor 3 "locks" "${one[@]}" env LD_PRELOAD="$locks" MPIAE_LOCKS=fail
says locks "flock: No locks available" "set HDF5_USE_FILE_LOCKING=FALSE"
doctor 0 "" "${one[@]}" env LD_PRELOAD="$locks" MPIAE_LOCKS=fail HDF5_USE_FILE_LOCKING=FALSE
says locks "off, by HDF5_USE_FILE_LOCKING"
doctor 2 "binding,locks" "${narrow[@]}" -n 2 env LD_PRELOAD="$locks" MPIAE_LOCKS=all
says locks "a lock of rank 0 does not keep out rank 1" "Lustre: flock"

# another user: a directory without permission
mkdir closed
chmod 555 closed
other=(env) reachable=$mpiae
if [ "$(id -u)" = 0 ]; then
  other=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp TMPDIR=/tmp)
  # the build may stand where no other user may go
  reachable=$scratch/mpiae
  install -m 755 "$mpiae" "$reachable"
fi
finds_closed() {
  timeout 60 "${other[@]}" sh -c 'cd closed && exec "$@"' sh "${one[@]}" "$reachable" doctor >out 2>err </dev/null
  local status=$?
  if [ "$status" != 3 ]; then fail "a closed directory: exit status $status"; fi
  says files "Permission denied" "the directory must exist and allow writing"
  says locks "not tried"
  if [ "$(grep -c '^MEND' out)" != 1 ] || [ "$(grep -c '^mpiae: ' err)" != 1 ]; then fail "a closed directory: not one fault"; fi
}
finds_closed

finish
