/* First centroids of k-means. */
#ifndef MPIAE_CLUSTER_START_H
#define MPIAE_CLUSTER_START_H

#include "mpiae/cluster/kmeans.h"
#include "points.h"

/* Collective. K rows of different examples, drawn at random. */
ae_status ae_start_random(const ae_points *points, const ae_kmeans_options *options, float *centroid);

/* Collective. k-means++ (Arthur & Vassilvitskii 2007) for the clusters that are not `known` (K flags): known
 * centroids count as chosen already, and each further one is a row that is not fixed (−1 in `fixed`, or fixed NULL),
 * drawn with probability ∝ its squared distance to the nearest centroid chosen. */
ae_status ae_start_plusplus(const ae_points *points, const ae_kmeans_options *options, const int32_t *fixed,
                            const bool *known, float *centroid);

#endif
