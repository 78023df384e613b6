/* Progress of a long pass over examples. Local. */
#ifndef MPIAE_BASE_PASS_H
#define MPIAE_BASE_PASS_H

#include <stddef.h>
#include <stdint.h>

/* One line that redraws on a terminal, or one every 30 s. `what` and `total` are set by the
 * caller, the rest is zero; _on after each piece of it. Local; tells of rank 0's share. */
typedef struct ae_pass {
  const char *what; /* "evaluated" */
  int64_t total;    /* examples of this rank */
  double begun, told;
} ae_pass;

void ae_pass_on(ae_pass *pass, int64_t done);
void ae_pass_end(ae_pass *pass);

/* "1:05", "2:00:09"; " [=====     ]" for a share of 0 … 1. */
void ae_pass_print_duration(double seconds, char *out, size_t size);
void ae_pass_print_bar(double share, char bar[64]);

#endif
