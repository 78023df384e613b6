#include "harness.h"
#include "idx_files.h"

#include "mpiae/data/dataset.h"
#include "mpiae/data/import.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define IMAGES 41

static const ae_import_options plain = {0};

static const ae_import_format *format_of(const char *name) {
  const ae_import_format *format = ae_import_formats();
  while (strcmp(format->name, name) != 0) format++;
  return format;
}

static const ae_import_format *idx(void) { return format_of("idx"); }

static const char *path_of(char out[512], const char *name) { return strcpy(out, ae_test_path(name)); }

/* Rank 0 writes; the others wait. */
static void write_idx(const char *path, int rank, const uint32_t *dim, int salt, int zipped) {
  int64_t count = 1;
  for (int i = 0; i < rank; i++) count *= dim[i];
  if (ae_comm_rank(ae_test_comm()) == 0) ae_test_write_idx(path, 8, rank, dim, count, salt, zipped);
  ae_comm_barrier(ae_test_comm());
}

static void write_images(const char *path, uint32_t count, int salt) {
  write_idx(path, 3, (const uint32_t[]){count, 6, 5}, salt, 1);
}

static ae_dataset *open_dataset(const char *path) {
  ae_dataset *dataset = NULL;
  ae_test_ok(ae_dataset_open(ae_test_comm(), path, 0, &dataset));
  return dataset;
}

/* source_index of all examples. */
static void read_sources(const char *path, int64_t count, int64_t *out) {
  ae_h5 *file = NULL;
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  ae_test_ok(ae_h5_read(file, "/source_index", AE_H5_INT64, 1, 0, count, out));
  ae_h5_close(&file);
}

/* Every own example is the image its source index names. */
static void expect_images(const ae_dataset *dataset, const int64_t *source, int64_t features) {
  const int64_t begin = ae_shards_own_begin(&dataset->shards);
  for (int64_t e = begin; e < begin + ae_shards_own_count(&dataset->shards); e++) {
    const uint8_t *row = ae_dataset_row(dataset, e);
    for (int64_t f = 0; f < features; f++) assert_int_equal(row[f], ((source[e] * features + f) * 7 + 1) % 251);
    if (dataset->label != NULL) assert_int_equal(dataset->label[e - begin], (source[e] * 7 + 2) % 251);
  }
}

static void images_and_labels_are_imported(void **state) {
  (void)state;
  char images[512], labels[512], out[512];
  const char *files[] = {path_of(images, "images.gz")};
  int64_t source[IMAGES];
  write_images(images, IMAGES, 1);
  write_idx(path_of(labels, "labels"), 1, (const uint32_t[]){IMAGES}, 2, 0);
  const ae_import_options options = {.labels = labels};
  ae_test_ok(ae_import(ae_test_comm(), idx(), files, 1, &options, path_of(out, "out.h5")));
  ae_dataset *dataset = open_dataset(out);
  assert_int_equal(dataset->examples, IMAGES);
  assert_int_equal(dataset->rank, 3);
  assert_int_equal(dataset->dim[0], 1);
  assert_int_equal(dataset->dim[1], 6);
  assert_int_equal(dataset->dim[2], 5);
  assert_non_null(dataset->label);
  read_sources(out, IMAGES, source);
  for (int i = 0; i < IMAGES; i++) assert_int_equal(source[i], i);
  expect_images(dataset, source, 30);
  ae_dataset_close(&dataset);
}

static void vectors_are_imported(void **state) {
  (void)state;
  char vectors[512], out[512];
  const char *files[] = {path_of(vectors, "vectors")};
  int64_t source[IMAGES];
  write_idx(vectors, 2, (const uint32_t[]){IMAGES, 9}, 1, 0);
  ae_test_ok(ae_import(ae_test_comm(), idx(), files, 1, &plain, path_of(out, "out.h5")));
  ae_dataset *dataset = open_dataset(out);
  assert_int_equal(dataset->rank, 1);
  assert_int_equal(dataset->features, 9);
  assert_null(dataset->label);
  assert_int_equal(dataset->classes, 0);
  read_sources(out, IMAGES, source);
  expect_images(dataset, source, 9);
  ae_dataset_close(&dataset);
}

static void colour_images_are_imported(void **state) {
  (void)state;
  char images[512], out[512];
  const char *files[] = {path_of(images, "colour")};
  write_idx(images, 4, (const uint32_t[]){3, 2, 4, 5}, 1, 0);
  ae_test_ok(ae_import(ae_test_comm(), idx(), files, 1, &plain, path_of(out, "out.h5")));
  ae_dataset *dataset = open_dataset(out);
  assert_int_equal(dataset->rank, 3);
  assert_int_equal(dataset->dim[0], 2);
  assert_int_equal(dataset->dim[2], 5);
  ae_dataset_close(&dataset);
}

static void files_are_joined_in_order(void **state) {
  (void)state;
  char first[512], second[512], out[512], reference[512];
  const char *files[] = {path_of(first, "first.gz"), path_of(second, "second.gz")};
  int64_t source[20];
  /* The second goes on where the first ends: 13 images of 30 bytes. */
  write_images(first, 13, 1);
  write_images(second, 7, 1 + 13 * 30 * 7);
  ae_test_ok(ae_import(ae_test_comm(), idx(), files, 2, &plain, path_of(out, "joined.h5")));
  ae_dataset *dataset = open_dataset(out);
  assert_int_equal(dataset->examples, 20);
  read_sources(out, 20, source);
  expect_images(dataset, source, 30);
  write_images(path_of(reference, "reference.gz"), 20, 1);
  const char *one[] = {reference};
  ae_test_ok(ae_import(ae_test_comm(), idx(), one, 1, &plain, path_of(out, "one.h5")));
  ae_dataset *whole = open_dataset(out);
  assert_int_equal(whole->checksum, dataset->checksum);
  ae_dataset_close(&dataset);
  ae_dataset_close(&whole);
}

/* Imports shuffled with a limit and gives the sources. */
static void shuffle(const char *images, const char *labels, uint64_t seed, int64_t limit, int64_t *source) {
  char out[512];
  const ae_import_options options = {.labels = labels, .shuffle = true, .seed = seed, .limit = limit};
  ae_test_ok(ae_import(ae_test_comm(), idx(), &images, 1, &options, path_of(out, "out.h5")));
  ae_dataset *dataset = open_dataset(out);
  assert_int_equal(dataset->examples, limit > 0 && limit < IMAGES ? limit : IMAGES);
  read_sources(out, dataset->examples, source);
  expect_images(dataset, source, 30);
  ae_dataset_close(&dataset);
}

static void shuffling_permutes_and_a_limit_cuts(void **state) {
  (void)state;
  char images[512], labels[512];
  int64_t whole[IMAGES], again[IMAGES], other[IMAGES], few[IMAGES];
  bool seen[IMAGES] = {false}, sorted = true;
  write_images(path_of(images, "images.gz"), IMAGES, 1);
  write_idx(path_of(labels, "labels"), 1, (const uint32_t[]){IMAGES}, 2, 1);
  shuffle(images, labels, 7, 0, whole);
  shuffle(images, labels, 7, 1000, again);
  shuffle(images, labels, 8, 0, other);
  shuffle(images, labels, 7, 5, few);
  for (int i = 0; i < IMAGES; i++) {
    assert_false(seen[whole[i]]);
    seen[whole[i]] = true;
    sorted = sorted && whole[i] == i;
  }
  assert_false(sorted);
  assert_memory_equal(whole, again, sizeof whole);
  assert_memory_not_equal(whole, other, sizeof whole);
  assert_memory_equal(whole, few, 5 * sizeof *few);
}

static void fewer_examples_than_ranks_are_imported(void **state) {
  (void)state;
  char images[512], out[512];
  const char *files[] = {path_of(images, "images.gz")};
  const ae_import_options options = {.limit = 2};
  write_images(images, IMAGES, 1);
  ae_test_ok(ae_import(ae_test_comm(), idx(), files, 1, &options, path_of(out, "out.h5")));
  ae_h5 *file = NULL;
  uint8_t rows[60];
  ae_test_ok(ae_h5_open(ae_test_comm(), out, &file));
  ae_test_ok(ae_h5_read(file, "/x", AE_H5_UINT8, 30, 0, 2, rows));
  for (int i = 0; i < 60; i++) assert_int_equal(rows[i], (i * 7 + 1) % 251);
  ae_h5_close(&file);
}

static void expect_refused(const char *const *files, int count, const char *labels, const char *part) {
  const ae_import_options options = {.labels = labels};
  const char *out = ae_test_path("refused.h5");
  ae_h5 *file = NULL;
  ae_test_error(ae_import(ae_test_comm(), idx(), files, count, &options, out), AE_DATA, part);
  ae_test_error(ae_h5_open(ae_test_comm(), ae_test_path("refused.h5"), &file), AE_DATA, "No such file");
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  char images[512], other[512], labels[512];
  const char *files[] = {path_of(images, "images.gz"), path_of(other, "other.gz")};
  const char *absent[] = {"/nowhere/images.gz"};
  write_images(images, IMAGES, 1);
  write_idx(other, 3, (const uint32_t[]){3, 5, 5}, 1, 1);
  expect_refused(files, 2, NULL, "another shape");
  expect_refused(absent, 1, NULL, "/nowhere/images.gz");
  expect_refused(files, 1, "/nowhere/labels", "/nowhere/labels");
  expect_refused(files, 1, other, "is it an image file?");
  write_idx(path_of(labels, "labels"), 1, (const uint32_t[]){IMAGES - 1}, 2, 1);
  expect_refused(files, 1, labels, "it has 40 labels, but there are 41 examples");
  const char *swapped[] = {labels};
  expect_refused(swapped, 1, NULL, "it has one axis, as labels have");
  write_idx(other, 3, (const uint32_t[]){0, 5, 5}, 1, 1);
  const char *empty[] = {other};
  expect_refused(empty, 1, NULL, "it has no examples");
  if (ae_comm_rank(ae_test_comm()) == 0) ae_test_cut(images, 1, 2);
  ae_comm_barrier(ae_test_comm());
  expect_refused(files, 1, NULL, "the gzip stream ends in its midst");
}

static void a_place_that_cannot_be_written_is_named(void **state) {
  (void)state;
  char images[512];
  const char *files[] = {path_of(images, "images.gz")};
  write_images(images, IMAGES, 1);
  ae_test_error(ae_import(ae_test_comm(), idx(), files, 1, &plain, "/proc/out.h5"), AE_DATA,
                "cannot create /proc/out.h5");
}

/* Rank 0 writes numbers as NumPy would; the others wait. */
static void write_npy(const char *path, const char *descr, const char *shape, const void *data, size_t size) {
  if (ae_comm_rank(ae_test_comm()) == 0) {
    char header[120];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fprintf(file, "\x93NUMPY%c%c%c%c", 1, 0, (int)strlen(header), 0);
    fputs(header, file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
  }
  ae_comm_barrier(ae_test_comm());
}

static ae_status import_npy(const char *const *files, int count, const ae_import_options *options, const char *out) {
  return ae_import(ae_test_comm(), format_of("npy"), files, count, options, out);
}

static void arrays_of_numpy_are_imported(void **state) {
  (void)state;
  static const char *const shapes[] = {"(24,)", "(8, 3)", "(4, 3, 2)", "(2, 3, 2, 2)"};
  static const int64_t examples[] = {24, 8, 4, 2}, dim[4][3] = {{1, 0, 0}, {3, 0, 0}, {1, 3, 2}, {3, 2, 2}};
  char first[512], second[512], out[512];
  const char *files[] = {path_of(first, "first.npy"), path_of(second, "second.npy")};
  int16_t data[24];
  for (int i = 0; i < 24; i++) data[i] = (int16_t)(i * 300 - 1000);
  path_of(out, "out.h5");
  for (int rank = 1; rank <= 4; rank++) {
    write_npy(first, "<i2", shapes[rank - 1], data, sizeof data);
    write_npy(second, "<i2", shapes[rank - 1], data, sizeof data);
    ae_test_ok(import_npy(files, 2, &plain, out));
    ae_dataset *dataset = NULL;
    ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), out, 1, &dataset));
    assert_int_equal(dataset->examples, 2 * examples[rank - 1]);
    assert_int_equal(dataset->type, AE_H5_FLOAT32);
    assert_memory_equal(dataset->dim, dim[rank - 1], sizeof dim[0]);
    const float *row = dataset->rows;
    const int64_t begin = ae_shards_own_begin(&dataset->shards) * dataset->features;
    for (int64_t i = 0; i < ae_shards_own_count(&dataset->shards) * dataset->features; i++)
      assert_float_equal(row[i], data[(begin + i) % 24], 0);
    ae_dataset_close(&dataset);
  }
}

static void refuse_npy(const char *const *files, int count, const char *labels, const char *part) {
  const ae_import_options options = {.labels = labels};
  ae_test_error(import_npy(files, count, &options, ae_test_path("refused.h5")), AE_DATA, part);
}

static void arrays_that_do_not_fit_are_refused(void **state) {
  (void)state;
  char good[512], other[512], labels[512];
  const char *files[] = {path_of(good, "good.npy"), path_of(other, "other.npy")};
  float data[6] = {0, 1, 2, 3, 4, 5};
  path_of(labels, "labels.npy");
  write_npy(good, "<f4", "(3, 2)", data, sizeof data);
  write_npy(other, "|u1", "(3, 2)", "abcdef", 6);
  refuse_npy(files, 2, NULL, "one is uint8, the other not");
  write_npy(other, "<f4", "(2, 3)", data, sizeof data);
  refuse_npy(files, 2, NULL, "other.npy: its examples have another shape");
  data[3] = INFINITY;
  data[5] = NAN;
  write_npy(other, "<f4", "(3, 2)", data, sizeof data);
  refuse_npy(files, 2, NULL, "other.npy: example 1 holds a value that is infinite or beyond float32");
  data[3] = 0;
  write_npy(other, "<f4", "(3, 2)", data, sizeof data);
  refuse_npy(files, 2, NULL, "other.npy: example 2 holds a value that is not a number");
  write_npy(other, "<f4", "(3, 0)", data, 0);
  refuse_npy(files + 1, 1, NULL, "other.npy: it has no examples");
  write_npy(labels, "<f4", "(3,)", data, 12);
  refuse_npy(files, 1, labels, "labels.npy: labels are integers, this file has floats");
  write_npy(labels, "<i2", "(3,)", "\0\0\xfe\xff\0\0", 6);
  refuse_npy(files, 1, labels, "labels.npy: label -2 of example 1 is out of range");
  write_npy(labels, "<u4", "(3,)", "\0\0\0\0\0\0\0\0\xff\xff\xff\x7f", 12);
  refuse_npy(files, 1, labels, "labels.npy: label 2147483647 of example 2 is out of range");
  write_npy(labels, "|u1", "(2,)", "ab", 2);
  refuse_npy(files, 1, labels, "labels.npy: it has 2 labels, but there are 3 examples");
}

/* Labels 0 … 4 in turn over 41 images; imports those of some classes and gives the sources. */
static int64_t import_classes(const int *classes, int count, int64_t limit, bool shuffled, int64_t *source) {
  char images[512], labels[512], out[512];
  const char *files[] = {path_of(images, "images.npy")};
  const ae_import_options options = {.labels = path_of(labels, "labels.npy"),
                                     .classes = classes,
                                     .class_count = count,
                                     .limit = limit,
                                     .shuffle = shuffled,
                                     .seed = 5};
  int64_t numbers[IMAGES];
  uint8_t data[IMAGES];
  for (int i = 0; i < IMAGES; i++) numbers[i] = data[i] = (uint8_t)(i % 5);
  write_npy(images, "|u1", "(41, 1)", data, sizeof data);
  write_npy(labels, "<i8", "(41,)", numbers, sizeof numbers);
  ae_test_ok(import_npy(files, 1, &options, path_of(out, "out.h5")));
  ae_dataset *dataset = NULL;
  ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), out, 1, &dataset));
  for (int64_t i = 0; i < ae_shards_own_count(&dataset->shards); i++)
    assert_int_equal(dataset->label[i], ((const uint8_t *)dataset->rows)[i]);
  const int64_t examples = dataset->examples;
  read_sources(out, examples, source);
  ae_dataset_close(&dataset);
  return examples;
}

static void classes_are_kept_before_the_limit(void **state) {
  (void)state;
  static const int classes[] = {4, 1};
  int64_t source[IMAGES], shuffled[IMAGES];
  bool moved = false;
  assert_int_equal(import_classes(classes, 2, 0, false, source), 16);
  for (int i = 0; i < 16; i++) assert_int_equal(source[i], i / 2 * 5 + (i % 2 == 0 ? 1 : 4));
  assert_int_equal(import_classes(classes, 2, 3, false, source), 3);
  assert_int_equal(source[2], 6);
  assert_int_equal(import_classes(classes, 2, 16, true, shuffled), 16);
  for (int i = 0; i < 16; i++) {
    assert_true(shuffled[i] % 5 == 1 || shuffled[i] % 5 == 4);
    moved = moved || shuffled[i] != i / 2 * 5 + (i % 2 == 0 ? 1 : 4);
  }
  assert_true(moved);
  assert_int_equal(import_classes(classes, 1, 100, false, source), 8);
  assert_int_equal(import_classes(NULL, 0, 0, false, source), IMAGES);
}

static void classes_that_cannot_be_kept_are_refused(void **state) {
  (void)state;
  int64_t source[IMAGES];
  char images[512], labels[512];
  const char *files[] = {path_of(images, "images.npy")};
  const int classes[] = {1, 5, 6};
  ae_import_options options = {.classes = classes, .class_count = 3};
  import_classes(NULL, 0, 0, false, source);
  ae_test_error(import_npy(files, 1, &options, ae_test_path("refused.h5")), AE_USAGE, "--classes needs --labels");
  options.labels = path_of(labels, "labels.npy");
  ae_test_error(import_npy(files, 1, &options, ae_test_path("refused.h5")), AE_USAGE,
                "--classes names 5, but no example in ");
}

/* Images of 6 × 5 bytes, every set the pixels above 200 of the image its source index names. */
static void images_are_imported_as_sets(void **state) {
  (void)state;
  char images[512], labels[512], out[512];
  const char *files[] = {path_of(images, "images.gz")};
  const float threshold = 200;
  int64_t source[20];
  write_images(images, IMAGES, 1);
  write_idx(path_of(labels, "labels"), 1, (const uint32_t[]){IMAGES}, 2, 0);
  const ae_import_options options = {
      .labels = labels, .shuffle = true, .seed = 4, .limit = 20, .as_set = true, .threshold = &threshold};
  ae_test_ok(ae_import(ae_test_comm(), idx(), files, 1, &options, path_of(out, "sets.h5")));
  ae_dataset *dataset = open_dataset(out);
  assert_int_equal(dataset->examples, 20);
  assert_int_equal(dataset->features, 2);
  read_sources(out, 20, source);
  const int64_t begin = ae_shards_own_begin(&dataset->shards);
  for (int64_t e = begin; e < begin + ae_shards_own_count(&dataset->shards); e++) {
    int64_t count = 0, seen = 0;
    const float *points = ae_dataset_set(dataset, e, &count);
    for (int64_t f = 0; f < 30; f++) {
      if (((source[e] * 30 + f) * 7 + 1) % 251 <= 200) continue;
      ae_test_in_range(seen, 0, count - 1);
      assert_float_equal(points[2 * seen], (float)(f / 5) / 6, 0);
      assert_float_equal(points[2 * seen + 1], (float)(f % 5) / 5, 0);
      seen++;
    }
    assert_int_equal(seen, count);
    assert_int_equal(dataset->label[e - begin], (source[e] * 7 + 2) % 251);
  }
  ae_dataset_close(&dataset);
}

static void only_grey_images_become_sets(void **state) {
  (void)state;
  char file[512];
  const char *files[] = {path_of(file, "file")}, *out = ae_test_path("sets.h5");
  const ae_import_options options = {.as_set = true};
  write_idx(file, 2, (const uint32_t[]){IMAGES, 9}, 1, 0);
  ae_test_error(ae_import(ae_test_comm(), idx(), files, 1, &options, out), AE_DATA, "its examples are vectors");
  write_idx(file, 4, (const uint32_t[]){3, 2, 4, 5}, 1, 0);
  ae_test_error(ae_import(ae_test_comm(), idx(), files, 1, &options, out), AE_DATA,
                "--as-set is for images of one channel; these have 2");
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(images_and_labels_are_imported),      AE_TEST(vectors_are_imported),
      AE_TEST(colour_images_are_imported),          AE_TEST(files_are_joined_in_order),
      AE_TEST(shuffling_permutes_and_a_limit_cuts), AE_TEST(fewer_examples_than_ranks_are_imported),
      AE_TEST(what_does_not_fit_is_refused),        AE_TEST(a_place_that_cannot_be_written_is_named),
      AE_TEST(arrays_of_numpy_are_imported),        AE_TEST(arrays_that_do_not_fit_are_refused),
      AE_TEST(classes_are_kept_before_the_limit),   AE_TEST(classes_that_cannot_be_kept_are_refused),
      AE_TEST(images_are_imported_as_sets),         AE_TEST(only_grey_images_become_sets),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
