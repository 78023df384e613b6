#include "mpiae/train/loaded.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/train/run_directory.h"

#include <string.h>

static ae_status build(const ae_comm *comm, ae_loaded *loaded) {
  ae_model_setup setup = {.comm = comm,
                          .config = loaded->config,
                          .rank = (int)loaded->state.rank,
                          .features = 1,
                          .seed = (uint64_t)loaded->state.seed};
  memcpy(setup.dim, loaded->state.dim, sizeof setup.dim);
  for (int i = 0; i < setup.rank; i++) setup.features *= setup.dim[i];
  AE_RETURN_IF(ae_comm_agree(comm, ae_params_create(&loaded->params)));
  setup.params = loaded->params;
  AE_RETURN_IF(ae_model_find(ae_config_text(loaded->config, "model"))->create(&setup, &loaded->model));
  AE_RETURN_IF(ae_comm_agree(comm, ae_params_seal(loaded->params)));
  return ae_comm_agree(comm, ae_params_allocate(loaded->params, 0));
}

static ae_status open_file(const ae_comm *comm, const char *path, ae_loaded **out) {
  ae_status status;
  ae_loaded *loaded = NULL;
  ae_h5 *file = NULL;
  AE_CHECK(ae_comm_agree(comm, AE_NEW(loaded, 1)));
  AE_CHECK(ae_checkpoint_open(comm, path, &file, &loaded->config, &loaded->state));
  AE_CHECK(build(comm, loaded));
  AE_CHECK(ae_checkpoint_read_parameters(file, loaded->params));
  if (loaded->model->type->load != NULL) AE_CHECK(loaded->model->type->load(loaded->model, file));
  *out = loaded;
  loaded = NULL;
cleanup:
  ae_h5_close(&file);
  ae_loaded_close(&loaded);
  return status;
}

/* The newest of a run directory that can be read. */
static ae_status open_newest(const ae_comm *comm, const char *directory, ae_loaded **out) {
  ae_status status;
  int64_t *steps = NULL;
  int count;
  char path[AE_PATH_SIZE];
  AE_CHECK(ae_run_directory_checkpoints(comm, directory, &steps, &count));
  if (count == 0)
    AE_RAISE(AE_DATA, "%s has no checkpoint: it is not the directory of a run that got that far", directory);
  for (int i = 0; i < count; i++) {
    ae_error_clear(&status);
    ae_run_directory_checkpoint(directory, steps[i], path);
    status = open_file(comm, path, out);
    if (ae_error_code(status) != AE_DATA) break;
    if (i + 1 < count) ae_log_warning("%s; trying the checkpoint before", ae_error_message(status));
  }
cleanup:
  AE_FREE(steps);
  return status;
}

ae_status ae_loaded_open(const ae_comm *comm, const char *model, ae_loaded **out) {
  int is_directory = ae_run_directory_is(model);
  *out = NULL;
  ae_comm_broadcast(comm, &is_directory, (int64_t)sizeof is_directory);
  return is_directory ? open_newest(comm, model, out) : open_file(comm, model, out);
}

void ae_loaded_close(ae_loaded **loaded) {
  if (*loaded == NULL) return;
  if ((*loaded)->model != NULL) (*loaded)->model->type->destroy((*loaded)->model);
  ae_params_destroy(&(*loaded)->params);
  ae_config_destroy(&(*loaded)->config);
  AE_FREE(*loaded);
}
