/* A network for inference: a graph without gradients, what goes in, and what comes of it; all kept from one run to the
 * next. Local. */
#ifndef MPIAE_MODELS_FORWARD_H
#define MPIAE_MODELS_FORWARD_H

#include "mpiae/graph/graph.h"

#define AE_FORWARD_INPUTS 3

typedef struct ae_forward {
  ae_graph *graph;
  int axis; /* of the rows */
  ae_tensor *in[AE_FORWARD_INPUTS];
  ae_tensor *out;
} ae_forward;

/* Begins one, an empty graph for at most `rows` rows; the caller sets in and out, then seals it. */
ae_status ae_forward_begin(ae_params *params, int64_t rows, ae_forward *forward);
ae_status ae_forward_seal(ae_forward *forward);
void ae_forward_destroy(ae_forward *forward); /* a zeroed one is fine */

/* Runs it on `count` rows, whose inputs are in place; or on those of its first input (count, width of it). */
void ae_forward_run(const ae_forward *forward, int64_t count);
void ae_forward_feed(const ae_forward *forward, int64_t count, const float *rows);

#endif
