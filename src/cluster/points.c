#include "points.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/tensor/nearest.h"

#include <math.h>
#include <string.h>

int64_t ae_points_shard(const ae_points *points, int shard, int64_t *count) {
  const int number = points->shards->first + shard;
  const int64_t begin = ae_shards_begin(points->shards, number);
  *count = ae_shards_begin(points->shards, number + 1) - begin;
  return begin - ae_shards_own_begin(points->shards);
}

const float *ae_points_row(const ae_points *points, int64_t example) {
  const int64_t own = example - ae_shards_own_begin(points->shards);
  return own >= 0 && own < ae_shards_own_count(points->shards) ? points->rows + own * points->dim : NULL;
}

/* Written so that NaN fails it too; no early exit, for the vectoriser. */
static bool row_is_fine(const float *row, int64_t dim) {
  int fine = 1;
  for (int64_t j = 0; j < dim; j++) fine &= fabsf(row[j]) <= (float)AE_NEAREST_LIMIT;
  return fine;
}

static ae_status name_bad_value(const ae_points *points, const char *user, int64_t own) {
  const float *row = points->rows + own * points->dim;
  int64_t column = 0;
  while (fabsf(row[column]) <= (float)AE_NEAREST_LIMIT) column++;
  return AE_FAIL(AE_DATA,
                 "%s cannot use example %lld (counted from 0): its dimension %lld is %g, not a finite number of "
                 "size at most %g; correct or remove it",
                 user, (long long)(ae_shards_own_begin(points->shards) + own), (long long)column, (double)row[column],
                 AE_NEAREST_LIMIT);
}

ae_status ae_points_check(const ae_points *points, const char *user) {
  ae_status status = AE_OK;
  const int64_t count = ae_shards_own_count(points->shards);
  for (int64_t i = 0; i < count && status == AE_OK; i++)
    if (!row_is_fine(points->rows + i * points->dim, points->dim)) status = name_bad_value(points, user, i);
  return ae_comm_agree(points->comm, status);
}

void ae_points_share(const ae_comm *comm, void *words, int64_t count_of_32_bits) {
  enum { CHUNK = 1 << 24 };
  uint32_t *bits = words;
  const bool before = ae_profile_wait(true);
  for (int64_t at = 0; at < count_of_32_bits; at += CHUNK)
    ae_comm_require(comm,
                    MPI_Allreduce(MPI_IN_PLACE, bits + at, (int)ae_min(CHUNK, count_of_32_bits - at), MPI_UINT32_T,
                                  MPI_BOR, ae_comm_handle(comm)),
                    "sharing of k-means rows");
  ae_profile_wait(before);
}

void ae_points_fetch(const ae_points *points, const int64_t *examples, int64_t count, float *out) {
  const size_t bytes = (size_t)points->dim * sizeof *out;
  for (int64_t i = 0; i < count; i++) {
    const float *row = ae_points_row(points, examples[i]);
    if (row != NULL) memcpy(out + i * points->dim, row, bytes);
    else memset(out + i * points->dim, 0, bytes);
  }
  ae_points_share(points->comm, out, count * points->dim);
}

double ae_points_total(const ae_points *points, const double *value, double *shard) {
  const ae_shards *shards = points->shards;
  memset(shard, 0, (size_t)shards->shards * sizeof *shard);
  for (int own = 0; own < shards->count; own++) {
    int64_t count;
    const int64_t begin = ae_points_shard(points, own, &count);
    for (int64_t i = begin; i < begin + count; i++) shard[shards->first + own] += value[i];
  }
  ae_points_share(points->comm, shard, 2 * (int64_t)shards->shards);
  double total = 0;
  for (int i = 0; i < shards->shards; i++) total += shard[i];
  return total;
}

ae_status ae_points_sums_create(const ae_points *points, int clusters, ae_points_sums *out) {
  enum { SCRATCH = 64 << 20 };
  const ae_shards *shards = points->shards;
  const int64_t most_shards = (shards->shards + shards->ranks - 1) / shards->ranks;
  int64_t cluster_bytes, count;
  AE_RETURN_IF(ae_multiply((int64_t)sizeof(double) * most_shards, points->dim, "shards × dimensions", &cluster_bytes));
  out->slice = (int)ae_max(1, ae_min(clusters, SCRATCH / cluster_bytes));
  AE_RETURN_IF(ae_multiply(points->dim, (int64_t)shards->count * out->slice, "sums of shards", &count));
  return AE_NEW(out->values, count);
}

void ae_points_sums_destroy(ae_points_sums *sums) { AE_FREE(sums->values); }

static inline void add_row(const float *restrict row, int64_t dim, double *restrict sum) {
  for (int64_t j = 0; j < dim; j++) sum[j] += row[j];
}

AE_CLONES static void add_rows(const float *restrict rows, int64_t count, int64_t dim, const int32_t *restrict label,
                               double *restrict sum) {
  for (int64_t i = 0; i < count; i++) add_row(rows + i * dim, dim, sum + label[i] * dim);
}

/* The rows of one shard whose label is in [first, end). */
AE_CLONES static void add_shard(const ae_points *points, int shard, const int32_t *label, int first, int end,
                                double *sum) {
  int64_t count;
  const int64_t begin = ae_points_shard(points, shard, &count), dim = points->dim;
  for (int64_t i = begin; i < begin + count; i++)
    if (label[i] >= first && label[i] < end) add_row(points->rows + i * dim, dim, sum + (label[i] - first) * dim);
}

ae_status ae_points_sum(const ae_points *points, ae_points_sums *scratch, const int32_t *label, int clusters,
                        double *sum) {
  for (int first = 0; first < clusters; first += scratch->slice) {
    const int end = (int)ae_min(first + (int64_t)scratch->slice, clusters);
    const int64_t width = (end - first) * points->dim;
    memset(scratch->values, 0, (size_t)(width * points->shards->count) * sizeof *sum);
    for (int shard = 0; shard < points->shards->count; shard++)
      add_shard(points, shard, label, first, end, scratch->values + shard * width);
    AE_RETURN_IF(ae_reduce_sum(points->comm, points->shards, scratch->values, width, sum + first * points->dim));
  }
  return AE_OK;
}

void ae_points_sums_clear(const ae_points *points, ae_points_sums *scratch) {
  const int64_t width = scratch->slice * points->dim;
  memset(scratch->values, 0, (size_t)(width * points->shards->count) * sizeof *scratch->values);
}

void ae_points_sums_add(const ae_points *points, ae_points_sums *scratch, int shard, int64_t begin, int64_t count,
                        const int32_t *label) {
  add_rows(points->rows + begin * points->dim, count, points->dim, label,
           scratch->values + shard * (scratch->slice * points->dim));
}

ae_status ae_points_sums_reduce(const ae_points *points, ae_points_sums *scratch, double *sum) {
  return ae_reduce_sum(points->comm, points->shards, scratch->values, scratch->slice * points->dim, sum);
}

/* Per own shard the sums of (row − centre)^power. */
static void add_powers(const ae_points *points, const double *centre, int power, double *values) {
  memset(values, 0, (size_t)(points->shards->count * points->dim) * sizeof *values);
  for (int shard = 0; shard < points->shards->count; shard++, values += points->dim) {
    int64_t count;
    const int64_t begin = ae_points_shard(points, shard, &count);
    for (int64_t i = begin; i < begin + count; i++)
      for (int64_t j = 0; j < points->dim; j++) {
        const double difference = points->rows[i * points->dim + j] - centre[j];
        values[j] += power == 2 ? difference * difference : difference;
      }
  }
}

ae_status ae_points_variance(const ae_points *points, double *variance) {
  ae_status status;
  double *values = NULL, *mean = NULL, *square = NULL;
  status = AE_NEW(values, points->shards->count * points->dim);
  if (status == AE_OK) status = AE_NEW(mean, points->dim);
  if (status == AE_OK) status = AE_NEW(square, points->dim);
  AE_CHECK(ae_comm_agree(points->comm, status));
  add_powers(points, square, 1, values);
  AE_CHECK(ae_reduce_sum(points->comm, points->shards, values, points->dim, mean));
  for (int64_t j = 0; j < points->dim; j++) mean[j] /= (double)points->shards->examples;
  add_powers(points, mean, 2, values);
  AE_CHECK(ae_reduce_sum(points->comm, points->shards, values, points->dim, square));
  *variance = 0;
  for (int64_t j = 0; j < points->dim; j++) *variance += square[j];
  *variance /= (double)points->shards->examples * (double)points->dim;
cleanup:
  AE_FREE(values);
  AE_FREE(mean);
  AE_FREE(square);
  return status;
}

ae_status ae_points_inertia(const ae_points *points, const float *centroid, const int32_t *label, double *inertia) {
  ae_status status;
  double *values = NULL;
  AE_CHECK(ae_comm_agree(points->comm, AE_NEW(values, points->shards->count)));
  for (int shard = 0; shard < points->shards->count; shard++) {
    int64_t count;
    const int64_t begin = ae_points_shard(points, shard, &count), dim = points->dim;
    for (int64_t i = begin; i < begin + count; i++)
      values[shard] += ae_nearest_distance(points->rows + i * dim, centroid + label[i] * dim, dim);
  }
  AE_CHECK(ae_reduce_sum(points->comm, points->shards, values, 1, inertia));
cleanup:
  AE_FREE(values);
  return status;
}
