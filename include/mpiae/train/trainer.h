/* The training of a run, from its configuration to the last checkpoint. */
#ifndef MPIAE_TRAIN_TRAINER_H
#define MPIAE_TRAIN_TRAINER_H

#include "mpiae/comm/comm.h"
#include "mpiae/config/config.h"
#include "mpiae/run/directory.h"
#include "mpiae/train/checkpoint.h"

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

/* Who follows a training from inside. `after` is called on every rank after each step, with all that the run holds, and
 * sets *enough, alike on all ranks, to end it. Collective. */
typedef struct ae_follower {
  ae_status (*after)(void *context, const ae_checkpoint *held, bool *enough);
  void *context;
} ae_follower;

/* Collective. The first epoch that ae_train would do, to its last step or as far as the follower wants it, without a
 * directory, files or news: for measurements. Errors as of ae_train. */
ae_status ae_train_followed(const ae_comm *comm, ae_config *config, const ae_follower *follower);

#endif
