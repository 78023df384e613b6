/* The begin and the end of a program of many ranks. */
#include "comm_state.h"

#include "mpiae/base/memory.h"
#include "mpiae/comm/launch.h"

#include <stdio.h>
#include <stdlib.h>

/* How many ranks are on this host. */
static void tell_memory(const ae_comm *comm) {
  MPI_Comm host;
  int ranks = 1;
  ae_comm_require(comm, MPI_Comm_split_type(comm->handle, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host),
                  "finding the ranks of a host");
  MPI_Comm_size(host, &ranks);
  MPI_Comm_free(&host);
  ae_memory_share(ranks);
}

/* Where there is no MPI to tell the others by: they wait for this rank, and the launcher ends them when it is gone. */
static _Noreturn void give_up(ae_status status) {
  fprintf(stderr, "mpiae: error: %s\n", ae_error_message(status));
  exit((int)ae_error_code(status));
}

ae_status ae_comm_create(int *argc, char ***argv, ae_comm **out) {
  *out = NULL;
  /* Open MPI's ucx component for one-sided communication returns wrong values over TCP without an error. */
  setenv("OMPI_MCA_osc", "^ucx", 0);
  int provided;
  AE_RETURN_IF(ae_launch_check(0));
  ae_launch_prepare();
  if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    give_up(AE_FAIL(AE_INTERNAL, "MPI did not start"));
  ae_comm *comm, world = {.handle = MPI_COMM_WORLD};
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &world.size);
  ae_status status = AE_NEW(comm, 1);
  if (status != AE_OK) ae_comm_abort(&world, status); /* the other ranks wait already */
  *comm = world;
  ae_comm_require(&world, MPI_Comm_dup(MPI_COMM_WORLD, &comm->handle), "making a second communicator of all ranks");
  MPI_Comm_set_errhandler(comm->handle, MPI_ERRORS_RETURN);
  tell_memory(comm);
  status = ae_launch_check(comm->size);
  if (status == AE_OK) ae_lifeline_start(comm, &comm->lifeline);
  if (status == AE_OK) *out = comm;
  else ae_comm_destroy(&comm);
  return status;
}

void ae_comm_destroy(ae_comm **comm) {
  if (*comm == NULL) return;
  ae_lifeline_stop(&(*comm)->lifeline);
  MPI_Comm_free(&(*comm)->handle);
  AE_FREE(*comm);
  ae_launch_keep_libraries();
  MPI_Finalize();
}
