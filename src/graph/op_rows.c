/* Operations across rows and on whole rows: means of groups, weights. */
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"

/* Attribute of mean_rows. */
enum { GROUP };

static void mean_forward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = ae_graph_rows(graph, node->out->axis).count, width = node->out->width;
  const int64_t group = node->attribute[GROUP];
  for (int64_t i = 0; i < rows; i++) {
    float *y = node->out->value + i * width;
    ae_column_sum(group, width, node->in[0]->value + i * group * width, false, y);
    ae_scale(width, 1.0f / (float)group, y, y);
  }
}

static void mean_backward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = ae_graph_rows(graph, node->out->axis).count, width = node->out->width;
  const int64_t group = node->attribute[GROUP];
  for (int64_t i = 0; i < rows; i++) {
    float *upstream = node->out->gradient + i * width;
    ae_scale(width, 1.0f / (float)group, upstream, upstream);
    for (int64_t j = 0; j < group; j++) {
      float *target = node->in[0]->gradient + (i * group + j) * width;
      if (node->adds[0]) ae_add(width, upstream, target);
      else ae_scale(width, 1, upstream, target);
    }
  }
}

static void mean_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                           const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = node->out->width, group = node->attribute[GROUP];
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++)
    for (int64_t j = 0; j < width; j++) {
      double sum = 0;
      for (int64_t k = 0; k < group; k++) sum += in[0][(i * group + k) * width + j];
      out[i * width + j] = sum / (double)group;
    }
}

static ae_tensor *build_mean(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_mean_rows(graph, "mean", in[0], in[1]->axis, 3);
}

static const ae_op_case mean_cases[] = {
    {"groups of three",
     2,
     {{3, 1, {150}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 1, {1}, -1, 1, AE_CASE_CONSTANT}},
     build_mean},
    {0}};

const ae_op ae_op_mean_rows = {"mean_rows", 0, NULL, mean_forward, mean_backward, mean_reference, mean_cases};

ae_tensor *ae_mean_rows(ae_graph *graph, const char *name, ae_tensor *in, int axis, int64_t group) {
  if (in == NULL) return NULL;
  ae_node *node = ae_graph_add(graph, &ae_op_mean_rows, name, &in, 1, axis, in->rank, in->dim);
  if (node == NULL) return NULL;
  node->attribute[GROUP] = group;
  return node->out;
}

static void weigh_forward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = ae_graph_rows(graph, node->out->axis).count, width = node->out->width;
  for (int64_t i = 0; i < rows; i++)
    ae_scale(width, node->in[1]->value[i], node->in[0]->value + i * width, node->out->value + i * width);
}

static void weigh_backward(ae_graph *graph, const ae_node *node) {
  const int64_t rows = ae_graph_rows(graph, node->out->axis).count, width = node->out->width;
  for (int64_t i = 0; i < rows; i++) {
    float *upstream = node->out->gradient + i * width, *target = node->in[0]->gradient + i * width;
    ae_scale(width, node->in[1]->value[i], upstream, node->adds[0] ? upstream : target);
    if (node->adds[0]) ae_add(width, upstream, target);
  }
}

static void weigh_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                            const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = node->out->width;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows * width; i++) out[i] = in[0][i] * in[1][i / width];
}

static ae_tensor *build_weigh(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_weigh_rows(graph, "weigh", in[0], in[1]);
}

static const ae_op_case weigh_cases[] = {
    {"weigh", 2, {{1, 1, {9}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 0, {0}, 0.5, 2, AE_CASE_CONSTANT}}, build_weigh},
    {0}};

const ae_op ae_op_weigh_rows = {"weigh_rows",   AE_READS_INPUT_1, NULL,       weigh_forward,
                                weigh_backward, weigh_reference,  weigh_cases};

ae_tensor *ae_weigh_rows(ae_graph *graph, const char *name, ae_tensor *tensor, ae_tensor *weight) {
  ae_tensor *const in[] = {tensor, weight};
  if (tensor == NULL || weight == NULL) return NULL;
  ae_node *node = ae_graph_add(graph, &ae_op_weigh_rows, name, in, 2, tensor->axis, tensor->rank, tensor->dim);
  return node == NULL ? NULL : node->out;
}
