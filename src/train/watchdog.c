#include "mpiae/train/watchdog.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/run/directory.h"
#include "mpiae/train/stall.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A report has a page of the file to itself: clients of network file systems write whole pages. */
enum { PAGE = 4096 };

struct ae_watchdog {
  int rank, ranks;
  char path[AE_PATH_SIZE];
  double limit; /* seconds without a sign of life that make a stall */
  double end;   /* those that end the run; INFINITY: none do */
  bool warns;   /* of a stall that ends nothing yet */
  double pause; /* between looks */
  double grace; /* for the others to answer */
  ae_stall_rank *known;
  pthread_t thread;
  bool has_thread;
  pthread_mutex_t mutex; /* of `over` */
  pthread_cond_t wake;
  bool over;
  /* of the thread */
  uint64_t beats, number; /* at the last look; reports written */
  double quiet;           /* since the beats moved */
  double alarm;           /* since a stall was noticed, here or by another rank; negative: there is none */
  double longest;         /* wait known of in this stall */
  bool spoken;            /* of this stall */
};

/* Rank 0's level and run.log apply to what it says; the others have neither. */
static void __attribute__((format(printf, 3, 4))) speak(const ae_watchdog *w, bool ends, const char *format, ...) {
  char line[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (w->rank != 0) fprintf(stderr, "mpiae: %s: %s\n", ends ? "error" : "warning", line);
  else if (ends) ae_log_error("%s", line);
  else ae_log_warning("%s", line);
}

/* Neither MPI nor the thread that waits in it can be asked to end. */
static _Noreturn void end_process(void) {
  fflush(NULL);
  _exit((int)AE_INTERNAL);
}

#define ENDED "the run is ended (train.stall_abort_seconds); --resume goes on from its last checkpoint"

static const char *print_seconds(double seconds, char out[32]) {
  snprintf(out, 32, seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  return out;
}

static void begin_alarm(ae_watchdog *w) {
  w->alarm = 0;
  w->longest = 0;
  w->spoken = false;
  for (int rank = 0; rank < w->ranks; rank++) w->known[rank].age = INFINITY;
}

static void end_alarm(ae_watchdog *w) {
  char duration[32];
  if (w->alarm >= 0 && w->spoken)
    speak(w, false, "going on after %s without progress", print_seconds(w->longest, duration));
  w->alarm = -1;
}

static bool write_own(ae_watchdog *w, int file, ae_life life) {
  const ae_stall_report report = {++w->number, life.step, w->quiet, (int32_t)life.phase, life.waits};
  return pwrite(file, &report, sizeof report, (off_t)w->rank * PAGE) == (ssize_t)sizeof report;
}

/* Only a report that changes while this rank looks is an answer: what stands there may be from before. */
static void read_all(ae_watchdog *w, int file, double elapsed, bool first) {
  for (int rank = 0; rank < w->ranks; rank++) {
    ae_stall_rank *known = &w->known[rank];
    ae_stall_report report;
    known->age += elapsed;
    if (pread(file, &report, sizeof report, (off_t)rank * PAGE) == (ssize_t)sizeof report && report.number > 0 &&
        report.number != known->report.number) {
      known->report = report;
      if (!first) known->age = 0;
    }
    known->answers = known->age <= w->grace;
  }
  w->longest = fmax(w->longest, ae_stall_longest(w->known, w->ranks));
}

static int lowest_that_answers(const ae_watchdog *w) {
  int rank = 0;
  while (rank < w->ranks && !w->known[rank].answers) rank++;
  return rank;
}

/* Whoever does not speak leaves to the one that does the time for it: a grace from the alarm, and one more. */
static void speak_in_turn(ae_watchdog *w) {
  char sentence[1536], duration[32];
  const double longest = ae_stall_longest(w->known, w->ranks);
  const bool ends = longest >= w->end;
  if (longest >= w->end + 2 * w->grace) end_process();
  if (w->alarm < w->grace || longest < w->limit || lowest_that_answers(w) != w->rank) return;
  if (!ends && (w->spoken || !w->warns)) return;
  ae_stall_describe(w->known, w->ranks, 3 * w->pause, sentence, sizeof sentence);
  speak(w, ends, "no progress for %s: %s%s", print_seconds(longest, duration), sentence, ends ? "; " ENDED : "");
  if (ends) end_process();
  w->spoken = true;
}

static void speak_alone(ae_watchdog *w, int reason) {
  char duration[32];
  const bool ends = w->quiet >= w->end, speaks = w->rank == 0 && (ends || (w->warns && !w->spoken));
  w->longest = w->quiet;
  if (speaks)
    speak(w, ends, "no progress for %s; which ranks are late cannot be told: %s: %s%s",
          print_seconds(w->quiet, duration), w->path, strerror(reason), ends ? "; " ENDED : "");
  if (ends && (speaks || w->quiet >= w->end + 2 * w->grace)) end_process();
  w->spoken = w->spoken || speaks;
}

static void exchange_reports(ae_watchdog *w, int file, ae_life life, double elapsed) {
  const bool first = w->alarm < 0;
  if (first) begin_alarm(w);
  else w->alarm += elapsed;
  if (!write_own(w, file, life)) {
    speak_alone(w, errno);
    return;
  }
  read_all(w, file, elapsed, first);
  speak_in_turn(w);
}

/* Whoever stalls makes the file and whoever goes on removes it; while it is there, all answer. */
static void look(ae_watchdog *w, double elapsed) {
  const ae_life life = ae_profile_life();
  const bool moved = life.beats != w->beats;
  if (moved && w->quiet >= w->limit) unlink(w->path);
  w->beats = life.beats;
  w->quiet = moved ? 0 : w->quiet + elapsed;
  const bool stalled = w->quiet >= w->limit;
  const int file = open(w->path, O_RDWR | O_CLOEXEC | (stalled ? O_CREAT : 0), 0666);
  if (file >= 0) {
    exchange_reports(w, file, life, elapsed);
    close(file);
  } else if (stalled) {
    const int reason = errno;
    if (w->alarm < 0) begin_alarm(w);
    speak_alone(w, reason);
  } else end_alarm(w);
}

/* Waits for the next look. False: the watch is over. */
static bool sleep_a_while(ae_watchdog *w) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  const double nanoseconds = (double)until.tv_nsec + 1e9 * w->pause;
  until.tv_sec += (time_t)(1e-9 * nanoseconds);
  until.tv_nsec = (long)fmod(nanoseconds, 1e9);
  pthread_mutex_lock(&w->mutex);
  while (!w->over && pthread_cond_timedwait(&w->wake, &w->mutex, &until) == 0) continue;
  const bool over = w->over;
  pthread_mutex_unlock(&w->mutex);
  return !over;
}

/* A pause much longer than asked for means that this process itself was held up. */
static void *watch(void *watchdog) {
  ae_watchdog *w = watchdog;
  double since = ae_clock_seconds();
  while (sleep_a_while(w)) {
    const double now = ae_clock_seconds();
    look(w, fmin(now - since, 2 * w->pause));
    since = now;
  }
  return NULL;
}

static ae_status create(int ranks, ae_watchdog **out) {
  pthread_condattr_t clock;
  AE_RETURN_IF(AE_NEW(*out, 1));
  pthread_mutex_init(&(*out)->mutex, NULL);
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_cond_init(&(*out)->wake, &clock);
  pthread_condattr_destroy(&clock);
  return AE_NEW((*out)->known, ranks);
}

static void set_times(ae_watchdog *w, double warn, double end) {
  const double seconds = warn > 0 && (end <= 0 || warn < end) ? warn : end;
  w->limit = seconds;
  w->end = end > 0 ? end : INFINITY;
  w->warns = warn > 0;
  w->pause = fmin(fmax(seconds / 10, 0.05), 5);
  w->grace = fmax(5 * w->pause, fmin(seconds / 5, 60));
  w->alarm = -1;
}

/* Who runs where, so that a rank that cannot answer can be found. */
static void introduce_ranks(const ae_comm *comm, ae_watchdog *w) {
  ae_stall_rank *own = &w->known[w->rank];
  ae_host_name(own->host);
  own->process = getpid();
  ae_comm_require(comm,
                  MPI_Allgather(MPI_IN_PLACE, 0, MPI_BYTE, w->known, (int)sizeof *own, MPI_BYTE, ae_comm_handle(comm)),
                  "names of hosts");
}

/* Signals are for the thread that trains. */
static ae_status start_thread(ae_watchdog *w) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int result = pthread_create(&w->thread, NULL, watch, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  w->has_thread = result == 0;
  if (result == 0) return AE_OK;
  return AE_FAIL(
      AE_INTERNAL,
      "rank %d: the thread of train.stall_seconds cannot be started: %s; train.stall_seconds=0 does without (and "
      "train.stall_abort_seconds=0)",
      w->rank, strerror(result));
}

ae_status ae_watchdog_start(const ae_comm *comm, const char *directory, double seconds, double abort_seconds,
                            ae_watchdog **out) {
  ae_watchdog *w = NULL;
  ae_status status = AE_OK;
  *out = NULL;
  if (seconds <= 0 && abort_seconds <= 0) return AE_OK;
  AE_CHECK(ae_comm_agree(comm, create(ae_comm_size(comm), &w)));
  w->rank = ae_comm_rank(comm);
  w->ranks = ae_comm_size(comm);
  snprintf(w->path, sizeof w->path, "%s/.stall", directory);
  set_times(w, seconds, abort_seconds);
  /* of a run that was killed in a stall; nobody's thread runs before all have met */
  if (w->rank == 0) unlink(w->path);
  introduce_ranks(comm, w);
  AE_CHECK(ae_comm_agree(comm, start_thread(w)));
  *out = w;
  w = NULL;
cleanup:
  ae_watchdog_stop(&w);
  return status;
}

void ae_watchdog_stop(ae_watchdog **watchdog) {
  ae_watchdog *w = *watchdog;
  if (w == NULL) return;
  pthread_mutex_lock(&w->mutex);
  w->over = true;
  pthread_cond_signal(&w->wake);
  pthread_mutex_unlock(&w->mutex);
  if (w->has_thread) pthread_join(w->thread, NULL);
  if (w->quiet >= w->limit) unlink(w->path);
  pthread_cond_destroy(&w->wake);
  pthread_mutex_destroy(&w->mutex);
  AE_FREE(w->known);
  AE_FREE(*watchdog);
}
