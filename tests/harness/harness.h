/* Runs a CMocka table on every rank and gives one verdict: a rank that fails says why and ends all, so that nothing
 * waits for it. */
#ifndef MPIAE_TESTS_HARNESS_H
#define MPIAE_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mpiae/base/memory.h"
#include "mpiae/comm/comm.h"

typedef struct ae_test {
  const char *name;
  void (*run)(void **state);
} ae_test;
#define AE_TEST(function)                                                                                              \
  { #function, function }

/* The comm of the test program. */
const ae_comm *ae_test_comm(void);

/* Body of main: starts MPI, runs the tests one by one on all ranks, checks that every allocation was freed after each,
 * reduces the verdict. Returns the exit status: 0, 1 when one failed, or 77 when one was skipped. */
int ae_test_main(int argc, char **argv, const ae_test *tests, int count);

/* Fails the test with the error's message when status is not AE_OK. */
void ae_test_ok(ae_status status);

/* Expects an error of this code whose message holds `part`; clears it. */
void ae_test_error(ae_status status, ae_code code, const char *part);

/* Fails the test unless low ≤ value ≤ high. (CMocka's own is another one from version 2 on.) */
void ae_test_in_range(int64_t value, int64_t low, int64_t high);

/* Ends this test, here and on all ranks that say so too, as one that cannot be tried here, and says why. A program of
 * which a test was skipped and none failed ends with 77, which CTest takes for skipped. CMocka's own skip() would pass.
 */
void ae_test_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#undef skip

/* The file NAME in MPIAE_TEST_DATA, the directory of the public data sets that tests know something about: lent, valid
 * until the next call. Skips the test when it is not there. */
const char *ae_test_data(const char *name);

/* A path in the test's own scratch directory (one per launch, made by rank 0, removed at the end): lent, valid until
 * the next call but three. */
const char *ae_test_path(const char *name);

#endif
