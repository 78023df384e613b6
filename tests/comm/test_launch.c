/* How the processes were started, by the environment that launchers leave. */
#include "harness.h"

#include "mpiae/comm/launch.h"

#include <fcntl.h>
#include <link.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef MPICH_VERSION
#define AE_TEST_MPI_NAME "MPICH"
#else
#define AE_TEST_MPI_NAME "Open MPI"
#endif

static const char *const variables[] = {"OMPI_COMM_WORLD_SIZE",
                                        "OMPI_COMM_WORLD_RANK",
                                        "PMI_SIZE",
                                        "SLURM_STEP_NUM_TASKS",
                                        "SLURM_STEP_ID",
                                        "SLURM_STEPID",
                                        "SLURM_PROCID",
                                        "PMIX_RANK",
                                        "PMI_RANK",
                                        "PMI_FD",
                                        "OMPI_MCA_btl"};

static void forget(void) {
  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
}

static void set_step(const char *tasks, const char *task) {
  forget();
  setenv("SLURM_STEP_NUM_TASKS", tasks, 1);
  setenv("SLURM_STEP_ID", "0", 1);
  setenv("SLURM_PROCID", task, 1);
}

/* Of those that Open MPI 4 opens to be reached by. First of all tests: the others change the environment. */
static void alone_no_network_is_open(void **state) {
  (void)state;
#if defined(OMPI_MAJOR_VERSION) && OMPI_MAJOR_VERSION == 4
  for (int descriptor = 0; descriptor < 1024 && getenv("OMPI_COMM_WORLD_SIZE") == NULL; descriptor++) {
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof own;
    (void)getsockname(descriptor, (struct sockaddr *)&own, &size);
    assert_true(own.ss_family != AF_INET && own.ss_family != AF_INET6);
  }
#endif
}

static void alone_there_is_no_network(void **state) {
  (void)state;
  forget();
  ae_launch_prepare();
  assert_string_equal(getenv("OMPI_MCA_btl"), "self");
  setenv("OMPI_MCA_btl", "self,tcp", 1);
  ae_launch_prepare();
  assert_string_equal(getenv("OMPI_MCA_btl"), "self,tcp"); /* the user knows better */
  forget();
  setenv("PMIX_RANK", "0", 1);
  ae_launch_prepare();
  assert_null(getenv("OMPI_MCA_btl"));
  forget();
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

/* `size` processes by that launcher, and this is number `rank` of them. */
static void set_launcher(const char *size_name, const char *size, const char *rank_name, const char *rank) {
  setenv(size_name, size, 1);
  setenv(rank_name, rank, 1);
}

/* What Open MPI's mpirun leaves, or MPICH's: the program of the other one is alone in its world. */
static void another_mpi_s_launcher_is_refused(void **state) {
  (void)state;
  static const char *const names[][2] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, {"PMI_SIZE", "PMI_RANK"}};
  for (int i = 0; i < 2; i++) {
    const char *const *own = names[i], *const *other = names[1 - i];
    char part[64];
    snprintf(part, sizeof part, "%s is 2, but this is a world of one rank", own[0]);
    forget();
    set_launcher(own[0], "2", own[1], "1");
    ae_test_ok(ae_launch_check(0));
    ae_test_ok(ae_launch_check(2));
    ae_test_error(ae_launch_check(1), AE_USAGE, part);
    ae_test_error(ae_launch_check(1), AE_USAGE, "mpiae was built with " AE_TEST_MPI_NAME);
    assert_false(ae_launch_speaks());
    setenv(own[1], "0", 1);
    assert_true(ae_launch_speaks());
    /* one process of it is a world, also where the other kind started it several times, and in a step of srun */
    setenv(own[0], "1", 1);
    ae_test_ok(ae_launch_check(1));
    set_launcher(other[0], "3", other[1], "2");
    ae_test_ok(ae_launch_check(1));
    assert_true(ae_launch_speaks());
  }
  set_step("4", "2");
  set_launcher("PMI_SIZE", "4", "PMI_RANK", "2");
  ae_test_error(ae_launch_check(1), AE_USAGE, "PMI_SIZE is 4");
  assert_false(ae_launch_speaks());
  forget();
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

/* A process `launcher` that starts one that starts one: the last answers each byte it gets with whether the launcher
 * lives. The launcher sees the one between off. */
typedef struct family {
  pid_t launcher, between, seen;
  int ask, answer;
} family;

static void answer_questions(int questions, int answers, family *own) {
  ae_launcher launcher;
  char question;
  ae_launcher_find(&launcher);
  own->between = getppid();
  own->seen = launcher.process;
  (void)!write(answers, own, sizeof *own);
  while (read(questions, &question, 1) == 1) {
    const bool lives = ae_launcher_lives(&launcher);
    (void)!write(answers, &lives, sizeof lives);
  }
  _exit(0);
}

static void raise_family(const char *name, family *out) {
  int questions[2], answers[2];
  assert_int_equal(pipe2(questions, O_CLOEXEC), 0);
  assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
  const pid_t launcher = fork();
  if (launcher == 0) {
    prctl(PR_SET_NAME, name);
    close(questions[1]);
    close(answers[0]);
    if (fork() == 0) {
      prctl(PR_SET_NAME, "between) S 1 (");
      if (fork() == 0) answer_questions(questions[0], answers[1], out);
      pause();
    }
    while (wait(NULL) > 0) continue;
    pause();
  }
  close(questions[0]);
  close(answers[1]);
  assert_int_equal(read(answers[0], out, sizeof *out), sizeof *out);
  out->launcher = launcher;
  out->ask = questions[1];
  out->answer = answers[0];
}

static bool is_said_to_live(const family *f) {
  bool lives = false;
  assert_int_equal(write(f->ask, "?", 1), 1);
  assert_int_equal(read(f->answer, &lives, sizeof lives), sizeof lives);
  return lives;
}

/* A process is gone a moment after it was killed, and its children learn of it a moment later. */
static bool is_said_to_end(const family *f) {
  for (int i = 0; i < 500 && is_said_to_live(f); i++) usleep(10000);
  return !is_said_to_live(f);
}

static void end_family(const family *f) {
  kill(f->launcher, SIGKILL);
  waitpid(f->launcher, NULL, 0);
  close(f->ask);
  close(f->answer);
}

/* Programs of the user's may end before the program: a shell that SIGTERM ends while ranks are saving. */
static void launchers_are_found_behind_others(void **state) {
  (void)state;
  static const char *const names[] = {"orted", "mpirun.openmpi", "slurmstepd", "hydra_pmi_proxy"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    family f;
    raise_family(names[i], &f);
    assert_int_equal(f.seen, f.launcher);
    assert_true(is_said_to_live(&f));
    kill(f.between, SIGKILL);
    while (kill(f.between, 0) == 0) usleep(1000);
    assert_true(is_said_to_live(&f));
    /* dead, but nobody has asked yet how it ended */
    kill(f.launcher, SIGKILL);
    assert_true(is_said_to_end(&f));
    end_family(&f);
  }
}

static void the_parent_stands_for_an_unknown_one(void **state) {
  (void)state;
  family f;
  ae_launcher own;
  ae_launcher_find(&own);
  raise_family("mpirun-2", &f);
  if (own.process == getppid() && own.is_parent) { /* else this test itself has a launcher */
    assert_int_equal(f.seen, f.between);
    assert_true(is_said_to_live(&f));
    kill(f.between, SIGKILL);
    assert_true(is_said_to_end(&f));
  }
  end_family(&f);
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
  const ae_test tests[] = {AE_TEST(alone_no_network_is_open),
                           AE_TEST(alone_there_is_no_network),
                           AE_TEST(copies_are_refused),
                           AE_TEST(ranks_are_not),
                           AE_TEST(mpirun_in_a_step_is_not),
                           AE_TEST(another_mpi_s_launcher_is_refused),
                           AE_TEST(a_single_task_is_a_world),
                           AE_TEST(launchers_are_found_behind_others),
                           AE_TEST(the_parent_stands_for_an_unknown_one),
                           AE_TEST(libraries_are_counted)};
  const int failed = ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
  if (loaded_libraries() >= loaded_with_mpi) return failed;
  fprintf(stderr, "%d of %d libraries are left when MPI has ended\n", loaded_libraries(), loaded_with_mpi);
  return 1;
}
