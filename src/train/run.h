/* A run while it trains: what trainer.c (the loop), start.c (begin and resume) and run_files.c share. */
#ifndef MPIAE_TRAIN_RUN_H
#define MPIAE_TRAIN_RUN_H

#include "mpiae/train/checkpoint.h"
#include "mpiae/train/progress.h"
#include "mpiae/train/run_directory.h"
#include "mpiae/train/schedule.h"
#include "mpiae/train/watchdog.h"

#include <stdio.h>

enum { MOST_BUCKETS = 1024 };

typedef struct ae_trainer {
  const ae_comm *comm;
  ae_config *config;
  const char *directory;
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
  int64_t border[MOST_BUCKETS + 1]; /* of buckets, in the flat buffer */
  int buckets;
  int *bucket_of;                    /* of each parameter */
  int waiting[MOST_BUCKETS];         /* parameters whose gradient is not final yet */
  int width;                         /* numbers per shard in a step: terms of the loss, then statistics */
  double *terms, *sums, *epoch_sums; /* of own shards; of a step; of the epoch so far */
  double epoch_loss;                 /* weighted terms, summed over the epoch so far */
  ae_schedule schedule;
  double learning_rate; /* of the step at hand */
  double begun;
  FILE *log; /* run.log, on rank 0 */
  int lock;  /* holds the directory, on rank 0 */
  ae_watchdog *watchdog;
  int64_t verify_every; /* steps; 0 = never */
} ae_trainer;

/* start.c. Collective. Builds everything for the dataset and the configuration, and sets the state: of a new run, or
 * for AE_RUN_RESUME of the newest checkpoint that can be read. */
ae_status ae_trainer_start(ae_trainer *t, ae_run_mode mode);
void ae_trainer_destroy(ae_trainer *t); /* Collective */

/* run_files.c. Collective. */
ae_checkpoint ae_trainer_checkpoint(const ae_trainer *t); /* Local: what a checkpoint holds, lent */
ae_status ae_trainer_open_files(ae_trainer *t);           /* config.yaml, run.log, metrics.csv */
ae_status ae_trainer_write_files(ae_trainer *t);          /* after an epoch */


/* results.c. Collective; after an epoch. */
ae_status ae_trainer_test(ae_trainer *t, ae_metrics *metrics);
ae_status ae_trainer_write_codes(ae_trainer *t);
ae_status ae_trainer_write_samples(ae_trainer *t);

#endif
