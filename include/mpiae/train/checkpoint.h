/* Checkpoints: the whole state of a run in one HDF5 file, written by all ranks together and read back on any number of
 * ranks (what stands in it: src/h5/README.md). Collective; errors name the file and dataset. */
#ifndef MPIAE_TRAIN_CHECKPOINT_H
#define MPIAE_TRAIN_CHECKPOINT_H

#include "mpiae/models/model.h"
#include "mpiae/run/epoch_sums.h"
#include "mpiae/run/history.h"
#include "mpiae/run/state.h"
#include "mpiae/train/optimizer.h"

/* All that a checkpoint holds, lent. */
typedef struct ae_checkpoint {
  const ae_comm *comm;
  const ae_config *config;
  ae_model *model;
  ae_params *params;
  ae_exchange *exchange; /* its first gradient plane is scratch here */
  ae_optimizer *optimizer;
  ae_history *history;
  ae_epoch_sums *sums; /* of the running epoch: held when state.epoch_step > 0 */
  ae_run_state state;
  double seconds;     /* of training so far, for /provenance */
  const char *origin; /* the model whose parameters the run began with, for /provenance; or NULL */
} ae_checkpoint;

ae_status ae_checkpoint_write(const ae_checkpoint *checkpoint, const char *path);

/* Reads everything, with the state that ae_run_state_open gave: parameters, optimizer, history, the model's own state,
 * and in the middle of an epoch its sums. */
ae_status ae_checkpoint_read(const ae_checkpoint *checkpoint, ae_h5 *file);

#endif
