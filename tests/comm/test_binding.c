/* What is concluded from the cores of a host's ranks, for hosts of any kind; and what this process is told of its own.
 */
#include "harness.h"

#include "mpiae/comm/binding.h"

#include <sched.h>
#include <stdlib.h>

enum { MOST = 16 };

/* A host: cores of each rank as text, "0 1;2 3" = two ranks of two cores each. */
static ae_status judge(const char *text) {
  ae_cores cores[MOST] = {{{0}}};
  int rank[MOST], count = 1;
  for (char *end; *text != '\0'; text = end) {
    if (*text == ';') count++;
    if (*text == ';' || *text == ' ') {
      end = (char *)(uintptr_t)text + 1;
      continue;
    }
    ae_cores_add(&cores[count - 1], (int)strtol(text, &end, 10));
  }
  for (int i = 0; i < count; i++) rank[i] = 10 + i;
  return ae_binding_judge("node7", cores, rank, count);
}

static void good_bindings_pass(void **state) {
  (void)state;
  const char *const good[] = {
      "0",         "0 1 2 3",  "0;1", "3;2;1;0", "0 1;2 3", "0 1 2 3;0 1 2 3;4 5 6 7;4 5 6 7", "63;64;127;4095",
      "0;1;0 1 2", "0 1;0 1;2"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) ae_test_ok(judge(good[i]));
}

static void more_ranks_than_cores_are_told(void **state) {
  (void)state;
  ae_test_error(judge("0;0"), AE_USAGE, "2 ranks on node7 have 1 core between them: start at most 1 there");
  ae_test_error(judge("0 1;0 1;0 1"), AE_USAGE, "3 ranks on node7 have 2 cores between them: start at most 2 there");
  ae_test_error(judge("4095;63;63 4095"), AE_USAGE, "3 ranks on node7 have 2 cores");
}

static void ranks_that_share_cores_are_named(void **state) {
  (void)state;
  ae_test_error(judge("0;0;1 2 3"), AE_USAGE, "ranks 10, 11 on node7 share 1 core, and others are free");
  ae_test_error(judge("5;4;5;6 7;8"), AE_USAGE, "ranks 10, 12 on node7 share 1 core");
  ae_test_error(judge("2 3 4;0 1;0;1 0"), AE_USAGE, "ranks 11, 12, 13 on node7 share 2 cores");
  ae_test_error(judge("0;0;0;0;0;0;0;0;0;0;1 2 3 4 5 6 7 8 9 10 11 12"), AE_USAGE,
                "ranks 10, 11, 12, 13, 14, 15, 16, 17 and 2 more on node7 share 1 core");
}

static void ranks_bound_to_nothing_are_told(void **state) {
  (void)state;
  ae_test_error(judge("0 1;0 1"), AE_USAGE,
                "the 2 ranks on node7 are bound to no core: each may move between the same 2");
  ae_test_error(judge("0 1 2 3;0 1 2 3;0 1 2 3"), AE_USAGE, "the 3 ranks on node7 are bound to no core");
  ae_test_error(judge("0 1;0 1"), AE_USAGE, "mpirun --bind-to core --map-by core");
}

static void threads_are_weighed_against_cores(void **state) {
  (void)state;
  ae_test_ok(ae_binding_judge_threads("node7", "OMP_NUM_THREADS", 1, 8, 4));
  ae_test_ok(ae_binding_judge_threads("node7", "OMP_NUM_THREADS", 0, 8, 4));
  ae_test_ok(ae_binding_judge_threads("node7", "OMP_NUM_THREADS", 2, 2, 4));
  ae_test_error(ae_binding_judge_threads("node7", "OMP_NUM_THREADS", 2, 3, 4), AE_USAGE,
                "OMP_NUM_THREADS=2 on each of 3 ranks of node7 asks for 6 threads on 4 cores");
  ae_test_error(ae_binding_judge_threads("node7", "OPENBLAS_NUM_THREADS", 2, 1, 1), AE_USAGE,
                "set OPENBLAS_NUM_THREADS=1");
  ae_test_error(ae_binding_judge_threads("node7", "OMP_NUM_THREADS", 2000000000, 4, 4), AE_USAGE, "8000000000 threads");
}

/* At most as many cores as the hardware threads that are allowed. */
static void own_cores_are_found(void **state) {
  (void)state;
  ae_cores cores;
  cpu_set_t before, one;
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  ae_test_ok(ae_cores_find(&cores));
  ae_test_in_range(ae_cores_count(&cores), 1, CPU_COUNT(&before));
  size_t thread = 0;
  while (!CPU_ISSET(thread, &before)) thread++;
  CPU_ZERO(&one);
  CPU_SET(thread, &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  ae_test_ok(ae_cores_find(&cores));
  assert_int_equal(ae_cores_count(&cores), 1);
  assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(good_bindings_pass),
                           AE_TEST(more_ranks_than_cores_are_told),
                           AE_TEST(ranks_that_share_cores_are_named),
                           AE_TEST(ranks_bound_to_nothing_are_told),
                           AE_TEST(threads_are_weighed_against_cores),
                           AE_TEST(own_cores_are_found)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
