#include "run.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <errno.h>
#include <string.h>

ae_checkpoint ae_trainer_checkpoint(const ae_trainer *t) {
  return (ae_checkpoint){.comm = t->comm,
                         .config = t->config,
                         .model = t->model,
                         .params = t->params,
                         .exchange = t->exchange,
                         .optimizer = t->optimizer,
                         .history = t->history,
                         .state = t->state,
                         .seconds = ae_clock_seconds() - t->begun};
}

static ae_status write_text(const char *directory, const char *name, const char *text) {
  char path[AE_PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "w");
  if (file == NULL) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  const bool written = fputs(text, file) >= 0;
  if (fclose(file) != 0 || !written) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
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

static ae_status write_checkpoint(const ae_trainer *t) {
  char path[AE_PATH_SIZE];
  const ae_checkpoint checkpoint = ae_trainer_checkpoint(t);
  ae_run_directory_checkpoint(t->directory, t->state.step, path);
  AE_RETURN_IF(ae_checkpoint_write(&checkpoint, path));
  return ae_run_directory_trim_checkpoints(t->comm, t->directory, (int)ae_config_integer(t->config, "checkpoint.keep"));
}

static bool is_due(const ae_trainer *t) {
  return t->state.epoch % ae_config_integer(t->config, "checkpoint.every_epochs") == 0 ||
         t->state.epoch == t->progress.epochs;
}

ae_status ae_trainer_write_files(ae_trainer *t) {
  const bool last = ae_config_is(t->config, "output.codes", "last");
  if (ae_config_is(t->config, "output.codes", "all") || (last && is_due(t))) AE_RETURN_IF(ae_trainer_write_codes(t));
  AE_RETURN_IF(ae_trainer_write_samples(t));
  if (is_due(t)) AE_RETURN_IF(write_checkpoint(t));
  /* what is older goes only when all that is newer is there */
  if (last && is_due(t)) ae_run_directory_trim_codes(t->comm, t->directory, t->state.epoch);
  return write_csv(t);
}

ae_status ae_trainer_open_files(ae_trainer *t) {
  AE_RETURN_IF(ae_comm_agree(t->comm, open_texts(t)));
  return write_csv(t);
}
