#include "start.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/tensor/nearest.h"

#include <math.h>
#include <string.h>

/* Rounds of drawing. Each draws about as many rows as clusters are wanted: with r = 5 rounds, factors ℓ/k of 1 and of 2
 * lead to the same inertia. */
enum { ROUNDS = 5 };

/* Numbers of a stream up to this one are for k-means++. */
enum { FIRST_DRAW = 2 };

/* Candidates of a shard, for k-means++ among them. */
enum { BLOCK = 512 };

typedef struct scalable {
  const ae_points *points;
  const ae_kmeans_options *options;
  int wanted;       /* clusters that are not known */
  double *distance; /* (own examples) squared, to the nearest candidate or known centroid; 0 for fixed rows */
  int64_t *nearest; /* (own examples) that candidate; −1 for a known centroid */
  double *weight;   /* (shards) sums of the distances */
  float *candidate; /* (count, dim) the same on all ranks */
  int64_t count;
} scalable;

static int64_t own_count(const scalable *work) { return ae_shards_own_count(work->points->shards); }

static ae_status scalable_create(scalable *work, const int32_t *fixed) {
  AE_RETURN_IF(AE_NEW(work->distance, own_count(work)));
  AE_RETURN_IF(AE_NEW(work->nearest, own_count(work)));
  AE_RETURN_IF(AE_NEW(work->weight, work->points->shards->shards));
  for (int64_t i = 0; i < own_count(work); i++) {
    work->distance[i] = fixed != NULL && fixed[i] >= 0 ? 0 : INFINITY;
    work->nearest[i] = -1;
  }
  return AE_OK;
}

static void scalable_destroy(scalable *work) {
  AE_FREE(work->distance);
  AE_FREE(work->nearest);
  AE_FREE(work->weight);
  AE_FREE(work->candidate);
}

/* Lets own rows go over to the nearest of some new rows, the first of which is candidate `first`; −1: known centroids.
 */
static void go_over(scalable *work, ae_nearest *nearest, const float *rows, int64_t first) {
  const int64_t dim = work->points->dim;
  for (int64_t begin = 0; begin < own_count(work); begin += AE_NEAREST_ROWS) {
    int32_t label[AE_NEAREST_ROWS];
    const int64_t block = ae_min(AE_NEAREST_ROWS, own_count(work) - begin);
    const float *own = work->points->rows + begin * dim;
    ae_nearest_find(nearest, own, block, label);
    for (int64_t i = 0; i < block; i++) {
      const double distance = ae_nearest_distance(own + i * dim, rows + label[i] * dim, dim);
      if (!(distance < work->distance[begin + i])) continue;
      work->distance[begin + i] = distance;
      work->nearest[begin + i] = first < 0 ? -1 : first + label[i];
    }
  }
}

static ae_status take_rows(scalable *work, const float *rows, int64_t count, int64_t first) {
  ae_status status;
  ae_nearest *nearest = NULL;
  int clusters;
  if (count == 0) return AE_OK;
  status = ae_to_int(count, "candidates of k-means", &clusters);
  if (status == AE_OK) status = ae_nearest_create(clusters, work->points->dim, &nearest);
  AE_CHECK(ae_comm_agree(work->points->comm, status));
  ae_nearest_set(nearest, rows);
  go_over(work, nearest, rows, first);
cleanup:
  ae_nearest_destroy(&nearest);
  return status;
}

/* Whether a round draws an own row: with probability `scale` × its distance, by a number of its own. */
static bool is_drawn(const scalable *work, int round, int64_t own, double scale) {
  const double chance = scale * work->distance[own];
  if (chance <= 0 || chance >= 1) return chance > 0;
  const ae_stream stream = ae_stream_of(work->options->seed, AE_RANDOM_KMEANS, work->options->epoch,
                                        ae_shards_own_begin(work->points->shards) + own);
  return 0x1p-53 * (double)ae_random_below(stream, (uint32_t)(FIRST_DRAW + round), INT64_C(1) << 53) < chance;
}

/* Room for `more` candidates behind those there are. */
static ae_status grow(scalable *work, int64_t more) {
  ae_status status;
  float *larger = NULL;
  int64_t size = 0;
  status = ae_multiply(work->count + more, work->points->dim, "candidates × dimensions", &size);
  if (status == AE_OK) status = AE_NEW(larger, size);
  AE_RETURN_IF(ae_comm_agree(work->points->comm, status));
  if (work->count > 0) memcpy(larger, work->candidate, (size_t)(work->count * work->points->dim) * sizeof *larger);
  AE_FREE(work->candidate);
  work->candidate = larger;
  return AE_OK;
}

/* How many rows the ranks before this one draw, and all. */
static void count_all(const scalable *work, int64_t own, int64_t *before, int64_t *all) {
  int64_t sum = 0;
  const ae_comm *comm = work->points->comm;
  const bool waits = ae_profile_wait(true);
  ae_comm_require(comm, MPI_Scan(&own, &sum, 1, MPI_INT64_T, MPI_SUM, ae_comm_handle(comm)), "candidates of k-means");
  ae_profile_wait(waits);
  *before = sum - own;
  *all = own;
  ae_reduce_integers(comm, all, 1);
}

static ae_status draw_round(scalable *work, int round, double total) {
  const int64_t dim = work->points->dim;
  const double scale = (double)work->wanted / total;
  int64_t own = 0, before = 0, all = 0;
  for (int64_t i = 0; i < own_count(work); i++) own += is_drawn(work, round, i, scale);
  count_all(work, own, &before, &all);
  AE_RETURN_IF(grow(work, all));
  float *rows = work->candidate + work->count * dim, *next = rows + before * dim;
  for (int64_t i = 0; i < own_count(work); i++) {
    if (!is_drawn(work, round, i, scale)) continue;
    memcpy(next, work->points->rows + i * dim, (size_t)dim * sizeof *next);
    next += dim;
  }
  ae_points_share(work->points->comm, rows, all * dim);
  AE_RETURN_IF(take_rows(work, rows, all, work->count));
  work->count += all;
  return AE_OK;
}

/* Without known centroids any row is the first. */
static ae_status take_first(scalable *work, const bool *known, const float *centroid) {
  ae_status status = AE_OK;
  float *rows = NULL;
  const int64_t dim = work->points->dim, count = work->options->clusters - work->wanted;
  if (count == 0) {
    const int64_t any = ae_random_below(ae_stream_of(work->options->seed, AE_RANDOM_KMEANS, work->options->epoch, 0), 0,
                                        work->points->shards->examples);
    AE_RETURN_IF(grow(work, 1));
    ae_points_fetch(work->points, &any, 1, work->candidate);
    work->count = 1;
    return take_rows(work, work->candidate, 1, 0);
  }
  AE_CHECK(ae_comm_agree(work->points->comm, AE_NEW(rows, count * dim)));
  for (int64_t k = 0, at = 0; k < work->options->clusters; k++)
    if (known[k]) memcpy(rows + at++ * dim, centroid + k * dim, (size_t)dim * sizeof *rows);
  AE_CHECK(take_rows(work, rows, count, -1));
cleanup:
  AE_FREE(rows);
  return status;
}

/* How many rows each candidate is nearest to; candidates that are to none, such as copies, are dropped. */
static ae_status weigh(scalable *work, double *weight) {
  ae_status status;
  int64_t *tally = NULL, left = 0;
  const size_t bytes = (size_t)work->points->dim * sizeof *work->candidate;
  AE_CHECK(ae_comm_agree(work->points->comm, AE_NEW(tally, work->count)));
  for (int64_t i = 0; i < own_count(work); i++)
    if (work->nearest[i] >= 0) tally[work->nearest[i]]++;
  ae_reduce_integers(work->points->comm, tally, work->count);
  for (int64_t c = 0; c < work->count; c++) {
    if (tally[c] == 0) continue;
    memmove(work->candidate + left * work->points->dim, work->candidate + c * work->points->dim, bytes);
    weight[left++] = (double)tally[c];
  }
  work->count = left;
cleanup:
  AE_FREE(tally);
  return status;
}

/* k-means++ among the candidates, as if they were the data. */
static ae_status choose_candidates(const scalable *work, const double *weight, const bool *known, float *centroid) {
  const ae_comm *comm = work->points->comm;
  ae_shards shards;
  AE_RETURN_IF(
      ae_comm_agree(comm, ae_shards_init_blocks(&shards, work->count, BLOCK, ae_comm_rank(comm), ae_comm_size(comm))));
  const int64_t begin = ae_shards_own_begin(&shards);
  const ae_points candidates = {comm, &shards, work->candidate + begin * work->points->dim, work->points->dim};
  return ae_start_plusplus(&candidates, work->options, NULL, weight + begin, known, centroid);
}

/* Fewer candidates than clusters: all are taken, and k-means++ finds the rest among the rows. */
static ae_status take_candidates(const scalable *work, const int32_t *fixed, bool *known, float *centroid) {
  const int64_t dim = work->points->dim;
  for (int64_t k = 0, next = 0; k < work->options->clusters && next < work->count; k++) {
    if (known[k]) continue;
    memcpy(centroid + k * dim, work->candidate + next++ * dim, (size_t)dim * sizeof *centroid);
    known[k] = true;
  }
  return ae_start_plusplus(work->points, work->options, fixed, NULL, known, centroid);
}

ae_status ae_start_scalable(const ae_points *points, const ae_kmeans_options *options, const int32_t *fixed,
                            bool *known, float *centroid) {
  ae_status status;
  double *weight = NULL;
  scalable work = {.points = points, .options = options};
  for (int k = 0; k < options->clusters; k++) work.wanted += !known[k];
  if (work.wanted == 0) return AE_OK;
  AE_CHECK(ae_comm_agree(points->comm, scalable_create(&work, fixed)));
  AE_CHECK(take_first(&work, known, centroid));
  for (int round = 0; round < ROUNDS; round++) {
    const double total = ae_points_total(points, work.distance, work.weight);
    if (total > 0) AE_CHECK(draw_round(&work, round, total));
    ae_start_tell(options, "rounds of drawing", round + 1, ROUNDS, -1);
  }
  AE_CHECK(ae_comm_agree(points->comm, AE_NEW(weight, work.count)));
  AE_CHECK(weigh(&work, weight));
  if (work.count >= work.wanted) AE_CHECK(choose_candidates(&work, weight, known, centroid));
  else AE_CHECK(take_candidates(&work, fixed, known, centroid));
cleanup:
  AE_FREE(weight);
  scalable_destroy(&work);
  return status;
}
