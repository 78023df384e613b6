/* Rows of other ranks' shards by one-sided communication: every rank exposes the rows of its own examples, in their
 * stored type, and any rank may fetch any example's row. Requests are gathered in the background while the step
 * computes: ask one step ahead of use. */
#ifndef MPIAE_COMM_WINDOW_H
#define MPIAE_COMM_WINDOW_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"

typedef struct ae_window ae_window;

/* Collective. `rows` are this rank's own examples (own_count × row_bytes), lent for the life of the window and not to
 * be changed in it. */
ae_status ae_window_create(const ae_comm *comm, const ae_shards *shards, const void *rows, int64_t row_bytes,
                           ae_window **out);

/* Collective. Waits for what is under way. NULL is fine. */
void ae_window_destroy(ae_window **window);

/* Local. Starts fetching the rows of `count` examples (global numbers) into `out` (count × row_bytes), which must stay
 * until ae_window_wait. */
void ae_window_fetch(ae_window *window, const int64_t *examples, int64_t count, void *out);

/* Local. Returns when all rows asked for are there. */
void ae_window_wait(ae_window *window);

/* Collective. Fetches rows with known contents from every rank on every rank and compares them: Open MPI has a way of
 * one-sided communication that returns wrong values without an error. AE_USAGE naming two ranks, with the remedy. */
ae_status ae_window_try(const ae_comm *comm);

#endif
