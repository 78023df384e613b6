#include "start.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/tensor/nearest.h"

#include <math.h>
#include <string.h>

void ae_start_tell(const ae_kmeans_options *options, const char *what, int64_t done, int64_t most, int64_t changed) {
  const ae_kmeans_news news = {what, done, most, changed};
  if (options->tell != NULL) options->tell(options->listener, &news);
}

static ae_stream stream_of(const ae_kmeans_options *options, int cluster) {
  return ae_stream_of(options->seed, AE_RANDOM_KMEANS, options->epoch, cluster);
}

/* Puts a number into a hash table of 2^n slots (free ones hold −1); whether it was new. */
static bool set_insert(int64_t *slots, int64_t size, int64_t number) {
  int64_t at = (int64_t)(((uint64_t)number * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (size - 1);
  while (slots[at] >= 0 && slots[at] != number) at = (at + 1) & (size - 1);
  const bool is_new = slots[at] < 0;
  slots[at] = number;
  return is_new;
}

/* K different numbers below n from K draws: Floyd's method (Bentley & Floyd, "A sample of brilliance", CACM 1987). */
static ae_status draw_distinct(const ae_kmeans_options *options, int64_t n, int64_t *chosen) {
  int64_t size = 2, *slots;
  while (size < 2 * (int64_t)options->clusters) size *= 2;
  AE_RETURN_IF(AE_NEW(slots, size));
  memset(slots, 0xFF, (size_t)size * sizeof *slots);
  for (int k = 0; k < options->clusters; k++) {
    const int64_t last = n - options->clusters + k;
    chosen[k] = ae_random_below(stream_of(options, k), 0, last + 1);
    if (set_insert(slots, size, chosen[k])) continue;
    chosen[k] = last;
    set_insert(slots, size, last);
  }
  AE_FREE(slots);
  return AE_OK;
}

ae_status ae_start_random(const ae_points *points, const ae_kmeans_options *options, float *centroid) {
  ae_status status;
  int64_t *chosen = NULL;
  status = AE_NEW(chosen, options->clusters);
  if (status == AE_OK) status = draw_distinct(options, points->shards->examples, chosen);
  AE_CHECK(ae_comm_agree(points->comm, status));
  ae_points_fetch(points, chosen, options->clusters, centroid);
cleanup:
  AE_FREE(chosen);
  return status;
}

typedef struct plusplus {
  const ae_points *points;
  const double *multiple; /* (own examples) how many rows each stands for; NULL = one */
  double *distance;       /* (own examples) squared, to the nearest centroid chosen; 0 for fixed rows */
  int32_t *nearest;       /* (own examples) that one */
  double *between;        /* (clusters) squared distances of the centroids chosen from the last of them */
  int32_t *chosen;        /* (clusters) them, in order */
  int count;
  double *pull;   /* (own examples) what the draw goes by */
  double *weight; /* (all shards) its sums */
} plusplus;

static ae_status plusplus_create(plusplus *work, int clusters, const int32_t *fixed) {
  const int64_t own = ae_shards_own_count(work->points->shards);
  AE_RETURN_IF(AE_NEW(work->distance, own));
  AE_RETURN_IF(AE_NEW(work->nearest, own));
  AE_RETURN_IF(AE_NEW(work->between, clusters));
  AE_RETURN_IF(AE_NEW(work->chosen, clusters));
  AE_RETURN_IF(AE_NEW(work->pull, work->multiple != NULL ? own : 0));
  AE_RETURN_IF(AE_NEW(work->weight, work->points->shards->shards));
  for (int64_t i = 0; i < own; i++) work->distance[i] = fixed != NULL && fixed[i] >= 0 ? 0 : INFINITY;
  return AE_OK;
}

/* Whether the last centroid is too far from a row's own to be nearer: of a triangle with one side at least twice
 * another the third is no shorter than that other. The margin is far above the roundings of float64 distances. */
static bool is_behind(const plusplus *work, int64_t own) {
  enum { MOST_COVERED = 1 << 20 };
  return work->between[work->nearest[own]] > 4 * (1 + 1e-6) * work->distance[own] && work->points->dim <= MOST_COVERED;
}

/* A further centroid is chosen: only distances to it can be new minima. */
static void add_centroid(plusplus *work, const float *centroid, int k) {
  const int64_t own = ae_shards_own_count(work->points->shards), dim = work->points->dim;
  const float *added = centroid + k * dim;
  for (int i = 0; i < work->count; i++)
    work->between[work->chosen[i]] = ae_nearest_distance(centroid + work->chosen[i] * dim, added, dim);
  work->chosen[work->count++] = k;
  for (int64_t i = 0; i < own; i++) {
    if (work->distance[i] <= 0 || is_behind(work, i)) continue;
    const double distance = ae_nearest_distance(work->points->rows + i * dim, added, dim);
    if (distance >= work->distance[i]) continue;
    work->distance[i] = distance;
    work->nearest[i] = k;
  }
}

/* The first of rows that stand for several is drawn by their multiple alone. */
static double sum_pulls(plusplus *work, bool is_first) {
  const int64_t own = ae_shards_own_count(work->points->shards);
  for (int64_t i = 0; work->multiple != NULL && i < own; i++)
    work->pull[i] = work->multiple[i] * (is_first ? 1 : work->distance[i]);
  return ae_points_total(work->points, work->multiple != NULL ? work->pull : work->distance, work->weight);
}

/* The item at `target` along the line of weights, and what is left of the target inside it. Rounding may carry the
 * target past the end: then the last item of any weight. */
static int64_t walk(const double *weight, int64_t count, double *target) {
  int64_t last = 0;
  for (int64_t i = 0; i < count; i++) {
    if (weight[i] > 0) last = i;
    if (*target < weight[i]) return i;
    *target -= weight[i];
  }
  return last;
}

static void draw_row(plusplus *work, double target, float *out) {
  const ae_points *points = work->points;
  const ae_shards *shards = points->shards;
  const double *pull = work->multiple != NULL ? work->pull : work->distance;
  const int shard = (int)walk(work->weight, shards->shards, &target) - shards->first;
  memset(out, 0, (size_t)points->dim * sizeof *out);
  if (shard >= 0 && shard < shards->count) {
    int64_t count;
    const int64_t begin = ae_points_shard(points, shard, &count);
    const int64_t row = begin + walk(pull + begin, count, &target);
    memcpy(out, points->rows + row * points->dim, (size_t)points->dim * sizeof *out);
  }
  ae_points_share(points->comm, out, points->dim);
}

/* Without distances to go by (the first centroid, or when every row is chosen already) any row will do. */
static void choose_next(plusplus *work, ae_stream stream, bool is_first, float *out) {
  const double total = is_first && work->multiple == NULL ? 0 : sum_pulls(work, is_first);
  const int64_t any = ae_random_below(stream, 0, work->points->shards->examples);
  if (total > 0) draw_row(work, total * 0x1p-53 * (double)ae_random_below(stream, 1, INT64_C(1) << 53), out);
  else ae_points_fetch(work->points, &any, 1, out);
}

ae_status ae_start_plusplus(const ae_points *points, const ae_kmeans_options *options, const int32_t *fixed,
                            const double *multiple, const bool *known, float *centroid) {
  ae_status status;
  plusplus work = {.points = points, .multiple = multiple};
  AE_CHECK(ae_comm_agree(points->comm, plusplus_create(&work, options->clusters, fixed)));
  bool is_first = true;
  for (int k = 0; k < options->clusters; k++) {
    if (!known[k]) continue;
    add_centroid(&work, centroid, k);
    is_first = false;
  }
  for (int k = 0; k < options->clusters; k++) {
    if (known[k]) continue;
    choose_next(&work, stream_of(options, k), is_first, centroid + k * points->dim);
    add_centroid(&work, centroid, k);
    is_first = false;
    ae_start_tell(options, "first centroids", k + 1, options->clusters, -1);
  }
cleanup:
  AE_FREE(work.distance);
  AE_FREE(work.nearest);
  AE_FREE(work.between);
  AE_FREE(work.chosen);
  AE_FREE(work.pull);
  AE_FREE(work.weight);
  return status;
}
