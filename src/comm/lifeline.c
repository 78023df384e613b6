#include "mpiae/comm/lifeline.h"

#include "line.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/host.h"
#include "mpiae/comm/launch.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum { GUESTS = 16, FIXED = 3 + GUESTS };
#define PAUSE 1.0    /* seconds between looks */
#define PATIENCE 3.0 /* for an answer to a call or a greeting */
#define GRACE 5.0    /* without a line, and without getting on */

/* An empty one has no peer; one that is broken, or was never there, no file. */
typedef struct line {
  int file, peer;
  bool has_been;
  double broken; /* seconds for which it has been so */
  char host[64];
} line;

/* Whoever has called and not said yet who he is. */
typedef struct guest {
  int file;
  double waited;
} guest;

struct ae_lifeline {
  bool speaks_of_launcher, speaks_of_ranks;
  ae_launcher launcher;
  pthread_t thread;
  int wake; /* readable: the watch is over */
  /* upwards: lines[0] where there is one */
  bool has_upper;
  line_place upper;
  line_greeting own;
  int call, which; /* under way to the upper's address `which`; −1: none is */
  bool greeted;
  double waited;
  /* downwards */
  int listener;
  bool deaf; /* until the next look, when callers cannot be let in: too many files are open, say */
  guest guests[GUESTS];
  line *lines;
  int count;
  struct pollfd *polled; /* wake, listener, call, guests, lines */
  /* signs of life of this rank */
  uint64_t beats;
  double quiet;
};

static void close_file(int *file) {
  if (*file >= 0) close(*file);
  *file = -1;
}

/* Past stdio and the log, whose locks a thread may hold that writes to a reader who is gone; such a reader is not
 * waited for. */
static void __attribute__((format(printf, 1, 2))) say(const char *format, ...) {
  char text[512];
  struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};
  va_list arguments;
  int used = snprintf(text, sizeof text, "%smpiae: error: ", ae_log_is_terminal() ? "\r\033[K" : "");
  va_start(arguments, format);
  used += vsnprintf(text + used, sizeof text - (size_t)used - 1, format, arguments);
  va_end(arguments);
  used = (int)ae_min(used, (int64_t)sizeof text - 2);
  text[used++] = '\n';
  if (poll(&output, 1, 1000) == 1) (void)!write(STDERR_FILENO, text, (size_t)used);
}

static _Noreturn void end_process(void) { _exit((int)AE_INTERNAL); }

/* Lines. */

static void set_up(line *one, int file) {
  close_file(&one->file);
  one->file = file;
  one->has_been = true;
  one->broken = 0;
}

static void hear(line *one) {
  const line_news news = line_read(one->file);
  if (news == LINE_NOTHING) return;
  close_file(&one->file);
  if (news == LINE_LEFT) one->peer = -1;
}

/* Upwards. */

/* The next of its addresses; those that fail at once are passed over, up to the last. */
static void call_upper(ae_lifeline *l) {
  do {
    l->which = (l->which + 1) % l->upper.count;
    l->call = line_call(&l->upper, l->which);
  } while (l->call < 0 && l->which + 1 < l->upper.count);
  l->greeted = false;
  l->waited = 0;
}

static void give_up_calling(ae_lifeline *l) {
  close_file(&l->call);
  if (l->which + 1 < l->upper.count) call_upper(l);
}

/* An address that has answered once is called first the next time. */
static void go_on_calling(ae_lifeline *l) {
  char answer = 0;
  if (!l->greeted) {
    l->greeted = line_send(l->call, &l->own, sizeof l->own);
    if (!l->greeted) give_up_calling(l);
  } else if (line_receive(l->call, &answer, 1) && answer == LINE_WELCOME) {
    set_up(&l->lines[0], l->call);
    memcpy(l->lines[0].host, l->upper.host, sizeof l->upper.host);
    l->call = -1;
    l->which--;
  } else give_up_calling(l);
}

static void try_again(ae_lifeline *l, double elapsed) {
  l->waited += elapsed;
  if (l->call >= 0 && l->waited > PATIENCE) close_file(&l->call);
  if (l->has_upper && l->call < 0 && l->lines[0].file < 0 && l->lines[0].peer >= 0) call_upper(l);
}

/* Downwards. */

static void let_in(ae_lifeline *l) {
  const int file = line_accept(l->listener);
  int free = 0;
  l->deaf = file < 0;
  while (free < GUESTS && l->guests[free].file >= 0) free++;
  if (free < GUESTS) l->guests[free] = (guest){file, 0};
  else if (file >= 0) close(file);
}

/* The line of a rank that calls again, or one that nobody has. */
static line *line_for(ae_lifeline *l, int peer) {
  line *found = NULL;
  for (int i = l->count - 1; i >= l->has_upper; i--)
    if (l->lines[i].peer == peer) return &l->lines[i];
    else if (l->lines[i].peer < 0) found = &l->lines[i];
  return found;
}

static void hear_guest(ae_lifeline *l, guest *one) {
  line_greeting greeting;
  line *place = NULL;
  const char welcome = LINE_WELCOME;
  if (line_receive(one->file, &greeting, sizeof greeting) && greeting.rank >= 0 &&
      memcmp(greeting.token, l->own.token, sizeof greeting.token) == 0)
    place = line_for(l, greeting.rank);
  if (place == NULL || !line_send(one->file, &welcome, 1)) {
    close_file(&one->file);
    return;
  }
  set_up(place, one->file);
  one->file = -1;
  place->peer = greeting.rank;
  memcpy(place->host, greeting.host, sizeof place->host);
  place->host[sizeof place->host - 1] = '\0';
}

static void see_guests_off(ae_lifeline *l, double elapsed) {
  for (int i = 0; i < GUESTS; i++) {
    l->guests[i].waited += elapsed;
    if (l->guests[i].waited > PATIENCE) close_file(&l->guests[i].file);
  }
}

/* The watch. */

static void judge(ae_lifeline *l, double elapsed) {
  const uint64_t beats = ae_profile_life().beats;
  l->quiet = beats != l->beats ? 0 : l->quiet + elapsed;
  l->beats = beats;
  for (int i = 0; i < l->count; i++) {
    line *one = &l->lines[i];
    if (one->peer < 0 || one->file >= 0 || !one->has_been) continue;
    one->broken += elapsed;
    if (one->broken < GRACE || l->quiet < GRACE) continue;
    if (l->speaks_of_ranks)
      say("rank %d on %s has ended or can no longer be reached, so the run is over", one->peer, one->host);
    end_process();
  }
}

static void look(ae_lifeline *l, double elapsed) {
  if (!ae_launcher_lives(&l->launcher)) {
    if (l->speaks_of_launcher) say("rank %d: what launched it is gone, so the run is over", l->own.rank);
    end_process();
  }
  try_again(l, elapsed);
  see_guests_off(l, elapsed);
  l->deaf = false;
  judge(l, elapsed);
}

static void poll_one(ae_lifeline *l, int place, int file, short events) {
  l->polled[place] = (struct pollfd){.fd = file, .events = events};
}

static bool has_news(const ae_lifeline *l, int place) {
  return l->polled[place].fd >= 0 && l->polled[place].revents != 0;
}

/* False: the watch is over. */
static bool listen_for_a_while(ae_lifeline *l) {
  poll_one(l, 0, l->wake, POLLIN);
  poll_one(l, 1, l->deaf ? -1 : l->listener, POLLIN);
  poll_one(l, 2, l->call, l->greeted ? POLLIN : POLLOUT);
  for (int i = 0; i < GUESTS; i++) poll_one(l, 3 + i, l->guests[i].file, POLLIN);
  for (int i = 0; i < l->count; i++) poll_one(l, FIXED + i, l->lines[i].file, POLLIN);
  if (poll(l->polled, (nfds_t)(FIXED + l->count), (int)(1000 * PAUSE)) <= 0) return true;
  if (has_news(l, 0)) return false;
  for (int i = 0; i < l->count; i++)
    if (has_news(l, FIXED + i)) hear(&l->lines[i]);
  for (int i = 0; i < GUESTS; i++)
    if (has_news(l, 3 + i)) hear_guest(l, &l->guests[i]);
  if (has_news(l, 2)) go_on_calling(l);
  if (has_news(l, 1)) let_in(l);
  return true;
}

/* Time in which this process was stopped does not count. */
static void *watch(void *lifeline) {
  ae_lifeline *l = lifeline;
  double since = ae_clock_seconds();
  while (listen_for_a_while(l)) {
    const double now = ae_clock_seconds();
    if (now - since < PAUSE) continue;
    look(l, fmin(now - since, 2 * PAUSE));
    since = now;
  }
  return NULL;
}

/* The beginning. */

static int count_lower(const ae_host *host, int rank) {
  if (host->hosts == 1 || !host->is_first) return 0;
  return host->count - 1 + (rank == 0 ? host->hosts - 1 : 0);
}

/* Rank 0 of many hosts has more lines than a process may have open by default. */
static void allow_files(int count) {
  struct rlimit limit;
  const rlim_t need = (rlim_t)count + 512;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need) return;
  limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static ae_status create(const ae_host *host, int rank, ae_lifeline **out) {
  const bool has_upper = host->hosts > 1 && rank != 0;
  const int count = count_lower(host, rank) + has_upper;
  AE_RETURN_IF(AE_NEW(*out, 1));
  ae_lifeline *l = *out;
  ae_launcher_find(&l->launcher);
  l->speaks_of_launcher = host->is_first;
  l->speaks_of_ranks = rank == 0 || rank == host->elsewhere;
  l->has_upper = has_upper;
  l->listener = l->call = -1;
  l->which = -1;
  for (int i = 0; i < GUESTS; i++) l->guests[i].file = -1;
  l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  AE_RETURN_IF(AE_NEW(l->lines, count));
  AE_RETURN_IF(AE_NEW(l->polled, FIXED + count));
  l->count = count;
  allow_files(count);
  for (int i = 0; i < count; i++) l->lines[i] = (line){.file = -1, .peer = -1};
  return AE_OK;
}

/* Each rank learns where the one above it listens: rank 0, or the first of its host. */
static void meet(const ae_comm *comm, const ae_host *host, ae_lifeline *l) {
  const int rank = ae_comm_rank(comm);
  line_place own = {0}, top;
  if (rank == 0 || (host->is_first && host->count > 1)) l->listener = line_listen(l->count + GUESTS, &own);
  if (rank == 0) (void)!getrandom(l->own.token, sizeof l->own.token, 0);
  ae_comm_broadcast(comm, l->own.token, sizeof l->own.token);
  top = own;
  ae_comm_broadcast(comm, &top, sizeof top);
  ae_comm_require(comm, MPI_Bcast(&own, (int)sizeof own, MPI_BYTE, 0, host->ranks), "telling where a rank listens");
  l->upper = host->is_first ? top : own;
  if (!host->is_first) line_stay_here(&l->upper);
  l->own.rank = rank;
  memcpy(l->own.host, host->name, sizeof l->own.host);
  if (!l->has_upper) return;
  l->lines[0].peer = l->upper.port == 0 || l->upper.count == 0 ? -1 : host->is_first ? 0 : host->first;
}

/* Before anything can be lost: only a host that was reached can be missed. */
static void wait_for_upper(ae_lifeline *l) {
  const double begun = ae_clock_seconds();
  try_again(l, 0);
  while (l->call >= 0 && ae_clock_seconds() - begun < PATIENCE) listen_for_a_while(l);
}

static void destroy(ae_lifeline **lifeline) {
  ae_lifeline *l = *lifeline;
  if (l == NULL) return;
  close_file(&l->wake);
  close_file(&l->listener);
  close_file(&l->call);
  for (int i = 0; i < GUESTS; i++) close_file(&l->guests[i].file);
  for (int i = 0; i < l->count && l->lines != NULL; i++) close_file(&l->lines[i].file);
  AE_FREE(l->lines);
  AE_FREE(l->polled);
  AE_FREE(*lifeline);
}

/* Signals are for the thread that works. */
static bool start_thread(ae_lifeline *l) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int result = pthread_create(&l->thread, NULL, watch, l);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return result == 0;
}

void ae_lifeline_start(const ae_comm *comm, ae_lifeline **out) {
  ae_host host;
  ae_lifeline *l = NULL;
  *out = NULL;
  if (ae_comm_size(comm) == 1) return;
  ae_host_find(comm, &host);
  ae_status status = ae_comm_agree(comm, create(&host, ae_comm_rank(comm), &l));
  if (status == AE_OK && host.hosts > 1) {
    meet(comm, &host, l);
    wait_for_upper(l);
  }
  ae_host_release(&host);
  if (status == AE_OK && start_thread(l)) *out = l;
  else destroy(&l);
  ae_error_clear(&status);
}

void ae_lifeline_stop(ae_lifeline **lifeline) {
  ae_lifeline *l = *lifeline;
  const uint64_t one = 1;
  const char farewell = LINE_FAREWELL;
  if (l == NULL) return;
  (void)!write(l->wake, &one, sizeof one);
  pthread_join(l->thread, NULL);
  for (int i = 0; i < l->count; i++)
    if (l->lines[i].file >= 0) (void)line_send(l->lines[i].file, &farewell, 1);
  destroy(lifeline);
}
