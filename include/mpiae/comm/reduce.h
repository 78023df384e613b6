/* The reproducible reduction of float64 vectors: contributions of shards summed along the tree of tree.h, the
 * result on every rank, the same bits for any number of ranks. Gradients take the same tree (exchange.h). */
#ifndef MPIAE_COMM_REDUCE_H
#define MPIAE_COMM_REDUCE_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"

/* Collective. `values` is (own shards, width), row-major, one row per own shard in order; destroyed. `sum` gets width
 * numbers. A shard with nothing to give passes zeros; a rank without shards any pointer. Errors: AE_INTERNAL when
 * memory is short. */
ae_status ae_reduce_sum(const ae_comm *comm, const ae_shards *shards, double *values, int64_t width, double *sum);

/* Collective. Sums of int64 over ranks, in place: exact, so order does not matter. */
void ae_reduce_integers(const ae_comm *comm, int64_t *values, int64_t count);

/* Something with a number, and how good it is. */
typedef struct ae_ranked {
  double value;
  int64_t index;
} ae_ranked;

/* Local. Order of qsort: the largest value first, ties to the lowest index. */
int ae_ranked_compare(const void *a, const void *b);

/* Collective. The first `count` ≥ 1 of all ranks' pairs, in place: each rank gives `count` of its own in order, and
 * fills up with pairs that are to come last. Memory and messages are of `count` pairs for any number of ranks. Errors:
 * AE_INTERNAL when the count is too large for a message. */
ae_status ae_reduce_first(const ae_comm *comm, ae_ranked *pairs, int64_t count);

#endif
