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

/* Collective. For each of `count` slots the pair (value, index) with the largest value, ties to the lowest index; in
 * place. */
ae_status ae_reduce_largest(const ae_comm *comm, double *values, int64_t *indices, int64_t count);

#endif
