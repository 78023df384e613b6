/* Operations number by number: activations, sums, gates, straight-through values. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"

#include <math.h>
#include <string.h>

static int64_t rows_of(ae_graph *graph, const ae_node *node) { return ae_graph_rows(graph, node->out->axis).count; }

/* So many numbers at a time stay in the first cache from one loop to the next. */
enum { CACHED = 1 << 12 };

/* Numbers of the gradient of the output, to an input of the same width where it is wanted. */
static void hand_on_part(const ae_node *node, int input, int64_t at, int64_t count) {
  if (!node->in[input]->needs_gradient) return;
  const float *gradient = node->out->gradient + at;
  float *target = node->in[input]->gradient + at;
  if (node->adds[input]) ae_add(count, gradient, target);
  else memcpy(target, gradient, (size_t)count * sizeof *target);
}

/* All of it, to the first inputs. */
static void hand_on(ae_graph *graph, const ae_node *node, int inputs) {
  const int64_t total = rows_of(graph, node) * node->out->width;
  for (int64_t at = 0; at < total; at += CACHED)
    for (int input = 0; input < inputs; input++) hand_on_part(node, input, at, ae_min(CACHED, total - at));
}

/* y = f(x). */

double ae_op_activated(ae_activation activation, double x) {
  if (activation == AE_TANH) return tanh(x);
  if (activation == AE_LEAKY_RELU) return x > 0 ? x : 0.2 * x;
  return activation == AE_RELU ? fmax(x, 0) : x;
}

/* Attribute. */
enum { ACTIVATION };

static void activate_forward(ae_graph *graph, const ae_node *node) {
  ae_activation_apply(rows_of(graph, node) * node->out->width, (ae_activation)node->attribute[ACTIVATION],
                      node->in[0]->value, node->out->value);
}

static void activate_backward(ae_graph *graph, const ae_node *node) {
  const int64_t total = rows_of(graph, node) * node->out->width;
  for (int64_t at = 0; at < total; at += CACHED) {
    const int64_t count = ae_min(CACHED, total - at);
    ae_activate_backward(count, (ae_activation)node->attribute[ACTIVATION], node->out->value + at,
                         node->out->gradient + at);
    hand_on_part(node, 0, at, count);
  }
}

static void activate_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                               const double *const *parameter, int64_t out_rows, double *out) {
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows * node->out->width; i++)
    out[i] = ae_op_activated((ae_activation)node->attribute[ACTIVATION], in[0][i]);
}

static ae_tensor *build_tanh(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_activate(graph, "activate", in[0], AE_TANH);
}
static ae_tensor *build_relu(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_activate(graph, "activate", in[0], AE_RELU);
}
static ae_tensor *build_leaky(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_activate(graph, "activate", in[0], AE_LEAKY_RELU);
}
static ae_tensor *build_linear(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_activate(graph, "activate", in[0], AE_LINEAR);
}

static const ae_op_case activate_cases[] = {
    {"tanh", 1, {{1, 1, {21}, -2, 2, AE_CASE_DIFFERENTIABLE}}, build_tanh},
    {"relu", 1, {{1, 2, {3, 7}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_relu},
    {"leaky relu", 1, {{1, 1, {6}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_leaky},
    {"linear", 1, {{1, 1, {5}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_linear},
    {0}};

const ae_op ae_op_activate = {"activate",        AE_READS_OUTPUT,    NULL,          activate_forward,
                              activate_backward, activate_reference, activate_cases};

ae_tensor *ae_activate(ae_graph *graph, const char *name, ae_tensor *in, ae_activation activation) {
  if (in == NULL) return NULL;
  ae_node *node = ae_graph_add(graph, &ae_op_activate, name, &in, 1, in->axis, in->rank, in->dim);
  if (node == NULL) return NULL;
  node->attribute[ACTIVATION] = activation;
  return node->out;
}

/* a + b, b repeated along the row. */

static void sum_forward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = rows_of(graph, node), width = node->out->width, part = node->in[1]->width;
  for (int64_t i = 0; i < rows; i++) { /* row by row: it is in the cache from the copy to the addition */
    float *out = node->out->value + i * width;
    memcpy(out, node->in[0]->value + i * width, (size_t)width * sizeof *out);
    for (int64_t at = 0; at < width; at += part) ae_add(part, node->in[1]->value + i * part, out + at);
  }
}

static void sum_backward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = rows_of(graph, node), width = node->out->width, part = node->in[1]->width;
  hand_on(graph, node, part == width ? 2 : 1);
  for (int64_t i = 0; i < rows && part < width && node->in[1]->needs_gradient; i++)
    ae_column_sum(width / part, part, node->out->gradient + i * width, node->adds[1], node->in[1]->gradient + i * part);
}

static void sum_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                          const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = node->out->width, part = node->in[1]->width;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows * width; i++) out[i] = in[0][i] + in[1][i / width * part + i % width % part];
}

static ae_tensor *build_sum(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_sum(graph, "sum", in[0], in[1]);
}

static const ae_op_case sum_cases[] = {
    {"equal widths",
     2,
     {{1, 2, {3, 4}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 1, {12}, -1, 1, AE_CASE_DIFFERENTIABLE}},
     build_sum},
    {"repeated at every place",
     2,
     {{1, 3, {2, 3, 5}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 1, {5}, -1, 1, AE_CASE_DIFFERENTIABLE}},
     build_sum},
    {"to a constant", 2, {{1, 1, {6}, -1, 1, AE_CASE_CONSTANT}, {1, 1, {3}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_sum},
    {0}};

const ae_op ae_op_sum = {"sum", 0, NULL, sum_forward, sum_backward, sum_reference, sum_cases};

ae_tensor *ae_sum(ae_graph *graph, const char *name, ae_tensor *a, ae_tensor *b) {
  ae_tensor *const in[] = {a, b};
  if (a == NULL || b == NULL) return NULL;
  if (b->width == 0 || a->width % b->width != 0 || a->axis != b->axis)
    return ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "sum %s: width %lld cannot be repeated to width %lld", name,
                                        (long long)b->width, (long long)a->width));
  ae_node *node = ae_graph_add(graph, &ae_op_sum, name, in, 2, a->axis, a->rank, a->dim);
  return node == NULL ? NULL : node->out;
}

/* tanh(a) σ(b). */

static int64_t gate_width(const ae_node *node) { return node->out->dim[node->out->rank - 1]; }
static int64_t gate_places(ae_graph *graph, const ae_node *node) {
  return rows_of(graph, node) * (node->out->width / gate_width(node));
}

static void gate_forward(ae_graph *graph, const ae_node *node) {
  ae_tanh_gate(gate_places(graph, node), gate_width(node), node->in[0]->value, node->out->value);
}

static void gate_backward(ae_graph *graph, const ae_node *node) {
  ae_tanh_gate_backward(gate_places(graph, node), gate_width(node), node->in[0]->value, node->out->gradient,
                        node->adds[0], node->in[0]->gradient);
}

static void gate_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                           const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t half = gate_width(node);
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows * node->out->width; i++) {
    const double *x = in[0] + i / half * 2 * half + i % half;
    out[i] = tanh(x[0]) / (1 + exp(-x[half]));
  }
}

static ae_tensor *build_gate(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_gate(graph, "gate", in[0]);
}

static const ae_op_case gate_cases[] = {{"one place", 1, {{1, 1, {14}, -2, 2, AE_CASE_DIFFERENTIABLE}}, build_gate},
                                        {"an image", 1, {{1, 3, {2, 3, 6}, -2, 2, AE_CASE_DIFFERENTIABLE}}, build_gate},
                                        {0}};

const ae_op ae_op_gate = {"gate", AE_READS_INPUTS, NULL, gate_forward, gate_backward, gate_reference, gate_cases};

ae_tensor *ae_gate(ae_graph *graph, const char *name, ae_tensor *in) {
  int64_t dim[AE_TENSOR_MAX_RANK];
  if (in == NULL) return NULL;
  if (in->rank == 0 || in->dim[in->rank - 1] % 2 != 0)
    return ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "gate %s: width %lld has no two halves", name,
                                        (long long)(in->rank == 0 ? 1 : in->dim[in->rank - 1])));
  memcpy(dim, in->dim, sizeof dim);
  dim[in->rank - 1] /= 2;
  ae_node *node = ae_graph_add(graph, &ae_op_gate, name, &in, 1, in->axis, in->rank, dim);
  return node == NULL ? NULL : node->out;
}

/* The value of the second input with the gradient of the first. */

static void straight_forward(ae_graph *graph, const ae_node *node) {
  memcpy(node->out->value, node->in[1]->value, (size_t)(rows_of(graph, node) * node->out->width) * sizeof(float));
}

static void straight_backward(ae_graph *graph, const ae_node *node) { hand_on(graph, node, 1); }

static void straight_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                               const double *const *parameter, int64_t out_rows, double *out) {
  (void)rows, (void)parameter;
  memcpy(out, in[0], (size_t)(out_rows * node->out->width) * sizeof *out);
}

/* The one case in which the gradient is that of the value: the value is the input. Where it is not is tested apart. */
static ae_tensor *build_straight(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_straight_through(graph, "straight", in[0], in[0]);
}

static const ae_op_case straight_cases[] = {
    {"of itself", 1, {{1, 2, {3, 4}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_straight}, {0}};

const ae_op ae_op_straight_through = {
    "straight_through", 0, NULL, straight_forward, straight_backward, straight_reference, straight_cases};

ae_tensor *ae_straight_through(ae_graph *graph, const char *name, ae_tensor *in, ae_tensor *value) {
  ae_tensor *const pair[] = {in, value};
  if (in == NULL || value == NULL) return NULL;
  if (in->width != value->width || in->axis != value->axis)
    return ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "straight_through %s: width %lld for width %lld", name,
                                        (long long)value->width, (long long)in->width));
  ae_node *node = ae_graph_add(graph, &ae_op_straight_through, name, pair, 2, in->axis, in->rank, in->dim);
  if (node == NULL) return NULL;
  node->stops[1] = true;
  return node->out;
}
