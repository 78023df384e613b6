#include "result.h"

#include "mpiae/infer/decoding.h"
#include "mpiae/models/model_table.h"
#include "mpiae/run/provenance.h"

bool ae_result_encodes(const ae_model_type *type, const void *unused) {
  (void)unused;
  return type->inference->encode != NULL;
}
bool ae_result_decodes(const ae_model_type *type, const void *unused) {
  (void)unused;
  return ae_decoding_of(type) != NULL;
}
bool ae_result_reconstructs(const ae_model_type *type, const void *unused) {
  (void)unused;
  return type->inference->encode != NULL && ae_result_decodes(type, NULL);
}
bool ae_result_evaluates(const ae_model_type *type, const void *unused) {
  (void)unused;
  return type->inference->evaluate != NULL;
}
bool ae_result_draws(const ae_model_type *type, const void *unused) {
  (void)unused;
  return type->inference->draw != NULL;
}
bool ae_result_draws_alike(const ae_model_type *type, const void *unused) {
  (void)unused;
  return type->classes != NULL;
}

ae_status ae_result_open(const ae_comm *comm, const char *model, const char *data,
                         bool (*has)(const ae_model_type *type, const void *context), const char *needs,
                         ae_result *out) {
  char able[256];
  *out = (ae_result){.comm = comm, .name = model, .input = {model, data, NULL}};
  AE_RETURN_IF(ae_loaded_open(comm, model, true, &out->loaded));
  const ae_model_type *type = out->loaded->model->type;
  if (!has(type, NULL)) {
    ae_model_list(has, NULL, able, sizeof able);
    return AE_FAIL(AE_USAGE, "%s: model '%s' %s; this is for: %s", model, type->name, needs, able);
  }
  if (data == NULL) return AE_OK;
  return ae_loaded_open_data(comm, out->loaded, data, &out->data);
}

ae_status ae_result_read_size(const ae_result *result, const ae_arguments *arguments, bool needed, int64_t *size) {
  const ae_model *model = result->loaded->model;
  const bool sets = model->type->sets != NULL;
  *size = ae_arguments_integer(arguments, "size", 0);
  if (*size > 0 && !sets) return AE_FAIL(AE_USAGE, "--size: model '%s' makes no sets of points", model->type->name);
  if (*size > 0 || !sets || !needed || model->sized) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "%s tells no sizes of sets: give --size N, or train its predictor of sizes (set.stage=size, with "
                 "--init-from %s) and name that run",
                 result->name, result->name);
}

void ae_result_close(ae_result *result) {
  ae_dataset_close(&result->data);
  ae_loaded_close(&result->loaded);
}

/* What `produce` needs of a result. */
typedef struct filling {
  ae_result *result;
  const char *format;
  ae_status (*fill)(ae_result *result, ae_h5 *file);
} filling;

static ae_status fill_file(ae_h5 *file, void *context) {
  const filling *what = context;
  const ae_loaded *loaded = what->result->loaded;
  AE_RETURN_IF(ae_inference_begin(loaded->model, file, what->format, loaded->state.epoch, loaded->state.step));
  AE_RETURN_IF(what->fill(what->result, file));
  return ae_provenance_write(what->result->comm, file, &ae_multiplier_blas, 0);
}

ae_status ae_result_write(ae_result *result, const char *path, const char *format,
                          ae_status (*fill)(ae_result *result, ae_h5 *file)) {
  filling what = {result, format, fill};
  AE_RETURN_IF(ae_command_check_out(result->comm, path, format, result->input, 3));
  return ae_h5_produce(result->comm, path, fill_file, &what);
}
