/* What ranks tell of themselves when a run makes no progress, and what follows from it. Local. */
#ifndef MPIAE_TRAIN_STALL_H
#define MPIAE_TRAIN_STALL_H

#include "mpiae/base/system.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Told by a rank's watchdog, again and again while a stall lasts. */
typedef struct ae_stall_report {
  uint64_t number; /* of reports of this rank so far: 0 = none */
  int64_t step;    /* under way; 0 before the first */
  double quiet;    /* seconds since its last sign of life */
  int32_t phase;
  int32_t waits; /* for other ranks */
} ae_stall_report;

/* What is known of a rank. */
typedef struct ae_stall_rank {
  char host[AE_HOST_NAME];
  int64_t process;
  ae_stall_report report;
  double age; /* seconds since the report last changed */
  bool answers;
} ae_stall_rank;

/* Seconds without a sign of life on the rank that has waited longest, of those that answer. */
double ae_stall_longest(const ae_stall_rank *rank, int ranks);

/* One sentence without "no progress": which ranks are late, where, and where the others are. Late are the ranks that do
 * not answer; if all answer, those that are not waiting, or have not been for `patience` seconds; if all wait or none
 * does, those in the earliest step. Nobody may be late. */
void ae_stall_describe(const ae_stall_rank *rank, int ranks, double patience, char *out, size_t size);

#endif
