/* The parameter store: one flat buffer of values and one per gradient plane, with named views. Local.
 *
 * Every parameter begins on a block of AE_PARAMS_BLOCK floats, so that buckets of the gradient exchange are whole
 * parameters. Parameters stand in the order in which the forward pass uses them. A parameter belongs to one operation
 * of a graph: its gradient is final when that operation's backward pass is done. One that no graph trains keeps its
 * value and has the gradient 0. */
#ifndef MPIAE_GRAPH_PARAMS_H
#define MPIAE_GRAPH_PARAMS_H

#include "mpiae/base/status.h"
#include "mpiae/tensor/bf16.h"

#include <stdint.h>

#define AE_PARAMS_BLOCK 1024
#define AE_PARAMETER_MAX_RANK 4

typedef struct ae_parameter {
  const char *path; /* "encoder_z/hidden/weight": also its place in a checkpoint */
  int rank;
  int64_t dim[AE_PARAMETER_MAX_RANK];
  const char *axes[AE_PARAMETER_MAX_RANK]; /* names of the dimensions: "output", "input" */
  int64_t count;                           /* product of dim */
  int64_t offset;                          /* in the flat buffers */
  float bound, middle;                     /* starts at middle + U(−bound, bound) */
  bool decays;                             /* weight decay applies: not to biases, norms, codebooks */
  bool trained;                            /* a graph gives it a gradient */
  int number;                              /* place in the store */
} ae_parameter;

typedef struct ae_params ae_params;

ae_status ae_params_create(ae_params **out);
void ae_params_destroy(ae_params **params); /* NULL is fine */

/* The parameter of this path: added, or, when there already, the same with the same shape. The names of
 * the axes must live as long as the program. NULL without memory: the error is kept for ae_params_seal. */
const ae_parameter *ae_params_add(ae_params *params, const char *path, int rank, const int64_t *dim,
                                  const char *const *axes, float bound, bool decays);

/* Sets `middle`, 0 otherwise (the gain of a norm starts at 1). NULL is passed by. */
void ae_params_start_about(ae_params *params, const ae_parameter *parameter, float middle);

/* Sets `trained`, false otherwise: ae_graph_seal does so for the parameters that its backward pass reaches. */
void ae_params_mark_trained(ae_params *params, const ae_parameter *parameter);

/* No more parameters: lays out the buffers. Returns the first error of adding. */
ae_status ae_params_seal(ae_params *params);

int ae_params_count(const ae_params *params);
const ae_parameter *ae_params_at(const ae_params *params, int number);
int64_t ae_params_size(const ae_params *params);     /* floats of a flat buffer, padding included */
int64_t ae_params_elements(const ae_params *params); /* floats of all parameters */

/* Lends the buffers (ae_params_size floats each, zeroed) to the store: gradients may be 0 planes. Whoever binds owns
 * them. Errors: AE_INTERNAL without memory. */
ae_status ae_params_bind(ae_params *params, float *values, float *const *gradients, int planes);

/* Allocates and binds values (no gradient planes unless told), owned by the store: for inference and tests. */
ae_status ae_params_allocate(ae_params *params, int planes);

float *ae_params_values(const ae_params *params); /* the flat buffer */
float *ae_params_value(const ae_params *params, const ae_parameter *parameter);
float *ae_params_gradient(const ae_params *params, const ae_parameter *parameter, int plane);

/* Lends the flat buffer of values rounded to bfloat16, as far as they are trained; NULL takes it back. Whoever lends it
 * writes it whenever values change. Of a parameter: where its own begin there, or NULL where they are to be had by
 * rounding alone. */
void ae_params_lend_rounded(ae_params *params, const ae_bf16 *rounded);
const ae_bf16 *ae_params_rounded(const ae_params *params, const ae_parameter *parameter);

/* Sets every parameter to middle + U(−bound, bound) by Philox(seed, AE_RANDOM_INIT, 0, number). */
void ae_params_start(ae_params *params, uint64_t seed);

#endif
