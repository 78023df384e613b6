/* The learning rate of each step. Local; a function of the step alone, so resuming needs no state. */
#ifndef MPIAE_TRAIN_SCHEDULE_H
#define MPIAE_TRAIN_SCHEDULE_H

#include "mpiae/config/config.h"

#include <stdint.h>

typedef enum ae_schedule_kind { AE_CONSTANT, AE_COSINE, AE_ONECYCLE, AE_STEPWISE } ae_schedule_kind;

/* With r the rate, T the horizon and t the step from 0:
 *   constant  r
 *   cosine    r (1 + cos(π t/T)) / 2 (Loshchilov & Hutter 2017, without restarts); 0 from T on
 *   onecycle  from r/25 up to r by a half cosine until step 0.3 T − 1, then down to r/250000 at T − 1 by another
 *             (Smith & Topin 2018, as PyTorch's OneCycleLR, without its cycling of momentum)
 *   step      r · factor^⌊t/every⌋
 * and all of it times (t + 1)/warmup during the first `warmup` steps. */
typedef struct ae_schedule {
  ae_schedule_kind kind;
  double rate, factor;
  int64_t horizon, every, warmup; /* steps */
} ae_schedule;

/* From train.learning_rate, train.schedule, train.schedule_steps (a number by now but for a constant rate),
 * train.schedule_every, train.schedule_factor, train.warmup_steps. */
ae_schedule ae_schedule_read(const ae_config *config);

double ae_schedule_rate(const ae_schedule *schedule, int64_t step);

#endif
