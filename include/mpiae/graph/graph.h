/* The graph: tensors and operations, built once for a capacity of rows and run every step with the rows at hand. Local.
 *
 * A tensor is (rows, width): its leading dimension follows a row axis of the graph and is set anew every step; one row
 * is an example, an exemplar, a point of a set. The rows of an axis are cut into segments, one per own shard;
 * operations treat rows alike wherever they stand, and form a parameter's gradient per segment and along the tree over
 * shards (comm/tree.h), so that results do not depend on how shards are dealt to ranks. The graph knows neither
 * communication nor optimizer: it is given callbacks.
 *
 * A batch of sets has an axis of sets, one row each, and a grouped axis of points, on which the points of all sets
 * stand one after another: set i is rows g[i] … g[i+1] of it, none when it is empty. What an operation does with a set
 * depends on the points of that set alone. */
#ifndef MPIAE_GRAPH_GRAPH_H
#define MPIAE_GRAPH_GRAPH_H

#include "mpiae/graph/params.h"
#include "mpiae/tensor/bf16.h"
#include "mpiae/tensor/multiplier.h"

#define AE_TENSOR_MAX_RANK 3

/* The rows of an axis in a step: segment s is rows offset[s] … offset[s+1]. */
typedef struct ae_rows {
  int segments;
  const int64_t *offset;
  int64_t count; /* offset[segments] */
} ae_rows;

typedef struct ae_tensor {
  const char *name;
  int axis;
  int rank; /* of one row */
  int64_t dim[AE_TENSOR_MAX_RANK];
  int64_t width; /* numbers in a row */
  bool needs_gradient;
  bool leads_to_root; /* a root of the backward pass depends on it */
  bool kept;          /* value and gradient outlive the pass */
  float *value;       /* (capacity, width) */
  float *gradient;    /* the same, or NULL */
  ae_bf16 *rounded;   /* value as products take it, or NULL; see ae_graph_operand */
  uint64_t pass;      /* the last in which it was rounded */
} ae_tensor;

typedef struct ae_graph ae_graph;

/* What the graph tells its user while it runs; any may be NULL. */
typedef struct ae_graph_hooks {
  void *context;
  void (*need)(void *context, const ae_parameter *parameter);  /* about to read its value */
  void (*ready)(void *context, const ae_parameter *parameter); /* its gradient is final */
  void (*progress)(void *context);                             /* between operations */
} ae_graph_hooks;

/* segments: most segments a step can have; plane_end[g]: segments of gradient plane g are those before plane_end[g] and
 * not in the planes before (planes = 0: no backward pass, memory is reused at once). Both lent during the call only. */
ae_status ae_graph_create(ae_params *params, int segments, const int *plane_end, int planes, ae_graph **out);
void ae_graph_destroy(ae_graph **graph); /* NULL is fine */

/* Another way to compute the products of layers than ae_multiplier_blas; before anything is added. */
void ae_graph_multiply_by(ae_graph *graph, const ae_multiplier *multiplier);

ae_params *ae_graph_params(const ae_graph *graph); /* as given */

/* A row axis with the most rows a step can have. Returns its number. */
int ae_graph_axis(ae_graph *graph, int64_t capacity);

/* The same, of segments that have some of a few numbers of rows, but hardly ever all the same as in a step before: layers
 * on it do not look for a way to take them together. */
int ae_graph_axis_varying(ae_graph *graph, int64_t capacity);

/* An axis whose rows come in groups, one for each row of the axis `groups` (which has none itself). capacity: the most
 * rows a step can have on this rank. Where sets are drawn, that is for the caller to bound by the largest batch there
 * can be: over the own shards, the sum of as many of a shard's largest sets as a step takes from it. */
int ae_graph_axis_grouped(ae_graph *graph, int groups, int64_t capacity);

/* An input: the caller fills value before each forward pass. NULL after an error (kept for ae_graph_seal). A
 * differentiable input gets its gradient computed (gradient tests). */
ae_tensor *ae_graph_input(ae_graph *graph, const char *name, int axis, int rank, const int64_t *dim,
                          bool differentiable);

/* Keeps a tensor's value (and gradient) until the next pass: outputs, loss terms, codes. NULL is passed by. */
void ae_graph_keep(ae_tensor *tensor);

/* Makes a tensor a root of the backward pass: the caller fills its gradient after the forward pass. NULL is passed by.
 */
void ae_graph_root(ae_graph *graph, ae_tensor *tensor);

/* No more operations: plans the memory and allocates all of it. Returns the first error of building, which names the
 * operation and the shapes. The store must be sealed before the first pass. */
ae_status ae_graph_seal(ae_graph *graph);

/* The rows of an axis for the passes to come; offset has segments + 1 entries and is copied. */
void ae_graph_set_rows(ae_graph *graph, int axis, const int64_t *offset);
/* The same with every offset times `scale`: an axis of groups of rows. */
void ae_graph_set_rows_scaled(ae_graph *graph, int axis, const int64_t *offset, int64_t scale);
ae_rows ae_graph_rows(const ae_graph *graph, int axis);

/* The same for a grouped axis, after those of its groups: group i is rows offset[i] … offset[i+1]; one entry more than
 * there are groups, copied. Segments follow from it. More rows than the capacity are a bug of the caller: asserted. */
void ae_graph_set_groups(ae_graph *graph, int axis, const int64_t *offset);
/* The same with groups of `size` rows each. */
void ae_graph_set_groups_equal(ae_graph *graph, int axis, int64_t size);

void ae_graph_forward(ae_graph *graph, const ae_graph_hooks *hooks);
void ae_graph_backward(ae_graph *graph, const ae_graph_hooks *hooks);

int64_t ae_graph_bytes(const ae_graph *graph); /* activations, gradients of activations and scratch */

#endif
