/* First centroids of k-means. */
#ifndef MPIAE_CLUSTER_START_H
#define MPIAE_CLUSTER_START_H

#include "mpiae/cluster/kmeans.h"
#include "points.h"

/* Local. Tells who listens. */
void ae_start_tell(const ae_kmeans_options *options, const char *what, int64_t done, int64_t most, int64_t changed);

/* Collective. K rows of different examples, drawn at random. */
ae_status ae_start_random(const ae_points *points, const ae_kmeans_options *options, float *centroid);

/* Collective. k-means++ (Arthur & Vassilvitskii 2007) for the clusters that are not `known` (K flags): known
 * centroids count as chosen already, and each further one is a row that is not fixed (−1 in `fixed`, or fixed NULL),
 * drawn with probability ∝ its squared distance to the nearest centroid chosen. With `multiple` each own row counts as
 * so many; NULL = one. */
ae_status ae_start_plusplus(const ae_points *points, const ae_kmeans_options *options, const int32_t *fixed,
                            const double *multiple, const bool *known, float *centroid);

/* Collective. k-means‖ (Bahmani, Moseley, Vattani, Kumar, Vassilvitskii, "Scalable k-means++", VLDB 2012, algorithm 2)
 * likewise: five rounds that each draw about as many rows as clusters are wanted, each row with a probability ∝ its
 * squared distance, at once; then k-means++ among the rows drawn, each of which counts as the rows nearest to it. Where
 * they are fewer than the clusters, k-means++ among all rows finds the rest. `known` is destroyed. Memory: about 5 K
 * rows on every rank. */
ae_status ae_start_scalable(const ae_points *points, const ae_kmeans_options *options, const int32_t *fixed,
                            bool *known, float *centroid);

#endif
