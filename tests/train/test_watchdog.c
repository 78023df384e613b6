/* The watchdog: what it concludes from reports, and threads that watch ranks which are late on purpose. */
#include "harness.h"

#include "mpiae/base/log.h"
#include "mpiae/base/profile.h"
#include "mpiae/train/stall.h"
#include "mpiae/train/watchdog.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The sentence. */

enum { RANKS = 4 };

static ae_stall_rank rank_at(int number, int64_t step, ae_phase phase, bool waits, double quiet) {
  ae_stall_rank rank = {.process = 100 + number, .answers = true};
  snprintf(rank.host, sizeof rank.host, "node%d", number / 2);
  rank.report = (ae_stall_report){1, step, quiet, (int32_t)phase, waits};
  return rank;
}

static void expect_sentence(const ae_stall_rank *rank, int ranks, const char *expected) {
  char sentence[1024];
  ae_stall_describe(rank, ranks, 1, sentence, sizeof sentence);
  assert_string_equal(sentence, expected);
}

static void set_all_waiting(ae_stall_rank *rank) {
  for (int i = 0; i < RANKS; i++) rank[i] = rank_at(i, 120, AE_PHASE_EXCHANGE, true, 30 + i);
}

static void ranks_that_do_not_answer_are_late(void **state) {
  (void)state;
  ae_stall_rank rank[RANKS];
  set_all_waiting(rank);
  rank[2].answers = false;
  rank[2].report = (ae_stall_report){0};
  expect_sentence(rank, RANKS,
                  "waiting for rank 2 (process 102 on node1: no sign of life); the others are in phase gradient "
                  "exchange");
  rank[0].answers = false;
  rank[1].report.phase = AE_PHASE_CONTROL;
  expect_sentence(rank, RANKS,
                  "waiting for ranks 0 (process 100 on node0: no sign of life), 2 (process 102 on node1: no sign of "
                  "life); the others are in phases gradient exchange (1 rank), control reduction (1 rank)");
  assert_true(ae_stall_longest(rank, RANKS) == 33);
}

static void ranks_that_do_not_wait_are_late(void **state) {
  (void)state;
  ae_stall_rank rank[RANKS];
  set_all_waiting(rank);
  rank[3].report = (ae_stall_report){1, 120, 40, AE_PHASE_FILL, false};
  expect_sentence(rank, RANKS,
                  "waiting for rank 3 (process 103 on node1: step 120, phase fill inputs); the others are in phase "
                  "gradient exchange");
  /* at work, and only now in a call that may wait */
  rank[3].report = (ae_stall_report){1, 0, 0.1, AE_PHASE_READ, true};
  expect_sentence(rank, RANKS,
                  "waiting for rank 3 (process 103 on node1: before the first step, phase read data); the others are "
                  "in phase gradient exchange");
}

static void ranks_in_an_earlier_step_are_late(void **state) {
  (void)state;
  ae_stall_rank rank[RANKS];
  set_all_waiting(rank);
  rank[1].report.step = 119;
  expect_sentence(rank, RANKS,
                  "waiting for rank 1 (process 101 on node0: step 119, phase gradient exchange); the others are in "
                  "phase gradient exchange");
}

static void nobody_is_late_when_all_are_alike(void **state) {
  (void)state;
  ae_stall_rank rank[RANKS];
  set_all_waiting(rank);
  expect_sentence(rank, RANKS, "no rank stands out; step 120, phase gradient exchange");
  for (int i = 0; i < RANKS; i++) rank[i].report = (ae_stall_report){1, 0, 30, AE_PHASE_WRITE, false};
  rank[2].report.phase = AE_PHASE_KMEANS;
  expect_sentence(rank, RANKS,
                  "no rank stands out; before the first step, phases k-means (1 rank), write files (3 "
                  "ranks)");
  expect_sentence(rank, 1, "no rank stands out; before the first step, phase write files");
}

static void many_ranks_are_counted(void **state) {
  (void)state;
  ae_stall_rank rank[7] = {{.host = ""}};
  rank[6] = rank_at(6, 3, AE_PHASE_OTHER, true, 9);
  char sentence[1024];
  ae_stall_describe(rank, 7, 1, sentence, sizeof sentence);
  assert_non_null(strstr(sentence, ", 3 (process 0 on : no sign of life) and 2 more; the others are in phase other"));
  /* a long sentence is cut, not written past its end */
  memset(sentence, 'x', sizeof sentence);
  ae_stall_describe(rank, 7, 1, sentence, 20);
  assert_int_equal(strlen(sentence), 19);
  assert_int_equal(sentence[20], 'x');
}

/* The thread. What rank 0 says goes to a file that all can read. */

static void rest(double seconds) {
  const struct timespec time = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
  nanosleep(&time, NULL);
}

static int exists(const char *path) { return access(path, F_OK) == 0; }

static int file_says(const char *path, const char *part) {
  char text[4096] = "";
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return strstr(text, part) != NULL;
}

/* Waits, without a sign of life, for at most half a minute. */
static void await_words(const char *path, const char *part) {
  for (int i = 0; i < 1500 && !file_says(path, part); i++) rest(0.02);
  if (!file_says(path, part)) fail_msg("'%s' was not said in %s", part, path);
}

typedef struct scene {
  char directory[512], log[600], stall[600];
  FILE *copy;
  ae_watchdog *watchdog;
} scene;

static void begin(scene *s, const char *name, double seconds) {
  snprintf(s->directory, sizeof s->directory, "%s", ae_test_path(name));
  snprintf(s->log, sizeof s->log, "%s/log", s->directory);
  snprintf(s->stall, sizeof s->stall, "%s/.stall", s->directory);
  ae_log_set_level(AE_LOG_SILENT);
  if (ae_comm_rank(ae_test_comm()) == 0) {
    mkdir(s->directory, 0777);
    s->copy = fopen(s->log, "w");
    assert_non_null(s->copy);
    ae_log_set_copy(s->copy);
    /* what a killed run may leave */
    FILE *left = fopen(s->stall, "w");
    fputs("left", left);
    fclose(left);
  }
  ae_comm_barrier(ae_test_comm());
  ae_profile_reset();
  ae_test_ok(ae_watchdog_start(ae_test_comm(), s->directory, seconds, 0, &s->watchdog));
  assert_false(exists(s->stall));
}

static void end(scene *s) {
  ae_watchdog_stop(&s->watchdog);
  assert_null(s->watchdog);
  ae_comm_barrier(ae_test_comm());
  assert_false(exists(s->stall));
  ae_log_set_copy(NULL);
  if (s->copy != NULL) fclose(s->copy);
  s->copy = NULL;
}

static void nothing_is_said_or_written_while_all_goes_well(void **state) {
  (void)state;
  scene s = {.copy = NULL};
  begin(&s, "well", 1);
  for (int i = 0; i < 150; i++) {
    ae_profile_leave(ae_profile_enter(AE_PHASE_FILL));
    assert_false(exists(s.stall));
    rest(0.01);
  }
  end(&s);
  assert_false(file_says(s.log, "progress"));
}

static void a_watch_of_no_seconds_is_none(void **state) {
  (void)state;
  ae_watchdog *watchdog;
  ae_test_ok(ae_watchdog_start(ae_test_comm(), ae_test_path("off"), 0, 0, &watchdog));
  assert_null(watchdog);
  ae_watchdog_stop(&watchdog);
}

/* One rank stays in a phase until it has been named; the others wait for it. */
static void name_the_late(const char *name, int late, bool works) {
  scene s = {.copy = NULL};
  char expected[128];
  const int rank = ae_comm_rank(ae_test_comm()), ranks = ae_comm_size(ae_test_comm());
  begin(&s, name, 1);
  ae_profile_set_step(5);
  if (rank == late) {
    const ae_phase previous = ae_profile_enter(AE_PHASE_FILL);
    if (ranks > 1) snprintf(expected, sizeof expected, "waiting for rank %d (process %d on", late, (int)getpid());
    else snprintf(expected, sizeof expected, "no rank stands out; step 5, phase fill inputs");
    for (int i = 0; works && ranks > 1 && i < 1500 && !file_says(s.log, expected); i++) {
      ae_profile_leave(ae_profile_enter(AE_PHASE_FILL));
      rest(0.02);
    }
    await_words(s.log, "mpiae: warning: no progress for ");
    await_words(s.log, expected);
    await_words(s.log, ranks > 1 ? ": step 5, phase fill inputs); the others are in phase control reduction" : "");
    ae_profile_leave(previous);
  }
  const ae_phase previous = ae_profile_enter(AE_PHASE_CONTROL);
  ae_comm_barrier(ae_test_comm());
  ae_profile_leave(previous);
  for (int i = 0; i < 1500 && !file_says(s.log, "mpiae: warning: going on after "); i++) {
    ae_profile_leave(ae_profile_enter(AE_PHASE_STEP));
    rest(0.02);
  }
  assert_true(file_says(s.log, " without progress"));
  end(&s);
}

static void a_rank_that_is_stuck_is_named(void **state) {
  (void)state;
  name_the_late("stuck", ae_comm_size(ae_test_comm()) - 1, false);
  name_the_late("stuck_0", 0, false);
}

static void a_rank_that_is_slow_is_named(void **state) {
  (void)state;
  if (ae_comm_size(ae_test_comm()) == 1) return;
  name_the_late("slow", 1, true);
  name_the_late("slow_0", 0, true);
}

static void without_a_file_the_stall_is_still_told(void **state) {
  (void)state;
  scene s = {.copy = NULL};
  begin(&s, "gone", 0.5);
  /* nobody's .stall can be made in a directory that was moved away */
  char away[512];
  snprintf(away, sizeof away, "%s", ae_test_path("away"));
  if (ae_comm_rank(ae_test_comm()) == 0) rename(s.directory, away);
  snprintf(s.log, sizeof s.log, "%s/log", away);
  await_words(s.log, "s; which ranks are late cannot be told: ");
  await_words(s.log, "/.stall: No such file or directory");
  end(&s);
}

static void a_thread_that_does_not_start_is_an_error(void **state) {
  (void)state;
  const int rank = ae_comm_rank(ae_test_comm()), ranks = ae_comm_size(ae_test_comm());
  pthread_attr_t ordinary, huge;
  ae_watchdog *watchdog;
  char expected[128];
  pthread_getattr_default_np(&ordinary);
  pthread_attr_init(&huge);
  pthread_attr_setstacksize(&huge, (size_t)1 << 50);
  if (rank == ranks - 1) assert_int_equal(pthread_setattr_default_np(&huge), 0);
  snprintf(expected, sizeof expected, "rank %d: the thread of train.stall_seconds cannot be started: ", ranks - 1);
  ae_test_error(ae_watchdog_start(ae_test_comm(), ae_test_path("threads"), 1, 0, &watchdog), AE_INTERNAL, expected);
  assert_null(watchdog);
  pthread_setattr_default_np(&ordinary);
  pthread_attr_destroy(&huge);
  pthread_attr_destroy(&ordinary);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(ranks_that_do_not_answer_are_late),
                           AE_TEST(ranks_that_do_not_wait_are_late),
                           AE_TEST(ranks_in_an_earlier_step_are_late),
                           AE_TEST(nobody_is_late_when_all_are_alike),
                           AE_TEST(many_ranks_are_counted),
                           AE_TEST(nothing_is_said_or_written_while_all_goes_well),
                           AE_TEST(a_watch_of_no_seconds_is_none),
                           AE_TEST(a_rank_that_is_stuck_is_named),
                           AE_TEST(a_rank_that_is_slow_is_named),
                           AE_TEST(without_a_file_the_stall_is_still_told),
                           AE_TEST(a_thread_that_does_not_start_is_an_error)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
