#include "run.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <errno.h>
#include <string.h>

ae_checkpoint ae_trainer_checkpoint(ae_trainer *t) {
  return (ae_checkpoint){.comm = t->comm,
                         .config = t->config,
                         .model = t->model,
                         .params = t->params,
                         .exchange = t->exchange,
                         .optimizer = t->optimizer,
                         .history = t->history,
                         .sums = &t->epoch_sums,
                         .state = t->state,
                         .seconds = ae_clock_seconds() - t->begun,
                         .origin = t->origin};
}

static ae_status write_text(const char *directory, const char *name, const char *text) {
  char path[AE_PATH_SIZE], temporary[AE_PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  snprintf(temporary, sizeof temporary, "%s/%s.tmp", directory, name);
  FILE *file = fopen(temporary, "w");
  if (file == NULL) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  const bool written = fputs(text, file) >= 0;
  if (fclose(file) != 0 || !written || rename(temporary, path) != 0)
    return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  return AE_OK;
}

/* Rank 0 alone writes text. */
static ae_status open_texts(ae_trainer *t) {
  char path[AE_PATH_SIZE], *config = NULL;
  if (ae_comm_rank(t->comm) != 0) return AE_OK;
  AE_RETURN_IF(ae_config_format(t->config, &config));
  const ae_status status = write_text(t->directory, "config.yaml", config);
  AE_FREE(config);
  if (status != AE_OK) return status;
  snprintf(path, sizeof path, "%s/run.log", t->directory);
  t->log = fopen(path, "a");
  if (t->log == NULL) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  ae_log_set_copy(t->log);
  return AE_OK;
}

static ae_status write_csv(const ae_trainer *t) {
  char path[AE_PATH_SIZE];
  snprintf(path, sizeof path, "%s/metrics.csv", t->directory);
  return ae_comm_agree(t->comm, ae_comm_rank(t->comm) == 0 ? ae_history_write_csv(t->history, path) : AE_OK);
}

static int64_t best_step(const ae_trainer *t) {
  return ae_config_bool(t->config, "checkpoint.best") ? ae_trainer_best_step(t) : -1;
}

static void link_best(ae_trainer *t) {
  if (ae_comm_rank(t->comm) != 0 || t->without_link || !ae_config_bool(t->config, "checkpoint.best")) return;
  const int64_t best = best_step(t);
  ae_status status = ae_run_directory_link_best(t->directory, best);
  t->without_link = status != AE_OK;
  if (status != AE_OK) ae_log_warning("%s; the best checkpoint is kept without it", ae_error_message(status));
  else if (best >= 0 && !ae_run_directory_has(t->directory, best))
    ae_log_info(
        "the best epoch so far, of step %lld, has no checkpoint any more; checkpoint-best.h5 comes with a better "
        "one",
        (long long)best);
  ae_error_clear(&status);
}

static ae_status write_checkpoint(ae_trainer *t) {
  char path[AE_PATH_SIZE];
  const ae_checkpoint checkpoint = ae_trainer_checkpoint(t);
  const double begun = ae_clock_seconds();
  ae_run_directory_checkpoint(t->directory, t->state.step, path);
  AE_RETURN_IF(ae_checkpoint_write(&checkpoint, path));
  t->newest = t->state.step;
  t->stop.checkpoint = ae_clock_seconds() - begun;
  /* the link moves before what it led to goes */
  if (best_step(t) == t->state.step) link_best(t);
  return ae_run_directory_trim_checkpoints(t->comm, t->directory, (int)ae_config_integer(t->config, "checkpoint.keep"),
                                           best_step(t));
}

static bool is_due_by_steps(const ae_trainer *t) {
  const int64_t every = ae_config_integer(t->config, "checkpoint.every_steps");
  return every > 0 && t->state.step % every == 0;
}

/* After an epoch. */
static bool is_due(const ae_trainer *t) {
  char why[AE_ENDING_SIZE];
  return t->state.epoch % ae_config_integer(t->config, "checkpoint.every_epochs") == 0 || is_due_by_steps(t) ||
         best_step(t) == t->state.step || ae_trainer_is_over(t, why) || t->stop.flags != 0;
}

ae_status ae_trainer_write_files(ae_trainer *t) {
  const bool last = ae_config_is(t->config, "output.codes", "last"), due = is_due(t);
  if (ae_config_is(t->config, "output.codes", "all") || (last && due)) AE_RETURN_IF(ae_trainer_write_codes(t));
  AE_RETURN_IF(ae_trainer_write_samples(t));
  if (due) AE_RETURN_IF(write_checkpoint(t));
  /* what is older goes only when all that is newer is there */
  if (last && due) ae_run_directory_trim_codes(t->comm, t->directory, t->state.epoch);
  return write_csv(t);
}

ae_status ae_trainer_write_step(ae_trainer *t) {
  const bool ends_epoch = t->state.epoch_step == t->progress.steps_per_epoch;
  const bool ends_run = t->state.step == t->progress.last_step || t->stop.flags != 0;
  if (ends_epoch || !(is_due_by_steps(t) || ends_run)) return AE_OK;
  t->epoch_sums.seconds = ae_clock_seconds() - t->progress.epoch_begun;
  return write_checkpoint(t);
}

ae_status ae_trainer_open_files(ae_trainer *t) {
  AE_RETURN_IF(ae_comm_agree(t->comm, open_texts(t)));
  link_best(t);
  return write_csv(t);
}
