/* Operations across rows and on whole rows: means of groups, weights, choices. */
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"

#include <string.h>

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

/* The row of in[0] that row i, of this segment, takes. */
static int64_t taken(const ae_node *node, int segment, int64_t index) {
  const int64_t *offset = ae_graph_rows(node->graph, node->in[0]->axis).offset;
  AE_ASSERT(index >= 0 && index < offset[segment + 1] - offset[segment]);
  return offset[segment] + index;
}

static void gather_forward(ae_graph *graph, const ae_node *node) {
  const ae_rows rows = ae_graph_rows(graph, node->out->axis);
  const int64_t width = node->out->width;
  for (int s = 0; s < rows.segments; s++)
    for (int64_t i = rows.offset[s]; i < rows.offset[s + 1]; i++)
      memcpy(node->out->value + i * width, node->in[0]->value + taken(node, s, (int64_t)node->in[1]->value[i]) * width,
             (size_t)width * sizeof *node->out->value);
}

static void gather_backward(ae_graph *graph, const ae_node *node) {
  const ae_rows rows = ae_graph_rows(graph, node->out->axis);
  const int64_t width = node->out->width, all = ae_graph_rows(graph, node->in[0]->axis).count * width;
  float *target = node->in[0]->gradient;
  if (!node->adds[0] && all > 0) memset(target, 0, (size_t)all * sizeof *target);
  for (int s = 0; s < rows.segments; s++)
    for (int64_t i = rows.offset[s]; i < rows.offset[s + 1]; i++)
      ae_add(width, node->out->gradient + i * width, target + taken(node, s, (int64_t)node->in[1]->value[i]) * width);
}

static void gather_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                             const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t *offset = ae_graph_rows(node->graph, node->out->axis).offset, width = node->out->width;
  int segment = 0;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++) {
    while (offset[segment + 1] <= i) segment++;
    for (int64_t j = 0; j < width; j++) out[i * width + j] = in[0][taken(node, segment, (int64_t)in[1][i]) * width + j];
  }
}

static ae_tensor *build_gather(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_gather_rows(graph, "gather", in[0], in[1]);
}

/* Of the first axis, on which a segment has 3 rows or more, and of one of as many threes: some are taken by several rows,
 * some by none. */
static const ae_op_case gather_cases[] = {
    {"rows of their own axis",
     2,
     {{1, 1, {70}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 0, {0}, 0, 1, AE_CASE_WHOLE}},
     build_gather},
    {"rows of another axis",
     2,
     {{3, 2, {2, 3}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 0, {0}, 0, 3, AE_CASE_WHOLE}},
     build_gather},
    {0}};

const ae_op ae_op_gather_rows = {"gather_rows",   AE_READS_INPUT_1, NULL,        gather_forward,
                                 gather_backward, gather_reference, gather_cases};

ae_tensor *ae_gather_rows(ae_graph *graph, const char *name, ae_tensor *in, ae_tensor *index) {
  ae_tensor *const inputs[] = {in, index};
  if (in == NULL || index == NULL) return NULL;
  if (index->width != 1)
    return ae_graph_fail(
        graph, AE_FAIL(AE_INTERNAL, "gather %s: an index of width %lld, not 1", name, (long long)index->width));
  ae_node *node = ae_graph_add(graph, &ae_op_gather_rows, name, inputs, 2, index->axis, in->rank, in->dim);
  if (node == NULL) return NULL;
  node->stops[1] = true;
  return node->out;
}
