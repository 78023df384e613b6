/* When a run is over, and which of its epochs was the best: functions of the configuration and the history alone. */
#include "run.h"

#include "mpiae/base/arithmetic.h"

#include <math.h>

static const char *judged(const ae_trainer *t) { return t->test != NULL ? "test_loss" : "train_loss"; }

/* Row of the lowest value, the first of equal ones; -1 when there is none. */
static int best_row(const ae_trainer *t) {
  const char *column = judged(t);
  int best = -1;
  for (int i = t->test != NULL ? (int)ae_max(0, t->state.test_since) : 0; i < ae_history_rows(t->history); i++) {
    const double value = ae_history_get(t->history, i, column);
    if (!isnan(value) && (best < 0 || value < ae_history_get(t->history, best, column))) best = i;
  }
  return best;
}

int ae_trainer_best_epoch(const ae_trainer *t, double *loss) {
  const int row = best_row(t);
  *loss = row < 0 ? NAN : ae_history_get(t->history, row, judged(t));
  return row + 1;
}

int64_t ae_trainer_best_step(const ae_trainer *t) {
  const int row = best_row(t);
  return row < 0 ? -1 : (int64_t)ae_history_get(t->history, row, "step");
}

static bool is_out_of_patience(const ae_trainer *t, char why[AE_ENDING_SIZE]) {
  const int64_t patience = ae_config_integer(t->config, "train.patience");
  const int best = best_row(t), waited = ae_history_rows(t->history) - 1 - best;
  if (patience == 0 || best < 0 || waited < patience) return false;
  snprintf(why, AE_ENDING_SIZE, "no %s below the %.6g of epoch %d in %d epoch%s, train.patience is %lld", judged(t),
           ae_history_get(t->history, best, judged(t)), best + 1, waited, waited == 1 ? "" : "s", (long long)patience);
  return true;
}

bool ae_trainer_is_over(const ae_trainer *t, char why[AE_ENDING_SIZE]) {
  const long long epochs = (long long)t->state.epoch, steps = (long long)t->state.step;
  if (t->state.epoch >= t->progress.epochs) {
    snprintf(why, AE_ENDING_SIZE, "%lld epoch%s done, train.epochs is %lld", epochs, epochs == 1 ? "" : "s",
             (long long)t->progress.epochs);
    return true;
  }
  if (t->state.step >= t->progress.last_step) {
    snprintf(why, AE_ENDING_SIZE, "%lld step%s done, train.steps is %lld", steps, steps == 1 ? "" : "s",
             (long long)t->progress.last_step);
    return true;
  }
  return is_out_of_patience(t, why);
}
