/* Which ranks run on one host (share its memory), and how fast two hosts speak to each other. */
#ifndef MPIAE_COMM_HOST_H
#define MPIAE_COMM_HOST_H

#include "mpiae/base/system.h"
#include "mpiae/comm/comm.h"

typedef struct ae_host {
  char name[AE_HOST_NAME];
  MPI_Comm ranks;              /* those on this host, ascending */
  int count;                   /* how many they are */
  int first;                   /* the lowest of them, of all ranks; it speaks for the host */
  bool is_first;               /* this rank is that one */
  int hosts;                   /* of all ranks */
  int elsewhere;               /* the lowest rank that is not on rank 0's host; −1 = there is one host */
  char far_name[AE_HOST_NAME]; /* the host of that one */
} ae_host;

/* Collective. To be given back to ae_host_release. */
void ae_host_find(const ae_comm *comm, ae_host *out);
void ae_host_release(ae_host *host); /* Collective over the host's ranks */

/* Collective. Between rank 0 and the rank `elsewhere`: seconds that a message of one byte takes, and bytes a second of
 * messages of 4 MiB. On rank 0; 0 and 0 elsewhere, and when there is one host. Errors: AE_INTERNAL without memory. */
ae_status ae_host_measure(const ae_comm *comm, const ae_host *host, double *latency, double *bandwidth);

#endif
