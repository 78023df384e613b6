/* The watchdog: says which ranks are late when a run makes no progress.
 *
 * A thread on every rank looks at the signs of life of its own rank (ae_profile_life). Nothing is written and nothing
 * is said while they move. When they have not moved on some rank for `seconds`, the threads, not MPI, exchange where
 * their ranks stand through one file in the run directory, <directory>/.stall, which is there only during a stall; one
 * thread then warns: which ranks are held up or dead (their thread does not answer), or else which compute while others
 * wait for them or are a step behind. The lowest rank whose thread answers speaks: rank 0 through the log, another by
 * standard error itself. When the run goes on, that is said too. A stall of `abort_seconds` ends the run: the same
 * rank says so, and every thread ends its process with the status of AE_INTERNAL.
 *
 * A wait for other ranks is no sign of life, time in which the process was stopped is not counted, and clocks of
 * hosts are not compared. The thread cannot speak while the file system of the run directory itself hangs. */
#ifndef MPIAE_TRAIN_WATCHDOG_H
#define MPIAE_TRAIN_WATCHDOG_H

#include "mpiae/comm/comm.h"

typedef struct ae_watchdog ae_watchdog;

/* Collective. Either number of seconds may be 0: never; *out is NULL when both are. Errors: AE_INTERNAL when there is no
 * memory or no thread. */
ae_status ae_watchdog_start(const ae_comm *comm, const char *directory, double seconds, double abort_seconds,
                            ae_watchdog **out);

/* Local. Ends the thread at once and removes the file. NULL is fine. */
void ae_watchdog_stop(ae_watchdog **watchdog);

#endif
