/* What stops a run before its end: a signal or the time limit.
 *
 * SIGTERM, SIGINT, SIGUSR1, SIGUSR2 and SIGHUP only leave a flag, and so does the time limit on rank 0. The flags of all ranks
 * are combined by bitwise or, in the control reduction of every step or by ae_stop_agree between phases, so that all
 * ranks stop at the same place and save. */
#ifndef MPIAE_TRAIN_STOP_H
#define MPIAE_TRAIN_STOP_H

#include "mpiae/comm/comm.h"

#include <stdbool.h>
#include <stdint.h>

/* Plain data; zero = nothing agreed, no limit. */
typedef struct ae_stop {
  uint32_t flags;      /* agreed: 0 = go on */
  bool limited;        /* on rank 0: deadline holds */
  bool of_job;         /* on rank 0: it is that of the SLURM job */
  double deadline;     /* ae_clock_seconds() by which all is saved */
  double step;         /* seconds that the last step took, */
  double checkpoint;   /* the last checkpoint, */
  double end_of_epoch; /* what came after the last epoch's steps; 0 = there was none yet */
} ae_stop;

/* Local. From now on the signals leave flags, to the end of the process. A second SIGINT ends it at once; the first is
 * answered on standard error where `tells`. SIGINT and SIGHUP stay ignored where they were (a job in the background of a
 * shell, nohup). A reader of the output that is gone (SIGPIPE) does not end the process any more. */
void ae_stop_listen(bool tells);

/* Local, for rank 0. Sets the deadline. `seconds`: train.time_limit, from the clock's `begun` on, 0 = none; negative =
 * auto: the end of the SLURM job this runs in (environment, or squeue once), none outside of SLURM. A twentieth of the
 * time that is left, at most 30 s, is kept for what is not measured. */
void ae_stop_limit(ae_stop *stop, double seconds, double begun);

/* Local. This rank's flags. `ends_epoch`: the next step is the last of an epoch, so that more than a checkpoint would
 * come after it. Time is up when that step and what comes after it, each taking twice as long as the last time, would
 * not be done by the deadline. */
uint32_t ae_stop_own(const ae_stop *stop, bool ends_epoch);

/* Collective. The flags of all ranks into stop->flags: between phases. */
void ae_stop_agree(const ae_comm *comm, ae_stop *stop, bool ends_epoch);

/* What the agreed flags mean: whether a signal is among them; "SIGUSR1", "train.time_limit", "" for none. On
 * rank 0 the end of a SLURM job is told from a limit that was set. */
bool ae_stop_is_signal(const ae_stop *stop);
const char *ae_stop_reason(const ae_stop *stop);

#endif
