#include "harness.h"

#include "mpiae/comm/shards.h"
#include "mpiae/h5/h5.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* What every message about a full disk says. */
#define FULL_DISK "check free space"

static int rank_of(void) { return ae_comm_rank(ae_test_comm()); }
static int ranks_of(void) { return ae_comm_size(ae_test_comm()); }
static int64_t begin_of(int64_t rows, int rank) { return rank * rows / ranks_of(); }

/* A path that stays valid for the whole test. */
static char *path_of(char out[512], const char *name) { return strcpy(out, ae_test_path(name)); }

static ae_h5 *create(const char *path) {
  ae_h5 *file = NULL;
  ae_test_ok(ae_h5_create(ae_test_comm(), path, &file));
  return file;
}

static ae_h5 *open_file(const char *path) {
  ae_h5 *file = NULL;
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  return file;
}

static void add_axis(ae_h5 *file, const char *group, const char *name, int64_t length) {
  ae_test_ok(ae_h5_create_axis(file, group, name, length, NULL, "an axis"));
}

static float value_at(int64_t row, int64_t column) { return (float)(row * 1000 + column) * 0.25f; }

/* Writes rows × columns floats as /group/matrix; rank r gives [begin, begin + count). */
static ae_status write_part(ae_h5 *file, const char *path, int64_t rows, int64_t columns, int64_t begin,
                            int64_t count) {
  float *values = NULL;
  ae_test_ok(AE_NEW(values, count * columns));
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = 0; j < columns; j++) values[i * columns + j] = value_at(begin + i, j);
  const ae_h5_dataset dataset = {path, AE_H5_FLOAT32, 2, {rows, columns}, {"row", "column"}, "a matrix", "nat"};
  ae_status status = ae_h5_write(file, &dataset, begin, count, values);
  AE_FREE(values);
  return status;
}

static void write_matrix(ae_h5 *file, const char *path, int64_t rows, int64_t columns) {
  const int64_t begin = begin_of(rows, rank_of()), end = begin_of(rows, rank_of() + 1);
  ae_test_ok(write_part(file, path, rows, columns, begin, end - begin));
}

static void expect_matrix(ae_h5 *file, const char *path, int64_t columns, int64_t begin, int64_t count) {
  float *values = NULL;
  ae_test_ok(AE_NEW(values, count * columns));
  ae_test_ok(ae_h5_read(file, path, AE_H5_FLOAT32, columns, begin, count, values));
  for (int64_t i = 0; i < count * columns; i++)
    assert_float_equal(values[i], value_at(begin + i / columns, i % columns), 0);
  AE_FREE(values);
}

static void matrices_survive(void **state) {
  (void)state;
  static const int64_t shapes[][2] = {{1, 1}, {5, 3}, {6, 70001}, {2503, 97}, {2, 300000}};
  char path[512];
  path_of(path, "matrix.h5");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    ae_h5 *file = create(path);
    add_axis(file, "/", "row", shapes[i][0]);
    add_axis(file, "/", "column", shapes[i][1]);
    write_matrix(file, "/deep/group/matrix", shapes[i][0], shapes[i][1]);
    ae_test_ok(ae_h5_commit(&file));
    assert_null(file);
    file = open_file(path);
    expect_matrix(file, "/deep/group/matrix", shapes[i][1], 0, shapes[i][0]);
    expect_matrix(file, "/deep/group/matrix", shapes[i][1], shapes[i][0] - 1, 1);
    expect_matrix(file, "/deep/group/matrix", shapes[i][1], 0, 0);
    ae_h5_close(&file);
  }
}

/* More than HDF5 keeps in memory at a time; no two may lie at one place. */
static void many_matrices_survive(void **state) {
  (void)state;
  enum { MATRICES = 200 };
  char path[512], name[32];
  ae_h5 *file = create(path_of(path, "many.h5"));
  add_axis(file, "/", "row", 61);
  add_axis(file, "/", "column", 33);
  for (int i = 0; i < MATRICES; i++) {
    sprintf(name, "/group%d/matrix%d", i % 7, i);
    write_matrix(file, name, 61, 33);
  }
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  for (int i = 0; i < MATRICES; i++) {
    sprintf(name, "/group%d/matrix%d", i % 7, i);
    expect_matrix(file, name, 33, 0, 61);
  }
  ae_h5_close(&file);
}

static void one_rank_may_give_everything(void **state) {
  (void)state;
  char path[512];
  for (int giver = 0; giver < ranks_of(); giver++) {
    ae_h5 *file = create(path_of(path, "giver.h5"));
    const bool mine = rank_of() == giver;
    add_axis(file, "/", "row", 100);
    add_axis(file, "/", "column", 40);
    ae_test_ok(write_part(file, "/matrix", 100, 40, mine ? 0 : 100, mine ? 100 : 0));
    ae_test_ok(ae_h5_commit(&file));
    file = open_file(path);
    expect_matrix(file, "/matrix", 40, 0, 100);
    ae_h5_close(&file);
  }
}

static void expect_type(ae_h5_type type, const void *values, size_t size) {
  char path[512], back[4 * 8];
  ae_h5 *file = create(path_of(path, "type.h5"));
  const ae_h5_dataset dataset = {"/values", type, 1, {4}, {"item"}, "values", NULL};
  add_axis(file, "/", "item", 4);
  const int last = ranks_of() - 1;
  ae_test_ok(ae_h5_write(file, &dataset, 0, rank_of() == last ? 4 : 0, values));
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  ae_h5_type found;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  ae_test_ok(ae_h5_describe(file, "/values", &found, &rank, dim));
  assert_int_equal(found, type);
  assert_int_equal(rank, 1);
  assert_int_equal(dim[0], 4);
  ae_test_ok(ae_h5_read(file, "/values", type, 1, 0, 4, back));
  assert_memory_equal(back, values, 4 * size);
  ae_h5_close(&file);
}

static void all_types_survive(void **state) {
  (void)state;
  expect_type(AE_H5_UINT8, (const uint8_t[]){0, 1, 200, 255}, 1);
  expect_type(AE_H5_INT32, (const int32_t[]){-1, INT32_MIN, INT32_MAX, 7}, 4);
  expect_type(AE_H5_INT64, (const int64_t[]){-1, INT64_MIN, INT64_MAX, 7}, 8);
  expect_type(AE_H5_FLOAT32, (const float[]){-0.0f, 1e-40f, INFINITY, 0.1f}, 4);
  expect_type(AE_H5_FLOAT64, (const double[]){-0.0, 1e-310, -INFINITY, 0.1}, 8);
}

static void scalars_and_empty_datasets_survive(void **state) {
  (void)state;
  char path[512];
  const double mine = 2.5 + rank_of();
  double back = 0;
  ae_h5 *file = create(path_of(path, "scalar.h5"));
  const ae_h5_dataset scalar = {"/state/loss", AE_H5_FLOAT64, 0, {0}, {NULL}, "a loss", "nat"};
  ae_test_ok(ae_h5_write(file, &scalar, 0, 0, &mine));
  add_axis(file, "/", "row", 0);
  add_axis(file, "/", "column", 3);
  write_matrix(file, "/nothing", 0, 3);
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  ae_test_ok(ae_h5_read(file, "/state/loss", AE_H5_FLOAT64, 1, 0, 0, &back));
  assert_float_equal(back, 2.5, 0);
  int rank;
  ae_h5_type type;
  int64_t dim[AE_H5_MAX_RANK];
  ae_test_ok(ae_h5_describe(file, "/nothing", &type, &rank, dim));
  assert_int_equal(dim[0], 0);
  expect_matrix(file, "/nothing", 3, 0, 0);
  ae_h5_close(&file);
}

static void axis_values_are_kept(void **state) {
  (void)state;
  char path[512];
  const int64_t values[] = {3, 9, 27, 81, -5};
  int64_t back[5];
  ae_h5 *file = create(path_of(path, "axis.h5"));
  ae_test_ok(ae_h5_create_axis(file, "/a/b", "epoch", 5, values, "epoch numbers"));
  ae_test_ok(ae_h5_create_axis(file, "/", "plain", 5, NULL, "counts"));
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  ae_test_ok(ae_h5_read(file, "/a/b/epoch", AE_H5_INT64, 1, 0, 5, back));
  assert_memory_equal(back, values, sizeof values);
  ae_test_ok(ae_h5_read(file, "/plain", AE_H5_INT64, 1, 0, 5, back));
  for (int i = 0; i < 5; i++) assert_int_equal(back[i], i);
  ae_h5_close(&file);
}

static H5T_cset_t letters_of(const ae_h5 *file, const char *path) {
  hid_t dataset = H5Dopen2(ae_h5_handle(file), path, H5P_DEFAULT), type = H5Dget_type(dataset);
  const H5T_cset_t letters = H5Tget_cset(type);
  H5Tclose(type);
  H5Dclose(dataset);
  return letters;
}

static void attributes_and_texts_survive(void **state) {
  (void)state;
  char path[512], *text = NULL;
  int64_t integer = 0;
  double real = 0;
  ae_h5 *file = create(path_of(path, "attribute.h5"));
  ae_test_ok(ae_h5_create_group(file, "/state", "where training stands"));
  ae_test_ok(ae_h5_put_text(file, "/", "mpiae_format", "first"));
  ae_test_ok(ae_h5_put_text(file, "/", "mpiae_format", "größer"));
  ae_test_ok(ae_h5_put_integer(file, "/state", "step", INT64_C(1) << 40));
  ae_test_ok(ae_h5_put_real(file, "/state", "loss", 0.1));
  ae_test_ok(ae_h5_write_text(file, "/config", "model: vae\n", "the configuration"));
  ae_test_ok(ae_h5_write_text(file, "/greater", "größer", "no ASCII"));
  ae_test_ok(ae_h5_write_text(file, "/empty/text", "", "nothing"));
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  ae_test_ok(ae_h5_get_text(file, "/", "mpiae_format", &text));
  assert_string_equal(text, "größer");
  AE_FREE(text);
  ae_test_ok(ae_h5_get_text(file, "/state", "description", &text));
  assert_string_equal(text, "where training stands");
  AE_FREE(text);
  ae_test_ok(ae_h5_get_integer(file, "/state", "step", &integer));
  assert_int_equal(integer, INT64_C(1) << 40);
  ae_test_ok(ae_h5_get_real(file, "/state", "loss", &real));
  assert_float_equal(real, 0.1, 0);
  ae_test_ok(ae_h5_get_real(file, "/state", "step", &real));
  assert_float_equal(real, 1099511627776.0, 0);
  ae_test_ok(ae_h5_read_text(file, "/config", &text));
  assert_string_equal(text, "model: vae\n");
  AE_FREE(text);
  assert_int_equal(letters_of(file, "/config"), H5T_CSET_ASCII); /* what Octave can read */
  ae_test_ok(ae_h5_read_text(file, "/greater", &text));
  assert_string_equal(text, "größer");
  AE_FREE(text);
  assert_int_equal(letters_of(file, "/greater"), H5T_CSET_UTF8);
  ae_test_ok(ae_h5_read_text(file, "/empty/text", &text));
  assert_string_equal(text, "");
  AE_FREE(text);
  ae_h5_close(&file);
}

static void wrong_attributes_are_named(void **state) {
  (void)state;
  char path[512], *text = NULL;
  int64_t integer = 0;
  double real = 0;
  ae_h5 *file = create(path_of(path, "wrong.h5"));
  ae_test_ok(ae_h5_put_text(file, "/", "text", "7"));
  ae_test_ok(ae_h5_put_real(file, "/", "real", 7));
  add_axis(file, "/", "row", 3);
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  bool exists = true;
  ae_test_ok(ae_h5_has_attribute(file, "/", "absent", &exists));
  assert_false(exists);
  ae_test_ok(ae_h5_has_attribute(file, "/", "real", &exists));
  assert_true(exists);
  ae_test_error(ae_h5_has_attribute(file, "/nowhere", "real", &exists), AE_DATA, "attribute 'real' of /nowhere");
  ae_test_error(ae_h5_get_integer(file, "/", "absent", &integer), AE_DATA, "attribute 'absent' of /");
  ae_test_error(ae_h5_get_integer(file, "/", "text", &integer), AE_DATA, "must be an integer");
  ae_test_error(ae_h5_get_integer(file, "/", "real", &integer), AE_DATA, "must be an integer");
  ae_test_error(ae_h5_get_real(file, "/", "text", &real), AE_DATA, "must be a number");
  ae_test_error(ae_h5_get_text(file, "/", "real", &text), AE_DATA, "must be text");
  assert_null(text);
  ae_test_error(ae_h5_get_text(file, "/nowhere", "real", &text), AE_DATA, "of /nowhere");
  ae_test_error(ae_h5_read_text(file, "/row", &text), AE_DATA, "must hold one text");
  ae_test_error(ae_h5_read_text(file, "/config", &text), AE_DATA, "/config");
  ae_h5_close(&file);
}

static void files_of_a_later_version_are_refused(void **state) {
  (void)state;
  static const double versions[] = {1, 2};
  char path[512], *kind = NULL;
  for (int i = 0; i < 2; i++) {
    ae_h5 *file = create(path_of(path, "version.h5"));
    ae_test_ok(ae_h5_put_kind(file, "codes"));
    ae_test_ok(ae_h5_put_real(file, "/", "mpiae_version", versions[i])); /* as other languages write a number */
    ae_test_ok(ae_h5_commit(&file));
    file = open_file(path);
    ae_status status = ae_h5_get_kind(file, &kind);
    if (i == 0) {
      ae_test_ok(status);
      assert_string_equal(kind, "codes");
      AE_FREE(kind);
    } else ae_test_error(status, AE_DATA, "its attribute mpiae_version is 2, but this program reads 1");
    assert_null(kind);
    ae_h5_close(&file);
  }
  ae_h5 *file = create(path_of(path, "strange.h5"));
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  ae_test_ok(ae_h5_get_kind(file, &kind));
  assert_null(kind);
  ae_h5_close(&file);
}

static void links_are_listed(void **state) {
  (void)state;
  char path[512], **names = NULL;
  int count = 0;
  bool exists = false;
  ae_h5 *file = create(path_of(path, "list.h5"));
  ae_test_ok(ae_h5_create_group(file, "/z/b", NULL));
  ae_test_ok(ae_h5_create_group(file, "/z/a", NULL));
  ae_test_ok(ae_h5_create_group(file, "/z/long name", NULL));
  ae_test_ok(ae_h5_exists(file, "/z/b", &exists));
  assert_true(exists);
  ae_test_ok(ae_h5_exists(file, "/z/c", &exists));
  assert_false(exists);
  ae_test_error(ae_h5_create_group(file, "/z/a", NULL), AE_DATA, "/z/a");
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  ae_test_ok(ae_h5_list(file, "/z", &names, &count));
  assert_int_equal(count, 3);
  assert_string_equal(names[0], "a");
  assert_string_equal(names[1], "b");
  assert_string_equal(names[2], "long name");
  AE_FREE(names);
  ae_test_ok(ae_h5_list(file, "/z/a", &names, &count));
  assert_int_equal(count, 0);
  AE_FREE(names);
  ae_test_ok(ae_h5_exists(file, "/z/b", &exists));
  assert_true(exists);
  ae_test_ok(ae_h5_exists(file, "/", &exists));
  assert_true(exists);
  ae_test_ok(ae_h5_exists(file, "/y/b", &exists));
  assert_false(exists);
  ae_test_ok(ae_h5_exists(file, "/z/c", &exists));
  assert_false(exists);
  ae_test_error(ae_h5_list(file, "/nowhere", &names, &count), AE_DATA, "/nowhere");
  assert_null(names);
  ae_h5_close(&file);
}

static bool is_there(const char *path) {
  ae_comm_barrier(ae_test_comm());
  const bool there = access(path, F_OK) == 0;
  ae_comm_barrier(ae_test_comm());
  return there;
}

static void a_file_is_whole_or_absent(void **state) {
  (void)state;
  char path[512], part[520];
  path_of(path, "whole.h5");
  sprintf(part, "%s.partial", path);
  ae_h5 *file = create(path);
  assert_string_equal(ae_h5_path(file), path);
  assert_true((ae_h5_handle(file) >= 0) == (rank_of() == 0));
  assert_true(is_there(part));
  assert_false(is_there(path));
  ae_h5_close(&file);
  assert_null(file);
  assert_false(is_there(part));
  assert_false(is_there(path));
  file = create(path);
  ae_test_ok(ae_h5_commit(&file));
  assert_false(is_there(part));
  assert_true(is_there(path));
  ae_h5_close(&file);
}

static void wrong_calls_are_refused(void **state) {
  (void)state;
  char path[512], long_text[60002];
  memset(long_text, 'x', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = '\0';
  const bool root = rank_of() == 0;
  ae_h5 *file = create(path_of(path, "wrong.h5"));
  add_axis(file, "/", "row", 4);
  add_axis(file, "/other", "column", 4);
  ae_test_error(write_part(file, "/m", 4, 4, 0, root ? 4 : 0), AE_INTERNAL, "'column'");
  add_axis(file, "/", "column", 3);
  ae_test_error(write_part(file, "/n", 4, 4, 0, root ? 4 : 0), AE_INTERNAL, "has length 4");
  ae_test_error(write_part(file, "/o", 4, 3, 0, root ? 3 : 0), AE_INTERNAL, "each of its 4 rows once");
  ae_test_error(write_part(file, "/p", 4, 3, root ? 1 : 0, root ? 4 : 0), AE_INTERNAL, "each of its 4 rows once");
  const ae_h5_dataset twice = {"/q", AE_H5_UINT8, 2, {4, 4}, {"row", "row"}, "square", NULL};
  ae_test_error(ae_h5_write(file, &twice, 0, 0, NULL), AE_INTERNAL, "both named 'row'");
  const ae_h5_dataset nameless = {"/q", AE_H5_UINT8, 1, {4}, {NULL}, "vector", NULL};
  ae_test_error(ae_h5_write(file, &nameless, 0, 0, NULL), AE_INTERNAL, "needs a name");
  const ae_h5_dataset silent = {"/q", AE_H5_UINT8, 1, {4}, {"row"}, NULL, NULL};
  ae_test_error(ae_h5_write(file, &silent, 0, 0, NULL), AE_INTERNAL, "needs a description");
  const ae_h5_dataset many = {"/q", AE_H5_UINT8, 9, {4}, {"row"}, "many", NULL};
  ae_test_error(ae_h5_write(file, &many, 0, 0, NULL), AE_INTERNAL, "9 axes");
  ae_test_error(ae_h5_write_text(file, "/long", long_text, "long"), AE_INTERNAL, "60002 bytes");
  write_matrix(file, "/r", 4, 3);
  ae_test_error(write_part(file, "/r", 4, 3, 0, root ? 4 : 0), AE_DATA, "/r");
  ae_h5_close(&file);
}

static void reading_wrong_things_fails(void **state) {
  (void)state;
  char path[512];
  float value[8];
  int rank;
  ae_h5_type type;
  int64_t dim[AE_H5_MAX_RANK];
  ae_h5 *file = create(path_of(path, "read.h5"));
  add_axis(file, "/", "row", 4);
  add_axis(file, "/", "column", 2);
  write_matrix(file, "/m", 4, 2);
  ae_test_ok(ae_h5_write_text(file, "/config", "text", "text"));
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  ae_test_error(ae_h5_describe(file, "/absent/m", &type, &rank, dim), AE_DATA, "no dataset /absent/m");
  ae_test_error(ae_h5_describe(file, "/config", &type, &rank, dim), AE_DATA, "must hold numbers");
  ae_test_error(ae_h5_read(file, "/absent", AE_H5_FLOAT32, 1, 0, 1, value), AE_DATA, "no dataset /absent");
  ae_test_error(ae_h5_read(file, "/config", AE_H5_FLOAT32, 1, 0, 1, value), AE_DATA, "must hold numbers");
  ae_test_error(ae_h5_read(file, "/m", AE_H5_FLOAT32, 2, 2, 3, value), AE_DATA, "has 4 rows, but rows 2 to 5");
  ae_test_error(ae_h5_read(file, "/m", AE_H5_FLOAT32, 1, 0, 1, value), AE_DATA, "2 numbers in a row, but 1 belong");
  ae_h5_close(&file);
}

/* Only the last rank sees an error, yet all must leave with it. */
static void an_error_of_one_rank_is_everybodys(void **state) {
  (void)state;
  char path[512];
  float value[8];
  const bool last = rank_of() == ranks_of() - 1;
  ae_h5 *file = create(path_of(path, "one.h5"));
  add_axis(file, "/", "row", 4);
  add_axis(file, "/", "column", 2);
  write_matrix(file, "/m", 4, 2);
  ae_test_ok(ae_h5_commit(&file));
  file = open_file(path);
  ae_test_error(ae_h5_read(file, "/m", AE_H5_FLOAT32, 2, last ? 4 : 0, 1, value), AE_DATA, "rows 4 to 5");
  ae_h5_close(&file);
}

static void places_that_cannot_be_written_are_named(void **state) {
  (void)state;
  char path[512], inside[600];
  ae_h5 *file = NULL;
  ae_test_error(ae_h5_create(ae_test_comm(), ae_test_path("absent/x.h5"), &file), AE_DATA, "No such file");
  assert_null(file);
  ae_test_error(ae_h5_create(ae_test_comm(), "/proc/x.h5", &file), AE_DATA, "/proc/x.h5");
  file = create(path_of(path, "plain.h5"));
  ae_test_ok(ae_h5_commit(&file));
  sprintf(inside, "%s/x.h5", path);
  ae_test_error(ae_h5_create(ae_test_comm(), inside, &file), AE_DATA, "Not a directory");
  ae_test_error(ae_h5_create(ae_test_comm(), ae_test_path(""), &file), AE_DATA, "is a directory");
}

static void nothing_stands_beside_an_open_file(void **state) {
  (void)state;
  char directory[512], path[520];
  path_of(directory, "alone");
  sprintf(path, "%s/x.h5", directory);
  if (rank_of() == 0) assert_int_equal(mkdir(directory, 0777), 0);
  ae_h5 *file = create(path);
  ae_comm_barrier(ae_test_comm());
  DIR *entries = opendir(directory);
  assert_non_null(entries);
  int count = 0;
  for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries))
    if (entry->d_name[0] != '.') {
      assert_string_equal(entry->d_name, "x.h5.partial");
      count++;
    }
  closedir(entries);
  assert_int_equal(count, 1);
  ae_comm_barrier(ae_test_comm());
  ae_test_ok(ae_h5_commit(&file));
}

static void a_directory_that_vanishes_fails_the_commit(void **state) {
  (void)state;
  char directory[512], path[520], part[530];
  path_of(directory, "vanish");
  sprintf(path, "%s/x.h5", directory);
  sprintf(part, "%s.partial", path);
  if (rank_of() == 0) assert_int_equal(mkdir(directory, 0777), 0);
  ae_h5 *file = create(path);
  ae_comm_barrier(ae_test_comm());
  if (rank_of() == 0) assert_int_equal(unlink(part) + rmdir(directory), 0);
  ae_test_error(ae_h5_commit(&file), AE_DATA, "cannot rename");
  assert_null(file);
}

static void write_bytes(const char *path, const void *bytes, size_t count) {
  if (rank_of() == 0) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, count, stream), count);
    fclose(stream);
  }
  ae_comm_barrier(ae_test_comm());
}

static void files_that_cannot_be_read_are_named(void **state) {
  (void)state;
  char path[512];
  ae_h5 *file = NULL;
  ae_test_error(ae_h5_open(ae_test_comm(), ae_test_path("absent.h5"), &file), AE_DATA, "No such file");
  ae_test_error(ae_h5_open(ae_test_comm(), ae_test_path(""), &file), AE_DATA, "not a regular file");
  write_bytes(path_of(path, "text.h5"), "not at all HDF5\n", 16);
  ae_test_error(ae_h5_open(ae_test_comm(), path, &file), AE_DATA, "text.h5 is not an HDF5 file");
  write_bytes(path, "", 0);
  ae_test_error(ae_h5_open(ae_test_comm(), path, &file), AE_DATA, "text.h5 is not an HDF5 file");
  assert_null(file);
}

static void make_matrix_file(const char *path, int64_t rows, int64_t columns) {
  ae_h5 *file = create(path);
  add_axis(file, "/", "row", rows);
  add_axis(file, "/", "column", columns);
  write_matrix(file, "/m", rows, columns);
  ae_test_ok(ae_h5_commit(&file));
}

static void a_file_cut_short_is_refused(void **state) {
  (void)state;
  char path[512];
  struct stat info;
  ae_h5 *file = NULL;
  make_matrix_file(path_of(path, "cut.h5"), 1000, 50);
  assert_int_equal(stat(path, &info), 0);
  ae_comm_barrier(ae_test_comm());
  for (int tenths = 9; tenths >= 1; tenths -= 4) {
    if (rank_of() == 0) assert_int_equal(truncate(path, info.st_size * tenths / 10), 0);
    ae_comm_barrier(ae_test_comm());
    ae_test_error(ae_h5_open(ae_test_comm(), path, &file), AE_DATA, "truncated");
    assert_null(file);
  }
}

/* Finds the value in the file and flips a bit of it. */
static void damage(const char *path, float value) {
  if (rank_of() == 0) {
    float found = 0;
    FILE *stream = fopen(path, "r+b");
    assert_non_null(stream);
    do assert_int_equal(fread(&found, sizeof found, 1, stream), 1);
    while (memcmp(&found, &value, sizeof value) != 0);
    found = -found;
    assert_int_equal(fseek(stream, -(long)sizeof found, SEEK_CUR), 0);
    assert_int_equal(fwrite(&found, sizeof found, 1, stream), 1);
    fclose(stream);
  }
  ae_comm_barrier(ae_test_comm());
}

/* Only the last rank reads the damaged chunk. */
static void a_flipped_bit_is_noticed(void **state) {
  (void)state;
  char path[512];
  float *rows = NULL;
  const bool last = rank_of() == ranks_of() - 1;
  make_matrix_file(path_of(path, "flip.h5"), 1000, 50);
  damage(path, value_at(999, 49));
  ae_test_ok(AE_NEW(rows, 50));
  ae_h5 *file = open_file(path);
  expect_matrix(file, "/m", 50, 0, 1);
  ae_test_error(ae_h5_read(file, "/m", AE_H5_FLOAT32, 50, last ? 999 : 0, 1, rows), AE_DATA,
                "cannot read /m: HDF5 says"); /* in words that differ by version */
  expect_matrix(file, "/m", 50, 0, 1);
  ae_h5_close(&file);
  AE_FREE(rows);
}

/* Rank 0, by HDF5 alone, as another program would: rows become zero, with the right checksum, or lose their digests. */
static void change(const char *path, const char *name, hsize_t rows, hsize_t columns) {
  if (rank_of() == 0) {
    float *zeros = NULL;
    const hsize_t start[2] = {0, 0}, count[2] = {rows, columns};
    ae_test_ok(AE_NEW(zeros, rows * columns));
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), dataset = H5Dopen2(file, name, H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(2, count, NULL);
    if (rows == 0) assert_true(H5Adelete(dataset, "digests") >= 0);
    assert_true(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0);
    if (rows > 0) assert_true(H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, zeros) >= 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(dataset);
    assert_true(H5Fclose(file) >= 0);
    AE_FREE(zeros);
  }
  ae_comm_barrier(ae_test_comm());
}

/* Whole blocks too, of which what was read is not what lies in the file. */
static void converted_values_have_their_digests(void **state) {
  (void)state;
  char path[512];
  double *rows = NULL;
  make_matrix_file(path_of(path, "converted.h5"), 1000, 50);
  ae_test_ok(AE_NEW(rows, 1000 * 50));
  ae_h5 *file = open_file(path);
  ae_test_ok(ae_h5_read(file, "/m", AE_H5_FLOAT64, 50, 0, 1000, rows));
  for (int64_t i = 0; i < 1000 * 50; i++) assert_true(rows[i] == (double)value_at(i / 50, i % 50));
  ae_h5_close(&file);
  AE_FREE(rows);
}

/* Only the first rank reads what was changed; values that are converted are noticed too. */
static void zeros_are_noticed_by_their_digests(void **state) {
  (void)state;
  char path[512];
  double *rows = NULL;
  bool has_digests;
  make_matrix_file(path_of(path, "zeros.h5"), 1000, 50);
  change(path, "/m", 100, 50);
  ae_test_ok(AE_NEW(rows, 50));
  ae_h5 *file = open_file(path);
  expect_matrix(file, "/m", 50, 999, 1);
  for (int wide = 0; wide < 2; wide++)
    ae_test_error(ae_h5_read(file, "/m", wide ? AE_H5_FLOAT64 : AE_H5_FLOAT32, 50, rank_of() == 0 ? 200 : 999, 1, rows),
                  AE_DATA, "of /m are not those that were written");
  ae_test_error(ae_h5_verify(file, "/m", &has_digests), AE_DATA, "rows 0 to 249 of /m are not");
  ae_test_ok(ae_h5_verify(file, "/row", &has_digests));
  assert_true(has_digests);
  ae_h5_close(&file);
  change(path, "/m", 0, 50);
  file = open_file(path);
  ae_test_ok(ae_h5_read(file, "/m", AE_H5_FLOAT64, 50, 0, 1, rows));
  assert_true(rows[49] == 0);
  ae_test_ok(ae_h5_verify(file, "/m", &has_digests));
  assert_false(has_digests);
  ae_h5_close(&file);
  AE_FREE(rows);
}

/* Of lengths that HDF5 takes and no memory holds: products of them must not wrap to something small. */
static void impossible_shapes_are_refused(void **state) {
  (void)state;
  static const hsize_t shapes[][2] = {
      {1, (hsize_t)1 << 62}, {(hsize_t)1 << 62, 4}, {(hsize_t)1 << 32, (hsize_t)1 << 32}, {(hsize_t)1 << 61, 2}};
  char path[512], name[32];
  float value;
  path_of(path, "impossible.h5");
  if (rank_of() == 0) {
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), list = H5Pcreate(H5P_DATASET_CREATE);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
      const hid_t space = H5Screate_simple(2, shapes[i], NULL);
      const hsize_t chunk[2] = {shapes[i][0] < 4096 ? 1 : 4096, shapes[i][1] < 4096 ? 1 : 4096};
      assert_true(H5Pset_chunk(list, 2, chunk) >= 0);
      sprintf(name, "/%zu", i);
      const hid_t dataset = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
      assert_true(dataset >= 0);
      H5Dclose(dataset);
      H5Sclose(space);
    }
    H5Pclose(list);
    assert_true(H5Fclose(file) >= 0);
  }
  ae_comm_barrier(ae_test_comm());
  ae_h5 *file = open_file(path);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    sprintf(name, "/%zu", i);
    ae_test_error(ae_h5_read(file, name, AE_H5_FLOAT32, 1, 0, 1, &value), AE_DATA, "asks for more than 2^63 bytes");
  }
  ae_h5_close(&file);
}

static void locks_of_others_are_heeded(void **state) {
  (void)state;
  char path[512], part[520];
  ae_h5 *file = NULL;
  make_matrix_file(path_of(path, "lock.h5"), 3, 3);
  sprintf(part, "%s.partial", path);
  const int reader = open(path, O_RDWR), writer = open(part, O_RDWR | O_CREAT, 0666);
  assert_true(reader >= 0 && writer >= 0);
  ae_comm_barrier(ae_test_comm());
  if (rank_of() == 0) assert_int_equal(flock(reader, LOCK_EX | LOCK_NB) + flock(writer, LOCK_SH | LOCK_NB), 0);
  ae_comm_barrier(ae_test_comm());
  ae_test_error(ae_h5_open(ae_test_comm(), path, &file), AE_DATA, "is locked");
  ae_test_error(ae_h5_create(ae_test_comm(), path, &file), AE_DATA, "is locked");
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
  file = open_file(path);
  ae_h5_close(&file);
  file = create(path);
  ae_h5_close(&file);
  unsetenv("HDF5_USE_FILE_LOCKING");
  close(reader);
  close(writer);
}

static void an_open_file_is_locked_for_others(void **state) {
  (void)state;
  char path[512];
  make_matrix_file(path_of(path, "mine.h5"), 3, 3);
  ae_h5 *file = open_file(path);
  const int other = open(path, O_RDWR);
  assert_true(other >= 0);
  assert_int_equal(flock(other, LOCK_SH | LOCK_NB), 0);
  assert_int_equal(flock(other, LOCK_UN), 0);
  ae_comm_barrier(ae_test_comm());
  assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
  close(other);
  ae_comm_barrier(ae_test_comm());
  ae_h5_close(&file);
}

/* A limit on the size of files stands for a full disk; it strikes one rank or all. The last rank gives all rows. */
static void expect_full(const char *path, int64_t rows, rlim_t limit, bool mine) {
  struct rlimit usual, small;
  ae_h5 *file = create(path);
  add_axis(file, "/", "row", rows);
  add_axis(file, "/", "column", 100);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
  small = usual;
  small.rlim_cur = limit;
  if (mine) assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  ae_status status = write_part(file, "/m", rows, 100, 0, rank_of() == ranks_of() - 1 ? rows : 0);
  if (status == AE_OK) status = ae_h5_commit(&file);
  else ae_h5_close(&file);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
  ae_test_error(status, AE_DATA, FULL_DISK);
  assert_null(file);
  assert_false(is_there(path));
}

/* It strikes when room is reserved, or in the last case when a single chunk is written by the one rank that has it. */
static void a_full_disk_is_an_error(void **state) {
  (void)state;
  char path[512];
  signal(SIGXFSZ, SIG_IGN);
  path_of(path, "full.h5");
  expect_full(path, 4000, 500000, true);
  expect_full(path, 4000, 500000, rank_of() == 0);
  expect_full(path, 150, 6000, rank_of() == ranks_of() - 1);
  make_matrix_file(path, 10, 10);
  ae_h5 *file = open_file(path);
  expect_matrix(file, "/m", 10, 0, 10);
  ae_h5_close(&file);
  signal(SIGXFSZ, SIG_DFL);
}

/* Of this file, recorded on one rank. A new version of HDF5 may lay files out anew: then record it again, on one
 * rank. */
#define REFERENCE_HASH UINT64_C(0xebcb11b59c589c52)
#define REFERENCE_VERSION "1.10.8"

/* FNV-1a. */
static uint64_t hash_of(const char *path) {
  uint64_t hash = UINT64_C(14695981039346656037);
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  for (int byte = fgetc(stream); byte != EOF; byte = fgetc(stream))
    hash = (hash ^ (uint64_t)byte) * UINT64_C(1099511628211);
  fclose(stream);
  return hash;
}

static void write_reference(const char *path) {
  ae_h5 *file = create(path);
  add_axis(file, "/", "row", 2503);
  add_axis(file, "/", "column", 97);
  ae_test_ok(ae_h5_put_text(file, "/", "mpiae_format", "test"));
  write_matrix(file, "/a/first", 2503, 97);
  write_matrix(file, "/a/second", 2503, 97);
  ae_test_ok(ae_h5_write_text(file, "/config", "model: vae\n", "the configuration"));
  ae_test_ok(ae_h5_commit(&file));
}

static void bytes_do_not_tell_the_number_of_ranks(void **state) {
  (void)state;
  char path[512];
  write_reference(path_of(path, "same.h5"));
  const uint64_t first = hash_of(path);
  ae_comm_barrier(ae_test_comm());
  sleep(1);
  write_reference(path);
  assert_true(hash_of(path) == first);
  unsigned version[3];
  char text[32];
  H5get_libversion(&version[0], &version[1], &version[2]);
  snprintf(text, sizeof text, "%u.%u.%u", version[0], version[1], version[2]);
  if (strcmp(text, REFERENCE_VERSION) == 0) assert_int_equal(first, REFERENCE_HASH);
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(matrices_survive),
      AE_TEST(many_matrices_survive),
      AE_TEST(one_rank_may_give_everything),
      AE_TEST(all_types_survive),
      AE_TEST(scalars_and_empty_datasets_survive),
      AE_TEST(axis_values_are_kept),
      AE_TEST(attributes_and_texts_survive),
      AE_TEST(wrong_attributes_are_named),
      AE_TEST(files_of_a_later_version_are_refused),
      AE_TEST(links_are_listed),
      AE_TEST(a_file_is_whole_or_absent),
      AE_TEST(wrong_calls_are_refused),
      AE_TEST(reading_wrong_things_fails),
      AE_TEST(an_error_of_one_rank_is_everybodys),
      AE_TEST(places_that_cannot_be_written_are_named),
      AE_TEST(nothing_stands_beside_an_open_file),
      AE_TEST(a_directory_that_vanishes_fails_the_commit),
      AE_TEST(files_that_cannot_be_read_are_named),
      AE_TEST(a_file_cut_short_is_refused),
      AE_TEST(a_flipped_bit_is_noticed),
      AE_TEST(converted_values_have_their_digests),
      AE_TEST(zeros_are_noticed_by_their_digests),
      AE_TEST(impossible_shapes_are_refused),
      AE_TEST(locks_of_others_are_heeded),
      AE_TEST(an_open_file_is_locked_for_others),
      AE_TEST(a_full_disk_is_an_error),
      AE_TEST(bytes_do_not_tell_the_number_of_ranks),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
