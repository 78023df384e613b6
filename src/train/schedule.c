#include "mpiae/train/schedule.h"

#include "mpiae/base/arithmetic.h"

#include <math.h>

ae_schedule ae_schedule_read(const ae_config *config) {
  ae_schedule schedule = {.rate = ae_config_real(config, "train.learning_rate"),
                          .factor = ae_config_real(config, "train.schedule_factor"),
                          .horizon = ae_config_is(config, "train.schedule_steps", "auto")
                                         ? 1
                                         : ae_config_integer(config, "train.schedule_steps"),
                          .warmup = ae_config_integer(config, "train.warmup_steps")};
  if (ae_config_is(config, "train.schedule", "cosine")) schedule.kind = AE_COSINE;
  else if (ae_config_is(config, "train.schedule", "onecycle")) schedule.kind = AE_ONECYCLE;
  else if (ae_config_is(config, "train.schedule", "step")) schedule.kind = AE_STEPWISE;
  schedule.every = ae_config_is(config, "train.schedule_every", "auto")
                       ? ae_max(1, schedule.horizon / 3)
                       : ae_config_integer(config, "train.schedule_every");
  return schedule;
}

/* From `from` at share 0 to `to` at share 1, by half a cosine. */
static double half_cosine(double from, double to, double share) {
  return to + (from - to) * 0.5 * (1 + cos(acos(-1.0) * share));
}

/* The peak is at step 0.3 T − 1, the end at T − 1. */
static double one_cycle(double rate, double step, double horizon) {
  const double start = rate / 25, end = start / 1e4, peak = 0.3 * horizon - 1, last = horizon - 1;
  if (step < peak) return half_cosine(start, rate, step / peak);
  return step >= last ? end : half_cosine(rate, end, (step - peak) / (last - peak));
}

double ae_schedule_rate(const ae_schedule *schedule, int64_t step) {
  const double share = fmin(1, (double)step / (double)schedule->horizon);
  double rate = schedule->rate;
  if (schedule->kind == AE_COSINE) rate = half_cosine(rate, 0, share);
  if (schedule->kind == AE_ONECYCLE) rate = one_cycle(rate, (double)step, (double)schedule->horizon);
  if (schedule->kind == AE_STEPWISE) rate *= pow(schedule->factor, (double)(step / schedule->every));
  return step < schedule->warmup ? rate * (double)(step + 1) / (double)schedule->warmup : rate;
}
