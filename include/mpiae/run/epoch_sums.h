/* What is summed over the steps of an epoch: the figures of its row in the history, and, in a checkpoint in the middle
 * of an epoch, what makes that row the uninterrupted one's. Float64; every number is the same on all ranks. */
#ifndef MPIAE_RUN_EPOCH_SUMS_H
#define MPIAE_RUN_EPOCH_SUMS_H

#include "mpiae/models/model.h"

typedef struct ae_epoch_sums {
  int terms, width; /* terms of the loss; those and the model's statistics */
  double *value;    /* width sums over examples, then the three below */
  double seconds;   /* spent on the epoch when it was saved; of time, so not among the sums */
} ae_epoch_sums;

/* Local. */
ae_status ae_epoch_sums_create(const ae_model *model, ae_epoch_sums *out);
void ae_epoch_sums_destroy(ae_epoch_sums *sums);
void ae_epoch_sums_clear(ae_epoch_sums *sums);

/* Local. Adds a step: `step` has `width` sums over its examples, the model the weights of its terms. Or counts one that
 * was left out. */
void ae_epoch_sums_add(ae_epoch_sums *sums, const ae_model *model, const double *step, int64_t examples);
void ae_epoch_sums_skip(ae_epoch_sums *sums);

/* Local. The weighted terms, the examples of the steps that count, and the steps left out. */
double ae_epoch_sums_loss(const ae_epoch_sums *sums);
int64_t ae_epoch_sums_examples(const ae_epoch_sums *sums);
int64_t ae_epoch_sums_skipped(const ae_epoch_sums *sums);

/* Collective. /state/partial_sums of a checkpoint (the seconds are the caller's to keep). Loading is AE_DATA when the
 * file holds another number of sums. */
ae_status ae_epoch_sums_save(const ae_epoch_sums *sums, ae_h5 *file);
ae_status ae_epoch_sums_load(ae_epoch_sums *sums, ae_h5 *file);

#endif
