/* The lifeline: ends this process when its run is lost, whatever started it.
 *
 * Launchers end the ranks of a run that has lost one, as soon as they know. Of a host that falls silent they learn late
 * or never, a launcher that was killed ends nobody, and ranks would wait for each other in MPI. So a thread on every
 * rank of a run of several watches
 *
 * - the launcher (ae_launcher_find): a process whose launcher is gone ends within two seconds;
 * - the other hosts: where there are several, each host's first rank holds a TCP connection to rank 0, and the host's
 *   other ranks one to the first. Nothing is sent over them but what the systems send to find out whether the other end
 *   is there (keepalive), which hosts answer also while the process is stopped. A connection that ends without a
 *   farewell, or whose other end has not answered for 13 seconds, is made again; when that fails for 5 seconds, in
 *   which this rank does not get on either (ae_profile_life), the process ends with the status of AE_INTERNAL. Its own
 *   connections break thereby, so within a few seconds all ranks end: 25 at most after a cable was pulled out.
 *
 * One rank says why: rank 0, or for rank 0 the first rank of another host; for the launcher the first of each host.
 * While a run gets on nothing ends it, and connections that cannot be made at all (a firewall) are done without. */
#ifndef MPIAE_COMM_LIFELINE_H
#define MPIAE_COMM_LIFELINE_H

#include "mpiae/comm/comm.h"

typedef struct ae_lifeline ae_lifeline;

/* Collective. Waits until the connections stand, for three seconds at most. *out is NULL with one rank, and when there
 * is no memory or no thread for it. */
void ae_lifeline_start(const ae_comm *comm, ae_lifeline **out);

/* Local. Says farewell and ends the thread at once. NULL is fine. */
void ae_lifeline_stop(ae_lifeline **lifeline);

#endif
