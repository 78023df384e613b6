#include "mpiae/data/writer.h"

#include "mpiae/base/profile.h"

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

ae_status ae_dataset_write(const ae_comm *comm, const char *path, const ae_dataset_shape *shape, int64_t begin,
                           int64_t count, const void *rows, const int32_t *label, const int64_t *source_index,
                           const char *origin) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  const int64_t n = shape->examples;
  const ae_h5_dataset labels = {"/label", AE_H5_INT32, 1, {n}, {"example"}, "known class; -1 where unknown", NULL};
  const ae_h5_dataset sources = {
      "/source_index", AE_H5_INT64, 1, {n}, {"example"}, "place of the example in what it was made from, from 0", NULL};
  const ae_phase previous = ae_profile_enter(AE_PHASE_WRITE);
  AE_CHECK(ae_comm_agree(comm, check_shape(path, shape)));
  AE_CHECK(ae_h5_create(comm, path, &file));
  AE_CHECK(ae_h5_put_text(file, "/", "mpiae_format", "dataset"));
  AE_CHECK(ae_h5_put_integer(file, "/", "mpiae_version", 1));
  AE_CHECK(ae_h5_put_text(file, "/", "source", origin));
  AE_CHECK(ae_h5_create_axis(file, "/", "example", n, NULL, "number of the example, from 0"));
  AE_CHECK(write_examples(file, shape, begin, count, rows));
  if (label != NULL) AE_CHECK(ae_h5_write(file, &labels, begin, count, label));
  if (source_index != NULL) AE_CHECK(ae_h5_write(file, &sources, begin, count, source_index));
  AE_CHECK(ae_h5_commit(&file));
cleanup:
  ae_h5_close(&file);
  ae_profile_leave(previous);
  return status;
}
