#include "harness.h"
#include "idx_files.h"

#include "mpiae/data/npy.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { MOST_BYTES = 512 };

/* Writes a file of NumPy's format, `major`.0, with this header and data. */
static void write_npy(const char *path, int major, const char *header, const void *data, size_t count, bool zipped) {
  gzFile stream = gzopen(path, zipped ? "wb" : "wbT");
  const size_t length = strlen(header);
  assert_non_null(stream);
  assert_int_equal(gzwrite(stream, "\x93NUMPY", 6), 6);
  gzputc(stream, major);
  gzputc(stream, 0);
  for (int i = 0; i < (major == 1 ? 2 : 4); i++) gzputc(stream, (int)(length >> 8 * i & 255));
  assert_int_equal(gzwrite(stream, header, (unsigned)length), length);
  if (count > 0) assert_int_equal(gzwrite(stream, data, (unsigned)count), count);
  assert_int_equal(gzclose(stream), Z_OK);
}

static void write_header(const char *path, const char *descr, const char *order, const char *shape, const void *data,
                         size_t count) {
  char header[256];
  snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }   \n", descr, order, shape);
  write_npy(path, 1, header, data, count, false);
}

static void read_ok(const char *path, ae_array_use use, ae_array *out) { ae_test_ok(ae_npy_read(path, use, out)); }

static void expect_error(const char *path, const char *part) {
  ae_array array;
  ae_test_error(ae_npy_read(path, AE_ARRAY_EXAMPLES, &array), AE_DATA, part);
  assert_null(array.values);
}

/* One number of every kind, as the bytes of the file. */
static void every_type_is_read(void **state) {
  (void)state;
  static const struct {
    const char *descr, *bytes;
    size_t size;
    float value;
    int64_t label; /* −99: none, it is a float */
  } cases[] = {
      {"|i1", "\xff", 1, -1, -1},
      {"|b1", "\1", 1, 1, 1},
      {"<i1", "\x7f", 1, 127, 127},
      {"<i2", "\xfe\xff", 2, -2, -2},
      {">i2", "\xff\xfe", 2, -2, -2},
      {"<u2", "\xfe\xff", 2, 65534, 65534},
      {">u2", "\1\2", 2, 258, 258},
      {"<i4", "\0\0\0\x80", 4, -0x1p31f, INT32_MIN},
      {">i4", "\0\0\1\0", 4, 256, 256},
      {"<u4", "\xff\xff\xff\xff", 4, 0x1p32f, UINT32_MAX},
      {"<i8", "\1\0\0\1\0\0\0\0", 8, 0x1p24f, (1 << 24) + 1},
      {">i8", "\xff\xff\xff\xff\xff\xff\xff\xfd", 8, -3, -3},
      /* By way of float64 it would be a tie, 2⁶² + 2³⁸, and become 2⁶². */
      {"<i8", "\1\0\0\0\x40\0\0\x40", 8, 0x1.000002p62f, 0x4000004000000001},
      {"<u8", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0x1p64f, INT64_MAX},
      {"<f2", "\0\xc0", 2, -2, -99},
      {">f2", "\xc0\0", 2, -2, -99},
      {"<f2", "\1\0", 2, 0x1p-24f, -99},
      {"<f2", "\xff\x7b", 2, 65504, -99},
      {"<f2", "\0\x7c", 2, INFINITY, -99},
      {"<f4", "\0\0\x80\x3f", 4, 1, -99},
      {">f4", "\x3f\x80\0\0", 4, 1, -99},
      {"<f8", "\0\0\0\0\0\0\xe0\xbf", 8, -0.5f, -99},
      {">f8", "\xbf\xe0\0\0\0\0\0\0", 8, -0.5f, -99},
      {"<f8", "\x9c\x75\0\x88\x3c\xe4\x37\x7e", 8, INFINITY, -99},
      {"<f8", "\x9c\x75\0\x88\x3c\xe4\x37\xfe", 8, -INFINITY, -99},
  };
  const char *path = ae_test_path("type.npy");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ae_array array;
    write_header(path, cases[i].descr, "False", "(1,)", cases[i].bytes, cases[i].size);
    read_ok(path, AE_ARRAY_EXAMPLES, &array);
    assert_int_equal(array.type, AE_H5_FLOAT32);
    assert_int_equal(array.rank, 1);
    assert_int_equal(array.dim[0], 1);
    if (*(const float *)array.values != cases[i].value)
      fail_msg("%s: %.9g, not %.9g", cases[i].descr, (double)*(const float *)array.values, (double)cases[i].value);
    ae_array_free(&array);
    read_ok(path, AE_ARRAY_LABELS, &array);
    assert_int_equal(array.type, cases[i].label == -99 ? AE_H5_FLOAT32 : AE_H5_INT64);
    if (cases[i].label != -99) assert_int_equal(*(const int64_t *)array.values, cases[i].label);
    ae_array_free(&array);
  }
}

static void bytes_stay_bytes(void **state) {
  (void)state;
  ae_array array;
  const char *path = ae_test_path("bytes.npy");
  write_header(path, "|u1", "False", "(2, 3)", "abcdef", 6);
  for (int use = 0; use < 2; use++) {
    read_ok(path, use == 0 ? AE_ARRAY_EXAMPLES : AE_ARRAY_LABELS, &array);
    assert_int_equal(array.type, AE_H5_UINT8);
    assert_int_equal(array.rank, 2);
    assert_int_equal(array.dim[1], 3);
    assert_memory_equal(array.values, "abcdef", 6);
    ae_array_free(&array);
  }
}

/* Element (i, j, k, l) is 64 i + 16 j + 4 k + l; written with the first axis fastest. */
static void fortran_order_is_turned(void **state) {
  (void)state;
  static const int64_t dim[4] = {4, 3, 2, 3};
  static const char *const shapes[] = {"(4,)", "(4, 3)", "(4, 3, 2)", "(4, 3, 2, 3)"};
  const char *path = ae_test_path("fortran.npy");
  for (int rank = 1; rank <= 4; rank++)
    for (int wide = 0; wide < 2; wide++) {
      uint8_t data[MOST_BYTES] = {0}, expected[MOST_BYTES];
      int64_t count = 1;
      for (int axis = 0; axis < rank; axis++) count *= dim[axis];
      for (int64_t i = 0; i < count; i++) {
        int64_t first_fastest = i, last_fastest = i, in_file = 0, in_memory = 0;
        for (int axis = 0; axis < rank; axis++) {
          in_file += (first_fastest % dim[axis]) << 2 * (3 - axis);
          first_fastest /= dim[axis];
        }
        for (int axis = rank - 1; axis >= 0; axis--) {
          in_memory += (last_fastest % dim[axis]) << 2 * (3 - axis);
          last_fastest /= dim[axis];
        }
        data[i * (wide ? 2 : 1)] = (uint8_t)in_file;
        expected[i] = (uint8_t)in_memory;
      }
      ae_array array;
      write_header(path, wide ? "<i2" : "|u1", "True", shapes[rank - 1], data, (size_t)count * (wide ? 2 : 1));
      read_ok(path, AE_ARRAY_EXAMPLES, &array);
      for (int64_t i = 0; i < count; i++)
        assert_int_equal(wide ? (int)((const float *)array.values)[i] : ((const uint8_t *)array.values)[i],
                         expected[i]);
      ae_array_free(&array);
    }
}

static void headers_of_every_version_and_writing_are_read(void **state) {
  (void)state;
  static const char *const headers[] = {
      "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }          \n",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3)}",
      "{ \"shape\" : ( 2L , 3L , ) , \"descr\" : \"|u1\" , \"fortran_order\" : False }\n",
  };
  const char *path = ae_test_path("header.npy");
  for (int major = 1; major <= 3; major++)
    for (int h = 0; h < 3; h++)
      for (int zipped = 0; zipped < 2; zipped++) {
        ae_array array;
        write_npy(path, major, headers[h], "abcdef", 6, zipped);
        read_ok(path, AE_ARRAY_EXAMPLES, &array);
        assert_int_equal(array.rank, 2);
        assert_int_equal(array.dim[0], 2);
        assert_int_equal(array.dim[1], 3);
        assert_memory_equal(array.values, "abcdef", 6);
        ae_array_free(&array);
      }
}

static void empty_arrays_are_read(void **state) {
  (void)state;
  ae_array array;
  const char *path = ae_test_path("empty.npy");
  write_header(path, "<f8", "True", "(0, 3)", "", 0);
  read_ok(path, AE_ARRAY_EXAMPLES, &array);
  assert_int_equal(array.dim[0], 0);
  assert_int_equal(array.dim[1], 3);
  ae_array_free(&array);
}

static void broken_headers_are_named(void **state) {
  (void)state;
  static const char *const headers[] = {
      "",
      "{",
      "{}",
      "[1, 2]",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (6,)",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (6,), } and more",
      "{'descr': '|u1', 'fortran_order': False}",
      "{'descr': '|u1', 'shape': (6,)}",
      "{'fortran_order': False, 'shape': (6,)}",
      "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (6,)}",
      "{'descr': '|u1', 'fortran_order': Maybe, 'shape': (6,)}",
      "{'descr': '|u1', 'fortran_order': False, 'shape': 6}",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (6 6)}",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (-6,)}",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (,)}",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
      "{'descr': '|u1, 'fortran_order': False, 'shape': (6,)}",
      "{'descr': [('a', '|u1', 'fortran_order': False, 'shape': (6,)}",
      "{'descr' '|u1', 'fortran_order': False, 'shape': (6,)}",
      "{'descr': '|u1', 'fortran_order': False, 'shape': (6,), 'extra': 1}",
      "{'descr': '|u1' 'fortran_order': False, 'shape': (6,)}",
  };
  const char *path = ae_test_path("broken.npy");
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    write_npy(path, 1, headers[i], "abcdef", 6, false);
    expect_error(path, "broken.npy: its header is damaged: '");
  }
}

static void write_bytes(const char *path, const char *bytes, size_t count) {
  FILE *stream = fopen(path, "wb");
  assert_non_null(stream);
  assert_int_equal(fwrite(bytes, 1, count, stream), count);
  fclose(stream);
}

static void wrong_files_are_named(void **state) {
  (void)state;
  const char *path = ae_test_path("wrong.npy");
  expect_error(path, "wrong.npy: No such file");
  write_bytes(path, "", 0);
  expect_error(path, "wrong.npy: it does not begin as a file of numpy.save does");
  write_bytes(path, "\x89PNG and more", 13);
  expect_error(path, "is it another format?");
  write_bytes(path, "\x93NUMPY\4\0\0\0\0\0", 12);
  expect_error(path, "it has version 4.0");
  write_bytes(path, "\x93NUMPY\0\1\0\0\0\0", 12);
  expect_error(path, "it has version 0.1");
  write_bytes(path, "\x93NUMPY\1\0\x10", 9);
  expect_error(path, "its header is damaged, or describes more");
  /* 4 GB of header are not believed. */
  write_bytes(path, "\x93NUMPY\2\0\xff\xff\xff\xff{}", 14);
  expect_error(path, "its header is damaged, or describes more");
  write_bytes(path, "\x93NUMPY\1\0\x10\0{'descr'", 18);
  expect_error(path, "its header is damaged: '{'descr''");
  write_bytes(path, "\x93NUMPY\1\0\6\0{\0\n\a\xe9}", 16);
  expect_error(path, "its header is damaged: '{? ??}'");
}

static void types_that_are_not_known_are_named(void **state) {
  (void)state;
  static const char *const types[] = {
      "<c8",  "<f16", "|O",  "<U5",  "|S5", "|V4", "<M8[ns]",
      "u1",   "",     "<",   "<u3",  "=f4", "|f4", "<f1",
      "<i16", ">b8",  "<b2", "<f44", "?f4", "<F4", "<f4 and more than fits the name of a type"};
  char expected[64];
  const char *path = ae_test_path("types.npy");
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    write_header(path, types[i], "False", "(1,)", "abcdefgh", 8);
    snprintf(expected, sizeof expected, types[i][0] == '\0' ? "types.npy: its numbers are structures" : "'%.8s",
             types[i]);
    expect_error(path, expected);
    expect_error(path, "known are integers, bool, float16, float32 and float64");
  }
  write_npy(path, 1, "{'descr': [('a', '<f4'), ('b', [('c', '<i4')])], 'fortran_order': False, 'shape': (1,)}",
            "abcdefgh", 8, false);
  expect_error(path, "its numbers are structures; known are");
}

static void shapes_that_do_not_fit_are_named(void **state) {
  (void)state;
  const char *path = ae_test_path("shape.npy");
  write_header(path, "|u1", "False", "()", "a", 1);
  expect_error(path, "shape.npy: it has 0 axes; examples are (N), (N, F), (N, H, W) or (N, C, H, W)");
  write_header(path, "|u1", "False", "(1, 1, 1, 1, 1, 1)", "a", 1);
  expect_error(path, "it has 6 axes");
}

/* Sizes are not believed before the bytes are there. */
static void lengths_that_do_not_fit_are_named(void **state) {
  (void)state;
  const char *path = ae_test_path("length.npy");
  write_header(path, "<f4", "False", "(2, 3)", "0123456789abcdef0123456", 23);
  expect_error(path, "length.npy: it has 23 bytes of data, but its sizes ask for 24; is it cut short?");
  write_header(path, "<f4", "False", "(2, 3)", "0123456789abcdef012345678", 25);
  expect_error(path, "length.npy: it is longer than its sizes say; the first byte too many is 97");
  write_header(path, "<f4", "False", "(1000000000000000,)", "01234567", 8);
  expect_error(path, "it has 8 bytes of data, but its sizes ask for 4000000000000000");
  write_header(path, "|i1", "True", "(1000000000, 1000000000, 9)", "01234567", 8);
  expect_error(path, "it has 8 bytes of data, but its sizes ask for 9000000000000000000");
  write_header(path, "<f8", "False", "(4000000000, 4000000000)", "01234567", 8);
  expect_error(path, "more than 2^63 bytes; the header is damaged");
  write_header(path, "<f8", "True", "(0, 4000000000, 4000000000)", "", 0);
  expect_error(path, "more than 2^63 bytes; the header is damaged");
}

static void damaged_gzip_is_named(void **state) {
  (void)state;
  uint8_t data[MOST_BYTES];
  const char *path = ae_test_path("cut.npy.gz");
  for (int i = 0; i < MOST_BYTES; i++) data[i] = (uint8_t)(i * i % 251);
  for (int64_t tenths = 9; tenths >= 1; tenths -= 2) {
    write_npy(path, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (512,)}", data, MOST_BYTES, true);
    ae_test_cut(path, tenths, 10);
    expect_error(path, "cut.npy.gz: the gzip stream ends in its midst");
  }
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(every_type_is_read),
      AE_TEST(bytes_stay_bytes),
      AE_TEST(fortran_order_is_turned),
      AE_TEST(headers_of_every_version_and_writing_are_read),
      AE_TEST(empty_arrays_are_read),
      AE_TEST(broken_headers_are_named),
      AE_TEST(wrong_files_are_named),
      AE_TEST(types_that_are_not_known_are_named),
      AE_TEST(shapes_that_do_not_fit_are_named),
      AE_TEST(lengths_that_do_not_fit_are_named),
      AE_TEST(damaged_gzip_is_named),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
