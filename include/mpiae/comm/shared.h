/* Memory that all ranks share when they are on one node. */
#ifndef MPIAE_COMM_SHARED_H
#define MPIAE_COMM_SHARED_H

#include "mpiae/comm/comm.h"

typedef struct ae_shared ae_shared;

/* Local. Bytes that may be taken in /dev/shm; some are left to others. Below 0 when there are not even those. */
int64_t ae_shared_room(void);

/* Collective. Every rank gives a piece of `bytes` bytes (its own number), zeroed and 64-byte aligned, that all can read
 * and write. *out is NULL on all ranks, without an error, when it cannot be had: one rank, several nodes, or no room in
 * /dev/shm (in containers often 64 MB, and filling it would kill a rank). */
ae_status ae_shared_create(const ae_comm *comm, int64_t bytes, ae_shared **out);
void ae_shared_destroy(ae_shared **shared); /* Collective; NULL is fine */

void *ae_shared_piece(const ae_shared *shared, int rank); /* Local; lent */

#endif
