#include "mpiae/train/checkpoint.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/run/arrays.h"
#include "mpiae/run/provenance.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 64 };

static ae_status write_optimizer(const ae_checkpoint *checkpoint, ae_h5 *file) {
  float *scratch = ae_exchange_gradient(checkpoint->exchange, 0);
  AE_RETURN_IF(ae_h5_create_group(file, "/optimizer", "state of the optimizer"));
  AE_RETURN_IF(ae_h5_put_integer(file, "/optimizer", "steps", ae_optimizer_steps(checkpoint->optimizer)));
  for (int slot = 0; slot < ae_optimizer_slots(checkpoint->optimizer); slot++) {
    char root[PATH_SIZE];
    snprintf(root, sizeof root, "/optimizer/%s", ae_optimizer_slot_name(checkpoint->optimizer, slot));
    ae_optimizer_read_slot(checkpoint->optimizer, slot, scratch);
    ae_exchange_gather(checkpoint->exchange, scratch);
    AE_RETURN_IF(ae_arrays_write(file, checkpoint->params, root, "running moment of the gradient", scratch));
  }
  return AE_OK;
}

static ae_status write_provenance(const ae_checkpoint *checkpoint, ae_h5 *file) {
  AE_RETURN_IF(ae_provenance_write(checkpoint->comm, file, checkpoint->model->setup.multiplier, checkpoint->seconds));
  if (checkpoint->origin != NULL) AE_RETURN_IF(ae_h5_put_text(file, "/provenance", "init_from", checkpoint->origin));
  double seconds = checkpoint->sums->seconds;
  ae_comm_broadcast(checkpoint->comm, &seconds, (int64_t)sizeof seconds);
  return checkpoint->state.epoch_step > 0 ? ae_h5_put_real(file, "/provenance", "epoch_seconds", seconds) : AE_OK;
}

static ae_status write_all(ae_h5 *file, void *context) {
  const ae_checkpoint *checkpoint = context;
  ae_status status;
  char *config = NULL;
  AE_CHECK(ae_h5_put_kind(file, "checkpoint"));
  AE_CHECK(ae_h5_put_text(file, "/", "model", checkpoint->model->type->name));
  AE_CHECK(ae_comm_agree(checkpoint->comm, ae_config_format(checkpoint->config, &config)));
  AE_CHECK(ae_h5_write_text(file, "/config", config, "the resolved configuration, YAML"));
  AE_CHECK(ae_run_state_write(&checkpoint->state, file));
  if (checkpoint->model->setup.data->names != NULL)
    AE_CHECK(ae_h5_write_text(file, "/state/label_names", checkpoint->model->setup.data->names,
                              "names of the labels of the training data, one a line, from 0"));
  AE_CHECK(ae_data_scale_save(checkpoint->model->setup.scale, ae_config_text(checkpoint->config, "data.scale"), file));
  if (checkpoint->state.epoch_step > 0) AE_CHECK(ae_epoch_sums_save(checkpoint->sums, file));
  AE_CHECK(ae_arrays_write(file, checkpoint->params, "/parameters", "parameter of the model",
                           ae_exchange_values(checkpoint->exchange)));
  AE_CHECK(write_optimizer(checkpoint, file));
  AE_CHECK(ae_history_save(checkpoint->history, checkpoint->comm, file));
  if (checkpoint->model->type->save != NULL) AE_CHECK(checkpoint->model->type->save(checkpoint->model, file));
  AE_CHECK(write_provenance(checkpoint, file));
  AE_CHECK(ae_history_save_times(checkpoint->history, checkpoint->comm, file));
cleanup:
  AE_FREE(config);
  return status;
}

ae_status ae_checkpoint_write(const ae_checkpoint *checkpoint, const char *path) {
  ae_checkpoint what = *checkpoint;
  const ae_phase previous = ae_profile_enter(AE_PHASE_WRITE);
  ae_exchange_settle(checkpoint->exchange);
  const ae_status status = ae_h5_produce(checkpoint->comm, path, write_all, &what);
  ae_profile_leave(previous);
  return status;
}

static ae_status read_optimizer(const ae_checkpoint *checkpoint, ae_h5 *file) {
  float *scratch = ae_exchange_gradient(checkpoint->exchange, 0);
  int64_t steps;
  AE_RETURN_IF(ae_h5_get_integer(file, "/optimizer", "steps", &steps));
  ae_optimizer_set_steps(checkpoint->optimizer, steps);
  memset(scratch, 0, (size_t)ae_params_size(checkpoint->params) * sizeof *scratch);
  for (int slot = 0; slot < ae_optimizer_slots(checkpoint->optimizer); slot++) {
    char root[PATH_SIZE];
    snprintf(root, sizeof root, "/optimizer/%s", ae_optimizer_slot_name(checkpoint->optimizer, slot));
    AE_RETURN_IF(ae_arrays_read(file, checkpoint->params, root, NULL, scratch));
    ae_optimizer_write_slot(checkpoint->optimizer, slot, scratch);
  }
  return AE_OK;
}

static ae_status read_sums(const ae_checkpoint *checkpoint, ae_h5 *file) {
  AE_RETURN_IF(ae_epoch_sums_load(checkpoint->sums, file));
  return ae_h5_get_real(file, "/provenance", "epoch_seconds", &checkpoint->sums->seconds);
}

ae_status ae_checkpoint_read(const ae_checkpoint *checkpoint, ae_h5 *file) {
  AE_RETURN_IF(ae_arrays_read(file, checkpoint->params, "/parameters", NULL, ae_params_values(checkpoint->params)));
  AE_RETURN_IF(read_optimizer(checkpoint, file));
  AE_RETURN_IF(ae_history_load(checkpoint->history, checkpoint->comm, file));
  if (checkpoint->state.epoch_step > 0) AE_RETURN_IF(read_sums(checkpoint, file));
  return checkpoint->model->type->load != NULL ? checkpoint->model->type->load(checkpoint->model, file) : AE_OK;
}
