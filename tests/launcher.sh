# shellcheck shell=bash
# Sourced by tests that start ranks: "${mpirun[@]}" -n 2 PROGRAM, as tests/launcher.cmake found the launcher; by hand, Open MPI's.
read -ra mpirun <<<"${MPIAE_TEST_MPIRUN:-mpirun --oversubscribe --bind-to none}"
mpi=${MPIAE_TEST_MPI:-openmpi}
export mpi
