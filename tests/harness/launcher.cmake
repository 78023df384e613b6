# The launcher of the tests, in one place: ${mpirun} is the list of words that starts ranks ("${mpirun} -n 2 PROGRAM"), and MPIAE_TEST_MPIRUN
# holds the same words for scripts (tests/harness/launcher.sh). MPIAE_TEST_MPI is openmpi, mpich, or other: what a test may expect of it.
set(launcher ${CMAKE_COMMAND} -E env)
set(quick_launcher "")
execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE version ERROR_VARIABLE version)
if(version MATCHES "Open MPI|OpenRTE|PRRTE|prte")
  set(MPIAE_TEST_MPI openmpi)
  # More ranks than cores, none bound; the same for runs that other scripts start by plain mpirun. Its parameters have the names OMPI_MCA_… up to
  # Open MPI 4 and PRTE_MCA_… from 5 on, and each passes by the other's.
  set(mpirun ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none)
  list(APPEND launcher OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMPI_MCA_mpi_yield_when_idle=1)
  set(unbound OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none)
  execute_process(COMMAND id -u OUTPUT_VARIABLE uid OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(uid STREQUAL "0")
    list(APPEND launcher OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
  endif()
  # Most of a start is Open MPI's search for networks and devices: nothing to most tests. Those of whole runs with USUAL, and those of the README, start
  # as users do.
  set(quick_launcher OMPI_MCA_pml=ob1 HWLOC_COMPONENTS=-gl,-pci,-linuxio)
elseif(version MATCHES "HYDRA")
  set(MPIAE_TEST_MPI mpich)
  set(mpirun ${MPIEXEC_EXECUTABLE})
  # Ranks that wait give their core to those they wait for: there are more ranks than cores.
  list(APPEND launcher MPIR_CVAR_POLLS_BEFORE_YIELD=1)
else()
  set(MPIAE_TEST_MPI other)
  set(mpirun ${MPIEXEC_EXECUTABLE})
endif()
list(JOIN mpirun " " words)
list(APPEND launcher MPIAE_TEST_MPI=${MPIAE_TEST_MPI} "MPIAE_TEST_MPIRUN=${words}")
list(PREPEND quick_launcher ${launcher})
if(version MATCHES "Open MPI\\) [5-9]")
  list(PREPEND launcher ${CMAKE_CURRENT_SOURCE_DIR}/harness/apart.sh)
  list(PREPEND quick_launcher ${CMAKE_CURRENT_SOURCE_DIR}/harness/apart.sh)
endif()
