#!/usr/bin/env bash
# MPICH: mpiexec returns the bitwise OR of the ranks' exit codes, a number that no rank said.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: the code of one of the ranks, as with Open MPI.
# Seen: codes 1 and 2 give 3; codes 3 and 5 give 7; codes 64 and 7 give 71. Every rank had finalized MPI.
# Matters: job scripts that act on codes (say 3 "out of time, run me again", 4 "bad input") take a wrong branch; codes
# of a program meant for MPICH are safe only if all ranks agree on one, or if each meaning has a bit of its own.
#
#> MPICH 5.0.2: ranks end with 1 2, mpiexec with 3
#> MPICH 5.0.2: ranks end with 3 5, mpiexec with 7
#> MPICH 5.0.2: ranks end with 64 7, mpiexec with 71
#> MPICH 5.0.2: ranks end with 5 0, mpiexec with 5
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'mpich==5.0.2' 'mpi4py==4.1.2'
cat >program.py <<'PY'
import sys
from mpi4py import MPI
rank = MPI.COMM_WORLD.rank
MPI.COMM_WORLD.Barrier()
MPI.Finalize()
sys.exit(int(sys.argv[1 + rank]))
PY
for codes in '1 2' '3 5' '64 7' '5 0'; do
    code=0
    # shellcheck disable=SC2086 # one word a rank
    venv/bin/mpiexec -n 2 venv/bin/python program.py $codes </dev/null >/dev/null 2>&1 || code=$?
    echo "MPICH 5.0.2: ranks end with $codes, mpiexec with $code" | tee -a seen
done
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
