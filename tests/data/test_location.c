/* FILE.h5:/path: how it is taken apart, and datasets read from any array. */
#include "harness.h"

#include "mpiae/data/dataset.h"
#include "mpiae/data/location.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXAMPLES = 12, MOST_VALUES = EXAMPLES * 24 };

static const char *path_of(char out[512], const char *name) { return strcpy(out, ae_test_path(name)); }

static void expect_location(const char *text, const char *file, const char *array) {
  ae_location found;
  ae_test_ok(ae_location_find(ae_test_comm(), text, &found));
  assert_string_equal(found.file, file);
  if (array == NULL) assert_null(found.array);
  else assert_string_equal(found.array, array);
  ae_location_free(&found);
}

static void touch(const char *path) {
  if (ae_comm_rank(ae_test_comm()) == 0) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
  }
  ae_comm_barrier(ae_test_comm());
}

static void a_location_is_taken_apart(void **state) {
  (void)state;
  expect_location("absent.h5", "absent.h5", NULL);
  expect_location("absent.h5:/a/b", "absent.h5", "/a/b");
  expect_location("absent.h5:a", "absent.h5:a", NULL);
  expect_location(":/a", ":/a", NULL);
  expect_location("absent.h5:/a:/b", "absent.h5:/a", "/b");
  expect_location("", "", NULL);
}

static void existing_names_count_most(void **state) {
  (void)state;
  char folder[512], inner[600], text[700];
  path_of(folder, "with:");
  if (ae_comm_rank(ae_test_comm()) == 0) assert_int_equal(mkdir(folder, 0777), 0);
  snprintf(inner, sizeof inner, "%s/a.h5", folder);
  touch(inner);
  expect_location(inner, inner, NULL);
  snprintf(text, sizeof text, "%s:/x", inner);
  expect_location(text, inner, "/x");
  snprintf(text, sizeof text, "%s:/x:/y", inner);
  expect_location(text, inner, "/x:/y");
  ae_comm_barrier(ae_test_comm());
  if (ae_comm_rank(ae_test_comm()) == 0) {
    unlink(inner);
    rmdir(folder);
  }
}

/* Values that tell their place; 3 and −300 apart, so that no narrow type could hold them. */
static double value_at(int64_t place) { return place % 2 == 0 ? (double)(place % 256) : -300.0 * (double)place; }

/* Adds an array that rank 0 gives, over axes of its own. */
static void add_array(ae_h5 *file, const char *path, ae_h5_type type, int rank, const int64_t *dim) {
  union {
    uint8_t bytes[MOST_VALUES];
    int32_t narrow[MOST_VALUES];
    int64_t wide[MOST_VALUES];
    float reals[MOST_VALUES];
    double doubles[MOST_VALUES];
  } values = {{0}};
  static const char *const names[5] = {"a", "b", "c", "d", "e"};
  char axis[5][64];
  ae_h5_dataset dataset = {path, type, rank, {0}, {NULL}, "numbers", NULL};
  for (int i = 0; i < rank; i++) {
    dataset.dim[i] = dim[i];
    snprintf(axis[i], sizeof axis[i], "%s%s", strrchr(path, '/') + 1, names[i]);
    dataset.axes[i] = axis[i];
    ae_test_ok(ae_h5_create_axis(file, "/", axis[i], dim[i], NULL, "an axis"));
  }
  for (int64_t i = 0; i < MOST_VALUES; i++) {
    const double value = value_at(i);
    if (type == AE_H5_UINT8) values.bytes[i] = (uint8_t)(i % 256);
    if (type == AE_H5_INT32) values.narrow[i] = (int32_t)value;
    if (type == AE_H5_INT64) values.wide[i] = (int64_t)value;
    if (type == AE_H5_FLOAT32) values.reals[i] = (float)value;
    if (type == AE_H5_FLOAT64) values.doubles[i] = value;
  }
  ae_test_ok(ae_h5_write(file, &dataset, 0, ae_comm_rank(ae_test_comm()) == 0 ? dim[0] : 0, &values));
}

/* Labels 0, 1, 2, 0, …, or `odd` for the sixth. */
static void add_labels(ae_h5 *file, const char *path, ae_h5_type type, int64_t count, int64_t odd) {
  int64_t wide[EXAMPLES];
  float reals[EXAMPLES];
  char axis[64];
  snprintf(axis, sizeof axis, "%sof", strchr(path + 1, '/') == NULL ? "label" : "inner");
  for (int i = 0; i < EXAMPLES; i++) reals[i] = (float)(wide[i] = i == 5 ? odd : i % 3);
  const void *rows = type == AE_H5_FLOAT32 ? (const void *)reals : wide;
  const ae_h5_dataset dataset = {path, type, 1, {count}, {axis}, "labels", NULL};
  ae_test_ok(ae_h5_create_axis(file, "/", axis, count, NULL, "an axis"));
  ae_test_ok(ae_h5_write(file, &dataset, 0, ae_comm_rank(ae_test_comm()) == 0 ? count : 0, rows));
}

static ae_h5 *start_file(const char *path) {
  ae_h5 *file = NULL;
  ae_test_ok(ae_h5_create(ae_test_comm(), path, &file));
  return file;
}

static ae_dataset *open_array(const char *path, const char *array) {
  char text[600];
  ae_dataset *dataset = NULL;
  snprintf(text, sizeof text, "%s:%s", path, array);
  ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), text, 5, &dataset));
  assert_string_equal(dataset->path, text);
  return dataset;
}

static void refuse(const char *path, const char *array, const char *part) {
  char text[600];
  ae_dataset *dataset = NULL;
  snprintf(text, sizeof text, "%s:%s", path, array);
  ae_test_error(ae_dataset_open(ae_test_comm(), text, ae_comm_size(ae_test_comm()), &dataset), AE_DATA, part);
  assert_null(dataset);
}

/* One type of array and what must come of it. */
static void expect_values(const char *path, ae_h5_type type) {
  const bool bytes = type == AE_H5_UINT8;
  const float tolerance = bytes ? 1e-7f : 0;
  float values[24];
  ae_dataset *dataset = open_array(path, "/x");
  assert_int_equal(dataset->type, bytes ? AE_H5_UINT8 : AE_H5_FLOAT32);
  assert_int_equal(dataset->row_bytes, dataset->features * (bytes ? 1 : 4));
  assert_null(dataset->label);
  const int64_t begin = ae_shards_own_begin(&dataset->shards);
  for (int64_t e = begin; e < begin + ae_shards_own_count(&dataset->shards); e++) {
    ae_dataset_to_float(dataset, ae_dataset_row(dataset, e), 1, values);
    for (int64_t f = 0; f < dataset->features; f++) {
      const int64_t place = e * dataset->features + f;
      const float expected = bytes ? (float)(place % 256) / 255.0f : (float)value_at(place);
      assert_float_equal(values[f], expected, tolerance);
    }
  }
  ae_dataset_close(&dataset);
}

static void arrays_of_every_type_and_shape_are_read(void **state) {
  (void)state;
  static const ae_h5_type types[] = {AE_H5_UINT8, AE_H5_INT32, AE_H5_INT64, AE_H5_FLOAT32, AE_H5_FLOAT64};
  static const int64_t dim[4] = {EXAMPLES, 2, 3, 4};
  static const int64_t shapes[4][3] = {{1, 0, 0}, {2, 0, 0}, {1, 2, 3}, {2, 3, 4}};
  char path[512];
  path_of(path, "arrays.h5");
  for (int t = 0; t < 5; t++)
    for (int rank = 1; rank <= 4; rank++) {
      ae_h5 *file = start_file(path);
      add_array(file, "/x", types[t], rank, dim);
      ae_test_ok(ae_h5_commit(&file));
      ae_dataset *dataset = open_array(path, "/x");
      assert_int_equal(dataset->examples, EXAMPLES);
      assert_int_equal(dataset->rank, rank <= 2 ? 1 : 3);
      assert_memory_equal(dataset->dim, shapes[rank - 1], sizeof shapes[0]);
      ae_dataset_close(&dataset);
      expect_values(path, types[t]);
    }
}

/* Makes /inner/codes with /inner/label. */
static void write_labelled(const char *path, ae_h5_type type, int64_t count, int64_t odd) {
  const int64_t dim[] = {EXAMPLES, 3};
  ae_h5 *file = start_file(path);
  add_array(file, "/inner/codes", AE_H5_FLOAT32, 2, dim);
  add_labels(file, "/inner/label", type, count, odd);
  add_labels(file, "/label", AE_H5_INT64, 7, 2);
  ae_test_ok(ae_h5_commit(&file));
}

static void expect_labels(const char *path, const char *array, int classes) {
  ae_dataset *dataset = open_array(path, array);
  assert_int_equal(dataset->classes, classes);
  if (classes == 0) assert_null(dataset->label);
  for (int64_t i = 0; classes > 0 && i < ae_shards_own_count(&dataset->shards); i++)
    assert_int_equal(dataset->label[i], (ae_shards_own_begin(&dataset->shards) + i) % 3);
  ae_dataset_close(&dataset);
}

static void labels_of_the_same_group_are_taken_when_they_fit(void **state) {
  (void)state;
  char path[512];
  path_of(path, "labels.h5");
  write_labelled(path, AE_H5_INT64, EXAMPLES, 2);
  expect_labels(path, "/inner/codes", 3);
  expect_labels(path, "/inner/label", 0);
  write_labelled(path, AE_H5_INT64, EXAMPLES - 1, 2);
  expect_labels(path, "/inner/codes", 0);
  write_labelled(path, AE_H5_FLOAT32, EXAMPLES, 2);
  expect_labels(path, "/inner/codes", 3);
  write_labelled(path, AE_H5_INT64, EXAMPLES, -2);
  expect_labels(path, "/inner/codes", 0);
  ae_h5 *file = start_file(path);
  add_array(file, "/x", AE_H5_UINT8, 2, (const int64_t[]){EXAMPLES, 2});
  ae_test_ok(ae_h5_create_group(file, "/label", "no dataset"));
  ae_test_ok(ae_h5_commit(&file));
  expect_labels(path, "/x", 0);
}

static void an_array_that_is_not_there_is_named_with_those_that_are(void **state) {
  (void)state;
  char path[512];
  path_of(path, "absent.h5");
  refuse(path, "/x", "absent.h5: No such file");
  write_labelled(path, AE_H5_INT64, EXAMPLES, 2);
  refuse(path, "/x", "absent.h5 has no dataset /x; it has /inner/codes, /inner/label, /label");
  refuse(path, "/inner", "absent.h5 has no dataset /inner; it has /inner/codes");
  refuse(path, "/", "absent.h5 has no dataset /; it has /inner/codes");
  refuse(path, "/label/x", "absent.h5 has no dataset /label/x; it has /inner/codes");
  ae_h5 *file = start_file(path);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, "/x", "it has none");
  file = start_file(path);
  for (int i = 0; i < 9; i++) {
    char name[16];
    snprintf(name, sizeof name, "/n%d", i);
    add_array(file, name, AE_H5_UINT8, 1, (const int64_t[]){2});
  }
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, "/x", "/n4, /n5 and 3 more");
}

static void arrays_that_are_no_examples_are_refused(void **state) {
  (void)state;
  char path[512];
  const double scalar = 1;
  const ae_h5_dataset one = {"/one", AE_H5_FLOAT64, 0, {0}, {NULL}, "a number", NULL};
  path_of(path, "odd.h5");
  ae_h5 *file = start_file(path);
  add_array(file, "/five", AE_H5_UINT8, 5, (const int64_t[]){EXAMPLES, 1, 2, 1, 2});
  add_array(file, "/none", AE_H5_UINT8, 2, (const int64_t[]){0, 3});
  ae_test_ok(ae_h5_write(file, &one, 0, 1, &scalar));
  ae_test_ok(ae_h5_write_text(file, "/text", "words", "not numbers"));
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, "/five", "odd.h5:/five has 5 axes; examples are (N), (N, F), (N, H, W) or (N, C, H, W)");
  refuse(path, "/one", "odd.h5:/one has 0 axes");
  refuse(path, "/none", "odd.h5:/none is empty");
  refuse(path, "/text", "/text must hold numbers");
}

/* 1e300 is finite until it becomes float32. */
static void values_that_are_not_finite_are_refused(void **state) {
  (void)state;
  char path[512];
  double values[8] = {0, 0, 0, 0, 0, 1e300, NAN, 0};
  const ae_h5_dataset wide = {"/wide", AE_H5_FLOAT64, 2, {4, 2}, {"row", "column"}, "numbers", NULL};
  path_of(path, "wide.h5");
  ae_h5 *file = start_file(path);
  ae_test_ok(ae_h5_create_axis(file, "/", "row", 4, NULL, "an axis"));
  ae_test_ok(ae_h5_create_axis(file, "/", "column", 2, NULL, "an axis"));
  ae_test_ok(ae_h5_write(file, &wide, 0, ae_comm_rank(ae_test_comm()) == 0 ? 4 : 0, values));
  ae_test_ok(ae_h5_commit(&file));
  ae_dataset *dataset = NULL;
  char text[600];
  snprintf(text, sizeof text, "%s:/wide", path);
  ae_test_error(ae_dataset_open_blocks(ae_test_comm(), text, 2, &dataset), AE_DATA,
                "wide.h5:/wide: feature 1 of example 2 is 1e+300, beyond what float32 holds");
}

static void a_file_named_with_a_colon_is_a_dataset_file(void **state) {
  (void)state;
  char path[512], plain[512];
  ae_dataset *dataset = NULL;
  ae_h5 *file = start_file(path_of(path, "a:b.h5"));
  ae_test_ok(ae_h5_put_text(file, "/", "mpiae_format", "dataset"));
  ae_test_ok(ae_h5_put_integer(file, "/", "mpiae_version", 1));
  add_array(file, "/x", AE_H5_UINT8, 2, (const int64_t[]){EXAMPLES, 2});
  add_labels(file, "/label", AE_H5_INT64, EXAMPLES, 2);
  ae_test_ok(ae_h5_commit(&file));
  ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), path, 4, &dataset));
  const uint32_t checksum = dataset->checksum;
  assert_int_equal(dataset->classes, 3);
  ae_dataset_close(&dataset);
  /* The array of a dataset file is that dataset. */
  dataset = open_array(path, "/x");
  assert_int_equal(dataset->checksum, checksum);
  ae_dataset_close(&dataset);
  refuse(path_of(plain, "b.h5"), "/x", "b.h5: No such file");
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(a_location_is_taken_apart),
      AE_TEST(existing_names_count_most),
      AE_TEST(arrays_of_every_type_and_shape_are_read),
      AE_TEST(labels_of_the_same_group_are_taken_when_they_fit),
      AE_TEST(an_array_that_is_not_there_is_named_with_those_that_are),
      AE_TEST(arrays_that_are_no_examples_are_refused),
      AE_TEST(values_that_are_not_finite_are_refused),
      AE_TEST(a_file_named_with_a_colon_is_a_dataset_file),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
