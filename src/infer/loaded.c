#include "mpiae/infer/loaded.h"

#include "mpiae/base/memory.h"
#include "mpiae/data/labels.h"
#include "mpiae/infer/evaluate.h"
#include "mpiae/models/configure.h"
#include "mpiae/models/model_table.h"
#include "mpiae/models/rows.h"
#include "mpiae/run/arrays.h"
#include "mpiae/run/directory.h"

#include <string.h>

static ae_status read_names(ae_h5 *file, ae_loaded *loaded) {
  bool exists;
  AE_RETURN_IF(ae_h5_exists(file, "/state/label_names", &exists));
  return exists ? ae_h5_read_text(file, "/state/label_names", &loaded->label_names) : AE_OK;
}

static ae_status build(const ae_comm *comm, ae_h5 *file, ae_loaded *loaded) {
  ae_model_setup setup = {.comm = comm,
                          .config = loaded->config,
                          .rank = (int)loaded->state.rank,
                          .features = 1,
                          .seed = (uint64_t)loaded->state.seed,
                          .scale = &loaded->scale};
  memcpy(setup.dim, loaded->state.dim, sizeof setup.dim);
  for (int i = 0; i < setup.rank; i++) setup.features *= setup.dim[i];
  AE_RETURN_IF(ae_comm_agree(comm, ae_params_create(&loaded->params)));
  setup.params = loaded->params;
  AE_RETURN_IF(
      ae_data_scale_load(comm, ae_config_text(loaded->config, "data.scale"), file, setup.features, &loaded->scale));
  AE_RETURN_IF(ae_model_find(ae_config_text(loaded->config, "model"))->create(&setup, &loaded->model));
  AE_RETURN_IF(ae_comm_agree(comm, ae_params_seal(loaded->params)));
  return ae_comm_agree(comm, ae_params_allocate(loaded->params, 0));
}

typedef struct opening {
  bool leads;
  ae_loaded **out;
} opening;

static ae_status open_file(const ae_comm *comm, const char *path, void *context) {
  ae_status status;
  const opening *what = context;
  ae_loaded *loaded = NULL;
  ae_h5 *file = NULL;
  AE_CHECK(ae_comm_agree(comm, AE_NEW(loaded, 1)));
  AE_CHECK(ae_run_state_open(comm, path, &file, &loaded->config, &loaded->state));
  if (what->leads) ae_model_use_threads(loaded->config);
  AE_CHECK(build(comm, file, loaded));
  AE_CHECK(read_names(file, loaded));
  AE_CHECK(ae_arrays_read(file, loaded->params, "/parameters", NULL, ae_params_values(loaded->params)));
  if (loaded->model->type->load != NULL) AE_CHECK(loaded->model->type->load(loaded->model, file));
  *what->out = loaded;
  loaded = NULL;
cleanup:
  ae_h5_close(&file);
  ae_loaded_close(&loaded);
  return status;
}

ae_status ae_loaded_open(const ae_comm *comm, const char *model, bool leads, ae_loaded **out) {
  opening what = {leads, out};
  *out = NULL;
  return ae_run_directory_visit(comm, model, open_file, &what);
}

ae_status ae_loaded_open_data(const ae_comm *comm, ae_loaded *loaded, const char *path, ae_dataset **out) {
  const ae_slicing cut = {.block = AE_BLOCK_ROWS, .memory = ae_model_data_memory(loaded->config)};
  AE_RETURN_IF(ae_dataset_open_sliced(comm, path, cut, out));
  AE_RETURN_IF(ae_dataset_name_labels(comm, *out, loaded->label_names));
  /* of another shape it has no such scale */
  if (loaded->scale.features <= 1 || (*out)->features == loaded->scale.features)
    AE_RETURN_IF(ae_dataset_use_scale(comm, *out, &loaded->scale));
  return ae_inference_accept(loaded->model, *out);
}

void ae_loaded_close(ae_loaded **loaded) {
  if (*loaded == NULL) return;
  if ((*loaded)->model != NULL) (*loaded)->model->type->destroy((*loaded)->model);
  ae_params_destroy(&(*loaded)->params);
  ae_config_destroy(&(*loaded)->config);
  ae_data_scale_free(&(*loaded)->scale);
  AE_FREE((*loaded)->label_names);
  AE_FREE(*loaded);
}
