/* New places for empty clusters. */
#ifndef MPIAE_CLUSTER_RESTART_H
#define MPIAE_CLUSTER_RESTART_H

#include "points.h"

/* What a Lloyd iteration knows between its two halves; all lent. */
typedef struct ae_partition {
  int clusters;
  const int32_t *fixed;  /* (own examples) or NULL */
  const int32_t *label;  /* (own examples) */
  const float *centroid; /* (clusters, dim) that gave the labels */
  const int64_t *size;   /* (clusters) rows of each */
  double *sum;           /* (clusters, dim) of their rows; in and out */
  int64_t *weight;       /* (clusters) rows in `sum`; in: size, out */
} ae_partition;

/* Collective. Moves to each empty cluster, in order, the free row farthest from its own centroid (ties to the lowest
 * example), out of the sum of the cluster it was in. Rows that lie on their centroid, or are alone in their cluster,
 * are not moved. */
ae_status ae_restart_empty(const ae_points *points, ae_partition *partition);

#endif
