/* Checkpoints: the whole state of a run in one HDF5 file, written by all ranks together and read back on any number of
 * ranks (what stands in it: README, Files). Collective; errors name the file and dataset. */
#ifndef MPIAE_TRAIN_CHECKPOINT_H
#define MPIAE_TRAIN_CHECKPOINT_H

#include "mpiae/models/model.h"
#include "mpiae/train/epoch_sums.h"
#include "mpiae/train/history.h"
#include "mpiae/train/optimizer.h"

/* Where a run stands, and what it runs on. */
typedef struct ae_run_state {
  int64_t epoch;      /* epochs done */
  int64_t step;       /* steps done */
  int64_t epoch_step; /* of those, in the running epoch: where the sampler stands; 0 = at the end of an epoch */
  int64_t seed;
  int64_t shards;
  int64_t examples;
  int64_t data_checksum;
  int64_t test_checksum; /* of data.test; 0 = none */
  int64_t test_since;    /* epochs done when this test set came: losses of another are not to be compared with */
  int64_t rank, dim[3];  /* shape of one example */
} ae_run_state;

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

/* Opens a checkpoint and reads what is needed before a model can be made. *config is owned by the caller. AE_DATA when
 * the file is not a checkpoint. */
ae_status ae_checkpoint_open(const ae_comm *comm, const char *path, ae_h5 **file, ae_config **config,
                             ae_run_state *state);

/* Reads parameter values into the bound store. Those whose path begins with `own` (unless NULL) may lack in the file
 * and then stay as they are. */
ae_status ae_checkpoint_read_parameters(ae_h5 *file, ae_params *params, const char *own);

/* Local. Whether the path of a parameter begins so; NULL: none does. */
bool ae_checkpoint_may_lack(const ae_parameter *parameter, const char *own);

/* Reads everything, with the state that ae_checkpoint_open gave: parameters, optimizer, history, the model's own state,
 * and in the middle of an epoch its sums. */
ae_status ae_checkpoint_read(const ae_checkpoint *checkpoint, ae_h5 *file);

/* What was built and runs here, into attributes of a group: version, commit, date, hosts, ranks, MPI, HDF5, BLAS, core,
 * library of convolutions. */
ae_status ae_provenance_write(const ae_comm *comm, ae_h5 *file, double seconds);

/* Warns when ranks run different BLAS kernels, or others than the file's writer did (file may be NULL), or another
 * library of convolutions: bits would differ. */
ae_status ae_provenance_compare(const ae_comm *comm, ae_h5 *file);

#endif
