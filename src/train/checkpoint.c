#include "mpiae/train/checkpoint.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 512 };

/* Scalars of /state: name, place, description; whether 0 stands for an absent one. */
static const struct {
  const char *name;
  size_t place;
  const char *description;
  bool may_lack;
} scalars[] = {{"epoch", offsetof(ae_run_state, epoch), "epochs done", false},
               {"step", offsetof(ae_run_state, step), "optimizer steps done, with those left out", false},
               {"epoch_step", offsetof(ae_run_state, epoch_step),
                "of those, steps of the running epoch: where the sampler stands; 0 = at the end of an epoch", true},
               {"seed", offsetof(ae_run_state, seed), "key of all random numbers", false},
               {"shards", offsetof(ae_run_state, shards), "slices of the dataset", false},
               {"examples", offsetof(ae_run_state, examples), "examples in the dataset", false},
               {"data_checksum", offsetof(ae_run_state, data_checksum), "checksum of the dataset", false},
               {"test_checksum", offsetof(ae_run_state, test_checksum), "checksum of the test set; 0 = none", true},
               {"test_since", offsetof(ae_run_state, test_since), "epochs done when this test set came", true}};

enum { SCALARS = sizeof scalars / sizeof *scalars };

static ae_status write_state(const ae_checkpoint *checkpoint, ae_h5 *file) {
  const ae_run_state *state = &checkpoint->state;
  AE_RETURN_IF(ae_h5_create_group(file, "/state", "where the run stands"));
  for (int i = 0; i < SCALARS; i++) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/state/%s", scalars[i].name);
    const ae_h5_dataset dataset = {.path = path, .type = AE_H5_INT64, .description = scalars[i].description};
    AE_RETURN_IF(ae_h5_write(file, &dataset, 0, 1, (const char *)state + scalars[i].place));
  }
  AE_RETURN_IF(ae_h5_create_axis(file, "/state", "example_axis", state->rank, NULL, "axis of one example"));
  const ae_h5_dataset shape = {"/state/example_shape",
                               AE_H5_INT64,
                               1,
                               {state->rank},
                               {"example_axis"},
                               "lengths of the axes of one example",
                               NULL};
  AE_RETURN_IF(ae_h5_write_whole(file, &shape, state->dim));
  return state->epoch_step > 0 ? ae_epoch_sums_save(checkpoint->sums, file) : AE_OK;
}

/* Axes of a parameter's dimensions, in the group of its layer; weight and bias share them. */
static ae_status make_axes(ae_h5 *file, const char *root, const ae_parameter *parameter) {
  char group[PATH_SIZE], path[2 * PATH_SIZE];
  snprintf(group, sizeof group, "%s/%s", root, parameter->path);
  *strrchr(group, '/') = '\0';
  for (int i = 0; i < parameter->rank; i++) {
    bool exists;
    snprintf(path, sizeof path, "%s/%s", group, parameter->axes[i]);
    AE_RETURN_IF(ae_h5_exists(file, path, &exists));
    if (!exists)
      AE_RETURN_IF(ae_h5_create_axis(file, group, parameter->axes[i], parameter->dim[i], NULL, "index of the layer"));
  }
  return AE_OK;
}

/* Writes one array of every parameter. */
static ae_status write_arrays(const ae_checkpoint *checkpoint, ae_h5 *file, const char *root, const char *description,
                              const float *flat) {
  for (int i = 0; i < ae_params_count(checkpoint->params); i++) {
    const ae_parameter *parameter = ae_params_at(checkpoint->params, i);
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", root, parameter->path);
    AE_RETURN_IF(make_axes(file, root, parameter));
    ae_h5_dataset dataset = {.path = path, .type = AE_H5_FLOAT32, .rank = parameter->rank, .description = description};
    memcpy(dataset.dim, parameter->dim, sizeof parameter->dim);
    memcpy(dataset.axes, parameter->axes, sizeof parameter->axes);
    AE_RETURN_IF(ae_h5_write_whole(file, &dataset, flat + parameter->offset));
  }
  return AE_OK;
}

static ae_status write_optimizer(const ae_checkpoint *checkpoint, ae_h5 *file) {
  float *scratch = ae_exchange_gradient(checkpoint->exchange, 0);
  AE_RETURN_IF(ae_h5_create_group(file, "/optimizer", "state of the optimizer"));
  AE_RETURN_IF(ae_h5_put_integer(file, "/optimizer", "steps", ae_optimizer_steps(checkpoint->optimizer)));
  for (int slot = 0; slot < ae_optimizer_slots(checkpoint->optimizer); slot++) {
    char root[PATH_SIZE];
    snprintf(root, sizeof root, "/optimizer/%s", ae_optimizer_slot_name(checkpoint->optimizer, slot));
    ae_optimizer_read_slot(checkpoint->optimizer, slot, scratch);
    ae_exchange_gather(checkpoint->exchange, scratch);
    AE_RETURN_IF(write_arrays(checkpoint, file, root, "running moment of the gradient", scratch));
  }
  return AE_OK;
}

static ae_status write_provenance(const ae_checkpoint *checkpoint, ae_h5 *file) {
  AE_RETURN_IF(ae_provenance_write(checkpoint->comm, file, checkpoint->seconds));
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
  AE_CHECK(write_state(checkpoint, file));
  AE_CHECK(write_arrays(checkpoint, file, "/parameters", "parameter of the model",
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

static ae_status read_state(ae_h5 *file, ae_run_state *state) {
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  for (int i = 0; i < SCALARS; i++) {
    char path[PATH_SIZE];
    bool exists = true;
    snprintf(path, sizeof path, "/state/%s", scalars[i].name);
    if (scalars[i].may_lack) AE_RETURN_IF(ae_h5_exists(file, path, &exists));
    if (!exists) continue;
    AE_RETURN_IF(ae_h5_read(file, path, AE_H5_INT64, 1, 0, 1, (char *)state + scalars[i].place));
  }
  AE_RETURN_IF(ae_h5_describe(file, "/state/example_shape", &type, &rank, dim));
  if (rank != 1 || (dim[0] != 1 && dim[0] != 3))
    return AE_FAIL(AE_DATA, "%s: /state/example_shape does not have 1 or 3 numbers: the file is damaged",
                   ae_h5_path(file));
  state->rank = dim[0];
  AE_RETURN_IF(ae_h5_read(file, "/state/example_shape", AE_H5_INT64, 1, 0, dim[0], state->dim));
  double features = 1;
  for (int64_t i = 0; i < state->rank; i++) features *= fmax(0, (double)state->dim[i]);
  for (int64_t i = 0; i < state->rank; i++)
    if (state->dim[i] < 1 || features > INT32_MAX)
      return AE_FAIL(AE_DATA, "%s: /state/example_shape holds %lld: the file is damaged", ae_h5_path(file),
                     (long long)state->dim[i]);
  return AE_OK;
}

static ae_status require_checkpoint(ae_h5 *file) {
  char *format = NULL;
  ae_status status = ae_h5_get_kind(file, &format);
  if (status == AE_OK && (format == NULL || strcmp(format, "checkpoint") != 0))
    status = AE_FAIL(AE_DATA, "%s is not a checkpoint (%s%s): a model is a run directory or one of its checkpoints",
                     ae_h5_path(file), format != NULL ? "it is of the kind " : "it was not written by mpiae",
                     format != NULL ? format : "");
  AE_FREE(format);
  return status;
}

ae_status ae_checkpoint_open(const ae_comm *comm, const char *path, ae_h5 **file, ae_config **config,
                             ae_run_state *state) {
  ae_status status;
  char *text = NULL;
  *file = NULL;
  *config = NULL;
  *state = (ae_run_state){0};
  AE_CHECK(ae_h5_open(comm, path, file));
  AE_CHECK(require_checkpoint(*file));
  AE_CHECK(ae_h5_read_text(*file, "/config", &text));
  AE_CHECK(ae_model_configure(text, (int64_t)strlen(text), path, NULL, 0, config));
  AE_CHECK(read_state(*file, state));
cleanup:
  AE_FREE(text);
  if (status != AE_OK) {
    ae_h5_close(file);
    ae_config_destroy(config);
  }
  return status;
}

bool ae_checkpoint_may_lack(const ae_parameter *parameter, const char *own) {
  return own != NULL && strncmp(parameter->path, own, strlen(own)) == 0;
}

static ae_status read_arrays(ae_h5 *file, const ae_params *params, const char *root, const char *own, float *flat) {
  for (int i = 0; i < ae_params_count(params); i++) {
    const ae_parameter *parameter = ae_params_at(params, i);
    char path[PATH_SIZE];
    bool exists = true;
    snprintf(path, sizeof path, "%s/%s", root, parameter->path);
    if (ae_checkpoint_may_lack(parameter, own)) AE_RETURN_IF(ae_h5_exists(file, path, &exists));
    if (!exists) continue;
    AE_RETURN_IF(ae_h5_expect(file, path, parameter->rank, parameter->dim));
    const int64_t rows = parameter->dim[0];
    AE_RETURN_IF(ae_h5_read(file, path, AE_H5_FLOAT32, parameter->count / rows, 0, rows, flat + parameter->offset));
  }
  return AE_OK;
}

ae_status ae_checkpoint_read_parameters(ae_h5 *file, ae_params *params, const char *own) {
  return read_arrays(file, params, "/parameters", own, ae_params_values(params));
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
    AE_RETURN_IF(read_arrays(file, checkpoint->params, root, NULL, scratch));
    ae_optimizer_write_slot(checkpoint->optimizer, slot, scratch);
  }
  return AE_OK;
}

static ae_status read_sums(const ae_checkpoint *checkpoint, ae_h5 *file) {
  AE_RETURN_IF(ae_epoch_sums_load(checkpoint->sums, file));
  return ae_h5_get_real(file, "/provenance", "epoch_seconds", &checkpoint->sums->seconds);
}

ae_status ae_checkpoint_read(const ae_checkpoint *checkpoint, ae_h5 *file) {
  AE_RETURN_IF(ae_checkpoint_read_parameters(file, checkpoint->params, NULL));
  AE_RETURN_IF(read_optimizer(checkpoint, file));
  AE_RETURN_IF(ae_history_load(checkpoint->history, checkpoint->comm, file));
  if (checkpoint->state.epoch_step > 0) AE_RETURN_IF(read_sums(checkpoint, file));
  return checkpoint->model->type->load != NULL ? checkpoint->model->type->load(checkpoint->model, file) : AE_OK;
}
