/* A connection of the lifeline (lifeline.c) and what travels on it: a greeting, its answer, a farewell. All calls
 * return at once; files are never inherited. */
#ifndef MPIAE_COMM_LINE_H
#define MPIAE_COMM_LINE_H

#include "mpiae/base/system.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { LINE_ADDRESSES = 8, LINE_TOKEN = 16 };

/* Where a rank can be reached from other hosts: own addresses of its host, in network order. */
typedef struct line_place {
  int32_t count;
  in_port_t port; /* in network order; 0: nowhere */
  in_addr_t address[LINE_ADDRESSES];
  char host[AE_HOST_NAME];
} line_place;

typedef struct line_greeting {
  unsigned char token[LINE_TOKEN]; /* of this run: others' programs may knock too */
  int32_t rank;
  char host[AE_HOST_NAME];
} line_greeting;

/* Single bytes. */
#define LINE_WELCOME 'w'
#define LINE_FAREWELL 'f'

/* Opens a port for `backlog` callers, −1 when that is not possible, and fills in the place. */
int line_listen(int backlog, line_place *place);

/* The place as seen from its own host. */
void line_stay_here(line_place *place);

/* A call under way, or −1: writable when it is through or has failed. */
int line_call(const line_place *place, int which);

/* The next caller, or −1. */
int line_accept(int listener);

/* Whether all bytes were sent, or read. */
bool line_send(int file, const void *bytes, size_t count);
bool line_receive(int file, void *bytes, size_t count);

/* How a line came to have something to read. */
typedef enum line_news { LINE_NOTHING, LINE_LEFT, LINE_BROKEN } line_news;
line_news line_read(int file);

#endif
