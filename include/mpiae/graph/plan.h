/* The memory plan: buffers with lifetimes packed into one arena, so that those alive at the same time do not overlap.
 * Local. */
#ifndef MPIAE_GRAPH_PLAN_H
#define MPIAE_GRAPH_PLAN_H

#include "mpiae/base/status.h"

#include <stdint.h>

/* First and last moment at which a buffer is in use, inclusive. */
typedef struct ae_plan_life {
  int birth, death;
} ae_plan_life;

typedef struct ae_plan ae_plan;

ae_status ae_plan_create(int most_buffers, ae_plan **out);
void ae_plan_destroy(ae_plan **plan); /* NULL is fine */

/* Adds a buffer of so many floats (0 is fine); buffers are numbered from 0 in this order. */
void ae_plan_add(ae_plan *plan, int64_t floats, ae_plan_life life);

/* Places all buffers, largest first, each at the lowest place that is free during its life; returns the size of the
 * arena. */
int64_t ae_plan_solve(ae_plan *plan);
int64_t ae_plan_offset(const ae_plan *plan, int number);

#endif
