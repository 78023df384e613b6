#include "mpiae/graph/params.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"

#include <string.h>

enum { MAX_PARAMETERS = 1024 };

struct ae_params {
  ae_parameter *parameter[MAX_PARAMETERS];
  int count;
  int64_t size, elements;
  bool sealed;
  ae_status error;
  float *values, **gradients;
  const ae_bf16 *rounded; /* lent, or NULL */
  int planes;
  float *own_values, **own_gradients;
};

ae_status ae_params_create(ae_params **out) { return AE_NEW(*out, 1); }

void ae_params_destroy(ae_params **out) {
  ae_params *params = *out;
  if (params == NULL) return;
  for (int i = 0; i < params->count; i++) {
    char *path;
    memcpy(&path, &params->parameter[i]->path, sizeof path);
    AE_FREE(path);
    AE_FREE(params->parameter[i]);
  }
  for (int plane = 0; params->own_gradients != NULL && plane < params->planes; plane++)
    AE_FREE(params->own_gradients[plane]);
  AE_FREE(params->own_gradients);
  AE_FREE(params->own_values);
  AE_FREE(params->gradients);
  ae_error_clear(&params->error);
  AE_FREE(*out);
}

static bool has_shape(const ae_parameter *parameter, int rank, const int64_t *dim) {
  return parameter->rank == rank && memcmp(parameter->dim, dim, (size_t)rank * sizeof *dim) == 0;
}

static ae_status add_new(ae_params *params, const char *path, int rank, const int64_t *dim, ae_parameter **out) {
  char *copy;
  ae_parameter *parameter = NULL;
  if (params->count == MAX_PARAMETERS)
    return AE_FAIL(AE_INTERNAL, "parameter %s: more than %d parameters", path, MAX_PARAMETERS);
  AE_RETURN_IF(AE_NEW(parameter, 1));
  ae_status status = ae_memory_text(path, &copy);
  if (status != AE_OK) {
    AE_FREE(parameter);
    return status;
  }
  parameter->path = copy;
  params->parameter[params->count] = parameter;
  parameter->number = params->count++;
  parameter->rank = rank;
  parameter->count = 1;
  for (int i = 0; i < rank; i++) {
    parameter->dim[i] = dim[i];
    AE_RETURN_IF(ae_multiply(parameter->count, dim[i], path, &parameter->count));
  }
  *out = parameter;
  return AE_OK;
}

static ae_parameter *find(const ae_params *params, const char *path) {
  for (int i = 0; i < params->count; i++)
    if (strcmp(params->parameter[i]->path, path) == 0) return params->parameter[i];
  return NULL;
}

const ae_parameter *ae_params_add(ae_params *params, const char *path, int rank, const int64_t *dim,
                                  const char *const *axes, float bound, bool decays) {
  ae_status status = AE_OK;
  ae_parameter *parameter = find(params, path);
  if (parameter != NULL && has_shape(parameter, rank, dim)) return parameter;
  if (parameter != NULL) status = AE_FAIL(AE_INTERNAL, "parameter %s is wanted in two shapes", path);
  else status = add_new(params, path, rank, dim, &parameter);
  if (status != AE_OK) {
    params->error = ae_error_first(params->error, status);
    return NULL;
  }
  AE_ASSERT(!params->sealed);
  memcpy(parameter->axes, axes, (size_t)rank * sizeof *axes);
  parameter->bound = bound;
  parameter->decays = decays;
  return parameter;
}

void ae_params_start_about(ae_params *params, const ae_parameter *parameter, float middle) {
  if (parameter != NULL) params->parameter[parameter->number]->middle = middle;
}

void ae_params_mark_trained(ae_params *params, const ae_parameter *parameter) {
  params->parameter[parameter->number]->trained = true;
}

ae_status ae_params_seal(ae_params *params) {
  if (params->error != AE_OK) {
    const ae_status error = params->error;
    params->error = AE_OK;
    return error;
  }
  params->size = params->elements = 0;
  for (int i = 0; i < params->count; i++) {
    params->parameter[i]->offset = params->size;
    params->elements += params->parameter[i]->count;
    params->size += ae_round_up(params->parameter[i]->count, AE_PARAMS_BLOCK);
  }
  params->sealed = true;
  return AE_OK;
}

int ae_params_count(const ae_params *params) { return params->count; }
const ae_parameter *ae_params_at(const ae_params *params, int number) { return params->parameter[number]; }
int64_t ae_params_size(const ae_params *params) { return params->size; }
int64_t ae_params_elements(const ae_params *params) { return params->elements; }

ae_status ae_params_bind(ae_params *params, float *values, float *const *gradients, int planes) {
  AE_ASSERT(params->sealed);
  AE_FREE(params->gradients);
  AE_RETURN_IF(AE_NEW(params->gradients, planes));
  if (planes > 0) memcpy(params->gradients, gradients, (size_t)planes * sizeof *gradients);
  params->values = values;
  params->planes = planes;
  return AE_OK;
}

ae_status ae_params_allocate(ae_params *params, int planes) {
  AE_RETURN_IF(AE_NEW(params->own_values, params->size));
  AE_RETURN_IF(AE_NEW(params->own_gradients, planes));
  params->planes = planes;
  for (int plane = 0; plane < planes; plane++) AE_RETURN_IF(AE_NEW(params->own_gradients[plane], params->size));
  return ae_params_bind(params, params->own_values, params->own_gradients, planes);
}

float *ae_params_values(const ae_params *params) { return params->values; }

float *ae_params_value(const ae_params *params, const ae_parameter *parameter) {
  return params->values + parameter->offset;
}

float *ae_params_gradient(const ae_params *params, const ae_parameter *parameter, int plane) {
  return params->gradients[plane] + parameter->offset;
}

void ae_params_lend_rounded(ae_params *params, const ae_bf16 *rounded) { params->rounded = rounded; }

const ae_bf16 *ae_params_rounded(const ae_params *params, const ae_parameter *parameter) {
  return params->rounded != NULL && parameter->trained ? params->rounded + parameter->offset : NULL;
}

void ae_params_start(ae_params *params, uint64_t seed) {
  for (int i = 0; i < params->count; i++) {
    const ae_parameter *parameter = params->parameter[i];
    ae_random_fill_uniform(ae_stream_of(seed, AE_RANDOM_INIT, 0, i), parameter->middle - parameter->bound,
                           parameter->middle + parameter->bound, parameter->count, ae_params_value(params, parameter));
  }
}
