#include "mpiae/train/stop.h"

#include "mpiae/base/log.h"
#include "mpiae/base/profile.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One bit each, in the order in which they are named when several are set. */
static const struct {
  int number; /* 0 = none */
  const char *name;
} reasons[] = {{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGUSR1, "SIGUSR1"},
               {SIGUSR2, "SIGUSR2"}, {SIGHUP, "SIGHUP"}, {0, "train.time_limit"}};

enum { SIGNALS = 5, REASONS = 6 };
#define TIME_IS_UP (UINT32_C(1) << SIGNALS)

/* All that a handler may touch. */
static _Atomic uint32_t received;
static atomic_bool tells_interrupt;

/* Signals. */

static void receive(int number) {
  static const char answer[] = "\nmpiae: SIGINT: saving after this step; once more ends at once, without saving\n";
  const int before = errno;
  for (int i = 0; i < SIGNALS; i++)
    if (reasons[i].number == number) atomic_fetch_or(&received, UINT32_C(1) << i);
  if (number == SIGINT && atomic_load(&tells_interrupt)) (void)!write(STDERR_FILENO, answer, sizeof answer - 1);
  errno = before;
}

static void listen_to(int number) {
  struct sigaction before, action = {.sa_handler = receive, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(number, NULL, &before);
  if ((number == SIGINT || number == SIGHUP) && before.sa_handler == SIG_IGN) return;
  if (number == SIGINT) action.sa_flags = (int)(SA_RESTART | SA_RESETHAND);
  sigaction(number, &action, NULL);
  /* a launcher may have left it blocked */
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, number);
  pthread_sigmask(SIG_UNBLOCK, &action.sa_mask, NULL);
}

void ae_stop_listen(bool tells) {
  atomic_store(&tells_interrupt, tells);
  for (int i = 0; i < SIGNALS; i++) listen_to(reasons[i].number);
  signal(SIGPIPE, SIG_IGN); /* what is told to nobody any more is in run.log */
}

/* The time limit. */

/* The value of a variable that must be a number; NULL: it is none, or not there. */
static const char *number_in(const char *variable) {
  const char *value = getenv(variable);
  const bool is_number = value != NULL && *value != '\0' && value[strspn(value, "0123456789")] == '\0';
  return is_number ? value : NULL;
}

/* How squeue is asked for this job alone: the number of an array's last task is that of the array. */
static bool name_job(char out[80]) {
  const char *job = number_in("SLURM_JOB_ID");
  const char *array = number_in("SLURM_ARRAY_JOB_ID"), *task = number_in("SLURM_ARRAY_TASK_ID");
  if (job != NULL && array != NULL && task != NULL && strcmp(job, array) == 0)
    snprintf(out, 80, "%.32s_%.32s", array, task);
  else snprintf(out, 80, "%.32s", job != NULL ? job : "");
  return job != NULL;
}

/* Seconds since 1970 at which SLURM ends this job; 0 = not known, or never. A controller that does not answer must not
 * hold the run up. */
static long long job_end(void) {
  char job[80], command[160], answer[64] = "";
  const char *end = getenv("SLURM_JOB_END_TIME");
  if (!name_job(job)) return 0;
  /* the limit may have been raised since the job began */
  if (end != NULL && atoll(end) > (long long)time(NULL)) return atoll(end);
  snprintf(command, sizeof command, "SLURM_TIME_FORMAT=%%s timeout 20 squeue -h -j %s -o %%e 2>/dev/null", job);
  FILE *squeue = popen(command, "r");
  if (squeue == NULL) return 0;
  if (fgets(answer, sizeof answer, squeue) == NULL) answer[0] = '\0';
  pclose(squeue);
  return atoll(answer) > 0 || end == NULL ? atoll(answer) : atoll(end);
}

static double seconds_to_job_end(void) {
  const long long end = job_end();
  if (end > 0) return (double)end - (double)time(NULL);
  if (number_in("SLURM_JOB_ID") != NULL) ae_log_detail("SLURM names no end of this job, so there is no time limit");
  return INFINITY;
}

static void tell_limit(double left) {
  char clock[32];
  const time_t end = time(NULL) + (time_t)left;
  struct tm local;
  strftime(clock, sizeof clock, "%F %T", localtime_r(&end, &local));
  ae_log_detail("time limit: saves and stops so as to be done by %s, %.0f s from now", clock, left);
}

void ae_stop_limit(ae_stop *stop, double seconds, double begun) {
  const double now = ae_clock_seconds();
  const double left = seconds < 0 ? seconds_to_job_end() : seconds > 0 ? begun + seconds - now : INFINITY;
  stop->limited = isfinite(left);
  stop->of_job = seconds < 0;
  if (!stop->limited) return;
  stop->deadline = now + left - fmin(fmax(left, 0) / 20, 30);
  tell_limit(fmax(left, 0));
}

static bool is_time_up(const ae_stop *stop, bool ends_epoch) {
  if (!stop->limited) return false;
  const double after = ends_epoch ? fmax(stop->end_of_epoch, stop->checkpoint) : stop->checkpoint;
  return ae_clock_seconds() + 2 * (stop->step + after) > stop->deadline;
}

/* Agreement. */

uint32_t ae_stop_own(const ae_stop *stop, bool ends_epoch) {
  return atomic_load(&received) | (is_time_up(stop, ends_epoch) ? TIME_IS_UP : 0);
}

void ae_stop_agree(const ae_comm *comm, ae_stop *stop, bool ends_epoch) {
  uint32_t flags = stop->flags | ae_stop_own(stop, ends_epoch);
  const bool before = ae_profile_wait(true);
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &flags, 1, MPI_UINT32_T, MPI_BOR, ae_comm_handle(comm)),
                  "agreeing to stop");
  ae_profile_wait(before);
  stop->flags = flags;
}

bool ae_stop_is_signal(const ae_stop *stop) { return (stop->flags & ~TIME_IS_UP) != 0; }

const char *ae_stop_reason(const ae_stop *stop) {
  for (int i = 0; i < REASONS; i++)
    if ((stop->flags & UINT32_C(1) << i) != 0)
      return i == SIGNALS && stop->of_job ? "the end of the SLURM job (train.time_limit=0 turns this off)"
                                          : reasons[i].name;
  return "";
}
