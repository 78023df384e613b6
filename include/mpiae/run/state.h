/* Where a run stands, and what it runs on: what a checkpoint tells before a model can be made. Collective; errors name
 * the file and dataset. */
#ifndef MPIAE_RUN_STATE_H
#define MPIAE_RUN_STATE_H

#include "mpiae/config/config.h"
#include "mpiae/h5/h5.h"

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

/* Group /state. */
ae_status ae_run_state_write(const ae_run_state *state, ae_h5 *file);

/* Opens a checkpoint and reads its configuration and state. *config is owned by the caller. AE_DATA when the file is not
 * a checkpoint. */
ae_status ae_run_state_open(const ae_comm *comm, const char *path, ae_h5 **file, ae_config **config,
                            ae_run_state *state);

#endif
