#!/usr/bin/env bash
# Runs a test with a directory of its own for shared memory. Open MPI 5 calls that of a run by 16 bits of a hash of its mpirun's process number:
# with six tests at a time two runs can have one name, and one of them hangs.
# usage: apart.sh COMMAND…
directory=$(mktemp -d /dev/shm/mpiae-XXXXXX) || exit
trap 'rm -rf "$directory"' EXIT
export OMPI_MCA_btl_sm_backing_directory=$directory OMPI_MCA_osc_sm_backing_directory=$directory OMPI_MCA_osc_rdma_backing_directory=$directory
"$@"
