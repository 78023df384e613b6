#include "restart.h"

#include "mpiae/base/memory.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/tensor/nearest.h"

#include <stdlib.h>
#include <string.h>

/* A row that may be moved. */
typedef struct candidate {
  double distance;
  int64_t example;
} candidate;

/* Rows to move and where to; the same on all ranks. */
typedef struct moves {
  int64_t *example;
  int32_t *to, *from;
  float *row; /* (count, dim) */
  int count;
} moves;

static int compare_candidates(const void *a, const void *b) {
  const candidate *left = a, *right = b;
  if (left->distance != right->distance) return left->distance > right->distance ? -1 : 1;
  return (left->example > right->example) - (left->example < right->example);
}

/* Own candidates, farthest first. Returns their number. */
static int64_t list_candidates(const ae_points *points, const ae_partition *partition, candidate *out) {
  const int64_t begin = ae_shards_own_begin(points->shards), own = ae_shards_own_count(points->shards);
  const int64_t dim = points->dim;
  int64_t count = 0;
  for (int64_t i = 0; i < own; i++) {
    const int32_t label = partition->label[i];
    const bool is_fixed = partition->fixed != NULL && partition->fixed[i] >= 0;
    if (is_fixed || partition->size[label] < 2) continue;
    const double distance = ae_nearest_distance(points->rows + i * dim, partition->centroid + label * dim, dim);
    if (distance > 0) out[count++] = (candidate){distance, begin + i};
  }
  qsort(out, (size_t)count, sizeof *out, compare_candidates);
  return count;
}

/* The farthest rows of all ranks, one for each empty cluster as far as they go. */
static ae_status choose_examples(const ae_points *points, const ae_partition *partition, const candidate *own,
                                 int64_t own_count, moves *out) {
  for (int k = 0; k < partition->clusters; k++) {
    if (partition->size[k] != 0) continue;
    double distance = own_count > 0 ? own->distance : 0;
    int64_t example = own_count > 0 ? own->example : INT64_MAX;
    AE_RETURN_IF(ae_reduce_largest(points->comm, &distance, &example, 1));
    if (distance <= 0) return AE_OK;
    if (own_count > 0 && own->example == example) {
      own++;
      own_count--;
    }
    out->to[out->count] = k;
    out->example[out->count++] = example;
  }
  return AE_OK;
}

static void fetch_rows(const ae_points *points, const ae_partition *partition, moves *out) {
  const int64_t begin = ae_shards_own_begin(points->shards);
  for (int i = 0; i < out->count; i++)
    out->from[i] = ae_points_row(points, out->example[i]) != NULL ? partition->label[out->example[i] - begin] : 0;
  ae_points_share(points->comm, out->from, out->count);
  ae_points_fetch(points, out->example, out->count, out->row);
}

static void apply(const moves *all, int64_t dim, ae_partition *partition) {
  for (int i = 0; i < all->count; i++) {
    double *from = partition->sum + all->from[i] * dim, *to = partition->sum + all->to[i] * dim;
    for (int64_t j = 0; j < dim; j++) {
      to[j] = all->row[i * dim + j];
      from[j] -= to[j];
    }
    partition->weight[all->from[i]]--;
    partition->weight[all->to[i]]++;
  }
}

static ae_status moves_create(moves *out, int64_t count, int64_t dim) {
  AE_RETURN_IF(AE_NEW(out->example, count));
  AE_RETURN_IF(AE_NEW(out->to, count));
  AE_RETURN_IF(AE_NEW(out->from, count));
  return AE_NEW(out->row, count * dim);
}

ae_status ae_restart_empty(const ae_points *points, ae_partition *partition) {
  ae_status status;
  candidate *own = NULL;
  moves all = {0};
  int64_t empty = 0;
  for (int k = 0; k < partition->clusters; k++) empty += partition->size[k] == 0;
  if (empty == 0) return AE_OK;
  status = AE_NEW(own, ae_shards_own_count(points->shards));
  if (status == AE_OK) status = moves_create(&all, empty, points->dim);
  AE_CHECK(ae_comm_agree(points->comm, status));
  const int64_t own_count = list_candidates(points, partition, own);
  AE_CHECK(choose_examples(points, partition, own, own_count, &all));
  fetch_rows(points, partition, &all);
  apply(&all, points->dim, partition);
cleanup:
  AE_FREE(own);
  AE_FREE(all.example);
  AE_FREE(all.to);
  AE_FREE(all.from);
  AE_FREE(all.row);
  return status;
}
