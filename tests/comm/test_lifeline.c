/* The lifeline among hosts that are made up: this one process is rank after rank, each with a lifeline of its own. What
 * it hears of ranks, hosts, time and its launcher, and the end of the process, are put in place by wrapping functions at
 * link time (see tests.cmake). */
#include "harness.h"

#include "../../src/comm/line.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/host.h"
#include "mpiae/comm/launch.h"
#include "mpiae/comm/lifeline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_RANKS = 4, QUIETLY = 12, LONG = 2000, FASTEST = 40 };

/* The ranks, while one of them starts. */
static struct {
  bool stands;
  int rank, size, per_host;
  int told; /* what rank 0 has broadcast in this start */
  char word[2][256];
  line_place place[MOST_RANKS]; /* of each host's first rank */
  in_addr_t address[3];
  int addresses;
} world;

static ae_lifeline *lifeline[MOST_RANKS];

/* What threads share. */
static atomic_int speed;                     /* seconds of theirs in one of ours */
static atomic_bool launcher_lives, is_muted; /* muted: no farewells */
static atomic_int welcomes, ends, last_status, accepted, refused_accepts;
static atomic_int last_call; /* digits: the addresses called last, from 1 */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char said[1024];

int __real_ae_comm_rank(const ae_comm *comm);
int __wrap_ae_comm_rank(const ae_comm *comm);
int __wrap_ae_comm_rank(const ae_comm *comm) { return world.stands ? world.rank : __real_ae_comm_rank(comm); }

int __real_ae_comm_size(const ae_comm *comm);
int __wrap_ae_comm_size(const ae_comm *comm);
int __wrap_ae_comm_size(const ae_comm *comm) { return world.stands ? world.size : __real_ae_comm_size(comm); }

static void pass_on(bool tells, void *store, void *bytes, size_t count) {
  if (tells) memcpy(store, bytes, count);
  else memcpy(bytes, store, count);
}

void __real_ae_comm_broadcast(const ae_comm *comm, void *bytes, int64_t count);
void __wrap_ae_comm_broadcast(const ae_comm *comm, void *bytes, int64_t count);
void __wrap_ae_comm_broadcast(const ae_comm *comm, void *bytes, int64_t count) {
  if (world.stands) pass_on(world.rank == 0, world.word[world.told++], bytes, (size_t)count);
  else __real_ae_comm_broadcast(comm, bytes, count);
}

static int host_of(int rank) { return rank / world.per_host; }

void __real_ae_host_find(const ae_comm *comm, ae_host *out);
void __wrap_ae_host_find(const ae_comm *comm, ae_host *out);
void __wrap_ae_host_find(const ae_comm *comm, ae_host *out) {
  (void)comm;
  const int first = host_of(world.rank) * world.per_host;
  *out = (ae_host){.count = world.per_host,
                   .first = first,
                   .is_first = world.rank == first,
                   .hosts = world.size / world.per_host,
                   .elsewhere = world.size > world.per_host ? world.per_host : -1};
  snprintf(out->name, sizeof out->name, "host%d", host_of(world.rank));
  MPI_Comm_dup(MPI_COMM_SELF, &out->ranks);
}

/* To the ranks of a host. */
int __real_MPI_Bcast(void *bytes, int count, MPI_Datatype type, int root, MPI_Comm comm);
int __wrap_MPI_Bcast(void *bytes, int count, MPI_Datatype type, int root, MPI_Comm comm);
int __wrap_MPI_Bcast(void *bytes, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  if (!world.stands) return __real_MPI_Bcast(bytes, count, type, root, comm);
  pass_on(world.rank % world.per_host == 0, &world.place[host_of(world.rank)], bytes, (size_t)count);
  return MPI_SUCCESS;
}

/* Listeners answer at 127.0.0.1 alone, and are said to be where the test likes. */
int __real_bind(int file, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int file, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int file, const struct sockaddr *address, socklen_t size) {
  struct sockaddr_in here;
  memcpy(&here, address, sizeof here);
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return __real_bind(file, (const struct sockaddr *)&here, size);
}

int __real_line_listen(int backlog, line_place *place);
int __wrap_line_listen(int backlog, line_place *place);
int __wrap_line_listen(int backlog, line_place *place) {
  const int file = __real_line_listen(backlog, place);
  if (file < 0) return file;
  place->count = world.addresses;
  memcpy(place->address, world.address, sizeof world.address);
  snprintf(place->host, sizeof place->host, "host%d", host_of(world.rank));
  return file;
}

int __real_line_call(const line_place *place, int which);
int __wrap_line_call(const line_place *place, int which);
int __wrap_line_call(const line_place *place, int which) {
  last_call = 10 * (last_call % 10000) + which + 1;
  return __real_line_call(place, which);
}

int __real_line_accept(int listener);
int __wrap_line_accept(int listener);
int __wrap_line_accept(int listener) {
  if (refused_accepts > 0) {
    refused_accepts--;
    errno = EMFILE;
    return -1;
  }
  const int file = __real_line_accept(listener);
  accepted = file;
  return file;
}

bool __real_line_receive(int file, void *bytes, size_t count);
bool __wrap_line_receive(int file, void *bytes, size_t count);
bool __wrap_line_receive(int file, void *bytes, size_t count) {
  const bool received = __real_line_receive(file, bytes, count);
  if (received && count == 1 && *(char *)bytes == LINE_WELCOME) welcomes++;
  return received;
}

bool __real_line_send(int file, const void *bytes, size_t count);
bool __wrap_line_send(int file, const void *bytes, size_t count);
bool __wrap_line_send(int file, const void *bytes, size_t count) {
  if (is_muted && count == 1 && *(const char *)bytes == LINE_FAREWELL) return true;
  return __real_line_send(file, bytes, count);
}

bool __wrap_ae_launcher_lives(const ae_launcher *launcher);
bool __wrap_ae_launcher_lives(const ae_launcher *launcher) {
  (void)launcher;
  return launcher_lives;
}

double __real_ae_clock_seconds(void);
double __wrap_ae_clock_seconds(void);
double __wrap_ae_clock_seconds(void) { return speed * __real_ae_clock_seconds(); }

int __real_poll(struct pollfd *files, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *files, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *files, nfds_t count, int timeout) {
  return __real_poll(files, count, timeout / FASTEST);
}

/* What is said goes through it alone. */
ssize_t __real_write(int file, const void *bytes, size_t count);
ssize_t __wrap_write(int file, const void *bytes, size_t count);
ssize_t __wrap_write(int file, const void *bytes, size_t count) {
  if (file != STDERR_FILENO) return __real_write(file, bytes, count);
  pthread_mutex_lock(&guard);
  const size_t used = strlen(said);
  snprintf(said + used, sizeof said - used, "%.*s", (int)count, (const char *)bytes);
  pthread_mutex_unlock(&guard);
  return (ssize_t)count;
}

/* Ends the thread that watches, and nothing more. */
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap__exit(int status) {
  last_status = status;
  ends++;
  pthread_exit(NULL);
}

/* `size` ranks; where rank 0 is said to be are `addresses` addresses. */
static void begin(int size, int per_host, int addresses, const char *const *address) {
  memset(&world, 0, sizeof world);
  world.size = size;
  world.per_host = per_host;
  world.addresses = addresses;
  for (int i = 0; i < addresses; i++) assert_int_equal(inet_pton(AF_INET, address[i], &world.address[i]), 1);
  speed = 1;
  launcher_lives = true;
  is_muted = false;
  welcomes = ends = last_status = last_call = refused_accepts = 0;
  said[0] = '\0';
}

static void start(int rank) {
  world.rank = rank;
  world.told = 0;
  world.stands = true;
  ae_lifeline_start(ae_test_comm(), &lifeline[rank]);
  world.stands = false;
  assert_non_null(lifeline[rank]);
}

static const char *const here[] = {"127.0.0.1"};

static void start_all(int size, int per_host) {
  begin(size, per_host, 1, here);
  for (int rank = 0; rank < size; rank++) start(rank);
}

static void stop_all(void) {
  for (int rank = 0; rank < MOST_RANKS; rank++) ae_lifeline_stop(&lifeline[rank]);
}

/* Without a farewell, as when the rank was killed. */
static void lose(int rank) {
  is_muted = true;
  ae_lifeline_stop(&lifeline[rank]);
  is_muted = false;
}

/* From now on; seconds below are theirs. */
static void hurry(void) { speed = FASTEST; }

static double now(void) { return __wrap_ae_clock_seconds(); }

static void get_on(void) {
  ae_profile_leave(ae_profile_enter(AE_PHASE_OTHER));
  usleep(5000);
}

/* Whether the number comes to be that within so many seconds, while the ranks get on or do not. */
static bool becomes(const atomic_int *number, int value, double seconds, bool gets_on) {
  const double begun = now();
  while (*number != value && now() - begun < seconds)
    if (gets_on) get_on();
    else usleep(5000);
  return *number == value;
}

static void expect_end(const char *message) {
  assert_true(becomes(&ends, 1, LONG, false));
  assert_int_equal(last_status, AE_INTERNAL);
  assert_string_equal(said, message);
}

static void one_rank_has_none(void **state) {
  (void)state;
  ae_lifeline *none = NULL;
  ae_lifeline_start(ae_test_comm(), &none);
  assert_null(none);
  ae_lifeline_stop(&none);
}

/* When start returns, which is before work begins: of all hosts' first ranks to rank 0, of others to the first. */
static void lines_stand_before_work_begins(void **state) {
  (void)state;
  start_all(3, 1);
  assert_int_equal(welcomes, 2);
  stop_all();
  start_all(4, 2);
  assert_int_equal(welcomes, 3);
  stop_all();
  start_all(4, 4);
  assert_int_equal(welcomes, 0); /* one host */
  stop_all();
  assert_int_equal(ends, 0);
}

/* One that no host has, one where nobody listens, and the right one: in order, at once, each once. */
static void addresses_are_called_one_after_another(void **state) {
  (void)state;
  static const char *const address[] = {"255.255.255.255", "127.0.0.2", "127.0.0.1"};
  begin(2, 1, 3, address);
  start(0);
  start(1);
  assert_int_equal(welcomes, 1);
  assert_int_equal(last_call, 123);
  /* the one that answered is the first to be called again */
  last_call = 0;
  assert_int_equal(shutdown(accepted, SHUT_RDWR), 0);
  assert_true(becomes(&welcomes, 2, 10, true));
  assert_int_equal(last_call, 3);
  stop_all();
}

/* Nobody takes what arrives at the first address: it is given up after three seconds. */
static void an_address_may_be_silent(void **state) {
  (void)state;
  static const char *const address[] = {"127.0.0.3", "127.0.0.1"};
  struct sockaddr_in silent = {.sin_family = AF_INET};
  int fill[2];
  line_place place;
  begin(2, 1, 2, address);
  start(0);
  memcpy(&place, world.word[1], sizeof place);
  silent.sin_port = place.port;
  silent.sin_addr.s_addr = place.address[0];
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(__real_bind(listener, (const struct sockaddr *)&silent, sizeof silent), 0);
  assert_int_equal(listen(listener, 0), 0);
  for (int i = 0; i < 2; i++) fill[i] = __real_line_call(&place, 0);
  usleep(20000);
  speed = 10;
  start(1);
  assert_int_equal(welcomes, 0);
  assert_true(becomes(&welcomes, 1, LONG, false));
  assert_int_equal(last_call, 12);
  assert_int_equal(ends, 0);
  stop_all();
  for (int i = 0; i < 2; i++) close(fill[i]);
  close(listener);
}

/* A firewall: there is no line, so none can be missed. */
static void lines_that_cannot_be_made_are_done_without(void **state) {
  (void)state;
  static const char *const address[] = {"127.0.0.2"};
  begin(2, 1, 1, address);
  hurry();
  start(0);
  start(1);
  assert_false(becomes(&ends, 1, QUIETLY, false));
  assert_int_equal(welcomes, 0);
  stop_all();
  begin(2, 1, 0, NULL);
  start(0);
  start(1);
  assert_int_equal(last_call, 0);
  stop_all();
}

/* Not before the grace of five seconds is over, of which the last look before it may have been half. */
static void a_lost_rank_ends_the_run(void **state) {
  (void)state;
  start_all(2, 1);
  hurry();
  lose(1);
  const double begun = now();
  expect_end("mpiae: error: rank 1 on host1 has ended or can no longer be reached, so the run is over\n");
  assert_true(now() - begun > 2.5);
  stop_all();
}

/* Of rank 0 the first rank of another host tells, and nobody else. */
static void losing_rank_0_is_told_once(void **state) {
  (void)state;
  start_all(3, 1);
  hurry();
  lose(0);
  assert_true(becomes(&ends, 2, LONG, false));
  assert_string_equal(said,
                      "mpiae: error: rank 0 on host0 has ended or can no longer be reached, so the run is over\n");
  stop_all();
}

static void the_other_ranks_of_a_host_end_with_its_first(void **state) {
  (void)state;
  start_all(4, 2);
  lose(0);
  ae_lifeline_stop(&lifeline[1]);
  hurry();
  lose(2);
  expect_end("");
  stop_all();
}

static void a_farewell_ends_nothing(void **state) {
  (void)state;
  start_all(3, 1);
  hurry();
  ae_lifeline_stop(&lifeline[1]);
  assert_false(becomes(&ends, 1, QUIETLY, false));
  stop_all();
}

static void while_the_run_gets_on_nothing_ends_it(void **state) {
  (void)state;
  start_all(2, 1);
  hurry();
  lose(1);
  assert_false(becomes(&ends, 1, QUIETLY, true));
  assert_true(becomes(&ends, 1, LONG, false));
  stop_all();
}

static void a_broken_line_is_made_again(void **state) {
  (void)state;
  start_all(2, 1);
  hurry();
  for (int i = 0; i < 3; i++) {
    refused_accepts = i; /* too many files are open for a while */
    assert_int_equal(shutdown(accepted, SHUT_RDWR), 0);
    assert_true(becomes(&welcomes, 2 + i, LONG, true));
  }
  assert_false(becomes(&ends, 1, QUIETLY, false));
  stop_all();
}

/* The first of each host says so. */
static void a_lost_launcher_ends_the_run(void **state) {
  (void)state;
  begin(4, 2, 1, here);
  start(0);
  hurry();
  launcher_lives = false;
  expect_end("mpiae: error: rank 0: what launched it is gone, so the run is over\n");
  stop_all();
  begin(4, 4, 1, here);
  start(3);
  hurry();
  launcher_lives = false;
  expect_end("");
  stop_all();
}

/* Whoever calls rank 0 and sends these bytes: whether it is turned away, without a word. */
static bool is_turned_away(const void *bytes, size_t count) {
  line_place place;
  char answer;
  ssize_t got = -1;
  memcpy(&place, world.word[1], sizeof place);
  const int file = __real_line_call(&place, 0);
  struct pollfd one = {.fd = file, .events = POLLOUT};
  assert_int_equal(__real_poll(&one, 1, 5000), 1);
  if (count > 0) assert_true(__real_line_send(file, bytes, count));
  one.events = POLLIN;
  if (__real_poll(&one, 1, 5000) == 1) got = recv(file, &answer, 1, 0);
  close(file);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* Others' programs; ranks that do not exist; who says nothing. Lines there are stay. */
static void strangers_are_turned_away(void **state) {
  (void)state;
  line_greeting greeting = {.rank = 1, .host = "host1"};
  start_all(2, 1);
  assert_true(is_turned_away(&greeting, sizeof greeting));
  memcpy(greeting.token, world.word[0], sizeof greeting.token);
  assert_true(is_turned_away(&greeting, sizeof greeting - 1));
  greeting.rank = -1;
  assert_true(is_turned_away(&greeting, sizeof greeting));
  greeting.rank = 2; /* all lines have their ranks */
  assert_true(is_turned_away(&greeting, sizeof greeting));
  hurry();
  assert_true(is_turned_away(NULL, 0));
  assert_false(becomes(&ends, 1, QUIETLY, false));
  assert_int_equal(welcomes, 1);
  stop_all();
}

/* As many as there is room for wait in silence; one more is sent off at once, and there is room again after them. */
static void a_crowd_is_sent_off(void **state) {
  (void)state;
  enum { ROOM = 16 };
  int crowd[ROOM];
  line_place place;
  begin(2, 1, 1, here);
  start(0);
  memcpy(&place, world.word[1], sizeof place);
  for (int i = 0; i < ROOM; i++) crowd[i] = __real_line_call(&place, 0);
  assert_true(is_turned_away(NULL, 0));
  hurry();
  for (int i = 0; i < ROOM; i++) {
    struct pollfd one = {.fd = crowd[i], .events = POLLIN};
    assert_int_equal(__real_poll(&one, 1, 5000), 1);
    close(crowd[i]);
  }
  start(1);
  assert_true(becomes(&welcomes, 1, LONG, true));
  stop_all();
}

/* A line to each rank of its host and each other host, and to spare. */
static void the_limit_of_files_is_raised(void **state) {
  (void)state;
  struct rlimit usual, raised;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const struct rlimit low = {.rlim_cur = 256, .rlim_max = usual.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  start_all(2, 1);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &raised), 0);
  stop_all();
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
  assert_true(raised.rlim_cur > 256);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(one_rank_has_none),
                           AE_TEST(lines_stand_before_work_begins),
                           AE_TEST(addresses_are_called_one_after_another),
                           AE_TEST(an_address_may_be_silent),
                           AE_TEST(lines_that_cannot_be_made_are_done_without),
                           AE_TEST(a_lost_rank_ends_the_run),
                           AE_TEST(losing_rank_0_is_told_once),
                           AE_TEST(the_other_ranks_of_a_host_end_with_its_first),
                           AE_TEST(a_farewell_ends_nothing),
                           AE_TEST(while_the_run_gets_on_nothing_ends_it),
                           AE_TEST(a_broken_line_is_made_again),
                           AE_TEST(a_lost_launcher_ends_the_run),
                           AE_TEST(strangers_are_turned_away),
                           AE_TEST(a_crowd_is_sent_off),
                           AE_TEST(the_limit_of_files_is_raised)};
  speed = 1;
  launcher_lives = true;
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
