/* Likelihoods of the data, per row: Bernoulli from logits, Gaussian of variance ½; and the mean squared error. */
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/tensor/gaussian.h"

#include <math.h>

static int64_t rows_of(ae_graph *graph, const ae_node *node) { return ae_graph_rows(graph, node->out->axis).count; }

static void bernoulli_forward(ae_graph *graph, const ae_node *node) {
  ae_bernoulli(rows_of(graph, node), node->in[0]->width, node->in[0]->value, node->in[1]->value, node->out->value);
}

static void bernoulli_backward(ae_graph *graph, const ae_node *node) {
  ae_bernoulli_backward(rows_of(graph, node), node->in[0]->width, node->in[0]->value, node->in[1]->value,
                        node->out->gradient, node->adds[0], node->in[0]->gradient);
}

static void bernoulli_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                                const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = node->in[0]->width;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++) {
    out[i] = 0;
    for (int64_t j = 0; j < width; j++) {
      const double l = in[0][i * width + j], x = in[1][i * width + j];
      out[i] += fmax(l, 0) - l * x + log1p(exp(-fabs(l)));
    }
  }
}

static void gaussian_forward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = rows_of(graph, node);
  const float constant = (float)ae_gaussian_constant(node->in[0]->width);
  ae_squared_error(rows, node->in[0]->width, node->in[0]->value, node->in[1]->value, node->out->value);
  for (int64_t i = 0; i < rows; i++) node->out->value[i] += constant;
}

static void gaussian_backward(ae_graph *graph, const ae_node *node) {
  ae_squared_error_backward(rows_of(graph, node), node->in[0]->width, node->in[0]->value, node->in[1]->value,
                            node->out->gradient, node->adds[0], node->in[0]->gradient);
}

static void gaussian_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                               const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = node->in[0]->width;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++) {
    out[i] = ae_gaussian_constant(width);
    for (int64_t j = 0; j < width; j++) out[i] += pow(in[0][i * width + j] - in[1][i * width + j], 2);
  }
}

static void error_forward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = rows_of(graph, node), width = node->in[0]->width;
  ae_squared_error(rows, width, node->in[0]->value, node->in[1]->value, node->out->value);
  ae_scale(rows, 1.0f / (float)width, node->out->value, node->out->value);
}

static void error_backward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = rows_of(graph, node), width = node->in[0]->width;
  ae_scale(rows, 1.0f / (float)width, node->out->gradient, node->out->gradient);
  ae_squared_error_backward(rows, width, node->in[0]->value, node->in[1]->value, node->out->gradient, node->adds[0],
                            node->in[0]->gradient);
}

static void error_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                            const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = node->in[0]->width;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++) {
    out[i] = 0;
    for (int64_t j = 0; j < width; j++) out[i] += pow(in[0][i * width + j] - in[1][i * width + j], 2) / (double)width;
  }
}

static ae_tensor *build_error(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_mean_squared_error(graph, "error", in[0], in[1]);
}

static ae_tensor *build_bernoulli(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_bernoulli_loss(graph, "bernoulli", in[0], in[1]);
}

static ae_tensor *build_gaussian(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_gaussian_loss(graph, "gaussian", in[0], in[1]);
}

static const ae_op_case bernoulli_cases[] = {
    {"small logits",
     2,
     {{1, 1, {23}, -2, 2, AE_CASE_DIFFERENTIABLE}, {1, 1, {23}, 0, 1, AE_CASE_CONSTANT}},
     build_bernoulli},
    {"large logits",
     2,
     {{1, 1, {16}, -12, 12, AE_CASE_DIFFERENTIABLE}, {1, 1, {16}, 0, 1, AE_CASE_CONSTANT}},
     build_bernoulli},
    {0}};
static const ae_op_case gaussian_cases[] = {
    {"gaussian",
     2,
     {{1, 1, {19}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 1, {19}, 0, 1, AE_CASE_CONSTANT}},
     build_gaussian},
    {0}};

static const ae_op_case error_cases[] = {
    {"images",
     2,
     {{1, 3, {2, 3, 3}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 1, {18}, -1, 1, AE_CASE_CONSTANT}},
     build_error},
    {0}};

const ae_op ae_op_bernoulli = {"bernoulli",        AE_READS_INPUTS,     NULL,           bernoulli_forward,
                               bernoulli_backward, bernoulli_reference, bernoulli_cases};
const ae_op ae_op_gaussian = {"gaussian",        AE_READS_INPUTS,    NULL,          gaussian_forward,
                              gaussian_backward, gaussian_reference, gaussian_cases};

const ae_op ae_op_mean_squared_error = {"mean_squared_error", AE_READS_INPUTS, NULL,       error_forward,
                                        error_backward,       error_reference, error_cases};

static ae_tensor *loss(ae_graph *graph, const ae_op *op, const char *name, ae_tensor *prediction, ae_tensor *x) {
  ae_tensor *const in[] = {prediction, x};
  if (prediction == NULL || x == NULL) return NULL;
  if (prediction->width != x->width)
    return ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "%s %s: a prediction of width %lld for data of width %lld",
                                        op->name, name, (long long)prediction->width, (long long)x->width));
  ae_node *node = ae_graph_add(graph, op, name, in, 2, x->axis, 0, NULL);
  if (node == NULL) return NULL;
  node->stops[1] = true;
  return node->out;
}

ae_tensor *ae_bernoulli_loss(ae_graph *graph, const char *name, ae_tensor *logit, ae_tensor *x) {
  return loss(graph, &ae_op_bernoulli, name, logit, x);
}

ae_tensor *ae_gaussian_loss(ae_graph *graph, const char *name, ae_tensor *mean, ae_tensor *x) {
  return loss(graph, &ae_op_gaussian, name, mean, x);
}

ae_tensor *ae_mean_squared_error(ae_graph *graph, const char *name, ae_tensor *a, ae_tensor *b) {
  return loss(graph, &ae_op_mean_squared_error, name, a, b);
}
