/* Writes files through our layer for tests/h5/check_h5py.py: dataset.h5 (glyphs), vectors.h5, sets.h5 and layers.h5
 * (everything that h5.h can write), into the directory given. */
#include "mpiae/data/synth.h"
#include "mpiae/data/writer.h"
#include "mpiae/h5/h5.h"

#include <stdio.h>
#include <sys/stat.h>

#define ROWS 11
#define COLUMNS 3

static ae_status write_vectors(const ae_comm *comm, const char *path) {
  const ae_dataset_shape shape = {ROWS, 1, {COLUMNS, 0, 0}, AE_H5_FLOAT32};
  const int64_t begin = ae_comm_rank(comm) == 0 ? 0 : ROWS, count = ROWS - begin;
  float rows[ROWS * COLUMNS];
  int64_t source[ROWS];
  for (int i = 0; i < ROWS * COLUMNS; i++) rows[i] = (float)i * 0.5f;
  for (int i = 0; i < ROWS; i++) source[i] = 2 * i;
  return ae_dataset_write(comm, path, &shape, begin, count, rows, NULL, source, "a test");
}

/* Set i has i points; the last rank has none of them. */
static ae_status write_sets(const ae_comm *comm, const char *path) {
  const bool root = ae_comm_rank(comm) == 0;
  int64_t offset[COLUMNS + 1] = {0, 0, 1, 3}, source[COLUMNS] = {7, 5, 3};
  const float points[] = {0, 1, 2, 3, 4, 5};
  const int32_t label[COLUMNS] = {-1, 0, 1};
  const ae_sets sets = {COLUMNS, 2, root ? 0 : COLUMNS, root ? COLUMNS : 0, offset, points};
  return ae_dataset_write_sets(comm, path, &sets, label, source, "a test");
}

static ae_status write_arrays(const ae_comm *comm, ae_h5 *file) {
  static const int64_t epochs[COLUMNS] = {1, 2, 5};
  const bool root = ae_comm_rank(comm) == 0;
  double values[ROWS * COLUMNS];
  for (int i = 0; i < ROWS * COLUMNS; i++) values[i] = i * 0.25;
  const ae_h5_dataset weight = {"/layer/weight", AE_H5_FLOAT32, 2, {2, 2}, {"output", "input"}, "a square", NULL};
  const ae_h5_dataset loss = {"/history/loss", AE_H5_FLOAT64, 1, {COLUMNS}, {"epoch"}, "loss of an epoch", "nat"};
  const ae_h5_dataset step = {"/state/step", AE_H5_INT64, 0, {0}, {NULL}, "steps taken", NULL};
  const ae_h5_dataset none = {"/none/nothing", AE_H5_FLOAT32, 1, {0}, {"item"}, "nothing at all", NULL};
  const int64_t steps = 77;
  const float square[4] = {1, 2, 3, 4};
  AE_RETURN_IF(ae_h5_create_axis(file, "/layer", "output", 2, NULL, "output of the layer"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/layer", "input", 2, NULL, "input of the layer"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/history", "epoch", COLUMNS, epochs, "epoch, from 1"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/none", "item", 0, NULL, "no items"));
  AE_RETURN_IF(ae_h5_write(file, &weight, root ? 0 : 2, root ? 2 : 0, square));
  AE_RETURN_IF(ae_h5_write(file, &loss, root ? 0 : COLUMNS, root ? COLUMNS : 0, values));
  AE_RETURN_IF(ae_h5_write(file, &step, 0, 0, &steps));
  return ae_h5_write(file, &none, 0, 0, values);
}

static ae_status write_layers(const ae_comm *comm, const char *path) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  AE_CHECK(ae_h5_create(comm, path, &file));
  AE_CHECK(write_arrays(comm, file));
  AE_CHECK(ae_h5_put_text(file, "/", "mpiae_format", "größer"));
  AE_CHECK(ae_h5_put_integer(file, "/state", "shards", 8));
  AE_CHECK(ae_h5_put_real(file, "/state", "beta", 0.5));
  AE_CHECK(ae_h5_write_text(file, "/config", "model: vae\n", "the configuration"));
  AE_CHECK(ae_h5_commit(&file));
cleanup:
  ae_h5_close(&file);
  return status;
}

static ae_status write_all(const ae_comm *comm, const char *directory) {
  char path[4096];
  mkdir(directory, 0777);
  snprintf(path, sizeof path, "%s/dataset.h5", directory);
  AE_RETURN_IF(ae_glyphs_write(comm, path, 23, 0, 7, 5));
  snprintf(path, sizeof path, "%s/vectors.h5", directory);
  AE_RETURN_IF(write_vectors(comm, path));
  snprintf(path, sizeof path, "%s/sets.h5", directory);
  AE_RETURN_IF(write_sets(comm, path));
  snprintf(path, sizeof path, "%s/layers.h5", directory);
  return write_layers(comm, path);
}

int main(int argc, char **argv) {
  ae_comm *comm = NULL;
  ae_status status = ae_comm_create(&argc, &argv, &comm);
  if (status == AE_OK && argc == 2) status = write_all(comm, argv[1]);
  const int code = argc == 2 ? (int)ae_error_code(status) : 2;
  if (code != 0) fprintf(stderr, "make_h5: %s\n", ae_error_message(status));
  ae_error_clear(&status);
  ae_comm_destroy(&comm);
  return code;
}
