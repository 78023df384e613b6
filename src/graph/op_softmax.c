/* −ln softmax of whole numbers, per row: categorical likelihoods, predictors of indices. */
#include "mpiae/base/memory.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/tensor/softmax.h"

#include <math.h>

/* Attribute. */
enum { CLASSES };

/* What the forward pass leaves for the backward pass: see tensor/softmax.h. */
static ae_status prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  float *norm;
  (void)scratch;
  AE_RETURN_IF(AE_NEW(norm, ae_graph_capacity(graph, node->out->axis) * node->in[1]->width * 2));
  node->state = norm;
  return AE_OK;
}

static void forward(ae_graph *graph, const ae_node *node) {
  ae_softmax_cross_entropy(ae_graph_rows(graph, node->out->axis).count, node->in[1]->width, node->attribute[CLASSES],
                           node->in[0]->value, node->in[1]->value, node->state, node->out->value);
}

static void backward(ae_graph *graph, const ae_node *node) {
  ae_softmax_cross_entropy_backward(ae_graph_rows(graph, node->out->axis).count, node->in[1]->width,
                                    node->attribute[CLASSES], node->in[0]->value, node->in[1]->value, node->state,
                                    node->out->gradient, node->adds[0], node->in[0]->gradient);
}

static double number_loss(const double *logit, int64_t classes, double index) {
  double largest = logit[0], sum = 0;
  for (int64_t k = 1; k < classes; k++) largest = fmax(largest, logit[k]);
  for (int64_t k = 0; k < classes; k++) sum += exp(logit[k] - largest);
  return log(sum) + largest - logit[(int64_t)index];
}

static void reference(const ae_node *node, const int64_t *rows, const double *const *in, const double *const *parameter,
                      int64_t out_rows, double *out) {
  const int64_t width = node->in[1]->width, classes = node->attribute[CLASSES];
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++) {
    out[i] = 0;
    for (int64_t j = i * width; j < (i + 1) * width; j++) out[i] += number_loss(in[0] + j * classes, classes, in[1][j]);
  }
}

static ae_tensor *build_few(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_softmax_loss(graph, "softmax", in[0], in[1], 5);
}
static ae_tensor *build_many(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_softmax_loss(graph, "softmax", in[0], in[1], 40);
}

static const ae_op_case cases[] = {
    {"few classes", 2, {{1, 2, {3, 5}, -2, 2, AE_CASE_DIFFERENTIABLE}, {1, 1, {3}, 0, 5, AE_CASE_WHOLE}}, build_few},
    {"many classes, large logits",
     2,
     {{1, 1, {40}, -15, 15, AE_CASE_DIFFERENTIABLE}, {1, 0, {0}, 0, 40, AE_CASE_WHOLE}},
     build_many},
    {0}};

const ae_op ae_op_softmax = {"softmax", AE_READS_INPUTS, prepare, forward, backward, reference, cases};

ae_tensor *ae_softmax_loss(ae_graph *graph, const char *name, ae_tensor *logit, ae_tensor *index, int64_t classes) {
  ae_tensor *const in[] = {logit, index};
  if (logit == NULL || index == NULL) return NULL;
  if (logit->width != index->width * classes || logit->axis != index->axis)
    return ae_graph_fail(
        graph, AE_FAIL(AE_INTERNAL, "softmax %s: logits of width %lld do not fit %lld whole numbers of %lld classes",
                       name, (long long)logit->width, (long long)index->width, (long long)classes));
  ae_node *node = ae_graph_add(graph, &ae_op_softmax, name, in, 2, index->axis, 0, NULL);
  if (node == NULL) return NULL;
  node->stops[1] = true;
  node->attribute[CLASSES] = classes;
  return node->out;
}
