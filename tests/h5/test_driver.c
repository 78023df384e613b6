/* Disks that fail: every call to the system that reads or writes a file is made to fail, on one rank. */
#include "harness.h"

#include "mpiae/h5/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { ROWS = 3000, COLUMNS = 50 };

/* What goes wrong, on this rank. */
static struct {
  int until;    /* the call of that number fails, counting from 1; 0: none does */
  int error;    /* errno then */
  bool met;     /* whether it did */
  bool halves;  /* every call moves half of what was asked for */
  int64_t room; /* bytes that the disk has */
  bool is_nfs;  /* what the file system says */
  int through;  /* calls for files whose writes go through */
  int others;
  int64_t bytes; /* asked for */
} read_fault, write_fault, sync_fault, memory_fault;

static bool strikes(int *until, bool *met) {
  if (*until == 0) return false;
  *until -= 1;
  if (*until > 0) return false;
  *met = true;
  return true;
}

ssize_t __real_pread(int, void *, size_t, off_t);
ssize_t __real_pwrite(int, const void *, size_t, off_t);
int __real_fsync(int);
int __real_fallocate(int, int, off_t, off_t);
int __real_ftruncate(int, off_t);
ssize_t __wrap_pread(int, void *, size_t, off_t);
ssize_t __wrap_pwrite(int, const void *, size_t, off_t);
int __wrap_fsync(int);
int __wrap_fallocate(int, int, off_t, off_t);
int __wrap_ftruncate(int, off_t);
int __real_statfs(const char *, struct statfs *);
int __wrap_statfs(const char *, struct statfs *);

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);

void *__wrap_malloc(size_t size) {
  return strikes(&memory_fault.until, &memory_fault.met) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return strikes(&memory_fault.until, &memory_fault.met) ? NULL : __real_calloc(count, size);
}

ssize_t __wrap_pread(int file, void *bytes, size_t count, off_t from) {
  if (strikes(&read_fault.until, &read_fault.met)) {
    errno = read_fault.error;
    return -1;
  }
  read_fault.bytes += (int64_t)count;
  return __real_pread(file, bytes, read_fault.halves ? (count + 1) / 2 : count, from);
}

int __wrap_statfs(const char *path, struct statfs *out) {
  const int result = __real_statfs(path, out);
  if (result == 0 && write_fault.is_nfs) out->f_type = NFS_SUPER_MAGIC;
  return result;
}

ssize_t __wrap_pwrite(int file, const void *bytes, size_t count, off_t from) {
  if ((fcntl(file, F_GETFL) & O_DSYNC) != 0) write_fault.through++;
  else write_fault.others++;
  if (strikes(&write_fault.until, &write_fault.met)) {
    errno = write_fault.error;
    return -1;
  }
  if (write_fault.room > 0 && (int64_t)from + (int64_t)count > write_fault.room) {
    write_fault.met = true;
    errno = ENOSPC;
    return -1;
  }
  return __real_pwrite(file, bytes, write_fault.halves ? (count + 1) / 2 : count, from);
}

int __wrap_ftruncate(int file, off_t length) {
  if (!strikes(&write_fault.until, &write_fault.met)) return __real_ftruncate(file, length);
  errno = write_fault.error;
  return -1;
}

int __wrap_fsync(int file) {
  struct stat info;
  if (fstat(file, &info) == 0 && S_ISDIR(info.st_mode)) return __real_fsync(file);
  if (!strikes(&sync_fault.until, &sync_fault.met)) return __real_fsync(file);
  errno = sync_fault.error;
  return -1;
}

int __wrap_fallocate(int file, int mode, off_t from, off_t count) {
  if (write_fault.room == 0) return __real_fallocate(file, mode, from, count);
  errno = EOPNOTSUPP;
  return -1;
}

static void mend_all(void) {
  memset(&read_fault, 0, sizeof read_fault);
  memset(&write_fault, 0, sizeof write_fault);
  memset(&sync_fault, 0, sizeof sync_fault);
  memset(&memory_fault, 0, sizeof memory_fault);
}

static int rank_of(void) { return ae_comm_rank(ae_test_comm()); }
static bool anybody(bool met) { return ae_comm_max(ae_test_comm(), met) != 0; }

static float value_at(int64_t row, int64_t column) { return (float)(row * COLUMNS + column); }

static ae_status write_matrix(ae_h5 *file, const char *path) {
  const int64_t ranks = ae_comm_size(ae_test_comm()), begin = rank_of() * (int64_t)ROWS / ranks;
  const int64_t count = (rank_of() + 1) * (int64_t)ROWS / ranks - begin;
  float *values = NULL;
  ae_test_ok(AE_NEW(values, count * COLUMNS));
  for (int64_t i = 0; i < count * COLUMNS; i++) values[i] = value_at(begin + i / COLUMNS, i % COLUMNS);
  const ae_h5_dataset dataset = {path, AE_H5_FLOAT32, 2, {ROWS, COLUMNS}, {"row", "column"}, "a matrix", NULL};
  ae_status status = ae_h5_write(file, &dataset, begin, count, values);
  AE_FREE(values);
  return status;
}

static ae_status fill(ae_h5 *file, void *context) {
  const double loss = 0.5;
  const ae_h5_dataset scalar = {"/loss", AE_H5_FLOAT64, 0, {0}, {NULL}, "a loss", NULL};
  (void)context;
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "row", ROWS, NULL, "rows"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "column", COLUMNS, NULL, "columns"));
  AE_RETURN_IF(ae_h5_write(file, &scalar, 0, 0, &loss));
  AE_RETURN_IF(write_matrix(file, "/a/first"));
  AE_RETURN_IF(ae_h5_put_text(file, "/", "mpiae_format", "test"));
  return write_matrix(file, "/a/second");
}

static ae_status write_file(const char *path) { return ae_h5_produce(ae_test_comm(), path, fill, NULL); }

/* Every rank reads everything. */
static ae_status read_matrix(const char *path, float *values) {
  ae_h5 *file = NULL;
  AE_RETURN_IF(ae_h5_open(ae_test_comm(), path, &file));
  ae_status status = ae_h5_read(file, "/a/second", AE_H5_FLOAT32, COLUMNS, 0, ROWS, values);
  ae_h5_close(&file);
  return status;
}

static void expect_matrix(const float *values) {
  for (int64_t i = 0; i < ROWS * COLUMNS; i++) assert_float_equal(values[i], value_at(i / COLUMNS, i % COLUMNS), 0);
}

static void expect_file(const char *path) {
  float *values = NULL;
  ae_test_ok(AE_NEW(values, ROWS * COLUMNS));
  ae_test_ok(read_matrix(path, values));
  expect_matrix(values);
  AE_FREE(values);
}

static char *path_of(char out[512], const char *name) { return strcpy(out, ae_test_path(name)); }

/* Until the fault comes too late to be met. Returns how many there were. */
static int fail_each_write(const char *path, int victim, int error) {
  for (int call = 1;; call++) {
    mend_all();
    if (rank_of() == victim) write_fault.until = call, write_fault.error = error;
    ae_status status = write_file(path);
    const bool met = anybody(write_fault.met);
    mend_all();
    if (!met) {
      ae_test_ok(status);
      return call - 1;
    }
    ae_test_error(status, AE_DATA, strerror(error));
    assert_int_equal(access(path, F_OK), -1);
  }
}

static void no_write_that_fails_is_missed(void **state) {
  (void)state;
  char path[512];
  path_of(path, "write.h5");
  const int last = ae_comm_size(ae_test_comm()) - 1;
  const int root = fail_each_write(path, 0, EIO);
  assert_true(root >= 5); /* metadata and its length, and rows */
  expect_file(path);
  ae_comm_barrier(ae_test_comm());
  if (rank_of() == 0) assert_int_equal(unlink(path), 0);
  ae_comm_barrier(ae_test_comm());
  if (last == 0) return;
  assert_true(fail_each_write(path, last, EDQUOT) >= 2);
  expect_file(path);
}

static void syncs_that_fail_are_told(void **state) {
  (void)state;
  char path[512];
  path_of(path, "sync.h5");
  for (int victim = 0; victim < ae_comm_size(ae_test_comm()); victim++) {
    mend_all();
    if (rank_of() == victim) sync_fault.until = 1, sync_fault.error = EIO;
    ae_test_error(write_file(path), AE_DATA, "cannot sync");
    assert_int_equal(access(path, F_OK), -1);
  }
  mend_all();
}

/* The disk is full somewhere in the rows, or in what rank 0 writes at the end, and the file system cannot reserve. */
static void a_full_disk_is_told_without_reserving(void **state) {
  (void)state;
  char path[512];
  path_of(path, "full.h5");
  for (int64_t room = 1000; room < 1300000; room += 300000) {
    write_fault.room = room;
    ae_status status = write_file(path);
    const bool met = anybody(write_fault.met);
    mend_all();
    assert_true(met);
    ae_test_error(status, AE_DATA, "No space left on device");
    assert_int_equal(access(path, F_OK), -1);
  }
}

static void halves_are_completed(void **state) {
  (void)state;
  char path[512];
  write_fault.halves = read_fault.halves = true;
  ae_test_ok(write_file(path_of(path, "halves.h5")));
  expect_file(path);
  mend_all();
  expect_file(path);
}

/* Hosts that share a page of a file on NFS would overwrite each other's bytes in it. */
static void writes_go_through_on_nfs_alone(void **state) {
  (void)state;
  char path[512];
  path_of(path, "nfs.h5");
  for (int nfs = 0; nfs < 2; nfs++) {
    write_fault.is_nfs = nfs == 1;
    ae_test_ok(write_file(path));
    const int through = write_fault.through, others = write_fault.others;
    mend_all();
    assert_true(through + others > 0);
    assert_int_equal(nfs == 1 ? others : through, 0);
    expect_file(path);
  }
}

/* Never other values: an error, or what was written. */
static void no_read_that_fails_is_missed(void **state) {
  (void)state;
  char path[512];
  float *values = NULL;
  const int last = ae_comm_size(ae_test_comm()) - 1;
  bool met = true;
  int calls = 0;
  ae_test_ok(AE_NEW(values, ROWS * COLUMNS));
  ae_test_ok(write_file(path_of(path, "read.h5")));
  while (met) {
    mend_all();
    if (rank_of() == last) read_fault.until = ++calls, read_fault.error = EIO;
    memset(values, 0, ROWS * COLUMNS * sizeof *values);
    ae_status status = read_matrix(path, values);
    met = anybody(read_fault.met);
    mend_all();
    if (met) ae_test_error(status, AE_DATA, strerror(EIO));
    else ae_test_ok(status);
  }
  expect_matrix(values);
  if (rank_of() == last) assert_true(calls > 5);
  AE_FREE(values);
}

/* It is told as what it is, not as damage: what the driver asks for is all that does not come by memory.h. */
static void no_lack_of_memory_is_missed(void **state) {
  (void)state;
  char path[512];
  float *values = NULL;
  const int last = ae_comm_size(ae_test_comm()) - 1;
  ae_test_ok(AE_NEW(values, ROWS * COLUMNS));
  ae_test_ok(write_file(path_of(path, "memory.h5")));
  for (int writing = 0; writing < 2; writing++) {
    const int rank = writing ? 0 : last; /* rank 0 alone writes by HDF5 */
    bool met = true;
    int calls = 0;
    while (met) {
      mend_all();
      calls++;
      if (rank_of() == rank) memory_fault.until = calls;
      ae_status status = writing ? write_file(path) : read_matrix(path, values);
      met = anybody(memory_fault.met);
      mend_all();
      if (met) ae_test_error(status, AE_INTERNAL, "out of memory");
      else ae_test_ok(status);
    }
    assert_true(calls > 2);
  }
  expect_file(path);
  AE_FREE(values);
}

/* Another file of the disk can still be read, and so can other parts of this one. */
static void a_read_that_failed_can_be_tried_again(void **state) {
  (void)state;
  char path[512];
  float *values = NULL;
  ae_h5 *file = NULL;
  ae_test_ok(AE_NEW(values, ROWS * COLUMNS));
  ae_test_ok(write_file(path_of(path, "again.h5")));
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  if (rank_of() == 0) read_fault.until = 1, read_fault.error = EIO;
  ae_test_error(ae_h5_read(file, "/a/first", AE_H5_FLOAT32, COLUMNS, 0, ROWS, values), AE_DATA,
                "check the disk or the file server");
  ae_test_ok(ae_h5_read(file, "/a/first", AE_H5_FLOAT32, COLUMNS, 0, ROWS, values));
  expect_matrix(values);
  ae_h5_close(&file);
  AE_FREE(values);
  mend_all();
}

static void a_file_cut_while_it_is_read_is_told(void **state) {
  (void)state;
  char path[512];
  float *values = NULL;
  ae_h5 *file = NULL;
  ae_test_ok(AE_NEW(values, ROWS * COLUMNS));
  ae_test_ok(write_file(path_of(path, "cut.h5")));
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  ae_test_ok(ae_h5_describe(file, "/a/second", &type, &rank, dim));
  ae_comm_barrier(ae_test_comm());
  if (rank_of() == 0) assert_int_equal(truncate(path, 50000), 0);
  ae_comm_barrier(ae_test_comm());
  ae_test_error(ae_h5_read(file, "/a/second", AE_H5_FLOAT32, COLUMNS, 0, ROWS, values), AE_DATA,
                "became shorter while it was read");
  ae_h5_close(&file);
  AE_FREE(values);
}

static void make_links(const char *main_path, const char *other) {
  hid_t file = H5Fcreate(main_path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t space = H5Screate_simple(2, (hsize_t[]){ROWS, COLUMNS}, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
  assert_true(H5Lcreate_external(other, "/a/second", file, "/link", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  assert_true(H5Lcreate_external("absent.h5", "/x", file, "/nowhere", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  assert_true(H5Pset_virtual(list, space, other, "/a/second", space) >= 0);
  hid_t dataset = H5Dcreate2(file, "/virtual", H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
  assert_true(dataset >= 0);
  H5Dclose(dataset);
  H5Pclose(list);
  H5Sclose(space);
  assert_true(H5Fclose(file) >= 0);
}

/* What a file refers to is read from there, not from the file that refers to it. */
static void other_files_are_followed(void **state) {
  (void)state;
  char path[512], other[512];
  float *values = NULL;
  ae_h5 *file = NULL;
  ae_test_ok(AE_NEW(values, ROWS * COLUMNS));
  ae_test_ok(write_file(path_of(other, "other.h5")));
  path_of(path, "main.h5");
  if (rank_of() == 0) make_links(path, other);
  ae_comm_barrier(ae_test_comm());
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  for (int i = 0; i < 2; i++) {
    memset(values, 0, ROWS * COLUMNS * sizeof *values);
    ae_test_ok(ae_h5_read(file, i == 0 ? "/link" : "/virtual", AE_H5_FLOAT32, COLUMNS, 0, ROWS, values));
    expect_matrix(values);
  }
  ae_test_error(ae_h5_read(file, "/nowhere", AE_H5_FLOAT32, 1, 0, 1, values), AE_DATA,
                "/nowhere is a link to /x of absent.h5, where nothing is");
  ae_h5_close(&file);
  AE_FREE(values);
}

/* By one rank each. What is read besides is less than a chunk. */
static void shares_of_an_array_are_read_once(void **state) {
  (void)state;
  enum { CHUNK = 1 << 16, CHUNKS = (ROWS * COLUMNS * 4 + CHUNK - 1) / CHUNK };
  char path[512];
  float *values = NULL;
  ae_h5 *file = NULL;
  const int ranks = ae_comm_size(ae_test_comm());
  ae_h5_dataset dataset = {.path = "/a/second", .type = AE_H5_FLOAT32, .rank = 2, .dim = {ROWS, COLUMNS}};
  ae_test_ok(write_file(path_of(path, "shares.h5")));
  ae_test_ok(AE_NEW(values, ROWS * COLUMNS));
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  mend_all();
  ae_test_ok(ae_h5_read_whole(file, &dataset, values));
  assert_true(read_fault.bytes < ((CHUNKS + ranks - 1) / ranks + 1) * CHUNK);
  expect_matrix(values);
  dataset.dim[1]++;
  ae_test_error(ae_h5_read_whole(file, &dataset, values), AE_DATA, "/a/second has another shape");
  ae_h5_close(&file);
  AE_FREE(values);
}

int main(int argc, char **argv) {
  static const ae_test tests[] = {
      AE_TEST(no_write_that_fails_is_missed),         AE_TEST(syncs_that_fail_are_told),
      AE_TEST(a_full_disk_is_told_without_reserving), AE_TEST(halves_are_completed),
      AE_TEST(writes_go_through_on_nfs_alone),        AE_TEST(no_read_that_fails_is_missed),
      AE_TEST(no_lack_of_memory_is_missed),           AE_TEST(a_read_that_failed_can_be_tried_again),
      AE_TEST(a_file_cut_while_it_is_read_is_told),   AE_TEST(other_files_are_followed),
      AE_TEST(shares_of_an_array_are_read_once),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
