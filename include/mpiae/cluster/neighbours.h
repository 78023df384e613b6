/* Exact nearest neighbours over all ranks, and the classifier they make. */
#ifndef MPIAE_CLUSTER_NEIGHBOURS_H
#define MPIAE_CLUSTER_NEIGHBOURS_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"

/* Collective. rows: (own examples, dim). For every own example the global numbers of the `count` ≥ 1 nearest other
 * examples by Euclidean distance, never its own: nearest first, ties to the lowest number, −1 where there are fewer.
 * neighbour: (own examples, count), out. distance: NULL on all ranks, or (own examples, count), out: their squared
 * distances, infinite where there is none.
 * queries: only the first so many examples of the whole dataset are asked for, in [0, N] (asserted); 0 = all. What
 * belongs to the others is left as it is.
 *
 * Exact: ordered by squared distances that float64 adds in an order fixed by dim alone; products in float32 only rule
 * out rows that their bound of error proves farther. So the same bits for any number of ranks and shards. Queries are
 * dealt evenly to the ranks whoever owns them; rows pass round the ring of ranks, so no rank holds more than a few
 * times N/P of them. 2·queries·N·dim/P flops on each rank.
 * Errors: AE_DATA when a value of a row is not finite or above 1e15 in size (names the lowest such example);
 * AE_INTERNAL without memory or when a rank has 2³¹ examples. */
ae_status ae_neighbours_find(const ae_comm *comm, const ae_shards *shards, const float *rows, int64_t dim, int count,
                             int64_t queries, int64_t *neighbour, double *distance);

/* Local. The same for `queries` rows that are none of the `examples` rows, all of which this rank has: number (queries,
 * count), −1 where there are fewer. Values as above; a query that is not finite is AE_DATA and named by its place. */
ae_status ae_neighbours_among(const float *rows, int64_t examples, int64_t dim, const float *query, int64_t queries,
                              int count, int64_t *number);

/* Collective. Leave-one-out classification of the same queries by vote of their neighbours: the share of those with a
 * label whose label most of their neighbours with a label have; ties go to the label of the nearest among the tied. A
 * query without any neighbour that has a label counts as missed. NaN when no query has a label.
 * label: own examples, negative = unknown, which neither asks nor votes. neighbour: (own examples, count) as
 * ae_neighbours_find gives them for `queries`; −1 has no vote. Equal on all ranks.
 * Errors: AE_INTERNAL without memory. */
ae_status ae_neighbours_accuracy(const ae_comm *comm, const ae_shards *shards, const int32_t *label,
                                 const int64_t *neighbour, int count, int64_t queries, double *accuracy);

#endif
