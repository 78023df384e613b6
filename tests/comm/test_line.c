/* Lines between two ends in one process: how they are made, what they tell of the other end, and what is taken for
 * nothing. Nothing here leaves the host. */
#include "harness.h"

#include "../../src/comm/line.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Milliseconds for what happens at once on one host; busy machines need some of them. */
enum { AT_ONCE = 5000 };

static bool comes(int file, short events) {
  struct pollfd one = {.fd = file, .events = events};
  return poll(&one, 1, AT_ONCE) == 1;
}

/* A line whose ends stand. */
typedef struct ends {
  int listener, caller, called;
} ends;

static void join(ends *e) {
  line_place place;
  e->listener = line_listen(4, &place);
  assert_true(e->listener >= 0);
  line_stay_here(&place);
  e->caller = line_call(&place, 0);
  assert_true(e->caller >= 0);
  assert_true(comes(e->caller, POLLOUT));
  assert_true(comes(e->listener, POLLIN));
  e->called = line_accept(e->listener);
  assert_true(e->called >= 0);
}

static void part(ends *e) {
  const int files[] = {e->listener, e->caller, e->called};
  for (int i = 0; i < 3; i++)
    if (files[i] >= 0) close(files[i]);
}

static void a_place_tells_where_to_call(void **state) {
  (void)state;
  line_place place;
  const int file = line_listen(4, &place);
  assert_true(file >= 0);
  assert_true(place.port != 0);
  assert_true(strlen(place.host) > 0);
  ae_test_in_range(place.count, 0, LINE_ADDRESSES);
  for (int i = 0; i < place.count; i++) assert_int_not_equal(ntohl(place.address[i]) >> 24, 127);
  line_stay_here(&place);
  assert_int_equal(place.count, 1);
  assert_int_equal(place.address[0], htonl(INADDR_LOOPBACK));
  close(file);
}

/* A caller speaks before it is let in: a rank that is late to look loses no greeting. */
static void greetings_wait_to_be_heard(void **state) {
  (void)state;
  const char welcome = LINE_WELCOME;
  const line_greeting sent = {.token = {1, 2, 3}, .rank = 5, .host = "host5"};
  line_greeting heard;
  line_place place;
  char answer = 0;
  ends e;
  e.listener = line_listen(4, &place);
  line_stay_here(&place);
  e.caller = line_call(&place, 0);
  assert_true(comes(e.caller, POLLOUT));
  assert_true(line_send(e.caller, &sent, sizeof sent));
  e.called = line_accept(e.listener);
  assert_true(comes(e.called, POLLIN));
  assert_true(line_receive(e.called, &heard, sizeof heard));
  assert_memory_equal(&heard, &sent, sizeof sent);
  assert_true(line_send(e.called, &welcome, 1));
  assert_true(comes(e.caller, POLLIN));
  assert_true(line_receive(e.caller, &answer, 1));
  assert_int_equal(answer, LINE_WELCOME);
  part(&e);
}

/* Also where there is nothing to hear; and no program that is started inherits a line. */
static void nothing_is_waited_for(void **state) {
  (void)state;
  char byte;
  ends e;
  join(&e);
  assert_int_equal(line_accept(e.listener), -1);
  assert_false(line_receive(e.called, &byte, 1));
  assert_int_equal(line_read(e.called), LINE_NOTHING);
  const int files[] = {e.listener, e.caller, e.called};
  for (int i = 0; i < 3; i++) {
    assert_true((fcntl(files[i], F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(files[i], F_GETFD) & FD_CLOEXEC) != 0);
  }
  part(&e);
}

static int number_of(int file, int level, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  assert_int_equal(getsockopt(file, level, option, &value, &size), 0);
  return value;
}

/* The 13 seconds of lifeline.h, of both ends, whether something was sent that nobody acknowledges, or nothing. */
static void silence_ends_a_line_in_time(void **state) {
  (void)state;
  ends e;
  join(&e);
  const int files[] = {e.caller, e.called};
  for (int i = 0; i < 2; i++) {
    const int after = number_of(files[i], IPPROTO_TCP, TCP_KEEPIDLE);
    const int every = number_of(files[i], IPPROTO_TCP, TCP_KEEPINTVL);
    assert_int_equal(number_of(files[i], SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(after + every * number_of(files[i], IPPROTO_TCP, TCP_KEEPCNT), 13);
    assert_int_equal(number_of(files[i], IPPROTO_TCP, TCP_USER_TIMEOUT), 13000);
  }
  part(&e);
}

static void what_ends_a_line_is_told(void **state) {
  (void)state;
  const char farewell = LINE_FAREWELL;
  ends e;
  join(&e);
  assert_true(line_send(e.caller, &farewell, 1));
  assert_true(comes(e.called, POLLIN));
  assert_int_equal(line_read(e.called), LINE_LEFT);
  /* closed without a farewell, and at the other end */
  close(e.called);
  e.called = -1;
  assert_true(comes(e.caller, POLLIN));
  assert_int_equal(line_read(e.caller), LINE_BROKEN);
  part(&e);
}

/* As when the other host was started anew. */
static void a_reset_ends_a_line(void **state) {
  (void)state;
  const struct linger none = {.l_onoff = 1};
  char byte = 'x';
  ends e;
  join(&e);
  assert_int_equal(setsockopt(e.caller, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
  close(e.caller);
  e.caller = -1;
  assert_true(comes(e.called, POLLIN));
  assert_int_equal(line_read(e.called), LINE_BROKEN);
  assert_false(line_send(e.called, &byte, 1)); /* and no signal */
  part(&e);
}

/* What does not know what to say; and a greeting of which the end is missing. */
static void other_words_are_nothing(void **state) {
  (void)state;
  const char other[] = "welcome";
  line_greeting greeting = {.rank = 3};
  ends e;
  join(&e);
  assert_true(line_send(e.caller, other, 2));
  assert_true(comes(e.called, POLLIN));
  for (int i = 0; i < 3; i++) assert_int_equal(line_read(e.called), LINE_NOTHING);
  assert_true(line_send(e.caller, &greeting, sizeof greeting - 1));
  assert_true(comes(e.called, POLLIN));
  assert_false(line_receive(e.called, &greeting, sizeof greeting));
  assert_false(line_receive(e.called, &greeting, sizeof greeting));
  part(&e);
}

/* The call fails at once, or is seen to have failed by what is sent. */
static void expect_no_answer(const line_place *place, int which) {
  const char byte = 'x';
  const int file = line_call(place, which);
  if (file < 0) return;
  assert_true(comes(file, POLLOUT));
  assert_false(line_send(file, &byte, 1));
  close(file);
}

static void every_address_can_be_called(void **state) {
  (void)state;
  line_place place, closed;
  const int gone = line_listen(4, &closed), listener = line_listen(4, &place);
  close(gone);
  line_stay_here(&closed);
  expect_no_answer(&closed, 0);
  /* no host has it */
  place.count = 2;
  place.address[0] = htonl(INADDR_BROADCAST);
  place.address[1] = htonl(INADDR_LOOPBACK);
  assert_int_equal(line_call(&place, 0), -1);
  const int file = line_call(&place, 1);
  assert_true(comes(file, POLLOUT));
  assert_true(line_send(file, "x", 1));
  close(file);
  close(listener);
}

static void without_files_there_are_no_lines(void **state) {
  (void)state;
  struct rlimit usual, none;
  line_place place, other;
  const int listener = line_listen(4, &place);
  line_stay_here(&place);
  const int caller = line_call(&place, 0);
  assert_true(comes(listener, POLLIN));
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
  none = (struct rlimit){.rlim_cur = 0, .rlim_max = usual.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  const int called = line_accept(listener), calls = line_call(&place, 0), listens = line_listen(4, &other);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
  assert_int_equal(called, -1);
  assert_int_equal(calls, -1);
  assert_int_equal(listens, -1);
  assert_int_equal(other.port, 0); /* nowhere */
  assert_int_equal(other.count, 0);
  /* who waited is let in when there is room again */
  const int later = line_accept(listener);
  assert_true(later >= 0);
  close(later);
  close(caller);
  close(listener);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(a_place_tells_where_to_call),     AE_TEST(greetings_wait_to_be_heard),
                           AE_TEST(nothing_is_waited_for),           AE_TEST(silence_ends_a_line_in_time),
                           AE_TEST(what_ends_a_line_is_told),        AE_TEST(a_reset_ends_a_line),
                           AE_TEST(other_words_are_nothing),         AE_TEST(every_address_can_be_called),
                           AE_TEST(without_files_there_are_no_lines)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
