#include "mpiae/cluster/kmeans.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/tensor/nearest.h"
#include "points.h"
#include "restart.h"
#include "start.h"

#include <math.h>
#include <string.h>

/* A fit under way. */
typedef struct lloyd {
  ae_points points;
  const ae_kmeans_options *options;
  const int32_t *fixed;
  ae_nearest *nearest;
  ae_points_sums scratch;
  float *centroid; /* the caller's */
  int32_t *label;  /* the caller's */
  int64_t *tally;  /* (K + 1): rows of each cluster, then labels changed by the last assignment */
  int64_t *weight; /* (K) */
  double *sum;     /* (K, dim) */
  bool *known;     /* (K): the start is given by fixed rows */
} lloyd;

static ae_status lloyd_create(lloyd *work) {
  const int clusters = work->options->clusters;
  int64_t size;
  AE_RETURN_IF(ae_multiply(clusters, work->points.dim, "clusters × dimensions", &size));
  AE_RETURN_IF(ae_nearest_create(clusters, work->points.dim, &work->nearest));
  AE_RETURN_IF(ae_points_sums_create(&work->points, clusters, &work->scratch));
  AE_RETURN_IF(AE_NEW(work->tally, clusters + 1));
  AE_RETURN_IF(AE_NEW(work->weight, clusters));
  AE_RETURN_IF(AE_NEW(work->sum, size));
  return AE_NEW(work->known, clusters);
}

static void lloyd_destroy(lloyd *work) {
  ae_nearest_destroy(&work->nearest);
  ae_points_sums_destroy(&work->scratch);
  AE_FREE(work->tally);
  AE_FREE(work->weight);
  AE_FREE(work->sum);
  AE_FREE(work->known);
}

/* Centroids of clusters that have rows in `sum` become their means. Returns the summed squares of the shifts. */
static double take_means(lloyd *work) {
  const int64_t dim = work->points.dim;
  double shift = 0;
  for (int64_t k = 0; k < work->options->clusters; k++) {
    if (work->weight[k] == 0) continue;
    for (int64_t j = k * dim; j < (k + 1) * dim; j++) {
      const float mean = (float)(work->sum[j] / (double)work->weight[k]);
      const double difference = (double)mean - work->centroid[j];
      shift += difference * difference;
      work->centroid[j] = mean;
    }
  }
  return shift;
}

/* Sums and counts of the fixed rows, and which clusters have any. */
static ae_status sum_fixed(lloyd *work) {
  const int64_t own = ae_shards_own_count(work->points.shards);
  for (int64_t i = 0; i < own; i++) {
    AE_ASSERT(work->fixed[i] >= -1 && work->fixed[i] < work->options->clusters);
    if (work->fixed[i] >= 0) work->weight[work->fixed[i]]++;
  }
  ae_reduce_integers(work->points.comm, work->weight, work->options->clusters);
  for (int k = 0; k < work->options->clusters; k++) work->known[k] = work->weight[k] > 0;
  return ae_points_sum(&work->points, &work->scratch, work->fixed, work->options->clusters, work->sum);
}

static ae_status check_centroids(const lloyd *work) {
  const int64_t dim = work->points.dim;
  for (int64_t i = 0; i < work->options->clusters * dim; i++)
    if (!(fabsf(work->centroid[i]) <= (float)AE_NEAREST_LIMIT))
      return AE_FAIL(AE_DATA,
                     "k-means cannot start from centroid %lld (counted from 0): its dimension %lld is %g, not a finite "
                     "number of size at most %g; use another start",
                     (long long)(i / dim), (long long)(i % dim), (double)work->centroid[i], AE_NEAREST_LIMIT);
  return AE_OK;
}

static ae_status start(lloyd *work) {
  const ae_kmeans_options *options = work->options;
  if (options->start == AE_KMEANS_WARM) AE_RETURN_IF(ae_comm_agree(work->points.comm, check_centroids(work)));
  if (options->start == AE_KMEANS_RANDOM) AE_RETURN_IF(ae_start_random(&work->points, options, work->centroid));
  if (work->fixed != NULL) {
    AE_RETURN_IF(sum_fixed(work));
    take_means(work);
  }
  if (options->start == AE_KMEANS_PLUSPLUS)
    return ae_start_plusplus(&work->points, options, work->fixed, NULL, work->known, work->centroid);
  if (options->start == AE_KMEANS_SCALABLE)
    return ae_start_scalable(&work->points, options, work->fixed, work->known, work->centroid);
  return AE_OK;
}

/* Whether rows are summed as they are labelled, while they are in the cache: where the sums of all clusters fit. */
static bool sums_at_once(const lloyd *work) { return work->scratch.slice == work->options->clusters; }

/* Labels `count` own rows from the begin-th, all of one shard, and counts what they are and what has changed. */
static void assign_block(lloyd *work, int shard, int64_t begin, int64_t count) {
  int32_t nearest[AE_NEAREST_ROWS];
  ae_nearest_find(work->nearest, work->points.rows + begin * work->points.dim, count, nearest);
  for (int64_t i = 0; i < count; i++) {
    const bool is_fixed = work->fixed != NULL && work->fixed[begin + i] >= 0;
    const int32_t label = is_fixed ? work->fixed[begin + i] : nearest[i];
    work->tally[work->options->clusters] += label != work->label[begin + i];
    work->tally[label]++;
    work->label[begin + i] = label;
  }
  if (sums_at_once(work)) ae_points_sums_add(&work->points, &work->scratch, shard, begin, count, work->label + begin);
}

/* First half of an iteration. Blocks are counted from the beginning of each shard, which no number of ranks moves. */
static void assign(lloyd *work) {
  ae_nearest_set(work->nearest, work->centroid);
  if (sums_at_once(work)) ae_points_sums_clear(&work->points, &work->scratch);
  memset(work->tally, 0, (size_t)(work->options->clusters + 1) * sizeof *work->tally);
  for (int shard = 0; shard < work->points.shards->count; shard++) {
    int64_t count;
    const int64_t begin = ae_points_shard(&work->points, shard, &count);
    for (int64_t at = 0; at < count; at += AE_NEAREST_ROWS)
      assign_block(work, shard, begin + at, ae_min(AE_NEAREST_ROWS, count - at));
  }
  ae_reduce_integers(work->points.comm, work->tally, work->options->clusters + 1);
}

/* Second half. */
static ae_status update(lloyd *work, double *shift) {
  const int clusters = work->options->clusters;
  AE_RETURN_IF(sums_at_once(work) ? ae_points_sums_reduce(&work->points, &work->scratch, work->sum)
                                  : ae_points_sum(&work->points, &work->scratch, work->label, clusters, work->sum));
  memcpy(work->weight, work->tally, (size_t)clusters * sizeof *work->weight);
  ae_partition partition = {clusters, work->fixed, work->label, work->centroid, work->tally, work->sum, work->weight};
  AE_RETURN_IF(ae_restart_empty(&work->points, &partition));
  *shift = take_means(work);
  return AE_OK;
}

/* Ends on an assignment, so that the labels are those of the centroids returned. */
static ae_status iterate(lloyd *work, int *iterations) {
  const int64_t own = ae_shards_own_count(work->points.shards);
  double variance = 0, shift = 0;
  if (work->options->tolerance > 0) AE_RETURN_IF(ae_points_variance(&work->points, &variance));
  const double enough = work->options->tolerance * variance;
  for (int64_t i = 0; i < own; i++) work->label[i] = -1;
  assign(work);
  for (*iterations = 0; *iterations < work->options->iterations;) {
    AE_RETURN_IF(update(work, &shift));
    assign(work);
    ++*iterations;
    const int64_t changed = work->tally[work->options->clusters];
    ae_start_tell(work->options, "iterations", *iterations, work->options->iterations, changed);
    if (changed == 0 || (work->options->tolerance > 0 && shift <= enough)) break;
  }
  return AE_OK;
}

/* Centroids, two copies for the products, and sums; with about five candidates to a cluster, twice while they grow, and
 * two copies of one. */
ae_status ae_kmeans_check_room(const char *name, int64_t clusters, int64_t dim, ae_kmeans_start start) {
  const double numbers = (double)clusters * (double)dim, candidates = start == AE_KMEANS_SCALABLE ? 2 * 5 + 2 : 0;
  return ae_memory_expect_each(numbers * ((3 + candidates) * sizeof(float) + sizeof(double)),
                               "%s: %lld clusters of %lld numbers", name, (long long)clusters, (long long)dim);
}

ae_status ae_kmeans_fit(const ae_comm *comm, const ae_shards *shards, const float *rows, int64_t dim,
                        const ae_kmeans_options *options, const int32_t *fixed, float *centroid, int32_t *label,
                        int64_t *size, ae_kmeans_outcome *outcome) {
  AE_ASSERT(options->clusters >= 1 && options->iterations >= 1 && dim >= 1);
  ae_status status;
  lloyd work = {.points = {comm, shards, rows, dim}, .options = options, .fixed = fixed};
  work.centroid = centroid;
  work.label = label;
  if (options->clusters > shards->examples)
    AE_RAISE(AE_USAGE, "kmeans.clusters is %d but there are only %lld examples: ask for at most that many",
             options->clusters, (long long)shards->examples);
  AE_CHECK(ae_comm_agree(comm, ae_kmeans_check_room("kmeans.clusters", options->clusters, dim, options->start)));
  AE_CHECK(ae_points_check(&work.points, "k-means"));
  AE_CHECK(ae_comm_agree(comm, lloyd_create(&work)));
  const double begun = ae_clock_seconds();
  AE_CHECK(start(&work));
  const double started = ae_clock_seconds();
  AE_CHECK(iterate(&work, &outcome->iterations));
  outcome->start_seconds = started - begun;
  outcome->seconds = ae_clock_seconds() - started;
  AE_CHECK(ae_points_inertia(&work.points, centroid, label, &outcome->inertia));
  memcpy(size, work.tally, (size_t)options->clusters * sizeof *size);
  outcome->empty = 0;
  for (int k = 0; k < options->clusters; k++) outcome->empty += size[k] == 0;
cleanup:
  lloyd_destroy(&work);
  return status;
}

ae_status ae_kmeans_assign(const float *rows, int64_t count, int64_t dim, const float *centroid, int clusters,
                           int32_t *label, float *squared_distance) {
  ae_nearest *nearest = NULL;
  AE_RETURN_IF(ae_nearest_create(clusters, dim, &nearest));
  ae_nearest_set(nearest, centroid);
  ae_nearest_find(nearest, rows, count, label);
  for (int64_t i = 0; squared_distance != NULL && i < count; i++)
    squared_distance[i] = (float)ae_nearest_distance(rows + i * dim, centroid + label[i] * dim, dim);
  ae_nearest_destroy(&nearest);
  return AE_OK;
}
