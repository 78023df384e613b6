/* The rows of all ranks that are being clustered, and what is asked of them: checks, sums by label, copies on every
 * rank. */
#ifndef MPIAE_CLUSTER_POINTS_H
#define MPIAE_CLUSTER_POINTS_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"

/* Plain data; all lent. */
typedef struct ae_points {
  const ae_comm *comm;
  const ae_shards *shards;
  const float *rows; /* (own examples, dim) */
  int64_t dim;
} ae_points;

/* Local. Rows of the shard-th own shard (counted from 0): number of the first among the own examples, and their
 * count. */
int64_t ae_points_shard(const ae_points *points, int shard, int64_t *count);

/* Local. Own row of an example (global number), NULL when another rank has it. */
const float *ae_points_row(const ae_points *points, int64_t example);

/* Collective. AE_DATA naming the first example with a value that is not finite or too large to be squared; `user`
 * says whose rows they are. */
ae_status ae_points_check(const ae_points *points, const char *user);

/* Collective. Combines by bitwise or: for numbers that one rank knows where the others hold zero bits. Unlike a sum
 * it keeps −0. */
void ae_points_share(const ae_comm *comm, void *words, int64_t count_of_32_bits);

/* Collective. Copies of `count` examples' rows (global numbers, the same on all ranks) into out, (count, dim). */
void ae_points_fetch(const ae_points *points, const int64_t *examples, int64_t count, float *out);

/* Collective. Total of one number for each own example, summed within shards and then over them. shard: (shards) out,
 * the sums of all shards. */
double ae_points_total(const ae_points *points, const double *value, double *shard);

/* Scratch for sums over shards in slices of clusters, bounded whatever K is. */
typedef struct ae_points_sums {
  double *values; /* (own shards, slice, dim) */
  int slice;      /* clusters at a time, the same on all ranks */
} ae_points_sums;

/* Local. */
ae_status ae_points_sums_create(const ae_points *points, int clusters, ae_points_sums *out);
void ae_points_sums_destroy(ae_points_sums *sums);

/* Collective. sum (clusters, dim): float64 sums of the rows of each label (negative labels are left out), per shard
 * in row order, then along the tree. */
ae_status ae_points_sum(const ae_points *points, ae_points_sums *scratch, const int32_t *label, int clusters,
                        double *sum);

/* The same without a second pass over the rows, where the scratch holds all clusters (slice = clusters): to begin with,
 * local; for consecutive own rows from the begin-th, all of the shard-th own shard, local; and in the end, collective.
 * The same bits. */
void ae_points_sums_clear(const ae_points *points, ae_points_sums *scratch);
void ae_points_sums_add(const ae_points *points, ae_points_sums *scratch, int shard, int64_t begin, int64_t count,
                        const int32_t *label);
ae_status ae_points_sums_reduce(const ae_points *points, ae_points_sums *scratch, double *sum);

/* Collective. Mean over the columns of their variance. */
ae_status ae_points_variance(const ae_points *points, double *variance);

/* Collective. Σ ‖row − centroid of its label‖². */
ae_status ae_points_inertia(const ae_points *points, const float *centroid, const int32_t *label, double *inertia);

#endif
