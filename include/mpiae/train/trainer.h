/* The training of a run, from its configuration to the last checkpoint. */
#ifndef MPIAE_TRAIN_TRAINER_H
#define MPIAE_TRAIN_TRAINER_H

#include "mpiae/comm/comm.h"
#include "mpiae/config/config.h"
#include "mpiae/run/directory.h"

/* Collective. Trains by `config` (equal on all ranks; "auto" values are resolved in it) into `directory`. `init_from`:
 * run directory or checkpoint file of the model whose parameters a run without a checkpoint begins with; NULL = random.
 * Errors: AE_USAGE (configuration, a directory that holds a run, more ranks than shards, a key that may not change on
 * resume, parameters that do not fit), AE_DATA (files), AE_DIVERGED: a step whose loss or gradient is not finite,
 * named; no parameter of that step was updated and the last checkpoint is kept. With train.on_nonfinite=skip such a
 * step is left out, and an epoch of nothing else is AE_DIVERGED. AE_INTERNAL: the ranks' parameters differ
 * (train.verify_every, verify.h). AE_STOPPED: a signal or the time limit (stop.h) stopped it after saving; the sentence
 * says what. While it runs a watchdog names ranks that are late (train.stall_seconds, watchdog.h).
 */
ae_status ae_train(const ae_comm *comm, ae_config *config, const char *directory, ae_run_mode mode,
                   const char *init_from);

#endif
