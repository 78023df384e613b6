/* What a run tells while it trains: one line that redraws on a terminal; in a log file a line per epoch and one every
 * output.log_every seconds. Local, for rank 0 (the others' log level is silent). */
#ifndef MPIAE_TRAIN_PROGRESS_H
#define MPIAE_TRAIN_PROGRESS_H

#include "mpiae/run/epoch_sums.h"

typedef struct ae_progress {
  int64_t epochs, steps_per_epoch; /* of the whole run */
  int64_t last_step;               /* at which train.steps ends it; INT64_MAX = none */
  double log_every;                /* seconds */
  double begun, epoch_begun, told; /* clock */
  int64_t steps_done;              /* in this launch */
  int64_t examples_done;           /* in this epoch */
} ae_progress;

void ae_progress_start(ae_progress *progress, int64_t epochs, int64_t steps_per_epoch, int64_t last_step,
                       double log_every);

/* An epoch begins, or goes on after `examples` examples and `seconds` seconds. */
void ae_progress_epoch(ae_progress *progress, int64_t examples, double seconds);

/* After each step (from 0 in its epoch) of `batch` examples: the sums over the epoch so far. */
void ae_progress_step(ae_progress *progress, const ae_model *model, int64_t epoch, int64_t step,
                      const ae_epoch_sums *sums, int64_t batch);

/* After each epoch: the line that stays. */
void ae_progress_epoch_end(ae_progress *progress, const ae_model *model, int64_t epoch, const ae_metrics *metrics);

/* At the end: where the time of the training steps went, over ranks. Collective. */
void ae_progress_profile(const ae_comm *comm);

#endif
