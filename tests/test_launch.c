/* How the processes were started, by the environment that launchers leave. */
#include "harness.h"

#include "mpiae/comm/launch.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE",
                                        "SLURM_STEP_NUM_TASKS",
                                        "SLURM_STEP_ID",
                                        "SLURM_STEPID",
                                        "SLURM_PROCID",
                                        "PMIX_RANK",
                                        "PMI_RANK",
                                        "PMI_FD"};

static void set_step(const char *tasks, const char *task) {
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
  setenv("SLURM_STEP_NUM_TASKS", tasks, 1);
  setenv("SLURM_STEP_ID", "0", 1);
  setenv("SLURM_PROCID", task, 1);
}

static void copies_are_refused(void **state) {
  (void)state;
  set_step("4", "2");
  ae_test_error(ae_launch_check(0), AE_USAGE, "srun started 4 separate copies instead of 4 ranks: start it with srun");
  ae_test_error(ae_launch_check(1), AE_USAGE, "srun started 4 separate copies");
  assert_false(ae_launch_speaks());
  set_step("4", "0");
  assert_true(ae_launch_speaks());
  ae_launch_prepare();
  assert_non_null(getenv("SLURM_STEP_ID"));
}

static void ranks_are_not(void **state) {
  (void)state;
  static const char *const pmi[] = {"PMIX_RANK", "PMI_RANK", "PMI_FD"};
  for (int i = 0; i < 3; i++) {
    set_step("4", "2");
    setenv(pmi[i], "2", 1);
    ae_test_ok(ae_launch_check(0));
    ae_test_ok(ae_launch_check(4));
    /* what was there to find the others did not help */
    ae_test_error(ae_launch_check(1), AE_USAGE, "srun started 4 separate copies");
  }
}

static void mpirun_in_a_step_is_not(void **state) {
  (void)state;
  set_step("4", "2");
  setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
  ae_test_ok(ae_launch_check(0));
  ae_test_ok(ae_launch_check(1));
  assert_true(ae_launch_speaks());
  set_step("1", "0");
  setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
  ae_launch_prepare();
  assert_non_null(getenv("SLURM_STEP_ID"));
}

static void a_single_task_is_a_world(void **state) {
  (void)state;
  set_step("1", "0");
  setenv("SLURM_STEPID", "0", 1);
  ae_test_ok(ae_launch_check(0));
  ae_test_ok(ae_launch_check(1));
  assert_true(ae_launch_speaks());
  ae_launch_prepare();
  assert_null(getenv("SLURM_STEP_ID"));
  assert_null(getenv("SLURM_STEPID"));
  set_step("1", "0");
  setenv("PMIX_RANK", "0", 1);
  ae_launch_prepare();
  assert_non_null(getenv("SLURM_STEP_ID"));
  unsetenv("SLURM_STEP_NUM_TASKS");
  unsetenv("PMIX_RANK");
  ae_test_ok(ae_launch_check(0));
  ae_launch_prepare();
  assert_non_null(getenv("SLURM_STEP_ID"));
}

static int count_one(struct dl_phdr_info *library, size_t size, void *count) {
  (void)library;
  (void)size;
  *(int *)count += 1;
  return 0;
}

static int loaded_libraries(void) {
  int count = 0;
  dl_iterate_phdr(count_one, &count);
  return count;
}

/* While MPI runs; main looks again when it has ended. */
static int loaded_with_mpi;

static void libraries_are_counted(void **state) {
  (void)state;
  loaded_with_mpi = loaded_libraries();
  assert_true(loaded_with_mpi > 0);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(copies_are_refused), AE_TEST(ranks_are_not), AE_TEST(mpirun_in_a_step_is_not),
                           AE_TEST(a_single_task_is_a_world), AE_TEST(libraries_are_counted)};
  const int failed = ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
  if (loaded_libraries() >= loaded_with_mpi) return failed;
  fprintf(stderr, "%d of %d libraries are left when MPI has ended\n", loaded_libraries(), loaded_with_mpi);
  return 1;
}
