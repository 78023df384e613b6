#include "run.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/train/inference.h"

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

/* What is written into a file of results after an epoch. */
typedef struct results {
  const ae_trainer *t;
  const ae_codes *codes;
} results;

static ae_status fill_codes(ae_h5 *file, void *context) {
  const results *what = context;
  const ae_trainer *t = what->t;
  AE_RETURN_IF(ae_inference_begin(t->model, file, "codes", t->state.epoch));
  AE_RETURN_IF(ae_codes_write(t->model, file, t->data, what->codes));
  if (t->model->type->annotate != NULL) AE_RETURN_IF(t->model->type->annotate(t->model, file));
  return ae_provenance_write(t->comm, file, ae_clock_seconds() - t->begun);
}

/* As recorded in training, or by a pass now. */
static ae_status write_codes(ae_trainer *t) {
  ae_status status;
  ae_codes codes = {0};
  char path[AE_PATH_SIZE];
  if (t->model->fields == 0) return AE_OK;
  ae_run_directory_codes(t->directory, t->state.epoch, path);
  AE_CHECK(ae_comm_agree(t->comm, ae_codes_create(t->model, ae_shards_own_count(&t->data->shards), &codes)));
  if (t->model->type->recorded != NULL) t->model->type->recorded(t->model, codes.field);
  else AE_CHECK(ae_inference_encode(t->model, t->data, &codes));
  results what = {t, &codes};
  const ae_phase previous = ae_profile_enter(AE_PHASE_WRITE);
  status = ae_h5_produce(t->comm, path, fill_codes, &what);
  ae_profile_leave(previous);
cleanup:
  ae_codes_free(&codes);
  return status;
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
  if (ae_config_is(t->config, "output.codes", "all") || (last && is_due(t))) AE_RETURN_IF(write_codes(t));
  if (is_due(t)) AE_RETURN_IF(write_checkpoint(t));
  /* what is older goes only when all that is newer is there */
  if (last && is_due(t)) ae_run_directory_trim_codes(t->comm, t->directory, t->state.epoch);
  return write_csv(t);
}

ae_status ae_trainer_open_files(ae_trainer *t) {
  AE_RETURN_IF(ae_comm_agree(t->comm, open_texts(t)));
  return write_csv(t);
}
