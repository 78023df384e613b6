/* Exact k-means (Lloyd 1982) over all ranks, on float32 rows with float64 sums. Labels, centroids and inertia are the
 * same bits for any number of ranks: rows are taken in blocks fixed per shard, sums run per shard in row order and
 * then along the tree of tree.h. Ties go to the lowest cluster. */
#ifndef MPIAE_CLUSTER_KMEANS_H
#define MPIAE_CLUSTER_KMEANS_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"

typedef enum ae_kmeans_start {
  AE_KMEANS_RANDOM,
  AE_KMEANS_PLUSPLUS,
  AE_KMEANS_SCALABLE,
  AE_KMEANS_WARM
} ae_kmeans_start;

/* How far a clustering is: "iterations", 3 of at most 50. */
typedef struct ae_kmeans_news {
  const char *what; /* is counted */
  int64_t done, most;
  int64_t changed; /* labels that the last iteration changed, over all ranks; −1 in the start */
} ae_kmeans_news;

typedef struct ae_kmeans_options {
  int clusters;   /* K ≥ 1; K > N is an error */
  int iterations; /* most Lloyd iterations, ≥ 1 */
  double tolerance; /* stops when Σ_k ‖Δcentroid_k‖² ≤ tolerance × mean variance of the columns, as scikit-learn;
                       0 = only when no label changes */
  ae_kmeans_start start; /* random: K distinct rows; k-means++ (Arthur & Vassilvitskii 2007); scalable: k-means‖
                            (Bahmani et al. 2012), a few passes over the rows instead of K; warm: from `centroid` */
  uint64_t seed;
  uint32_t epoch; /* with seed and AE_RANDOM_KMEANS: what the draws depend on */
  void (*tell)(void *listener, const ae_kmeans_news *news); /* called on every rank, often; NULL = nobody listens */
  void *listener;
} ae_kmeans_options;

typedef struct ae_kmeans_outcome {
  int iterations;                /* times the centroids were moved; the labels follow once more */
  double inertia;                /* Σ ‖row − its centroid‖² under the final labels and centroids */
  int64_t empty;                 /* clusters without rows in the end */
  double start_seconds, seconds; /* of the start, and of the iterations with the first assignment */
} ae_kmeans_outcome;

/* Local. AE_USAGE when what K centroids of `dim` numbers, their sums and the candidates of a scalable start take on
 * each rank is more than its host has. `name`: what the user would change. ae_kmeans_fit asks for itself. */
ae_status ae_kmeans_check_room(const char *name, int64_t clusters, int64_t dim, ae_kmeans_start start);

/* Collective. rows: (own examples, dim), this rank's examples in order. fixed: NULL on all ranks, or per own example
 * a cluster it must stay in (−1 = free; others in [0, K), asserted): constrained k-means (Basu et al. 2002); a start
 * then takes the means of the fixed rows where a cluster has any (k-means++ and scalable count these as chosen, and
 * choose free rows beside them). centroid: (K, dim), in for a warm start (equal on all ranks), out always. label: own
 * examples, out: nearest to the centroids returned, or fixed. size: K, global, out.
 *
 * An empty cluster restarts at the free row farthest from its own centroid (ties to the lowest example), distinct
 * rows for several; a row on its centroid or alone in its cluster is left there, so fewer distinct rows than K leave
 * clusters empty.
 *
 * Errors: AE_USAGE naming kmeans.clusters when K > N, or for want of room; AE_DATA when a value of a row is not finite
 * or above 1e15 in size, whose square float32 could not hold (names the lowest such example), or of a warm centroid;
 * AE_INTERNAL without memory. */
ae_status ae_kmeans_fit(const ae_comm *comm, const ae_shards *shards, const float *rows, int64_t dim,
                        const ae_kmeans_options *options, const int32_t *fixed, float *centroid, int32_t *label,
                        int64_t *size, ae_kmeans_outcome *outcome);

/* Local. Nearest centroid of each of `count` rows (Euclidean), ties to the lowest; also the squared distance where
 * not NULL. */
ae_status ae_kmeans_assign(const float *rows, int64_t count, int64_t dim, const float *centroid, int clusters,
                           int32_t *label, float *squared_distance);

#endif
