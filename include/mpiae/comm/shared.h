/* Memory that the ranks of a node share: its domain (domains.h). */
#ifndef MPIAE_COMM_SHARED_H
#define MPIAE_COMM_SHARED_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/domains.h"

typedef struct ae_shared ae_shared;

/* Local. Bytes that may be taken in /dev/shm; some are left to others. Below 0 when there are not even those. */
int64_t ae_shared_room(void);

/* Collective. Every rank gives a piece of `bytes` bytes (its own number), and each domain has further `common` bytes:
 * all zeroed, 64-byte aligned, and read and written by all ranks of the domain. A domain is a node; but where that has
 * no room in /dev/shm (in containers often 64 MB, and filling it would kill a rank), and everywhere with `apart`, each
 * rank is a domain of its own and has both to itself. Errors: AE_INTERNAL without memory. */
ae_status ae_shared_create(const ae_comm *comm, bool apart, int64_t bytes, int64_t common, ae_shared **out);
void ae_shared_destroy(ae_shared **shared); /* Collective; NULL is fine */

/* Local; lent. The piece of a rank of the own domain. */
const ae_domains *ae_shared_domains(const ae_shared *shared);
void *ae_shared_piece(const ae_shared *shared, int rank);
void *ae_shared_common(const ae_shared *shared);

#endif
