#include "harness.h"

#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* To CTest: tests/CMakeLists.txt. */
enum { SKIPPED = 77 };

static ae_comm *comm;
static char scratch[256];
static int skipped;

const ae_comm *ae_test_comm(void) { return comm; }

void ae_test_ok(ae_status status) {
  if (status == AE_OK) return;
  fprintf(stderr, "%s:%d: %s\n", ae_error_file(status), ae_error_line(status), ae_error_message(status));
  ae_error_clear(&status);
  fail_msg("expected success");
}

void ae_test_error(ae_status status, ae_code code, const char *part) {
  char message[AE_MESSAGE_SIZE];
  if (status == AE_OK) fail_msg("expected an error with '%s', got success", part);
  snprintf(message, sizeof message, "%s", ae_error_message(status));
  const ae_code got = ae_error_code(status);
  ae_error_clear(&status);
  if (strstr(message, part) == NULL) fail_msg("expected '%s' in the message, got '%s'", part, message);
  assert_int_equal(got, code);
}

void ae_test_in_range(int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high)
    fail_msg("expected %lld to %lld, got %lld", (long long)low, (long long)high, (long long)value);
}

void ae_test_skip(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("skipped: ");
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  skipped++;
  _skip(__FILE__, __LINE__);
  abort();
}

const char *ae_test_data(const char *name) {
  static char path[1024];
  const char *folder = getenv("MPIAE_TEST_DATA");
  if (folder == NULL || *folder == '\0') ae_test_skip("MPIAE_TEST_DATA is not set, so there is no %s", name);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (access(path, R_OK) != 0) ae_test_skip("there is no %s (MPIAE_TEST_DATA names the directory of the data)", path);
  return path;
}

const char *ae_test_path(const char *name) {
  static char path[4][512];
  static int next;
  next = (next + 1) % 4;
  snprintf(path[next], sizeof path[next], "%s/%s", scratch, name);
  return path[next];
}

static void remove_directory(const char *directory) {
  char command[300];
  if (*directory == '\0') return;
  snprintf(command, sizeof command, "rm -rf '%s'", directory);
  if (system(command) != 0) fprintf(stderr, "cannot remove %s\n", directory);
}

static void make_scratch(void) {
  const char *base = getenv("TMPDIR");
  if (ae_comm_rank(comm) == 0) {
    snprintf(scratch, sizeof scratch, "%s/mpiae-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(scratch) == NULL) perror("mkdtemp");
  }
  ae_comm_broadcast(comm, scratch, (int64_t)sizeof scratch);
}

static void remove_scratch(void) {
  ae_comm_barrier(comm);
  if (ae_comm_rank(comm) == 0) remove_directory(scratch);
}

/* Runs one test in a group of its own, so that a failing rank can be told at once. */
static int run_one(const ae_test *test) {
  const struct CMUnitTest unit = {test->name, test->run, NULL, NULL, NULL};
  const int64_t held = ae_memory_blocks();
  const struct CMUnitTest group[] = {unit};
  int failed = _cmocka_run_group_tests(test->name, group, 1, NULL, NULL);
  if (failed == 0 && ae_memory_blocks() != held) {
    fprintf(stderr, "%s: %lld blocks were not freed\n", test->name, (long long)(ae_memory_blocks() - held));
    failed = 1;
  }
  return failed;
}

int ae_test_main(int argc, char **argv, const ae_test *tests, int count) {
  setenv("CMOCKA_MESSAGE_OUTPUT", "STDOUT", 0);
  ae_blas_choose_core(argv);
  ae_blas_use_threads(1);
  ae_status status = ae_comm_create(&argc, &argv, &comm);
  if (status != AE_OK) {
    fprintf(stderr, "%s\n", ae_error_message(status));
    return 1;
  }
  if (ae_comm_rank(comm) != 0) (void)!freopen("/dev/null", "w", stdout);
  make_scratch();
  int failed = 0;
  for (int i = 0; i < count; i++) {
    const int now = run_one(&tests[i]);
    if (now != 0 && ae_comm_size(comm) > 1) {
      fprintf(stderr, "rank %d of %d: %s failed\n", ae_comm_rank(comm), ae_comm_size(comm), tests[i].name);
      fflush(NULL);
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    failed += now;
  }
  failed = (int)ae_comm_max(comm, failed);
  skipped = (int)ae_comm_max(comm, skipped);
  remove_scratch();
  ae_comm_destroy(&comm);
  return failed > 0 ? 1 : skipped > 0 ? SKIPPED : 0;
}
