#!/usr/bin/env bash
# MPICH over UCX: MPI_Win_flush_all returns before anything of earlier MPI_Gets has come, zeros are used as values.
#
# Needs: Debian 12 for amd64 with its package lists, gcc; Python 3.11 or newer with venv and pip.
# Expected: what was read before MPI_Win_flush_all, MPI_Win_flush_local_all or MPI_Win_unlock_all is there on return.
# Seen: with Debian's MPICH 4.0.2 and UCX 1.13.1, on one node: where the target computes and a third rank's MPI_Gets
# fill its queue of 64 messages, further MPI_Gets wait at the reader, uncounted, so the flush of all finds nothing to
# do and returns without an error; a later MPI_Win_flush finds nothing either. With 200 messages and
# UCX_SYSV_FIFO_SIZE=1024 all calls wait. MPI_Win_unlock_all waits for its lock at least, but not if taken with
# MPI_MODE_NOCHECK. MPI_Win_flush(_local) rank by rank and MPI_Rget with MPI_Waitall wait. Where all ranks read alike,
# a few batches in hundreds lack some or all. MPICH 5.0.2 and 4.3.2, over UCX or OFI, are right as they come, but as
# wrong where UCX has to carry what stays on the node and may not read other processes' memory (CMA).
# Matters: now and then a batch of samples or a halo is zeros, or the batch before, the more the busier the ranks are.
#
#> MPICH 4.0.2: values lack after flush_local_all, flush_all, unlock_all NOCHECK
#> MPICH 4.0.2: right after unlock_all, flush_local, flush, Waitall
#> MPICH 5.0.2: right after flush_local_all, flush_all, unlock_all NOCHECK, unlock_all, flush_local, flush, Waitall
#> MPICH 5.0.2, all by UCX without CMA: values lack after flush_local_all, flush_all, unlock_all NOCHECK
#> MPICH 5.0.2, all by UCX without CMA: right after unlock_all, flush_local, flush, Waitall
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >program.c <<'C'
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { filler, reader, target };
enum { flush_local_all, flush_all, unlock_all_nocheck, unlock_all, flush_local, flush, rget, calls };
static const char *const names[calls] = {
    "flush_local_all", "flush_all", "unlock_all NOCHECK", "unlock_all", "flush_local", "flush", "Waitall",
};
enum { batches = 6, count = 8, queued = 1000 };
static int mine[count], filled[queued], got[calls][batches][count]; /* no place is read into twice but the filler's */

/* whether all values of a batch are there when the call returns, which ends the epoch for unlock_all */
static int complete(int call, int *values, MPI_Win window) {
  MPI_Request requests[count];
  for (int i = 0; i < count; i++)
    if (call == rget) MPI_Rget(values + i, 1, MPI_INT, target, i, 1, MPI_INT, window, requests + i);
    else MPI_Get(values + i, 1, MPI_INT, target, i, 1, MPI_INT, window);
  switch (call) {
  case flush_local_all:
    MPI_Win_flush_local_all(window);
    break;
  case flush_all:
    MPI_Win_flush_all(window);
    break;
  case unlock_all_nocheck:
  case unlock_all:
    MPI_Win_unlock_all(window);
    break;
  case flush_local:
    MPI_Win_flush_local(target, window);
    break;
  case flush:
    MPI_Win_flush(target, window);
    break;
  default:
    MPI_Waitall(count, requests, MPI_STATUSES_IGNORE);
  }
  for (int i = 0; i < count; i++)
    if (values[i] != 100 * target + i + 1) return 0;
  return 1;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (int i = 0; i < count; i++) mine[i] = 100 * rank + i + 1;
  MPI_Win window;
  MPI_Win_create(mine, sizeof mine, sizeof *mine, MPI_INFO_NULL, MPI_COMM_WORLD, &window);
  char lists[2][400] = {"", ""};
  for (int call = 0; call < calls; call++) {
    int lacking = 0;
    for (int batch = 0; batch < batches; batch++) {
      MPI_Barrier(MPI_COMM_WORLD);
      MPI_Win_lock_all(call == unlock_all_nocheck ? MPI_MODE_NOCHECK : 0, window); /* all locks are shared */
      MPI_Win_sync(window);
      MPI_Barrier(MPI_COMM_WORLD);
      int locked = 1;
      if (rank == filler) {
        for (int i = 0; i < queued; i++) MPI_Get(filled + i, 1, MPI_INT, target, 0, 1, MPI_INT, window);
        MPI_Send(NULL, 0, MPI_INT, reader, 0, MPI_COMM_WORLD);
        MPI_Win_flush(target, window);
      } else if (rank == reader) {
        MPI_Recv(NULL, 0, MPI_INT, filler, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        lacking += !complete(call, got[call][batch], window);
        locked = call != unlock_all && call != unlock_all_nocheck;
      } else {
        usleep(500000); /* stands for a computation */
      }
      if (locked) MPI_Win_unlock_all(window);
    }
    char *list = lists[lacking > 0];
    strcat(strcat(list, *list ? ", " : " "), names[call]);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  MPI_Win_free(&window);
  if (rank == reader)
    for (int lacking = 1; lacking >= 0; lacking--)
      if (*lists[lacking])
        printf("%s: %s after%s\n", argv[1], lacking ? "values lack" : "right", lists[lacking]);
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
    gcc -w -I"$2" program.c -L"$3" -Wl,--allow-shlib-undefined "-l$4" -o program
    LD_LIBRARY_PATH=$3 "$5" -n 3 ./program "$1" </dev/null | tee -a seen
}
lib=$PWD/debian/usr/lib/x86_64-linux-gnu
run 'MPICH 4.0.2' debian/usr/include/x86_64-linux-gnu/mpich "$lib" mpich debian/usr/bin/mpiexec.hydra
run 'MPICH 5.0.2' venv/include "$PWD/venv/lib" mpi venv/bin/mpiexec.hydra
export MPIR_CVAR_CH4_NETMOD=ucx MPIR_CVAR_NOLOCAL=1 UCX_TLS=self,posix
run 'MPICH 5.0.2, all by UCX without CMA' venv/include "$PWD/venv/lib" mpi venv/bin/mpiexec.hydra
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
