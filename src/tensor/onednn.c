/* The two versions of oneDNN's C interface, one below the other. */
#include "onednn.h"

#include "mpiae/base/memory.h"

#include <stdio.h>

const char *ae_onednn_library(void) {
  static char name[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(name, sizeof name, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
  return name;
}

bool ae_onednn_uses(dnnl_cpu_isa_t isa) { return (dnnl_get_effective_cpu_isa() & isa) == isa; }

const char *ae_onednn_reason(dnnl_status_t status) {
  switch (status) {
  case dnnl_out_of_memory:
    return "out of memory";
  case dnnl_invalid_arguments:
    return "invalid arguments";
  case dnnl_unimplemented:
    return "it has no kernel for this shape";
  default:
    return "runtime error";
  }
}

void ae_onednn_require(dnnl_status_t status) {
  if (status != dnnl_success) ae_assert_failed(ae_onednn_reason(status), "oneDNN", (int)status);
}

#if DNNL_VERSION_MAJOR == 2

static dnnl_status_t allocate(ae_onednn_layout **out) {
  ae_status memory = AE_NEW(*out, 1);
  if (memory == AE_OK) return dnnl_success;
  ae_error_clear(&memory);
  *out = NULL;
  return dnnl_out_of_memory;
}

dnnl_status_t ae_onednn_layout_create(int axes, const dnnl_dims_t dim, dnnl_data_type_t type, dnnl_format_tag_t tag,
                                      ae_onednn_layout **out) {
  dnnl_status_t status = allocate(out);
  if (status == dnnl_success) status = dnnl_memory_desc_init_by_tag(*out, axes, dim, type, tag);
  if (status != dnnl_success) ae_onednn_layout_destroy(out);
  return status;
}

dnnl_status_t ae_onednn_layout_create_strided(int axes, const dnnl_dims_t dim, dnnl_data_type_t type,
                                              const dnnl_dims_t stride, ae_onednn_layout **out) {
  dnnl_status_t status = allocate(out);
  if (status == dnnl_success) status = dnnl_memory_desc_init_by_strides(*out, axes, dim, type, stride);
  if (status != dnnl_success) ae_onednn_layout_destroy(out);
  return status;
}

void ae_onednn_layout_destroy(ae_onednn_layout **layout) { AE_FREE(*layout); }

static dnnl_status_t describe_product(dnnl_engine_t engine, const ae_onednn_layout *a, const ae_onednn_layout *b,
                                      const ae_onednn_layout *c, dnnl_primitive_attr_t attributes,
                                      dnnl_primitive_desc_t *out) {
  dnnl_matmul_desc_t product;
  const dnnl_status_t status = dnnl_matmul_desc_init(&product, a, b, NULL, c);
  return status == dnnl_success ? dnnl_primitive_desc_create(out, &product, attributes, engine, NULL) : status;
}

static dnnl_status_t append_sum(dnnl_post_ops_t after) { return dnnl_post_ops_append_sum(after, 1); }

static dnnl_status_t describe_forward(dnnl_engine_t engine, const ae_onednn_convolution *c,
                                      dnnl_primitive_desc_t *out) {
  dnnl_convolution_desc_t forward;
  const dnnl_status_t status =
      dnnl_convolution_forward_desc_init(&forward, dnnl_forward_training, dnnl_convolution_direct, c->in, c->weights,
                                         NULL, c->out, c->stride, c->before, c->after);
  return status == dnnl_success ? dnnl_primitive_desc_create(out, &forward, NULL, engine, NULL) : status;
}

static dnnl_status_t describe_backward(dnnl_engine_t engine, const ae_onednn_convolution *c, dnnl_primitive_desc_t hint,
                                       dnnl_primitive_desc_t *out) {
  dnnl_convolution_desc_t backward;
  const dnnl_status_t status = dnnl_convolution_backward_data_desc_init(
      &backward, dnnl_convolution_direct, c->in, c->weights, c->out, c->stride, c->before, c->after);
  return status == dnnl_success ? dnnl_primitive_desc_create(out, &backward, NULL, engine, hint) : status;
}

static dnnl_status_t describe_gradient(dnnl_engine_t engine, const ae_onednn_convolution *c, dnnl_primitive_desc_t hint,
                                       dnnl_primitive_desc_t *out) {
  dnnl_convolution_desc_t gradient;
  const dnnl_status_t status = dnnl_convolution_backward_weights_desc_init(
      &gradient, dnnl_convolution_direct, c->in, c->weights, NULL, c->out, c->stride, c->before, c->after);
  return status == dnnl_success ? dnnl_primitive_desc_create(out, &gradient, NULL, engine, hint) : status;
}

#else

/* A dilation of 0 is none. */
static const dnnl_dims_t dense = {0, 0};

dnnl_status_t ae_onednn_layout_create(int axes, const dnnl_dims_t dim, dnnl_data_type_t type, dnnl_format_tag_t tag,
                                      ae_onednn_layout **out) {
  *out = NULL;
  return dnnl_memory_desc_create_with_tag(out, axes, dim, type, tag);
}

dnnl_status_t ae_onednn_layout_create_strided(int axes, const dnnl_dims_t dim, dnnl_data_type_t type,
                                              const dnnl_dims_t stride, ae_onednn_layout **out) {
  *out = NULL;
  return dnnl_memory_desc_create_with_strides(out, axes, dim, type, stride);
}

static dnnl_status_t describe_product(dnnl_engine_t engine, const ae_onednn_layout *a, const ae_onednn_layout *b,
                                      const ae_onednn_layout *c, dnnl_primitive_attr_t attributes,
                                      dnnl_primitive_desc_t *out) {
  return dnnl_matmul_primitive_desc_create(out, engine, a, b, NULL, c, attributes);
}

static dnnl_status_t append_sum(dnnl_post_ops_t after) {
  return dnnl_post_ops_append_sum(after, 1, 0, dnnl_data_type_undef);
}

void ae_onednn_layout_destroy(ae_onednn_layout **layout) {
  if (*layout != NULL) dnnl_memory_desc_destroy(*layout);
  *layout = NULL;
}

static dnnl_status_t describe_forward(dnnl_engine_t engine, const ae_onednn_convolution *c,
                                      dnnl_primitive_desc_t *out) {
  return dnnl_convolution_forward_primitive_desc_create(out, engine, dnnl_forward_training, dnnl_convolution_direct,
                                                        c->in, c->weights, NULL, c->out, c->stride, dense, c->before,
                                                        c->after, NULL);
}

static dnnl_status_t describe_backward(dnnl_engine_t engine, const ae_onednn_convolution *c, dnnl_primitive_desc_t hint,
                                       dnnl_primitive_desc_t *out) {
  return dnnl_convolution_backward_data_primitive_desc_create(out, engine, dnnl_convolution_direct, c->in, c->weights,
                                                              c->out, c->stride, dense, c->before, c->after, hint,
                                                              NULL);
}

static dnnl_status_t describe_gradient(dnnl_engine_t engine, const ae_onednn_convolution *c, dnnl_primitive_desc_t hint,
                                       dnnl_primitive_desc_t *out) {
  return dnnl_convolution_backward_weights_primitive_desc_create(out, engine, dnnl_convolution_direct, c->in,
                                                                 c->weights, NULL, c->out, c->stride, dense, c->before,
                                                                 c->after, hint, NULL);
}

#endif

dnnl_status_t ae_onednn_describe_convolution(dnnl_engine_t engine, ae_onednn_way way,
                                             const ae_onednn_convolution *convolution, dnnl_primitive_desc_t hint,
                                             dnnl_primitive_desc_t *out) {
  switch (way) {
  case AE_ONEDNN_FORWARD:
    return describe_forward(engine, convolution, out);
  case AE_ONEDNN_BACKWARD:
    return describe_backward(engine, convolution, hint, out);
  default:
    return describe_gradient(engine, convolution, hint, out);
  }
}

/* To an attribute, which copies it. */
static dnnl_status_t set_sum(dnnl_primitive_attr_t attributes) {
  dnnl_post_ops_t after = NULL;
  dnnl_status_t status = dnnl_post_ops_create(&after);
  if (status != dnnl_success) return status;
  status = append_sum(after);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, after);
  dnnl_post_ops_destroy(after);
  return status;
}

dnnl_status_t ae_onednn_describe_product(dnnl_engine_t engine, const ae_onednn_layout *a, const ae_onednn_layout *b,
                                         const ae_onednn_layout *c, bool adds, dnnl_primitive_desc_t *out) {
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
  if (status != dnnl_success) return status;
  if (adds) status = set_sum(attributes);
  if (status == dnnl_success) status = describe_product(engine, a, b, c, attributes, out);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}
