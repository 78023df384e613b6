#include "mpiae/data/writer.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <stdio.h>
#include <string.h>

static ae_status check_shape(const char *path, const ae_dataset_shape *shape) {
  if (shape->examples < 1)
    return AE_FAIL(AE_DATA, "cannot write %s: a dataset needs at least one example; none was given", path);
  if (shape->rank != 1 && shape->rank != 3)
    return AE_FAIL(AE_INTERNAL, "%s: an example has %d axes; 1 (F) or 3 (C, H, W) are possible", path, shape->rank);
  for (int i = 0; i < shape->rank; i++)
    if (shape->dim[i] < 1) return AE_FAIL(AE_DATA, "cannot write %s: axis %d of an example has length 0", path, i);
  if (shape->type != AE_H5_UINT8 && shape->type != AE_H5_FLOAT32)
    return AE_FAIL(AE_INTERNAL, "%s: examples are uint8 or float32", path);
  return AE_OK;
}

static ae_status write_examples(ae_h5 *file, const ae_dataset_shape *shape, int64_t begin, int64_t count,
                                const void *rows) {
  static const char *const names[2][3] = {{"feature"}, {"channel", "row", "column"}};
  static const char *const meaning[2][3] = {
      {"place in the vector"}, {"channel of the image", "row of the image, from above", "column of the image"}};
  const bool image = shape->rank == 3;
  ae_h5_dataset x = {"/x", shape->type, 1 + shape->rank, {shape->examples}, {"example"}, NULL, NULL};
  x.description = shape->type == AE_H5_UINT8 ? "examples; 0 to 255 stand for 0 to 1" : "examples";
  for (int i = 0; i < shape->rank; i++) {
    x.dim[1 + i] = shape->dim[i];
    x.axes[1 + i] = names[image][i];
    AE_RETURN_IF(ae_h5_create_axis(file, "/", names[image][i], shape->dim[i], NULL, meaning[image][i]));
  }
  return ae_h5_write(file, &x, begin, count, rows);
}

/* What dataset files of both kinds have, before the examples. */
static ae_status begin_file(ae_h5 *file, int64_t examples, const char *origin) {
  AE_RETURN_IF(ae_h5_put_kind(file, "dataset"));
  AE_RETURN_IF(ae_h5_put_text(file, "/", "source", origin));
  return ae_h5_create_axis(file, "/", "example", examples, NULL, "number of the example, from 0");
}

/* And after them. */
static ae_status end_file(ae_h5 **file, int64_t examples, int64_t begin, int64_t count, const int32_t *label,
                          const int64_t *source_index) {
  const ae_h5_dataset labels = {"/label", AE_H5_INT32, 1, {examples}, {"example"}, "known class; -1 where unknown",
                                NULL};
  const ae_h5_dataset sources = {"/source_index",
                                 AE_H5_INT64,
                                 1,
                                 {examples},
                                 {"example"},
                                 "place of the example in what it was made from, from 0",
                                 NULL};
  if (label != NULL) AE_RETURN_IF(ae_h5_write(*file, &labels, begin, count, label));
  if (source_index != NULL) AE_RETURN_IF(ae_h5_write(*file, &sources, begin, count, source_index));
  return ae_h5_commit(file);
}

ae_status ae_dataset_write(const ae_comm *comm, const char *path, const ae_dataset_shape *shape, int64_t begin,
                           int64_t count, const void *rows, const int32_t *label, const int64_t *source_index,
                           const char *origin) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  const ae_phase previous = ae_profile_enter(AE_PHASE_WRITE);
  AE_CHECK(ae_comm_agree(comm, check_shape(path, shape)));
  AE_CHECK(ae_h5_create(comm, path, &file));
  AE_CHECK(begin_file(file, shape->examples, origin));
  AE_CHECK(write_examples(file, shape, begin, count, rows));
  AE_CHECK(end_file(&file, shape->examples, begin, count, label, source_index));
cleanup:
  ae_h5_close(&file);
  ae_profile_leave(previous);
  return status;
}

/* "/<prefix><name>", and the same without the slash. */
typedef struct set_name {
  char path[64];
} set_name;

static set_name name_of(const char *prefix, const char *name) {
  set_name out;
  AE_ASSERT(strlen(prefix) + strlen(name) + 1 < sizeof out.path);
  snprintf(out.path, sizeof out.path, "/%s%s", prefix, name);
  return out;
}

static ae_status create_set_axes(ae_h5 *file, const char *prefix, const ae_sets *sets, int64_t points) {
  bool exists = false;
  AE_RETURN_IF(ae_h5_create_axis(file, "/", name_of(prefix, "point").path + 1, points, NULL,
                                 "number of the point, from 0: one set after another"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", name_of(prefix, "border").path + 1, sets->sets + 1, NULL,
                                 "set i lies between the borders i and i + 1"));
  AE_RETURN_IF(ae_h5_exists(file, "/coordinate", &exists));
  return exists ? AE_OK : ae_h5_create_axis(file, "/", "coordinate", sets->dim, NULL, "coordinate of a point");
}

/* Each rank writes where its sets begin; the last one also where all end. */
static ae_status write_offsets(const ae_comm *comm, ae_h5 *file, const char *prefix, const ae_sets *sets,
                               int64_t first_point, int64_t points) {
  int64_t *offset = NULL;
  const bool last = ae_comm_rank(comm) == ae_comm_size(comm) - 1;
  const set_name path = name_of(prefix, "offset"), border = name_of(prefix, "border");
  const ae_h5_dataset dataset = {.path = path.path,
                                 .type = AE_H5_INT64,
                                 .rank = 1,
                                 .dim = {sets->sets + 1},
                                 .axes = {border.path + 1},
                                 .description = "set i is points offset[i] to offset[i + 1], without the latter"};
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(offset, sets->count + 1)));
  for (int64_t i = 0; i < sets->count; i++) offset[i] = first_point + sets->offset[i];
  offset[sets->count] = points;
  const int64_t begin = last && sets->count == 0 ? sets->sets : sets->begin;
  const ae_status status = ae_h5_write(file, &dataset, begin, sets->count + last, offset);
  AE_FREE(offset);
  return status;
}

ae_status ae_sets_write(const ae_comm *comm, ae_h5 *file, const char *prefix, const ae_sets *sets,
                        const char *description) {
  const int64_t own = sets->count > 0 ? sets->offset[sets->count] : 0;
  int64_t end = 0, points = own;
  const set_name path = name_of(prefix, "points"), point = name_of(prefix, "point");
  ae_comm_require(comm, MPI_Scan(&own, &end, 1, MPI_INT64_T, MPI_SUM, ae_comm_handle(comm)), "places of points");
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &points, 1, MPI_INT64_T, MPI_SUM, ae_comm_handle(comm)),
                  "number of points");
  const ae_h5_dataset dataset = {.path = path.path,
                                 .type = AE_H5_FLOAT32,
                                 .rank = 2,
                                 .dim = {points, sets->dim},
                                 .axes = {point.path + 1, "coordinate"},
                                 .description = description};
  AE_RETURN_IF(create_set_axes(file, prefix, sets, points));
  AE_RETURN_IF(ae_h5_write(file, &dataset, end - own, own, sets->points));
  return write_offsets(comm, file, prefix, sets, end - own, points);
}

static ae_status check_sets(const char *path, const ae_sets *sets) {
  if (sets->sets < 1)
    return AE_FAIL(AE_DATA, "cannot write %s: a dataset needs at least one set; none was given", path);
  if (sets->dim < 1) return AE_FAIL(AE_DATA, "cannot write %s: its points have no coordinate", path);
  return AE_OK;
}

ae_status ae_dataset_write_sets(const ae_comm *comm, const char *path, const ae_sets *sets, const int32_t *label,
                                const int64_t *source_index, const char *origin) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  const ae_phase previous = ae_profile_enter(AE_PHASE_WRITE);
  AE_CHECK(ae_comm_agree(comm, check_sets(path, sets)));
  AE_CHECK(ae_h5_create(comm, path, &file));
  AE_CHECK(begin_file(file, sets->sets, origin));
  AE_CHECK(ae_sets_write(comm, file, "", sets, "points of the sets, one set after another"));
  AE_CHECK(end_file(&file, sets->sets, sets->begin, sets->count, label, source_index));
cleanup:
  ae_h5_close(&file);
  ae_profile_leave(previous);
  return status;
}
