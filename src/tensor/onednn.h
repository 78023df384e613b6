/* oneDNN's C interface where its versions 2 and 3 differ: descriptions of arrays and of primitives. All else is called
 * as dnnl.h of either has it. Which version it is was settled at configure time. For src/tensor alone. Local. */
#ifndef MPIAE_TENSOR_ONEDNN_H
#define MPIAE_TENSOR_ONEDNN_H

#include <dnnl.h>
#include <stdbool.h>

/* Shape, type and order of an array ("memory descriptor"): what dnnl.h's functions take and lend by pointer, a struct
 * in 2 and opaque in 3. */
#if DNNL_VERSION_MAJOR == 2
typedef dnnl_memory_desc_t ae_onednn_layout;
#else
typedef struct dnnl_memory_desc ae_onednn_layout;
#endif

/* An array whose order the tag tells: dnnl_nhwc, or dnnl_format_tag_any for what the primitive likes best. *out is
 * owned by the caller, and NULL when it fails: dnnl_out_of_memory, dnnl_invalid_arguments. */
dnnl_status_t ae_onednn_layout_create(int axes, const dnnl_dims_t dim, dnnl_data_type_t type, dnnl_format_tag_t tag,
                                      ae_onednn_layout **out);
/* The same with the distance of neighbours along each axis; dim and stride may be DNNL_RUNTIME_DIM_VAL. */
dnnl_status_t ae_onednn_layout_create_strided(int axes, const dnnl_dims_t dim, dnnl_data_type_t type,
                                              const dnnl_dims_t stride, ae_onednn_layout **out);
void ae_onednn_layout_destroy(ae_onednn_layout **layout); /* NULL is fine */

/* What a convolution computes: y = W ∗ x, dx = Wᵀ ∗ dy, or dW. */
typedef enum ae_onednn_way { AE_ONEDNN_FORWARD, AE_ONEDNN_BACKWARD, AE_ONEDNN_GRADIENT } ae_onednn_way;

/* Axes as oneDNN counts them, whatever the order in memory: in (image, channel, row, column), weights (output, channel,
 * row, column), out (image, output, row, column); of backward and gradient, those of their gradients. Lent. */
typedef struct ae_onednn_convolution {
  const ae_onednn_layout *in, *weights, *out;
  dnnl_dims_t stride, before, after; /* rows, columns; padding before the first and after the last */
} ae_onednn_convolution;

/* The description of its primitive for this engine, owned by the caller (dnnl_primitive_desc_destroy); of backward and
 * gradient, with that of the forward one as a hint, else NULL. Fails with dnnl_unimplemented when there is no kernel for
 * it; *out is then as it was. */
dnnl_status_t ae_onednn_describe_convolution(dnnl_engine_t engine, ae_onednn_way way,
                                             const ae_onednn_convolution *convolution, dnnl_primitive_desc_t hint,
                                             dnnl_primitive_desc_t *out);

/* The same of a product C = A · B, or C + A · B. */
dnnl_status_t ae_onednn_describe_product(dnnl_engine_t engine, const ae_onednn_layout *a, const ae_onednn_layout *b,
                                         const ae_onednn_layout *c, bool adds, dnnl_primitive_desc_t *out);

/* "oneDNN 3.7.2": of the library that runs, not of the header. Lent. */
const char *ae_onednn_library(void);

/* Whether it is let use these instructions, which the processor has: ONEDNN_MAX_CPU_ISA leaves some out. */
bool ae_onednn_uses(dnnl_cpu_isa_t isa);

/* A status in words, lent; and an end of the program unless it is dnnl_success, for what cannot fail but for want of
 * memory. */
const char *ae_onednn_reason(dnnl_status_t status);
void ae_onednn_require(dnnl_status_t status);

#endif
