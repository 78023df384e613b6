/* Layer norm over the last dimension. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/tensor/norm.h"

#include <math.h>

static const float epsilon = 1e-6f;

/* Numbers that are normed together, and how often they stand in a row. */
static int64_t last(const ae_node *node) { return node->parameter[0]->count; }
static int64_t places(const ae_node *node) { return node->out->width / last(node); }

/* State: mean and scale of each place. */
static ae_status prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  float *norm;
  if (ae_graph_is_trained(graph)) *scratch = ae_max(*scratch, ae_graph_tree_scratch(graph, last(node)));
  AE_RETURN_IF(AE_NEW(norm, 2 * ae_graph_capacity(graph, node->out->axis) * places(node)));
  node->state = norm;
  return AE_OK;
}

static void forward(ae_graph *graph, const ae_node *node) {
  const ae_params *params = ae_graph_params(graph);
  ae_layer_norm_rows(ae_graph_rows(graph, node->out->axis).count * places(node), last(node), epsilon,
                     node->in[0]->value, ae_params_value(params, node->parameter[0]),
                     ae_params_value(params, node->parameter[1]), node->state, node->out->value);
}

/* The places of a segment. */
typedef struct part {
  int64_t begin, count;
} part;

static part part_of(const ae_node *node, int segment) {
  const ae_rows rows = ae_graph_rows(node->graph, node->out->axis);
  const int64_t begin = rows.offset[segment] * places(node);
  return (part){begin, rows.offset[segment + 1] * places(node) - begin};
}

static void gain_leaf(void *context, int segment, bool add, float *out) {
  const ae_node *node = *(const ae_node **)context;
  const part p = part_of(node, segment);
  const int64_t at = p.begin * last(node);
  ae_layer_norm_gain(p.count, last(node), node->in[0]->value + at, (const float *)node->state + 2 * p.begin,
                     node->out->gradient + at, add, out);
}

static void bias_leaf(void *context, int segment, bool add, float *out) {
  const ae_node *node = *(const ae_node **)context;
  const part p = part_of(node, segment);
  ae_column_sum(p.count, last(node), node->out->gradient + p.begin * last(node), add, out);
}

static void backward(ae_graph *graph, const ae_node *node) {
  ae_graph_tree(graph, node->parameter[0], true, gain_leaf, &node, ae_graph_scratch(graph));
  ae_graph_tree(graph, node->parameter[1], true, bias_leaf, &node, ae_graph_scratch(graph));
  if (node->in[0]->needs_gradient)
    ae_layer_norm_backward(ae_graph_rows(graph, node->out->axis).count * places(node), last(node), node->in[0]->value,
                           ae_params_value(ae_graph_params(graph), node->parameter[0]), node->state,
                           node->out->gradient, node->adds[0], node->in[0]->gradient);
}

static void reference(const ae_node *node, const int64_t *rows, const double *const *in, const double *const *parameter,
                      int64_t out_rows, double *out) {
  const int64_t width = last(node);
  (void)rows;
  for (int64_t i = 0; i < out_rows * places(node); i++) {
    const double *x = in[0] + i * width;
    double mean = 0, variance = 0;
    for (int64_t j = 0; j < width; j++) mean += x[j] / (double)width;
    for (int64_t j = 0; j < width; j++) variance += (x[j] - mean) * (x[j] - mean) / (double)width;
    for (int64_t j = 0; j < width; j++)
      out[i * width + j] = (x[j] - mean) / sqrt(variance + (double)epsilon) * parameter[0][j] + parameter[1][j];
  }
}

static ae_tensor *build(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  static const char *const axes[] = {"dimension"};
  const int64_t *width = &in[0]->dim[in[0]->rank - 1];
  const ae_parameter *gain = ae_params_add(params, "gain", 1, width, axes, 0.5f, false);
  ae_params_start_about(params, gain, 1);
  return ae_layer_norm(graph, "norm", in[0], gain, ae_params_add(params, "bias", 1, width, axes, 1, false));
}

static const ae_op_case cases[] = {
    {"rows", 1, {{1, 1, {21}, -2, 3, AE_CASE_DIFFERENTIABLE}}, build},
    {"wide rows of points", 1, {{AE_CASE_SETS, 1, {140}, -0.1, 0.1, AE_CASE_DIFFERENTIABLE}}, build},
    {"several places", 1, {{1, 2, {3, 16}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build},
    {0}};

const ae_op ae_op_layer_norm = {"layer_norm", AE_READS_INPUTS, prepare, forward, backward, reference, cases};

ae_tensor *ae_layer_norm(ae_graph *graph, const char *name, ae_tensor *in, const ae_parameter *gain,
                         const ae_parameter *bias) {
  if (in == NULL || gain == NULL || bias == NULL) return NULL;
  const int64_t width = in->rank == 0 ? 1 : in->dim[in->rank - 1];
  if (gain->count != width || bias->count != width)
    return ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "layer norm %s: gain and bias of %lld and %lld numbers for %lld",
                                        name, (long long)gain->count, (long long)bias->count, (long long)width));
  ae_node *node = ae_graph_add(graph, &ae_op_layer_norm, name, &in, 1, in->axis, in->rank, in->dim);
  if (node == NULL) return NULL;
  node->parameters = 2;
  node->parameter[0] = gain;
  node->parameter[1] = bias;
  return node->out;
}
