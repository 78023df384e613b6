/* The first parameters of a new run, from a model that was trained before. */
#include "mpiae/run/arrays.h"
#include "mpiae/run/torch.h"
#include "run.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <string.h>

static ae_status check_parameter(ae_h5 *file, const ae_parameter *parameter, const char *own) {
  char path[AE_PATH_SIZE], here[AE_SHAPE_SIZE], there[AE_SHAPE_SIZE];
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  bool exists;
  snprintf(path, sizeof path, "/parameters/%s", parameter->path);
  ae_print_shape(NULL, parameter->rank, parameter->dim, here);
  AE_RETURN_IF(ae_h5_exists(file, path, &exists));
  if (!exists && ae_arrays_may_lack(parameter, own)) return AE_OK;
  if (!exists)
    return AE_FAIL(AE_USAGE, "%s has no parameter %s, which is %s in this model: choose a model with the same networks",
                   ae_h5_path(file), parameter->path, here);
  AE_RETURN_IF(ae_h5_describe(file, path, &type, &rank, dim));
  if (rank == parameter->rank && memcmp(dim, parameter->dim, (size_t)rank * sizeof *dim) == 0) return AE_OK;
  ae_print_shape(NULL, rank, dim, there);
  return AE_FAIL(AE_USAGE, "parameter %s of %s is %s, but %s in this model: give both the same network.* keys and data",
                 parameter->path, ae_h5_path(file), there, here);
}

static ae_status take_parameters(const ae_comm *comm, const char *path, void *context) {
  ae_trainer *t = context;
  ae_status status;
  ae_h5 *file = NULL;
  ae_config *config = NULL;
  ae_run_state state;
  const ae_model_type *type = t->model->type;
  AE_CHECK(ae_run_state_open(comm, path, &file, &config, &state));
  AE_CHECK(
      ae_error_prefix(ae_config_check_section(t->config, config, "network"), "the networks of %s are others", path));
  if (type->training->init_from != NULL) AE_CHECK(type->training->init_from(t->model, config, file));
  for (int i = 0; i < ae_params_count(t->params); i++)
    AE_CHECK(check_parameter(file, ae_params_at(t->params, i), type->training->own_parameters));
  AE_CHECK(ae_arrays_read(file, t->params, "/parameters", type->training->own_parameters, ae_params_values(t->params)));
  AE_FREE(t->origin);
  AE_CHECK(ae_comm_agree(comm, ae_memory_text(path, &t->origin)));
cleanup:
  ae_h5_close(&file);
  ae_config_destroy(&config);
  return status;
}

/* Every rank reads it. */
static ae_status take_tensors(ae_trainer *t, const char *path) {
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_torch_load(t->model, path)));
  AE_FREE(t->origin);
  return ae_comm_agree(t->comm, ae_memory_text(path, &t->origin));
}

ae_status ae_trainer_init_from(ae_trainer *t, const char *model) {
  static const char ending[] = ".safetensors";
  const size_t length = strlen(model), own = strlen(ending);
  if (length > own && strcmp(model + length - own, ending) == 0)
    return ae_error_prefix(take_tensors(t, model), "--init-from");
  return ae_error_prefix(ae_run_directory_visit(t->comm, model, take_parameters, t), "--init-from");
}

ae_status ae_trainer_read_origin(ae_trainer *t, ae_h5 *file) {
  bool there;
  AE_FREE(t->origin);
  AE_RETURN_IF(ae_h5_has_attribute(file, "/provenance", "init_from", &there));
  return there ? ae_h5_get_text(file, "/provenance", "init_from", &t->origin) : AE_OK;
}
