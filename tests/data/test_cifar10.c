#include "harness.h"
#include "idx_files.h"

#include "mpiae/data/cifar10.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { PIXELS = 3072 };

static int label_of(int record) { return record * 7 % 10; }
static int value_of(int record, int pixel) { return (record * 31 + pixel) % 256; }

/* Records whose last one has `last_label` and lacks `lacking` bytes. */
static void write_records(const char *path, int count, int last_label, int lacking, bool zipped) {
  gzFile stream = gzopen(path, zipped ? "wb" : "wbT");
  assert_non_null(stream);
  for (int i = 0; i < count; i++) {
    const bool last = i == count - 1;
    assert_true(gzputc(stream, last ? last_label : label_of(i)) >= 0);
    for (int j = 0; j < PIXELS - (last ? lacking : 0); j++) assert_true(gzputc(stream, value_of(i, j)) >= 0);
  }
  assert_int_equal(gzclose(stream), Z_OK);
}

static void records_are_parted(void **state) {
  (void)state;
  enum { COUNT = 25 };
  for (int zipped = 0; zipped < 2; zipped++) {
    ae_array array;
    /* The name says the opposite of the content. */
    const char *path = ae_test_path(zipped ? "plain.bin" : "plain.bin.gz");
    write_records(path, COUNT, label_of(COUNT - 1), 0, zipped);
    ae_test_ok(ae_cifar10_read(path, AE_ARRAY_EXAMPLES, &array));
    assert_int_equal(array.rank, 4);
    assert_int_equal(array.dim[0], COUNT);
    assert_true(array.dim[1] == 3 && array.dim[2] == 32 && array.dim[3] == 32);
    assert_int_equal(array.type, AE_H5_UINT8);
    for (int i = 0; i < COUNT; i++) {
      assert_int_equal(array.label[i], label_of(i));
      for (int j = 0; j < PIXELS; j++)
        assert_int_equal(((const uint8_t *)array.values)[i * PIXELS + j], value_of(i, j));
    }
    ae_array_free(&array);
  }
}

static void expect_error(const char *path, const char *part) {
  ae_array array;
  ae_test_error(ae_cifar10_read(path, AE_ARRAY_EXAMPLES, &array), AE_DATA, part);
  assert_null(array.values);
  assert_null(array.label);
}

static void wrong_files_are_named(void **state) {
  (void)state;
  const char *path = ae_test_path("wrong.bin");
  expect_error(path, "No such file");
  expect_error(path, "wrong.bin");
  write_records(path, 3, 1, 2, false);
  expect_error(path, "wrong.bin: 9217 bytes are no multiple of 3073, so record 2 is cut short");
  write_records(path, 3, 1, -3, false);
  expect_error(path, "as CIFAR-100's have");
  write_records(path, 3, 10, 0, false);
  expect_error(path, "wrong.bin: record 2 has the label 10");
  write_records(path, 40, 1, 0, true);
  ae_test_cut(path, 1, 2);
  expect_error(path, "wrong.bin: the gzip stream ends in its midst");
}

static void cifar10_is_read(void **state) {
  (void)state;
  ae_array array;
  int64_t sum = 0, labels[10] = {0};
  ae_test_ok(ae_cifar10_read(ae_test_data("cifar10/data_batch_1.bin.gz"), AE_ARRAY_EXAMPLES, &array));
  assert_int_equal(array.dim[0], 10000);
  for (int64_t i = 0; i < 10000 * PIXELS; i++) sum += ((const uint8_t *)array.values)[i];
  for (int i = 0; i < 10000; i++) labels[array.label[i]]++;
  /* Known of this batch: its first images are a frog and a truck, 1005 are aeroplanes; the mean is 0.4747. */
  assert_true(array.label[0] == 6 && array.label[1] == 9);
  assert_int_equal(labels[0], 1005);
  ae_test_in_range(sum * 10000 / ((int64_t)10000 * PIXELS * 255), 4746, 4747);
  ae_array_free(&array);
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(records_are_parted),
      AE_TEST(wrong_files_are_named),
      AE_TEST(cifar10_is_read),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
