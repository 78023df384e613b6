/* The begin and the end of a program of many ranks. */
#include "comm_state.h"

#include "mpiae/base/memory.h"
#include "mpiae/comm/launch.h"

#include <stdio.h>
#include <stdlib.h>

/* All ranks, node by node, the nodes in the order of their first ranks: rank 0 stays it. Tells also how many ranks share
 * this host's memory. */
static void order_by_node(const ae_comm *world, MPI_Comm *out) {
  MPI_Comm node;
  int ranks, first = world->rank;
  ae_comm_require(world, MPI_Comm_split_type(world->handle, MPI_COMM_TYPE_SHARED, first, MPI_INFO_NULL, &node),
                  "finding the ranks of a host");
  MPI_Comm_size(node, &ranks);
  ae_memory_share(ranks);
  ae_comm_require(world, MPI_Bcast(&first, 1, MPI_INT, 0, node), "finding the first rank of a host");
  MPI_Comm_free(&node);
  ae_comm_require(world, MPI_Comm_split(world->handle, 0, first, out), "numbering the ranks host by host");
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
  order_by_node(&world, &comm->handle);
  MPI_Comm_set_errhandler(comm->handle, MPI_ERRORS_RETURN);
  MPI_Comm_rank(comm->handle, &comm->rank);
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
