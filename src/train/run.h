/* A run while it trains: what trainer.c (the loop), start.c (begin and resume), init_from.c, ending.c and run_files.c
 * share. */
#ifndef MPIAE_TRAIN_RUN_H
#define MPIAE_TRAIN_RUN_H

#include "mpiae/run/directory.h"
#include "mpiae/train/buckets.h"
#include "mpiae/train/checkpoint.h"
#include "mpiae/train/progress.h"
#include "mpiae/train/schedule.h"
#include "mpiae/train/stop.h"
#include "mpiae/train/trainer.h"
#include "mpiae/train/watchdog.h"

#include <stdio.h>

typedef struct ae_trainer {
  const ae_comm *comm;
  ae_config *config;
  const char *directory;
  ae_data_scale scale;     /* of both */
  ae_dataset *data, *test; /* test: in blocks; NULL without data.test */
  ae_sampler *sampler;
  ae_params *params;
  ae_model *model;
  ae_exchange *exchange;
  ae_optimizer *optimizer;
  ae_history *history;
  ae_progress progress;
  ae_run_state state;
  int *plane_end, planes;
  int64_t border[AE_MOST_BUCKETS + 1]; /* of buckets, in the flat buffer */
  int buckets;
  int *bucket_of;               /* of each parameter */
  int waiting[AE_MOST_BUCKETS]; /* trained parameters whose gradient is not final yet */
  int width;                    /* numbers per shard in a step: terms of the loss, then statistics */
  double *terms, *sums;         /* of own shards; of a step */
  ae_epoch_sums epoch_sums;     /* of the epoch so far */
  ae_schedule schedule;
  double learning_rate; /* of the step at hand */
  int64_t newest;       /* step of the newest checkpoint; 0 = there is none */
  char *origin;         /* file whose parameters the run began with, or NULL */
  double begun;
  FILE *log; /* run.log, on rank 0 */
  ae_run_lock lock;
  bool without_link; /* checkpoint-best.h5 was refused, on rank 0 */
  ae_watchdog *watchdog;
  int64_t verify_every; /* steps; 0 = never */
  ae_stop stop;
  const ae_follower *follower; /* NULL for an ordinary run */
} ae_trainer;

/* start.c. Collective. Builds everything for the dataset and the configuration, and sets the state: of a new run, or
 * for AE_RUN_RESUME of the newest checkpoint that can be read. `init_from`: as for ae_train. */
ae_status ae_trainer_start(ae_trainer *t, ae_run_mode mode, const char *init_from);
void ae_trainer_destroy(ae_trainer *t); /* Collective */

/* init_from.c. Collective. Takes the parameters of another model: AE_USAGE names the first that does not fit. And reads
 * from a checkpoint of this run where its first ones came from. */
ae_status ae_trainer_init_from(ae_trainer *t, const char *model);
ae_status ae_trainer_read_origin(ae_trainer *t, ae_h5 *file);

/* ending.c. Local. Whether the run needs no further step, and why; the step after the best epoch so far, -1 = none. */
enum { AE_ENDING_SIZE = 192 };
bool ae_trainer_is_over(const ae_trainer *t, char why[AE_ENDING_SIZE]);
int64_t ae_trainer_best_step(const ae_trainer *t);
int ae_trainer_best_epoch(const ae_trainer *t, double *loss); /* that epoch and its loss; 0 and NaN = none */

/* run_files.c. Collective. */
ae_checkpoint ae_trainer_checkpoint(ae_trainer *t); /* Local: what a checkpoint holds, lent */
ae_status ae_trainer_open_files(ae_trainer *t);     /* config.yaml, run.log, metrics.csv, checkpoint-best.h5 */
ae_status ae_trainer_write_files(ae_trainer *t);    /* after an epoch */
ae_status ae_trainer_write_step(ae_trainer *t);     /* after a step in the middle of an epoch: a checkpoint when due */

/* results.c. Collective; after an epoch. */
ae_status ae_trainer_test(ae_trainer *t, ae_metrics *metrics);
ae_status ae_trainer_write_codes(ae_trainer *t);
ae_status ae_trainer_write_samples(ae_trainer *t);

#endif
