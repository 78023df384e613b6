/* The gradient exchange on the nodes of a simulated network (SimGrid's SMPI): milliseconds of a step, in which nothing is
 * hidden and computing takes no time. Or, with every rank for a node, as it was in one level; or MPI_Allreduce.
 * usage: simulate_exchange levels|level|allreduce RANKS_PER_NODE FLOATS BUCKETS; tools/bench/simulate builds and starts it.
 *
 * All ranks live in one process. SMPI's own windows of shared memory are of equal size; these are not. */
#include "comm_state.h"

#include "mpiae/base/memory.h"
#include "mpiae/comm/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int per_node;

int simulated_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out);
int simulated_allocate_shared(MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm comm, void *base, MPI_Win *window);
int simulated_shared_query(MPI_Win window, int rank, MPI_Aint *bytes, int *unit, void *base);

int simulated_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out) {
  int rank;
  (void)type, (void)info;
  MPI_Comm_rank(comm, &rank);
  return MPI_Comm_split(comm, rank / per_node, key, out);
}

/* A process has one window at a time: pieces of its node's ranks. */
static char **piece;

int simulated_allocate_shared(MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm comm, void *base, MPI_Win *window) {
  int ranks, rank;
  char *own = calloc((size_t)bytes, 1);
  MPI_Comm_size(comm, &ranks);
  MPI_Comm_rank(comm, &rank);
  piece = malloc((size_t)ranks * sizeof *piece);
  MPI_Allgather(&own, sizeof own, MPI_BYTE, piece, sizeof own, MPI_BYTE, comm);
  *(char **)base = own;
  return MPI_Win_create(own, bytes, unit, info, comm, window);
}

int simulated_shared_query(MPI_Win window, int rank, MPI_Aint *bytes, int *unit, void *base) {
  (void)window, (void)bytes, (void)unit;
  *(char **)base = piece[rank];
  return MPI_SUCCESS;
}

static void step(ae_exchange *exchange, int buckets) {
  double terms[1] = {0}, sums[1];
  ae_control control = {.terms = terms, .sums = sums};
  ae_exchange_need(exchange, buckets - 1);
  for (int b = buckets - 1; b >= 0; b--) ae_exchange_start(exchange, b);
  ae_exchange_reduce(exchange);
  ae_exchange_control(exchange, &control);
  ae_exchange_publish(exchange);
  ae_exchange_settle(exchange);
}

static double time_exchange(const ae_comm *comm, int64_t floats, int buckets, ae_exchange_way way) {
  enum { STEPS = 3 };
  int64_t border[64] = {0};
  ae_shards shards;
  ae_exchange *exchange;
  for (int b = 1; b <= buckets; b++) border[b] = floats / AE_BLOCK * b / buckets * AE_BLOCK;
  if (ae_shards_init(&shards, comm->size, comm->size, comm->rank, comm->size) != AE_OK ||
      ae_exchange_create(comm, &shards, border, buckets, 1, way, &exchange) != AE_OK)
    exit(1);
  step(exchange, buckets);
  MPI_Barrier(MPI_COMM_WORLD);
  const double begun = MPI_Wtime();
  for (int i = 0; i < STEPS; i++) step(exchange, buckets);
  MPI_Barrier(MPI_COMM_WORLD);
  const double seconds = (MPI_Wtime() - begun) / STEPS;
  ae_exchange_destroy(&exchange);
  return 1e3 * seconds;
}

static double time_all_reduce(int64_t floats) {
  float *gradient = calloc((size_t)floats, sizeof *gradient);
  MPI_Barrier(MPI_COMM_WORLD);
  const double begun = MPI_Wtime();
  MPI_Allreduce(MPI_IN_PLACE, gradient, (int)floats, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Barrier(MPI_COMM_WORLD);
  const double seconds = MPI_Wtime() - begun;
  free(gradient);
  return 1e3 * seconds;
}

int main(int argc, char **argv) {
  ae_comm comm = {.handle = MPI_COMM_WORLD};
  double found;
  if (argc != 5) return 2;
  per_node = atoi(argv[2]);
  const int64_t floats = atoll(argv[3]);
  const int buckets = atoi(argv[4]);
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &comm.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &comm.size);
  if (strcmp(argv[1], "levels") == 0) found = time_exchange(&comm, floats, buckets, AE_EXCHANGE_BEST);
  else if (strcmp(argv[1], "level") == 0) found = time_exchange(&comm, floats, buckets, AE_EXCHANGE_MESSAGES);
  else found = time_all_reduce(floats);
  if (comm.rank == 0) printf("%.2f\n", found);
  MPI_Finalize();
  return 0;
}
