/* What stops a run: flags that signals leave, the time limit, and that all ranks see what one has. */
#include "harness.h"

#include "mpiae/base/profile.h"
#include "mpiae/train/stop.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void leave_slurm(void) {
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_JOB_END_TIME");
  unsetenv("SLURM_ARRAY_JOB_ID");
  unsetenv("SLURM_ARRAY_TASK_ID");
}

/* Before any signal: nothing but the time can be a reason. */
static bool is_up(const ae_stop *stop, bool ends_epoch) { return ae_stop_own(stop, ends_epoch) != 0; }

static void the_limit_counts_from_the_beginning(void **state) {
  (void)state;
  const double now = ae_clock_seconds();
  ae_stop stop = {0};
  ae_stop_limit(&stop, 1000, now);
  assert_true(stop.limited && fabs(stop.deadline - (now + 970)) < 1);
  ae_stop_limit(&stop, 1000, now - 900);
  assert_true(stop.limited && fabs(stop.deadline - (now + 95)) < 1);
  assert_false(is_up(&stop, false));
  ae_stop_limit(&stop, 1000, now - 1001);
  assert_true(stop.limited && is_up(&stop, false));
  ae_stop_limit(&stop, 0, now);
  assert_false(stop.limited || is_up(&stop, true));
}

static void what_comes_after_the_step_must_fit(void **state) {
  (void)state;
  ae_stop stop = {.step = 1, .checkpoint = 30, .end_of_epoch = 60};
  leave_slurm();
  ae_stop_limit(&stop, 100, ae_clock_seconds());
  assert_false(is_up(&stop, false));
  assert_true(is_up(&stop, true));
  stop.end_of_epoch = 0;
  assert_false(is_up(&stop, true));
  stop.checkpoint = 50;
  assert_true(is_up(&stop, false));
  stop.checkpoint = 0;
  stop.step = 50;
  assert_true(is_up(&stop, false));
  /* without a limit nothing takes too long */
  ae_stop_limit(&stop, -1, 0);
  assert_false(stop.limited || is_up(&stop, true));
}

static void set_end(double seconds) {
  char end[32];
  snprintf(end, sizeof end, "%lld", (long long)time(NULL) + (long long)seconds);
  setenv("SLURM_JOB_END_TIME", end, 1);
}

static void auto_is_the_end_of_the_job(void **state) {
  (void)state;
  ae_stop stop = {0};
  setenv("SLURM_JOB_ID", "17", 1);
  set_end(200);
  ae_stop_limit(&stop, -1, 0);
  assert_true(stop.limited && fabs(stop.deadline - (ae_clock_seconds() + 190)) < 3);
  set_end(-5);
  ae_stop_limit(&stop, -1, 0);
  assert_true(stop.limited && is_up(&stop, false));
  leave_slurm();
}

/* A squeue that says `answer` to a question about this job, first on the path. */
static void pretend_squeue(const char *directory, const char *job, const char *answer) {
  char path[1024], *before = getenv("PATH");
  mkdir(directory, 0777);
  snprintf(path, sizeof path, "%s/squeue", directory);
  FILE *script = fopen(path, "w");
  fprintf(script, "#!/bin/sh\n[ \"$SLURM_TIME_FORMAT $*\" = '%%s -h -j %s -o %%e' ] && echo '%s'\n", job, answer);
  assert_int_equal(fclose(script), 0);
  assert_int_equal(chmod(path, 0755), 0);
  snprintf(path, sizeof path, "%s:%s", directory, before);
  setenv("PATH", path, 1);
}

static void squeue_is_asked_where_the_environment_is_silent(void **state) {
  (void)state;
  char answer[32], before[4096], name[32];
  ae_stop stop = {0};
  snprintf(before, sizeof before, "%s", getenv("PATH"));
  snprintf(name, sizeof name, "bin-%d", ae_comm_rank(ae_test_comm()));
  const char *directory = ae_test_path(name);
  leave_slurm();
  setenv("SLURM_JOB_ID", "17", 1);
  snprintf(answer, sizeof answer, "%lld", (long long)time(NULL) + 400);
  pretend_squeue(directory, "17", answer);
  ae_stop_limit(&stop, -1, 0);
  assert_true(stop.limited && fabs(stop.deadline - (ae_clock_seconds() + 380)) < 5);
  set_end(-5); /* what the job began with, before its limit was raised */
  ae_stop_limit(&stop, -1, 0);
  assert_true(stop.limited && fabs(stop.deadline - (ae_clock_seconds() + 380)) < 5);
  stop.flags = UINT32_C(1) << 5;
  assert_string_equal(ae_stop_reason(&stop), "the end of the SLURM job (train.time_limit=0 turns this off)");
  unsetenv("SLURM_JOB_END_TIME");
  setenv("PATH", before, 1);
  pretend_squeue(directory, "17", "NONE");
  ae_stop_limit(&stop, -1, 0);
  assert_false(stop.limited);
  /* the last task of an array has the array's number */
  setenv("PATH", before, 1);
  setenv("SLURM_ARRAY_JOB_ID", "17", 1);
  setenv("SLURM_ARRAY_TASK_ID", "3", 1);
  pretend_squeue(directory, "17_3", answer);
  ae_stop_limit(&stop, -1, 0);
  assert_true(stop.limited && fabs(stop.deadline - (ae_clock_seconds() + 380)) < 5);
  unsetenv("SLURM_ARRAY_TASK_ID");
  unsetenv("SLURM_ARRAY_JOB_ID");
  setenv("PATH", directory, 1); /* and no timeout in it */
  ae_stop_limit(&stop, -1, 0);
  assert_false(stop.limited);
  setenv("SLURM_JOB_ID", "17; touch /", 1);
  ae_stop_limit(&stop, -1, 0);
  assert_false(stop.limited);
  setenv("PATH", before, 1);
  leave_slurm();
}

/* How a child ends that gets the signals listed after it has begun to listen; its flags as the exit status. */
static int end_of_child(int first, int second, void (*ignored)(int)) {
  int status = 0;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGINT, ignored);
    ae_stop_listen(false);
    raise(first);
    if (second != 0) raise(second);
    _exit((int)ae_stop_own(&(ae_stop){0}, false));
  }
  assert_true(child > 0 && waitpid(child, &status, 0) == child);
  return status;
}

static void a_second_interrupt_ends_at_once(void **state) {
  (void)state;
  int status = end_of_child(SIGINT, SIGINT, SIG_DFL);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
  status = end_of_child(SIGINT, SIGTERM, SIG_DFL);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
  status = end_of_child(SIGTERM, SIGTERM, SIG_DFL);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  status = end_of_child(SIGUSR1, SIGUSR2, SIG_DFL);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 12);
  status = end_of_child(SIGINT, SIGINT, SIG_IGN);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Last: what a signal leaves stays. */
static void all_ranks_see_what_one_has(void **state) {
  (void)state;
  const ae_comm *comm = ae_test_comm();
  const int rank = ae_comm_rank(comm), last = ae_comm_size(comm) - 1;
  ae_stop stop = {0};
  ae_stop_listen(false);
  ae_stop_agree(comm, &stop, false);
  assert_int_equal(stop.flags, 0);
  assert_string_equal(ae_stop_reason(&stop), "");
  if (rank == 0) ae_stop_limit(&stop, 1, ae_clock_seconds() - 2);
  ae_stop_agree(comm, &stop, false);
  assert_string_equal(ae_stop_reason(&stop), "train.time_limit");
  assert_false(ae_stop_is_signal(&stop));
  if (rank == last) raise(SIGUSR2);
  ae_stop_agree(comm, &stop, false);
  assert_true(ae_stop_is_signal(&stop));
  assert_string_equal(ae_stop_reason(&stop), "SIGUSR2");
}

int main(int argc, char **argv) {
  const ae_test tests[] = {
      AE_TEST(the_limit_counts_from_the_beginning), AE_TEST(what_comes_after_the_step_must_fit),
      AE_TEST(auto_is_the_end_of_the_job),          AE_TEST(squeue_is_asked_where_the_environment_is_silent),
      AE_TEST(a_second_interrupt_ends_at_once),     AE_TEST(all_ranks_see_what_one_has)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
