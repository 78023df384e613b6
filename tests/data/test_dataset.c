#include "harness.h"

#include "mpiae/data/dataset.h"
#include "mpiae/data/writer.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXAMPLES 53
#define FEATURES 24

static const ae_dataset_shape images = {EXAMPLES, 3, {2, 3, 4}, AE_H5_UINT8};
static const ae_dataset_shape vectors = {EXAMPLES, 1, {FEATURES, 0, 0}, AE_H5_FLOAT32};

static const char *path_of(char out[512], const char *name) { return strcpy(out, ae_test_path(name)); }
static uint8_t byte_at(int64_t example, int64_t feature) { return (uint8_t)((example * 31 + feature * 7) % 256); }
static int32_t label_at(int64_t example) { return (int32_t)(example % 6) - 1; }

/* This rank's share of a dataset, in both types, freely changed by a test. */
typedef struct share {
  int64_t begin, count;
  uint8_t bytes[EXAMPLES * FEATURES];
  float reals[EXAMPLES * FEATURES];
  int32_t label[EXAMPLES];
  int64_t source[EXAMPLES];
} share;

static share make_share(void) {
  share own = {0};
  const int rank = ae_comm_rank(ae_test_comm()), ranks = ae_comm_size(ae_test_comm());
  own.begin = (int64_t)rank * EXAMPLES / ranks;
  own.count = (int64_t)(rank + 1) * EXAMPLES / ranks - own.begin;
  for (int64_t i = 0; i < own.count; i++) {
    own.label[i] = label_at(own.begin + i);
    own.source[i] = own.begin + i;
    for (int64_t f = 0; f < FEATURES; f++) {
      own.bytes[i * FEATURES + f] = byte_at(own.begin + i, f);
      own.reals[i * FEATURES + f] = (float)byte_at(own.begin + i, f) - 0.5f;
    }
  }
  return own;
}

static void write_images(const char *path, const share *own, bool labelled) {
  ae_test_ok(ae_dataset_write(ae_test_comm(), path, &images, own->begin, own->count, own->bytes,
                              labelled ? own->label : NULL, labelled ? own->source : NULL, "a test"));
}

static void write_vectors(const char *path, const share *own) {
  ae_test_ok(
      ae_dataset_write(ae_test_comm(), path, &vectors, own->begin, own->count, own->reals, NULL, NULL, "a test"));
}

static ae_dataset *open_with(const char *path, int shards) {
  ae_dataset *dataset = NULL;
  ae_test_ok(ae_dataset_open(ae_test_comm(), path, shards, &dataset));
  return dataset;
}

static void refuse(const char *path, const char *part) {
  ae_dataset *dataset = NULL;
  ae_test_error(ae_dataset_open(ae_test_comm(), path, 0, &dataset), AE_DATA, part);
  assert_null(dataset);
}

static void expect_images(const ae_dataset *dataset) {
  float values[FEATURES];
  const int64_t begin = ae_shards_own_begin(&dataset->shards);
  for (int64_t e = begin; e < begin + ae_shards_own_count(&dataset->shards); e++) {
    const uint8_t *row = ae_dataset_row(dataset, e);
    ae_dataset_to_float(dataset, row, 1, values);
    for (int64_t f = 0; f < FEATURES; f++) {
      assert_int_equal(row[f], byte_at(e, f));
      assert_float_equal(values[f], (float)row[f] / 255.0f, 1e-7f);
    }
    if (dataset->label != NULL) assert_int_equal(dataset->label[e - begin], label_at(e));
  }
}

static void images_are_read_in_any_number_of_shards(void **state) {
  (void)state;
  char path[512];
  const int counts[] = {0, ae_comm_size(ae_test_comm()), 8, 52, 200};
  const share own = make_share();
  write_images(path_of(path, "images.h5"), &own, true);
  for (int i = 0; i < 5; i++) {
    ae_dataset *dataset = open_with(path, counts[i]);
    assert_string_equal(dataset->path, path);
    assert_int_equal(dataset->shards.shards, counts[i] == 0 ? ae_comm_size(ae_test_comm()) : counts[i]);
    assert_int_equal(dataset->examples, EXAMPLES);
    assert_int_equal(dataset->rank, 3);
    assert_memory_equal(dataset->dim, images.dim, sizeof images.dim);
    assert_int_equal(dataset->features, FEATURES);
    assert_int_equal(dataset->type, AE_H5_UINT8);
    assert_int_equal(dataset->row_bytes, FEATURES);
    assert_int_equal(dataset->classes, 5);
    expect_images(dataset);
    ae_dataset_close(&dataset);
    assert_null(dataset);
  }
}

static void vectors_without_labels_are_read(void **state) {
  (void)state;
  char path[512];
  float values[FEATURES];
  const share own = make_share();
  write_vectors(path_of(path, "vectors.h5"), &own);
  ae_dataset *dataset = open_with(path, 0);
  assert_int_equal(dataset->rank, 1);
  assert_int_equal(dataset->type, AE_H5_FLOAT32);
  assert_int_equal(dataset->row_bytes, 4 * FEATURES);
  assert_null(dataset->label);
  assert_int_equal(dataset->classes, 0);
  const int64_t begin = ae_shards_own_begin(&dataset->shards);
  for (int64_t e = begin; e < begin + ae_shards_own_count(&dataset->shards); e++) {
    ae_dataset_to_float(dataset, ae_dataset_row(dataset, e), 1, values);
    for (int64_t f = 0; f < FEATURES; f++) assert_float_equal(values[f], byte_at(e, f) - 0.5f, 0);
  }
  ae_dataset_close(&dataset);
}

static uint32_t checksum_of(const char *path, int shards) {
  ae_dataset *dataset = open_with(path, shards);
  const uint32_t checksum = dataset->checksum;
  ae_dataset_close(&dataset);
  return checksum;
}

static ae_dataset *open_blocks(const char *path, int64_t block) {
  ae_dataset *dataset = NULL;
  ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), path, block, &dataset));
  return dataset;
}

/* 53 examples in 53, 4, 2, 1 and 1 blocks: with fewer blocks than ranks, some ranks hold nothing. */
static void blocks_are_read_on_any_number_of_ranks(void **state) {
  (void)state;
  char path[512], real_path[512];
  const int64_t sizes[] = {1, 16, 30, 53, 256};
  const int counts[] = {53, 4, 2, 1, 1};
  const share own = make_share();
  write_images(path_of(path, "blocks.h5"), &own, true);
  write_vectors(path_of(real_path, "real.h5"), &own);
  for (int i = 0; i < 5; i++) {
    ae_dataset *dataset = open_blocks(path, sizes[i]), *real = open_blocks(real_path, sizes[i]);
    assert_int_equal(dataset->shards.shards, counts[i]);
    assert_int_equal(dataset->classes, 5);
    assert_non_null(dataset->label);
    assert_int_equal(dataset->checksum, checksum_of(path, 0));
    expect_images(dataset);
    assert_int_equal(real->checksum, checksum_of(real_path, 0));
    assert_float_equal(real->low, -0.5f, 0);
    assert_float_equal(real->high, 254.5f, 0);
    ae_dataset_close(&dataset);
    ae_dataset_close(&real);
  }
  ae_dataset *dataset = NULL;
  ae_test_error(ae_dataset_open_blocks(ae_test_comm(), ae_test_path("absent.h5"), 256, &dataset), AE_DATA, "absent.h5");
  assert_null(dataset);
}

/* Fetches in a scrambled order, some twice, and sees every byte on every rank. */
static void expect_fetched(const ae_dataset *dataset) {
  enum { WANTED = 70 };
  int64_t examples[WANTED];
  char rows[WANTED * FEATURES * sizeof(float)];
  memset(rows, 0x5a, sizeof rows);
  for (int i = 0; i < WANTED; i++) examples[i] = (i * 20 + 52) % EXAMPLES;
  ae_test_ok(ae_dataset_fetch(ae_test_comm(), dataset, examples, WANTED, rows));
  for (int i = 0; i < WANTED; i++)
    for (int f = 0; f < FEATURES; f++) {
      float value = 0;
      memcpy(&value, rows + ((size_t)i * FEATURES + (size_t)f) * sizeof value, sizeof value);
      if (dataset->type == AE_H5_FLOAT32) assert_float_equal(value, byte_at(examples[i], f) - 0.5f, 0);
      else assert_int_equal((uint8_t)rows[i * FEATURES + f], byte_at(examples[i], f));
    }
}

static void examples_of_all_ranks_are_fetched(void **state) {
  (void)state;
  char path[512], real_path[512];
  uint8_t rows[2 * FEATURES];
  const share own = make_share();
  write_images(path_of(path, "fetch.h5"), &own, true);
  write_vectors(path_of(real_path, "reals.h5"), &own);
  for (int64_t block = 1; block <= 64; block *= 8) {
    ae_dataset *dataset = open_blocks(path, block), *real = open_blocks(real_path, block);
    expect_fetched(dataset);
    expect_fetched(real);
    ae_test_ok(ae_dataset_fetch(ae_test_comm(), dataset, NULL, 0, NULL));
    ae_test_error(ae_dataset_fetch(ae_test_comm(), dataset, (const int64_t[]){3, 53}, 2, rows), AE_USAGE,
                  "there is no example 53: ");
    ae_test_error(ae_dataset_fetch(ae_test_comm(), dataset, (const int64_t[]){-1}, 1, rows), AE_USAGE,
                  "fetch.h5 has 53, numbered from 0");
    ae_dataset_close(&dataset);
    ae_dataset_close(&real);
  }
}

/* The numbers were found with Python's zlib.crc32 over "u1 53 2 3 4", the bytes and the labels (little-endian). */
static void the_checksum_sees_order_labels_and_nothing_else(void **state) {
  (void)state;
  char path[512];
  share own = make_share();
  write_images(path_of(path, "sum.h5"), &own, false);
  assert_int_equal(checksum_of(path, 0), UINT32_C(0x06763213));
  assert_int_equal(checksum_of(path, 17), UINT32_C(0x06763213));
  write_images(path, &own, true);
  assert_int_equal(checksum_of(path, 0), UINT32_C(0x4cf23fdc));
  assert_int_equal(checksum_of(path, 200), UINT32_C(0x4cf23fdc));
  if (own.begin + own.count == EXAMPLES) own.bytes[own.count * FEATURES - 1] ^= 1;
  write_images(path, &own, true);
  assert_int_not_equal(checksum_of(path, 0), UINT32_C(0x4cf23fdc));
}

static void the_lowest_value_that_is_not_finite_is_named(void **state) {
  (void)state;
  static const struct {
    int64_t example, feature;
    float value;
    const char *part;
  } cases[] = {{0, 0, NAN, "feature 0 of example 0 is not a number"},
               {EXAMPLES - 1, FEATURES - 1, INFINITY, "feature 23 of example 52 is infinite"},
               {29, 3, -INFINITY, "feature 3 of example 29 is infinite"}};
  char path[512];
  path_of(path, "nan.h5");
  for (int i = 0; i < 3; i++) {
    share own = make_share();
    for (int64_t e = 0; e < own.count; e++) {
      if (own.begin + e == cases[i].example) own.reals[e * FEATURES + cases[i].feature] = cases[i].value;
      /* Others further on must not be the ones named. */
      if (own.begin + e > cases[i].example) own.reals[e * FEATURES] = NAN;
    }
    write_vectors(path, &own);
    refuse(path, cases[i].part);
  }
}

static void labels_out_of_range_are_named(void **state) {
  (void)state;
  char path[512];
  share own = make_share();
  for (int64_t i = 0; i < own.count; i++)
    if (own.begin + i >= 40) own.label[i] = own.begin + i == 40 ? -2 : INT32_MAX;
  write_images(path_of(path, "range.h5"), &own, true);
  refuse(path, "label -2 of example 40 is out of range");
}

static void more_ranks_than_shards_are_refused(void **state) {
  (void)state;
  char path[512];
  ae_dataset *dataset = NULL;
  const share own = make_share();
  write_images(path_of(path, "few.h5"), &own, true);
  if (ae_comm_size(ae_test_comm()) > 1)
    ae_test_error(ae_dataset_open(ae_test_comm(), path, 1, &dataset), AE_USAGE, "data.shards");
  ae_test_error(ae_dataset_open(ae_test_comm(), path, -1, &dataset), AE_USAGE, "data.shards");
  assert_null(dataset);
}

/* Makes a file by hand: what a user might. */
static ae_h5 *start_file(const char *path, const char *format, int64_t version) {
  ae_h5 *file = NULL;
  ae_test_ok(ae_h5_create(ae_test_comm(), path, &file));
  if (format != NULL) ae_test_ok(ae_h5_put_text(file, "/", "mpiae_format", format));
  ae_test_ok(ae_h5_put_integer(file, "/", "mpiae_version", version));
  return file;
}

/* Adds an array of zeros that rank 0 gives, over axes of its own. */
static void add_array(ae_h5 *file, const char *path, ae_h5_type type, int rank, const int64_t *dim) {
  static const char *const names[4] = {"a", "b", "c", "d"};
  static const char zeros[8192] = {0};
  char axis[4][32];
  ae_h5_dataset dataset = {path, type, rank, {0}, {NULL}, "zeros", NULL};
  for (int i = 0; i < rank; i++) {
    dataset.dim[i] = dim[i];
    dataset.axes[i] = strcat(strcpy(axis[i], path + 1), names[i]);
    ae_test_ok(ae_h5_create_axis(file, "/", axis[i], dim[i], NULL, "an axis"));
  }
  ae_test_ok(ae_h5_write(file, &dataset, 0, ae_comm_rank(ae_test_comm()) == 0 ? dim[0] : 0, zeros));
}

static void files_of_another_kind_are_refused(void **state) {
  (void)state;
  char path[512];
  const int64_t dim[] = {10, 3};
  path_of(path, "kind.h5");
  refuse(path, "No such file");
  ae_h5 *file = start_file(path, NULL, 1);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, "not a dataset file");
  file = start_file(path, "checkpoint", 1);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, "mpiae_format is 'checkpoint'");
  file = start_file(path, "dataset", 2);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, "mpiae_version is 2");
  file = start_file(path, "dataset", 1);
  add_array(file, "/pixels", AE_H5_FLOAT32, 2, dim);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, "has no dataset /x");
}

static void expect_refused_array(ae_h5_type type, int rank, const int64_t *dim, const char *part) {
  char path[512];
  ae_h5 *file = start_file(path_of(path, "array.h5"), "dataset", 1);
  add_array(file, "/x", type, rank, dim);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, part);
}

static void arrays_of_another_form_are_refused(void **state) {
  (void)state;
  expect_refused_array(AE_H5_UINT8, 1, (const int64_t[]){10}, "/x has 1 axes");
  expect_refused_array(AE_H5_UINT8, 3, (const int64_t[]){10, 2, 2}, "/x has 3 axes");
  expect_refused_array(AE_H5_FLOAT64, 2, (const int64_t[]){10, 2}, "neither uint8 nor float32");
  expect_refused_array(AE_H5_INT32, 2, (const int64_t[]){10, 2}, "neither uint8 nor float32");
  expect_refused_array(AE_H5_UINT8, 2, (const int64_t[]){0, 2}, "/x is empty");
  expect_refused_array(AE_H5_UINT8, 2, (const int64_t[]){2, 0}, "/x is empty");
}

static void expect_refused_labels(ae_h5_type type, int rank, const int64_t *dim, const char *part) {
  char path[512];
  ae_h5 *file = start_file(path_of(path, "label.h5"), "dataset", 1);
  add_array(file, "/x", AE_H5_UINT8, 2, (const int64_t[]){10, 3});
  add_array(file, "/label", type, rank, dim);
  ae_test_ok(ae_h5_commit(&file));
  refuse(path, part);
}

static void labels_that_do_not_fit_are_refused(void **state) {
  (void)state;
  expect_refused_labels(AE_H5_INT32, 1, (const int64_t[]){9}, "/label: its shape is (9), but there are 10 examples");
  expect_refused_labels(AE_H5_INT32, 3, (const int64_t[]){10, 1, 1}, "/label: its shape is (10, 1, 1)");
  expect_refused_labels(AE_H5_FLOAT32, 2, (const int64_t[]){10, 4}, "/label: row 0 of the 4 columns is not zeros");
}

/* numpy's integers are wide by default. */
static void wide_labels_are_read(void **state) {
  (void)state;
  char path[512];
  ae_h5 *file = start_file(path_of(path, "wide.h5"), "dataset", 1);
  add_array(file, "/x", AE_H5_UINT8, 2, (const int64_t[]){10, 3});
  add_array(file, "/label", AE_H5_INT64, 1, (const int64_t[]){10});
  ae_test_ok(ae_h5_commit(&file));
  ae_dataset *dataset = open_with(path, 0);
  assert_int_equal(dataset->classes, 1);
  ae_dataset_close(&dataset);
}

static void a_dataset_cut_in_half_is_refused(void **state) {
  (void)state;
  char path[512];
  struct stat info;
  const share own = make_share();
  write_images(path_of(path, "half.h5"), &own, true);
  assert_int_equal(stat(path, &info), 0);
  ae_comm_barrier(ae_test_comm());
  if (ae_comm_rank(ae_test_comm()) == 0) assert_int_equal(truncate(path, info.st_size / 2), 0);
  ae_comm_barrier(ae_test_comm());
  refuse(path, "half.h5");
}

static void the_writer_refuses_what_cannot_be_read(void **state) {
  (void)state;
  const ae_dataset_shape none = {0, 1, {3, 0, 0}, AE_H5_UINT8}, flat = {0 + 3, 1, {0, 0, 0}, AE_H5_UINT8},
                         plane = {3, 2, {2, 2, 0}, AE_H5_UINT8}, wide = {3, 1, {2, 0, 0}, AE_H5_FLOAT64};
  const char *path = ae_test_path("refused.h5");
  ae_test_error(ae_dataset_write(ae_test_comm(), path, &none, 0, 0, NULL, NULL, NULL, ""), AE_DATA, "at least one");
  ae_test_error(ae_dataset_write(ae_test_comm(), path, &flat, 0, 0, NULL, NULL, NULL, ""), AE_DATA, "length 0");
  ae_test_error(ae_dataset_write(ae_test_comm(), path, &plane, 0, 0, NULL, NULL, NULL, ""), AE_INTERNAL, "2 axes");
  ae_test_error(ae_dataset_write(ae_test_comm(), path, &wide, 0, 0, NULL, NULL, NULL, ""), AE_INTERNAL, "uint8");
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(images_are_read_in_any_number_of_shards),
      AE_TEST(vectors_without_labels_are_read),
      AE_TEST(blocks_are_read_on_any_number_of_ranks),
      AE_TEST(examples_of_all_ranks_are_fetched),
      AE_TEST(the_checksum_sees_order_labels_and_nothing_else),
      AE_TEST(the_lowest_value_that_is_not_finite_is_named),
      AE_TEST(labels_out_of_range_are_named),
      AE_TEST(more_ranks_than_shards_are_refused),
      AE_TEST(files_of_another_kind_are_refused),
      AE_TEST(arrays_of_another_form_are_refused),
      AE_TEST(labels_that_do_not_fit_are_refused),
      AE_TEST(wide_labels_are_read),
      AE_TEST(a_dataset_cut_in_half_is_refused),
      AE_TEST(the_writer_refuses_what_cannot_be_read),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
