#include "idx_files.h"

#include "harness.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

void ae_test_write_idx(const char *path, int type, int rank, const uint32_t *dim, int64_t count, int salt, int zipped) {
  gzFile stream = gzopen(path, zipped ? "wb" : "wbT");
  assert_non_null(stream);
  const uint8_t magic[4] = {0, 0, (uint8_t)type, (uint8_t)rank};
  assert_int_equal(gzwrite(stream, magic, 4), 4);
  for (int i = 0; i < rank; i++)
    for (int shift = 24; shift >= 0; shift -= 8) assert_true(gzputc(stream, (int)(dim[i] >> shift & 255)) >= 0);
  for (int64_t i = 0; i < count; i++) assert_true(gzputc(stream, (int)((i * 7 + salt) % 251)) >= 0);
  assert_int_equal(gzclose(stream), Z_OK);
}

void ae_test_cut(const char *path, int64_t numerator, int64_t denominator) {
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(truncate(path, info.st_size * numerator / denominator), 0);
}
