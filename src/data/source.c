#include "source.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/location.h"

#include <string.h>

/* "/a/x_points" → "/a/x_offset"; NULL for another name. */
static ae_status name_offsets(const char *array, char **offset) {
  static const char points[] = "points", instead[] = "offset";
  _Static_assert(sizeof points == sizeof instead, "one name takes the place of the other");
  const size_t length = strlen(array), ending = sizeof points - 1;
  *offset = NULL;
  if (length < ending || strcmp(array + length - ending, points) != 0) return AE_OK;
  AE_RETURN_IF(ae_memory_text(array, offset));
  memcpy(*offset + length - ending, instead, ending);
  return AE_OK;
}

static ae_status look_beside(const ae_comm *comm, ae_source *from) {
  AE_RETURN_IF(ae_comm_agree(comm, name_offsets(from->array, &from->offset)));
  if (from->offset == NULL) return AE_OK;
  if (ae_comm_max(comm, !ae_location_holds(from->file, from->offset)) != 0) AE_FREE(from->offset);
  return AE_OK;
}

ae_status ae_source_find_sets(const ae_comm *comm, ae_source *from) {
  bool points = false, offset = false, arrays = false;
  if (from->bare) return look_beside(comm, from);
  AE_RETURN_IF(ae_h5_exists(from->file, "/points", &points));
  AE_RETURN_IF(ae_h5_exists(from->file, "/offset", &offset));
  if (!points && !offset) return AE_OK;
  AE_RETURN_IF(ae_h5_exists(from->file, "/x", &arrays));
  if (arrays)
    return AE_FAIL(AE_DATA,
                   "%s holds both /x and %s: a dataset file holds arrays or sets. Remove one of them, or name the one "
                   "that is meant: %s:/x or %s:/points",
                   from->path, points ? "/points" : "/offset", from->path, from->path);
  if (!points || !offset)
    return AE_FAIL(AE_DATA,
                   "%s holds %s but not %s: sets are /points (M, d), all points one set after another, and /offset "
                   "(N + 1): set i is points offset[i] to offset[i+1]. Store both",
                   from->path, points ? "/points" : "/offset", points ? "/offset" : "/points");
  from->array = "/points";
  return ae_comm_agree(comm, ae_memory_text("/offset", &from->offset));
}

static ae_status describe_points(const ae_source *from, ae_dataset *dataset) {
  int rank = 0;
  int64_t dim[AE_H5_MAX_RANK] = {0};
  AE_RETURN_IF(ae_h5_describe(from->file, from->array, &dataset->type, &rank, dim));
  if (dataset->type != AE_H5_FLOAT32 && !from->bare)
    return AE_FAIL(AE_DATA, "%s:%s is not float32; store it so, or name it as %s:%s: then other numbers become float32",
                   from->path, from->array, from->path, from->array);
  if (rank != 2) return AE_FAIL(AE_DATA, "%s:%s has %d axes; store points as (M, d)", from->path, from->array, rank);
  if (dim[1] == 0)
    return AE_FAIL(AE_DATA, "%s:%s: its points have no coordinate; at least one is needed", from->path, from->array);
  dataset->type = AE_H5_FLOAT32;
  dataset->rank = 1;
  dataset->points = dim[0];
  dataset->dim[0] = dataset->features = dim[1];
  dataset->row_bytes = dim[1] * (int64_t)sizeof(float);
  return AE_OK;
}

ae_status ae_source_describe_sets(const ae_source *from, ae_dataset *dataset) {
  int rank = 0;
  int64_t dim[AE_H5_MAX_RANK] = {0};
  ae_h5_type type;
  AE_RETURN_IF(describe_points(from, dataset));
  AE_RETURN_IF(ae_h5_describe(from->file, from->offset, &type, &rank, dim));
  if (type == AE_H5_FLOAT32 || type == AE_H5_FLOAT64)
    return AE_FAIL(AE_DATA, "%s:%s must hold integers; convert it to int64", from->path, from->offset);
  if (rank != 1)
    return AE_FAIL(AE_DATA, "%s:%s has %d axes; offsets have one, of one number more than there are sets", from->path,
                   from->offset, rank);
  if (dim[0] < 2)
    return AE_FAIL(AE_DATA,
                   "%s:%s has length %lld, so there is no set; offsets are one number more than there are sets, and a "
                   "dataset needs at least one set",
                   from->path, from->offset, (long long)dim[0]);
  dataset->examples = dim[0] - 1;
  return AE_OK;
}

#define REMEDY "store the running sum of the sets' sizes, from 0 to the number of points"

/* Each set is looked at by the rank that has it, so the lowest rank's complaint is about the lowest set. */
static ae_status check_set(const ae_source *from, const ae_dataset *dataset, int64_t own) {
  const long long set = ae_shards_own_begin(&dataset->shards) + own, points = dataset->points;
  const long long begin = dataset->offset[own], end = dataset->offset[own + 1];
  if (set == 0 && begin != 0)
    return AE_FAIL(AE_DATA, "%s:%s begins with %lld, not with 0; " REMEDY, from->path, from->offset, begin);
  if (end < begin)
    return AE_FAIL(AE_DATA, "%s:%s decreases: set %lld is points %lld to %lld; " REMEDY, from->path, from->offset, set,
                   begin, end);
  if (end > points)
    return AE_FAIL(AE_DATA, "%s:%s runs past the points: set %lld ends at %lld, but %s has %lld; " REMEDY, from->path,
                   from->offset, set, end, from->array, points);
  if (set == dataset->examples - 1 && end < points)
    return AE_FAIL(AE_DATA, "%s:%s ends short: the last set, %lld, ends at %lld, but %s has %lld points; " REMEDY,
                   from->path, from->offset, set, end, from->array, points);
  return AE_OK;
}

static ae_status check_sets(const ae_source *from, const ae_dataset *dataset) {
  for (int64_t i = 0; i < ae_shards_own_count(&dataset->shards); i++) AE_RETURN_IF(check_set(from, dataset, i));
  return AE_OK;
}

ae_status ae_source_read_offsets(const ae_comm *comm, const ae_source *from, ae_dataset *dataset) {
  const int64_t begin = ae_shards_own_begin(&dataset->shards), count = ae_shards_own_count(&dataset->shards);
  int64_t most = 0;
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(dataset->offset, count + 1)));
  AE_RETURN_IF(ae_h5_read(from->file, from->offset, AE_H5_INT64, 1, begin, count + 1, dataset->offset));
  AE_RETURN_IF(ae_comm_agree(comm, check_sets(from, dataset)));
  for (int64_t i = 0; i < count; i++) most = ae_max(most, dataset->offset[i + 1] - dataset->offset[i]);
  dataset->most_points = ae_comm_max(comm, most);
  return AE_OK;
}
