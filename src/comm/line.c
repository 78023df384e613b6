#include "line.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Seconds without news after which the system asks whether the other end is there, and between its questions; so many
 * without an answer end the line. */
enum { ASK_AFTER = 4, ASK_EVERY = 3, ASK_TIMES = 3 };

static void set_number(int file, int level, int option, int value) {
  (void)setsockopt(file, level, option, &value, sizeof value);
}

static void ask_whether_there(int file) {
  set_number(file, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_number(file, IPPROTO_TCP, TCP_KEEPIDLE, ASK_AFTER);
  set_number(file, IPPROTO_TCP, TCP_KEEPINTVL, ASK_EVERY);
  set_number(file, IPPROTO_TCP, TCP_KEEPCNT, ASK_TIMES);
  /* Milliseconds: while something sent is not acknowledged, the system does not ask. */
  set_number(file, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000 * (ASK_AFTER + ASK_EVERY * ASK_TIMES));
}

static void list_addresses(line_place *place) {
  struct ifaddrs *all = NULL;
  if (getifaddrs(&all) != 0) return;
  for (const struct ifaddrs *one = all; one != NULL && place->count < LINE_ADDRESSES; one = one->ifa_next) {
    struct sockaddr_in address;
    if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET) continue;
    if ((one->ifa_flags & IFF_UP) == 0 || (one->ifa_flags & IFF_LOOPBACK) != 0) continue;
    memcpy(&address, one->ifa_addr, sizeof address);
    place->address[place->count++] = address.sin_addr.s_addr;
  }
  freeifaddrs(all);
}

void line_stay_here(line_place *place) {
  place->count = 1;
  place->address[0] = htonl(INADDR_LOOPBACK);
}

static int open_socket(void) { return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int line_listen(int backlog, line_place *place) {
  struct sockaddr_in own = {.sin_family = AF_INET};
  socklen_t size = sizeof own;
  *place = (line_place){0};
  ae_host_name(place->host);
  const int file = open_socket();
  if (file < 0) return -1;
  if (bind(file, (struct sockaddr *)&own, size) != 0 || listen(file, backlog) != 0 ||
      getsockname(file, (struct sockaddr *)&own, &size) != 0) {
    close(file);
    return -1;
  }
  place->port = own.sin_port;
  list_addresses(place);
  return file;
}

int line_call(const line_place *place, int which) {
  const struct sockaddr_in other = {
      .sin_family = AF_INET, .sin_port = place->port, .sin_addr.s_addr = place->address[which]};
  const int file = open_socket();
  if (file < 0) return -1;
  ask_whether_there(file);
  if (connect(file, (const struct sockaddr *)&other, sizeof other) == 0 || errno == EINPROGRESS) return file;
  close(file);
  return -1;
}

int line_accept(int listener) {
  const int file = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (file >= 0) ask_whether_there(file);
  return file;
}

bool line_send(int file, const void *bytes, size_t count) {
  return send(file, bytes, count, MSG_NOSIGNAL) == (ssize_t)count;
}

bool line_receive(int file, void *bytes, size_t count) { return recv(file, bytes, count, 0) == (ssize_t)count; }

line_news line_read(int file) {
  char byte = 0;
  const ssize_t count = recv(file, &byte, 1, 0);
  if (count == 1) return byte == LINE_FAREWELL ? LINE_LEFT : LINE_NOTHING;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? LINE_NOTHING : LINE_BROKEN;
}
