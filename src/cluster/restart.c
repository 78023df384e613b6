#include "restart.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/tensor/nearest.h"

#include <stdlib.h>

/* Rows to move and where to; the same on all ranks. */
typedef struct moves {
  int64_t *example;
  int32_t *to, *from;
  float *row; /* (count, dim) */
  int count;
} moves;

/* The farthest own candidates, with their distances. */
typedef struct shortlist {
  ae_ranked *pair; /* (2 × most) */
  int64_t count, most;
} shortlist;

/* Keeps the first `most`, in order. */
static void cut(shortlist *list) {
  qsort(list->pair, (size_t)list->count, sizeof *list->pair, ae_ranked_compare);
  list->count = ae_min(list->count, list->most);
}

static void add(shortlist *list, ae_ranked pair) {
  if (list->count == 2 * list->most) cut(list);
  list->pair[list->count++] = pair;
}

/* Fills up behind the candidates. */
static void list_candidates(const ae_points *points, const ae_partition *partition, shortlist *out) {
  const int64_t begin = ae_shards_own_begin(points->shards), own = ae_shards_own_count(points->shards);
  const int64_t dim = points->dim;
  for (int64_t i = 0; i < own; i++) {
    const int32_t label = partition->label[i];
    const bool is_fixed = partition->fixed != NULL && partition->fixed[i] >= 0;
    if (is_fixed || partition->size[label] < 2) continue;
    const double distance = ae_nearest_distance(points->rows + i * dim, partition->centroid + label * dim, dim);
    if (distance > 0) add(out, (ae_ranked){distance, begin + i});
  }
  cut(out);
  while (out->count < out->most) out->pair[out->count++] = (ae_ranked){0, INT64_MAX};
}

/* The farthest rows of all ranks, one for each empty cluster as far as they go. */
static ae_status choose_examples(const ae_points *points, const ae_partition *partition, shortlist *list, moves *out) {
  const ae_ranked *next = list->pair;
  AE_RETURN_IF(ae_reduce_first(points->comm, list->pair, list->most));
  for (int k = 0; k < partition->clusters; k++) {
    if (partition->size[k] != 0) continue;
    if (next->value <= 0) return AE_OK;
    out->to[out->count] = k;
    out->example[out->count++] = next++->index;
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
  shortlist list = {0};
  moves all = {0};
  for (int k = 0; k < partition->clusters; k++) list.most += partition->size[k] == 0;
  if (list.most == 0) return AE_OK;
  status = AE_NEW(list.pair, 2 * list.most);
  if (status == AE_OK) status = moves_create(&all, list.most, points->dim);
  AE_CHECK(ae_comm_agree(points->comm, status));
  list_candidates(points, partition, &list);
  AE_CHECK(choose_examples(points, partition, &list, &all));
  fetch_rows(points, partition, &all);
  apply(&all, points->dim, partition);
cleanup:
  AE_FREE(list.pair);
  AE_FREE(all.example);
  AE_FREE(all.to);
  AE_FREE(all.from);
  AE_FREE(all.row);
  return status;
}
