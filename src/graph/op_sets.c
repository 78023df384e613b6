/* Operations between sets and their points: repetition, sums, learned seeds. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops_sets.h"

#include <string.h>

/* The sum over the points of each set: values on `axis` to values on its groups. */
static void sum_points(const ae_graph *graph, int axis, int64_t width, const float *point, bool add, float *set) {
  const int64_t sets = ae_graph_rows(graph, ae_graph_groups_axis(graph, axis)).count;
  for (int64_t i = 0; i < sets; i++) {
    const int64_t begin = ae_graph_group(graph, axis, i), count = ae_graph_group(graph, axis, i + 1) - begin;
    ae_column_sum(count, width, point + begin * width, add, set + i * width);
  }
}

/* The other way: each set's row to its points. */
static void spread_sets(const ae_graph *graph, int axis, int64_t width, const float *set, bool add, float *point) {
  const int64_t sets = ae_graph_rows(graph, ae_graph_groups_axis(graph, axis)).count;
  for (int64_t i = 0; i < sets; i++)
    for (int64_t j = ae_graph_group(graph, axis, i); j < ae_graph_group(graph, axis, i + 1); j++)
      if (add) ae_add(width, set + i * width, point + j * width);
      else memcpy(point + j * width, set + i * width, (size_t)width * sizeof *point);
}

/* Where row i of `axis` finds its set. */
static int64_t set_of(const ae_graph *graph, int axis, int64_t row) {
  int64_t set = 0;
  while (ae_graph_group(graph, axis, set + 1) <= row) set++;
  return set;
}

/* A set's row at its points. */

static void repeat_forward(ae_graph *graph, const ae_node *node) {
  spread_sets(graph, node->out->axis, node->out->width, node->in[0]->value, false, node->out->value);
}

static void repeat_backward(ae_graph *graph, const ae_node *node) {
  sum_points(graph, node->out->axis, node->out->width, node->out->gradient, node->adds[0], node->in[0]->gradient);
}

static void repeat_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                             const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = node->out->width;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows * width; i++)
    out[i] = in[0][set_of(node->graph, node->out->axis, i / width) * width + i % width];
}

static ae_tensor *build_repeat(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_repeat_per_set(graph, "repeat", in[0], in[1]->axis);
}

static const ae_op_case repeat_cases[] = {
    {"repeat",
     2,
     {{1, 2, {2, 3}, -1, 1, AE_CASE_DIFFERENTIABLE}, {AE_CASE_SETS, 0, {0}, 0, 1, AE_CASE_CONSTANT}},
     build_repeat},
    {0}};

const ae_op ae_op_repeat_per_set = {"repeat_per_set", 0,           NULL, repeat_forward, repeat_backward,
                                    repeat_reference, repeat_cases};

ae_tensor *ae_repeat_per_set(ae_graph *graph, const char *name, ae_tensor *in, int axis) {
  if (in == NULL) return NULL;
  if (!ae_graph_is_grouped(graph, axis) || ae_graph_groups_axis(graph, axis) != in->axis)
    return ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "repeat %s: the axis is not one of points of these sets", name));
  ae_node *node = ae_graph_add(graph, &ae_op_repeat_per_set, name, &in, 1, axis, in->rank, in->dim);
  return node == NULL ? NULL : node->out;
}

/* Sum over the points of a set. */

static void sum_forward(ae_graph *graph, const ae_node *node) {
  sum_points(graph, node->in[0]->axis, node->out->width, node->in[0]->value, false, node->out->value);
}

static void sum_backward(ae_graph *graph, const ae_node *node) {
  spread_sets(graph, node->in[0]->axis, node->out->width, node->out->gradient, node->adds[0], node->in[0]->gradient);
}

static void sum_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                          const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = node->out->width;
  const int axis = node->in[0]->axis;
  (void)parameter;
  memset(out, 0, (size_t)(out_rows * width) * sizeof *out);
  for (int64_t i = 0; i < rows[0] * width; i++)
    out[set_of(node->graph, axis, i / width) * width + i % width] += in[0][i];
}

static ae_tensor *build_sum(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_sum_per_set(graph, "sum", in[0]);
}

static const ae_op_case sum_cases[] = {
    {"sum", 1, {{AE_CASE_SETS, 1, {5}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_sum},
    {"of matrices", 1, {{AE_CASE_SETS, 2, {2, 70}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_sum},
    {0}};

const ae_op ae_op_sum_per_set = {"sum_per_set", 0, NULL, sum_forward, sum_backward, sum_reference, sum_cases};

ae_tensor *ae_sum_per_set(ae_graph *graph, const char *name, ae_tensor *in) {
  if (in == NULL) return NULL;
  if (!ae_graph_is_grouped(graph, in->axis))
    return ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "sum %s: its input is not on an axis of points", name));
  ae_node *node =
      ae_graph_add(graph, &ae_op_sum_per_set, name, &in, 1, ae_graph_groups_axis(graph, in->axis), in->rank, in->dim);
  return node == NULL ? NULL : node->out;
}

/* The rows of a parameter, over and over. */

static ae_status seeds_prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  if (ae_graph_is_trained(graph)) *scratch = ae_max(*scratch, ae_graph_tree_scratch(graph, node->parameter[0]->count));
  return AE_OK;
}

static void seeds_forward(ae_graph *graph, const ae_node *node) {
  const int64_t count = node->parameter[0]->count, all = ae_graph_rows(graph, node->out->axis).count * node->out->width;
  const float *seeds = ae_params_value(ae_graph_params(graph), node->parameter[0]);
  for (int64_t at = 0; at < all; at += count) memcpy(node->out->value + at, seeds, (size_t)count * sizeof *seeds);
}

static void seeds_leaf(void *context, int segment, bool add, float *out) {
  const ae_node *node = *(const ae_node **)context;
  const ae_rows rows = ae_graph_rows(node->graph, node->out->axis);
  const int64_t count = node->parameter[0]->count, width = node->out->width, begin = rows.offset[segment];
  AE_ASSERT(begin * width % count == 0);
  ae_column_sum((rows.offset[segment + 1] - begin) * width / count, count, node->out->gradient + begin * width, add,
                out);
}

static void seeds_backward(ae_graph *graph, const ae_node *node) {
  ae_graph_tree(graph, node->parameter[0], true, seeds_leaf, &node, ae_graph_scratch(graph));
}

static void seeds_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                            const double *const *parameter, int64_t out_rows, double *out) {
  (void)rows, (void)in;
  for (int64_t i = 0; i < out_rows * node->out->width; i++) out[i] = parameter[0][i % node->parameter[0]->count];
}

static ae_tensor *build_seeds(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  static const char *const axes[] = {"seed", "dimension"};
  return ae_seeds(graph, "seeds", ae_params_add(params, "seed", 2, (int64_t[]){3, 5}, axes, 1, true), in[0]->axis);
}
static ae_tensor *build_seed(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  static const char *const axes[] = {"seed", "dimension"};
  return ae_seeds(graph, "seeds", ae_params_add(params, "seed", 2, (int64_t[]){1, 5}, axes, 1, true), in[0]->axis);
}

static const ae_op_case seeds_cases[] = {
    {"three seeds", 1, {{3, 0, {0}, -1, 1, AE_CASE_CONSTANT}}, build_seeds},
    {"a single seed", 1, {{AE_CASE_SETS, 0, {0}, -1, 1, AE_CASE_CONSTANT}}, build_seed},
    {0}};

const ae_op ae_op_seeds = {"seeds", 0, seeds_prepare, seeds_forward, seeds_backward, seeds_reference, seeds_cases};

ae_tensor *ae_seeds(ae_graph *graph, const char *name, const ae_parameter *seeds, int axis) {
  if (seeds == NULL) return NULL;
  ae_node *node = ae_graph_add(graph, &ae_op_seeds, name, NULL, 0, axis, 1, &seeds->dim[seeds->rank - 1]);
  if (node == NULL) return NULL;
  node->parameters = 1;
  node->parameter[0] = seeds;
  return node->out;
}
