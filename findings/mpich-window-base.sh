#!/usr/bin/env bash
# MPICH of Debian 12: a window is taken to begin at the last multiple of 16 bytes, values are read from before it.
#
# Needs: Debian 12 for amd64 with its package lists, gcc; Python 3.11 or newer with venv and pip.
# Expected: MPI_Get and MPI_Put at 0 mean the first element given to MPI_Win_create. The standard lets a window begin
# anywhere in memory; aligned ones may only be faster.
# Seen: MPICH 4.0.2 with UCX 1.13.1 replaces the window's base by the address that UCX maps, a multiple of 16, also in
# the attribute MPI_WIN_BASE. MPI_Get reads and MPI_Put overwrites what lies before the window; neither returns an
# error. MPICH 4.0.3 lists it as mended; 5.0.2 is right, over UCX too.
# Matters: a window over a part of an array, a mapped file or a numpy slice gives shifted values or writes outside,
# while whole arrays from malloc are aligned and right; windows for this version must begin at multiples of 16.
#
#> MPICH 4.0.2: window from element 16 of int32: base 16, MPI_Get gives 16, MPI_Put changes 16
#> MPICH 4.0.2: window from element 17 of int32: base 16, MPI_Get gives 16, MPI_Put changes 16
#> MPICH 4.0.2: window from element 18 of int32: base 16, MPI_Get gives 16, MPI_Put changes 16
#> MPICH 4.0.2: window from element 19 of int32: base 16, MPI_Get gives 16, MPI_Put changes 16
#> MPICH 4.0.2: window from element 20 of int32: base 20, MPI_Get gives 20, MPI_Put changes 20
#> MPICH 5.0.2: window from element 16 of int32: base 16, MPI_Get gives 16, MPI_Put changes 16
#> MPICH 5.0.2: window from element 17 of int32: base 17, MPI_Get gives 17, MPI_Put changes 17
#> MPICH 5.0.2: window from element 18 of int32: base 18, MPI_Get gives 18, MPI_Put changes 18
#> MPICH 5.0.2: window from element 19 of int32: base 19, MPI_Get gives 19, MPI_Put changes 19
#> MPICH 5.0.2: window from element 20 of int32: base 20, MPI_Get gives 20, MPI_Put changes 20
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >program.c <<'C'
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  static _Alignas(64) int32_t array[64];
  for (int first = 16; first <= 20; first++) {
    for (int i = 0; i < 64; i++) array[i] = i;
    MPI_Win window;
    MPI_Win_create(array + first, 8 * sizeof *array, sizeof *array, MPI_INFO_NULL, MPI_COMM_WORLD, &window);
    MPI_Win_fence(0, window);
    int32_t got = -1, put = -2;
    if (rank == 0) MPI_Get(&got, 1, MPI_INT32_T, 1, 0, 1, MPI_INT32_T, window);
    MPI_Win_fence(0, window);
    if (rank == 0) MPI_Put(&put, 1, MPI_INT32_T, 1, 0, 1, MPI_INT32_T, window);
    MPI_Win_fence(0, window);
    int32_t *base, changed = -1;
    int found;
    MPI_Win_get_attr(window, MPI_WIN_BASE, &base, &found);
    MPI_Win_free(&window);
    for (int i = 0; i < 64; i++)
      if (array[i] == put) changed = i;
    MPI_Bcast(&got, 1, MPI_INT32_T, 0, MPI_COMM_WORLD);
    if (rank == 1)
      printf("%s: window from element %d of int32: base %d, MPI_Get gives %d, MPI_Put changes %d\n", argv[1], first,
             (int)(base - array), got, changed);
  }
  MPI_Finalize();
}
C
apt-get -qq -o APT::Sandbox::User=root download libmpich12=4.0.2-3+b1 libmpich-dev=4.0.2-3+b1 mpich=4.0.2-3+b1 \
    libucx0=1.13.1-1 libhwloc15=2.9.0-1 libslurm38=22.05.8-4+deb12u3 libnuma1=2.0.16-1
for package in *.deb; do
    dpkg -x "$package" debian
done
python3 -m venv venv
venv/bin/pip install --quiet 'mpich==5.0.2'
unset "${!MPIR_CVAR_@}" "${!UCX_@}"
# run NAME INCLUDE LIBRARIES LIBRARY LAUNCHER
run() {
    gcc -I"$2" program.c -L"$3" -Wl,--allow-shlib-undefined "-l$4" -o program
    LD_LIBRARY_PATH=$3 "$5" -n 2 ./program "$1" </dev/null | tee -a seen
}
lib=$PWD/debian/usr/lib/x86_64-linux-gnu
run 'MPICH 4.0.2' debian/usr/include/x86_64-linux-gnu/mpich "$lib" mpich debian/usr/bin/mpiexec.hydra
export MPIR_CVAR_CH4_NETMOD=ucx MPIR_CVAR_NOLOCAL=1 # to let UCX carry what stays on one node
run 'MPICH 5.0.2' venv/include "$PWD/venv/lib" mpi venv/bin/mpiexec.hydra
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
