#include "mpiae/run/torch.h"

#include "mpiae/base/memory.h"
#include "mpiae/run/arrays.h"
#include "mpiae/run/safetensors.h"

#include <string.h>

/* All arrays of a model in PyTorch's order of names and numbers. */
typedef struct torch_arrays {
  ae_named_array *array;
  bool *may_lack, *learnt; /* of each */
  int count;
  float *turned; /* the parameters, one after another */
} torch_arrays;

static int parts_of(const ae_parameter *parameter) { return strcmp(parameter->axes[0], "statistic") == 0 ? 2 : 1; }

/* Between a parameter and its array: kernels have their last axis second in PyTorch. */
static void turn(const ae_parameter *parameter, bool back, float *ours, float *turned) {
  const int64_t *dim = parameter->dim;
  if (parameter->rank < 4) {
    memcpy(back ? ours : turned, back ? turned : ours, (size_t)parameter->count * sizeof *ours);
    return;
  }
  const int64_t places = dim[1] * dim[2], last = dim[3];
  for (int64_t i = 0; i < parameter->count; i++) {
    float *other = turned + (i / (places * last) * last + i % last) * places + i / last % places;
    *(back ? ours + i : other) = back ? *other : ours[i];
  }
}

static void name_parameter(const ae_parameter *parameter, int part, char out[AE_NAMED_SIZE]) {
  const char *slash = strrchr(parameter->path, '/'), *last = slash + 1;
  const char *statistic = parts_of(parameter) == 1 ? "" : part == 0 ? ".mean" : ".logstd";
  if (strcmp(last, "gain") == 0 || strcmp(last, "embedding") == 0) last = "weight";
  snprintf(out, AE_NAMED_SIZE, "%.*s%s.%s", (int)(slash - parameter->path), parameter->path, statistic, last);
  for (char *c = out; *c != '\0'; c++)
    if (*c == '/') *c = '.';
}

static void add_parameter(torch_arrays *all, const ae_parameter *parameter, const char *own, float *turned) {
  const int parts = parts_of(parameter), skip = parts - 1;
  for (int part = 0; part < parts; part++) {
    ae_named_array *array = &all->array[all->count];
    *array = (ae_named_array){.type = AE_H5_FLOAT32, .rank = parameter->rank - skip};
    name_parameter(parameter, part, array->name);
    memcpy(array->dim, parameter->dim + skip, (size_t)array->rank * sizeof *array->dim);
    if (array->rank == 4) {
      array->dim[1] = parameter->dim[3];
      memcpy(array->dim + 2, parameter->dim + 1, 2 * sizeof *array->dim);
    }
    array->values = turned + part * (parameter->count / parts);
    all->learnt[all->count] = true;
    all->may_lack[all->count++] = ae_arrays_may_lack(parameter, own);
  }
}

static void add_array(torch_arrays *all, const ae_model_array *kept) {
  ae_named_array *array = &all->array[all->count];
  *array = (ae_named_array){.type = kept->type, .rank = kept->rank, .values = kept->values};
  snprintf(array->name, sizeof array->name, "%s", kept->name);
  memcpy(array->dim, kept->dim, sizeof kept->dim);
  all->learnt[all->count++] = kept->learnt;
}

static void add_arrays(torch_arrays *all, ae_model *model) {
  const ae_data_scale *scale = model->setup.scale;
  ae_model_array kept[AE_MODEL_MAX_ARRAYS];
  const int count = model->type->arrays != NULL ? model->type->arrays(model, kept) : 0;
  for (int i = 0; i < count; i++) add_array(all, &kept[i]);
  if (scale == NULL || scale->offset == NULL) return;
  add_array(all, &(ae_model_array){"scale.offset", AE_H5_FLOAT32, 1, {scale->features}, scale->offset, false});
  add_array(all, &(ae_model_array){"scale.divisor", AE_H5_FLOAT32, 1, {scale->features}, scale->divisor, false});
}

static void free_arrays(torch_arrays *all) {
  AE_FREE(all->array);
  AE_FREE(all->may_lack);
  AE_FREE(all->learnt);
  AE_FREE(all->turned);
}

static ae_status list(ae_model *model, torch_arrays *all) {
  const ae_params *params = model->setup.params;
  const int most = 2 * ae_params_count(params) + AE_MODEL_MAX_ARRAYS + 2;
  AE_RETURN_IF(AE_NEW(all->array, most));
  AE_RETURN_IF(AE_NEW(all->may_lack, most));
  AE_RETURN_IF(AE_NEW(all->learnt, most));
  AE_RETURN_IF(AE_NEW(all->turned, ae_params_elements(params)));
  float *turned = all->turned;
  for (int i = 0; i < ae_params_count(params); i++) {
    add_parameter(all, ae_params_at(params, i), model->type->training->own_parameters, turned);
    turned += ae_params_at(params, i)->count;
  }
  add_arrays(all, model);
  return AE_OK;
}

static void turn_all(ae_model *model, bool back, float *turned) {
  const ae_params *params = model->setup.params;
  for (int i = 0; i < ae_params_count(params); i++) {
    const ae_parameter *parameter = ae_params_at(params, i);
    turn(parameter, back, ae_params_value(params, parameter), turned);
    turned += parameter->count;
  }
}

ae_status ae_torch_save(ae_model *model, const char *path) {
  torch_arrays all = {0};
  ae_status status = list(model, &all);
  if (status == AE_OK) {
    turn_all(model, false, all.turned);
    status = ae_safetensors_write(path, all.count, all.array);
  }
  free_arrays(&all);
  return status;
}

ae_status ae_torch_load(ae_model *model, const char *path) {
  ae_status status;
  torch_arrays all = {0};
  ae_safetensors *file = NULL;
  AE_CHECK(list(model, &all));
  AE_CHECK(ae_safetensors_open(path, &file));
  turn_all(model, false, all.turned); /* what lacks stays as it is */
  for (int i = 0; i < all.count; i++) {
    const char *name = all.array[i].name;
    if (!all.learnt[i]) ae_safetensors_pass(file, name);
    else if (!all.may_lack[i] || ae_safetensors_has(file, name)) AE_CHECK(ae_safetensors_take(file, &all.array[i]));
  }
  AE_CHECK(ae_safetensors_check_taken(file));
  turn_all(model, true, all.turned);
  if (model->type->training->adopt != NULL) AE_CHECK(model->type->training->adopt(model));
cleanup:
  ae_safetensors_close(&file);
  free_arrays(&all);
  return status;
}
