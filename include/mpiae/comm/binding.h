/* Which cores the ranks of a host may run on. */
#ifndef MPIAE_COMM_BINDING_H
#define MPIAE_COMM_BINDING_H

#include "mpiae/comm/host.h"

/* A set of cores, each by the number of its first hardware thread. */
enum { AE_MOST_CORES = 4096 };
typedef struct ae_cores {
  uint64_t bit[AE_MOST_CORES / 64];
} ae_cores;

void ae_cores_add(ae_cores *cores, int core);
int ae_cores_count(const ae_cores *cores);

/* Local. The cores this process may run on. Errors: AE_INTERNAL when the system does not tell. */
ae_status ae_cores_find(ae_cores *out);

/* Local. What is wrong with the cores of the `count` ranks of one host: more ranks than cores; ranks with fewer cores
 * between them than they are; ranks bound to nothing. rank[i] may run on cores[i]. AE_USAGE with the ranks, the host
 * and the remedy. */
ae_status ae_binding_judge(const char *host, const ae_cores *cores, const int *rank, int count);

/* Local. Whether threads × ranks is more than the cores of the host: `variable`=`threads` is what every rank would
 * start. AE_USAGE likewise. */
ae_status ae_binding_judge_threads(const char *host, const char *variable, int threads, int ranks, int cores);

/* Collective. Gathers the cores of every host's ranks on its first rank and judges them, and OMP_NUM_THREADS and
 * OPENBLAS_NUM_THREADS with them. *cores: how many the ranks of this host have together. Returns the first fault of the
 * lowest host. */
ae_status ae_binding_check(const ae_comm *comm, const ae_host *host, int *cores);
ae_status ae_binding_check_threads(const ae_comm *comm, const ae_host *host, int cores);

#endif
