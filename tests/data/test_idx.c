#include "harness.h"
#include "idx_files.h"

#include "mpiae/data/idx.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void expect_values(const ae_array *idx, int64_t count, int salt) {
  for (int64_t i = 0; i < count; i++) assert_int_equal(((const uint8_t *)idx->values)[i], (i * 7 + salt) % 251);
}

static void plain_and_zipped_files_are_read(void **state) {
  (void)state;
  static const uint32_t dim[4] = {5, 4, 3, 2};
  static const int64_t counts[] = {5, 20, 60, 120};
  for (int zipped = 0; zipped < 2; zipped++)
    for (int rank = 1; rank <= 4; rank++) {
      ae_array idx;
      /* The name says the opposite of the content. */
      const char *path = ae_test_path(zipped ? "plain" : "plain.gz");
      ae_test_write_idx(path, 8, rank, dim, counts[rank - 1], rank, zipped);
      ae_test_ok(ae_idx_read(path, AE_ARRAY_LABELS, &idx));
      assert_int_equal(idx.rank, rank);
      for (int i = 0; i < rank; i++) assert_int_equal(idx.dim[i], dim[i]);
      expect_values(&idx, counts[rank - 1], rank);
      ae_array_free(&idx);
    }
}

/* Larger than the buffer at first. */
static void large_files_are_read(void **state) {
  (void)state;
  const uint32_t dim[2] = {70000, 1000};
  ae_array idx;
  const char *path = ae_test_path("large.gz");
  const int64_t count = (int64_t)dim[0] * dim[1];
  ae_test_write_idx(path, 8, 2, dim, count, 3, 1);
  ae_test_ok(ae_idx_read(path, AE_ARRAY_LABELS, &idx));
  assert_int_equal(((const uint8_t *)idx.values)[count - 1], ((count - 1) * 7 + 3) % 251);
  ae_array_free(&idx);
}

static void expect_error(const char *path, const char *part) {
  ae_array idx;
  ae_test_error(ae_idx_read(path, AE_ARRAY_LABELS, &idx), AE_DATA, part);
  assert_null(idx.values);
}

static void write_bytes(const char *path, const char *bytes, size_t count) {
  FILE *stream = fopen(path, "wb");
  assert_non_null(stream);
  assert_int_equal(fwrite(bytes, 1, count, stream), count);
  fclose(stream);
}

static void wrong_files_are_named(void **state) {
  (void)state;
  const uint32_t dim[3] = {2, 3, 4};
  const char *path = ae_test_path("wrong.idx");
  expect_error(path, "No such file");
  expect_error(path, "wrong.idx");
  write_bytes(path, "\x89PNG and more", 13);
  expect_error(path, "it begins 89 50 4e 47");
  write_bytes(path, "\0\0\x08\5....................", 24);
  expect_error(path, "it begins 00 00 08 05");
  write_bytes(path, "\0\0", 2);
  expect_error(path, "2 bytes are too few");
  write_bytes(path, "", 0);
  expect_error(path, "0 bytes are too few");
  write_bytes(path, "\0\0\x08\3\0\0\0\1\0\0", 10);
  expect_error(path, "ends within its sizes, at byte 10");
  ae_test_write_idx(path, 0x0d, 3, dim, 96, 0, 0);
  expect_error(path, "byte 2 is 0d (float32)");
  ae_test_write_idx(path, 8, 3, dim, 23, 0, 0);
  expect_error(path, "it has 23 bytes of data, but its sizes ask for 24");
  ae_test_write_idx(path, 8, 3, dim, 25, 0, 0);
  expect_error(path, "the first byte too many is 40");
}

/* The sizes of a damaged header must not be believed. */
static void absurd_sizes_are_refused(void **state) {
  (void)state;
  const uint32_t dim[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
  const char *path = ae_test_path("absurd.idx");
  ae_test_write_idx(path, 8, 4, dim, 10, 0, 0);
  expect_error(path, "more than 2^63 bytes");
  ae_test_write_idx(path, 8, 1, dim, 10, 0, 1);
  expect_error(path, "it has 10 bytes of data, but its sizes ask for 4294967295");
}

static void damaged_gzip_is_named(void **state) {
  (void)state;
  const uint32_t dim[3] = {100, 30, 30};
  const char *path = ae_test_path("cut.gz");
  for (int64_t tenths = 9; tenths >= 1; tenths -= 4) {
    ae_test_write_idx(path, 8, 3, dim, 90000, 0, 1);
    ae_test_cut(path, tenths, 10);
    expect_error(path, "the gzip stream ends in its midst");
  }
  ae_test_write_idx(path, 8, 3, dim, 90000, 0, 1);
  const int file = open(path, O_RDWR);
  assert_true(file >= 0);
  assert_int_equal(pwrite(file, "\377\377\377\377\377\377\377\377", 8, 200), 8);
  close(file);
  expect_error(path, "the gzip stream is damaged");
}

static void mnist_is_read(void **state) {
  (void)state;
  ae_array idx;
  ae_test_ok(ae_idx_read(ae_test_data("mnist/t10k-images-idx3-ubyte.gz"), AE_ARRAY_LABELS, &idx));
  assert_int_equal(idx.rank, 3);
  assert_int_equal(idx.dim[0], 10000);
  assert_int_equal(idx.dim[1], 28);
  assert_int_equal(idx.dim[2], 28);
  int64_t sum = 0;
  for (int64_t i = 0; i < 10000 * 784; i++) sum += ((const uint8_t *)idx.values)[i];
  /* Mean grey of the test images, known to be 0.1325. */
  ae_test_in_range(sum * 10000 / (10000 * 784 * 255), 1324, 1326);
  ae_array_free(&idx);
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(plain_and_zipped_files_are_read), AE_TEST(large_files_are_read),  AE_TEST(wrong_files_are_named),
      AE_TEST(absurd_sizes_are_refused),        AE_TEST(damaged_gzip_is_named), AE_TEST(mnist_is_read),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
