/* Exact quantiles of columns spread over all ranks, without gathering them. */
#ifndef MPIAE_CLUSTER_QUANTILES_H
#define MPIAE_CLUSTER_QUANTILES_H

#include "mpiae/comm/comm.h"

/* Collective. rows: (own_count, dim) of this rank; N = all ranks' rows together. out: (count, dim), equal on all ranks:
 * for each of `count` probabilities (the same on all ranks, not NaN (asserted)) and each column the value of rank
 * ⌊p·N⌋, counted from 0 and clamped to [0, N − 1], in ascending order: the column's minimum for p = 0, its maximum for
 * p = 1, always a value that occurs. −0 counts as 0. Bisection on the order of float32 values: 32 rounds, each one sum
 * of count·dim integers over the ranks. The same bits however rows are dealt.
 * Errors: AE_DATA when N = 0 or a value is not finite (names the lowest such row, in order of ranks, and column);
 * AE_INTERNAL without memory. */
ae_status ae_quantiles_find(const ae_comm *comm, const float *rows, int64_t own_count, int64_t dim,
                            const double *probabilities, int count, float *out);

#endif
