/* Which BLAS this is: the one that was configured, by its own words; its threads and its kernels. */
#include "harness.h"

#include "mpiae/tensor/blas.h"

#include <stdlib.h>
#include <string.h>

/* Of the stand-in that was preloaded, if any (tests.cmake). */
static const char *expected_library(void) { return getenv("MPIAE_TEST_BLAS_LIBRARY"); }
static const char *expected_core(void) { return getenv("MPIAE_TEST_BLAS_CORE"); }

static bool begins(const char *text, const char *part) { return strncmp(text, part, strlen(part)) == 0; }

/* By any other name of CMake's it may be any: the reference's file is often a link to another. */
static void the_library_is_the_one_configured(void **state) {
  (void)state;
  static const struct {
    const char *configured, *told;
  } names[] = {{"OpenBLAS", "OpenBLAS "}, {"FLAME", "BLIS "}, {"Intel10", "MKL "}};
  if (expected_library() != NULL) {
    assert_string_equal(ae_blas_library(), expected_library());
    return;
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (begins(MPIAE_TEST_BLAS, names[i].configured)) assert_true(begins(ae_blas_library(), names[i].told));
  assert_string_not_equal(ae_blas_library(), "unknown");
}

/* "OpenBLAS 0.3.21", a version with a point in it, or the name of a file. */
static void its_version_is_told(void **state) {
  (void)state;
  const char *library = ae_blas_library();
  const char *space = strchr(library, ' ');
  assert_true(begins(ae_blas_version(), library));
  if (space == NULL) {
    assert_non_null(strstr(library, ".so"));
    return;
  }
  assert_non_null(strchr(space, '.'));
  assert_null(strchr(space + 1, ' '));
}

/* One more than told before, where there are threads; and one again. */
static void threads_are_told_and_kept(void **state) {
  (void)state;
  assert_int_equal(ae_blas_threads(), 1);
  ae_blas_use_threads(2);
  const int threads = ae_blas_threads();
  ae_blas_use_threads(1);
  assert_int_equal(ae_blas_threads(), 1);
  if (expected_library() != NULL ||
      (begins(ae_blas_version(), "OpenBLAS ") && strstr(ae_blas_version(), "SINGLE_THREADED") == NULL))
    assert_int_equal(threads, 2);
  else assert_true(threads == 1 || threads == 2);
}

static void kernels_have_a_name(void **state) {
  (void)state;
  assert_true(strlen(ae_blas_core()) > 0);
  if (!begins(ae_blas_version(), "OpenBLAS ")) {
    assert_null(ae_blas_core_variable());
    if (expected_core() != NULL) assert_string_equal(ae_blas_core(), expected_core());
    return;
  }
  assert_string_equal(ae_blas_core_variable(), "OPENBLAS_CORETYPE");
  assert_string_not_equal(ae_blas_core(), "unknown");
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(the_library_is_the_one_configured), AE_TEST(its_version_is_told),
                           AE_TEST(threads_are_told_and_kept), AE_TEST(kernels_have_a_name)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
