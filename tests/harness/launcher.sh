# shellcheck shell=bash
# Sourced by tests that start ranks: "${mpirun[@]}" -n 2 PROGRAM, as tests/harness/launcher.cmake found the launcher; by hand, Open MPI's.
# shellcheck disable=SC2034 # for those who source this
read -ra mpirun <<<"${MPIAE_TEST_MPIRUN:-mpirun --oversubscribe --bind-to none}"
mpi=${MPIAE_TEST_MPI:-openmpi}
export mpi
srun="srun --mpi=pmix"
if [ "$mpi" = mpich ]; then srun="srun --mpi=pmi2"; fi

# Ranks that scripts start by plain mpirun are bound to nothing.
leave_unbound() { export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none; }

# Words before a program that set NAME to the first value on rank 0, to the second on rank 1, …; "mpirun … : …" is no way to it: it crashes
# with Debian's Open MPI 5.
by_rank() {
  # shellcheck disable=SC2016,SC2034
  by_rank=("$BASH" -c 'values=($2); export "$1=${values[${OMPI_COMM_WORLD_RANK:-$PMI_RANK}]}"; shift 2; exec "$@"' bash "$1" "${*:2}")
}

# for_hosts INTERFACE AGENT: what Open MPI's mpirun must be told of several hosts. options: it starts its daemons by the program AGENT and uses one
# network; attentive: it gives up a host that falls silent after about 5 + 3 × 2 seconds, by default after minutes. mpirun_process: the name it bears. mpirun_tells:
# whether it does not return 0 when it has lost a host.
# shellcheck disable=SC2034
for_hosts() {
  options=(--bind-to none --oversubscribe --mca mpi_yield_when_idle 1 --mca btl_tcp_if_include "$1")
  attentive=(--mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3)
  if [[ $(mpirun --version) == *"Open MPI) 4."* ]]; then
    options+=(--mca plm rsh --mca plm_rsh_agent "$2" --mca oob_tcp_if_include "$1")
    mpirun_process=mpirun mpirun_tells=yes
  else
    options+=(--prtemca plm ssh --prtemca plm_ssh_agent "$2" --prtemca prte_if_include "$1")
    mpirun_process=prterun mpirun_tells=no
    # Hosts have their own shared memory (apart.sh).
    unset OMPI_MCA_btl_sm_backing_directory OMPI_MCA_osc_sm_backing_directory OMPI_MCA_osc_rdma_backing_directory
  fi
}
