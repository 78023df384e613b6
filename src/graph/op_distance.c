/* Distances between two packed sets: Chamfer, and that of the optimal matching. The gradient goes to the first. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops_sets.h"
#include "mpiae/tensor/matching.h"

#include <math.h>
#include <string.h>

/* Attribute; inputs. */
enum { KIND };
enum { PREDICTION, POINTS };

/* What the forward pass leaves for the backward pass. */
typedef struct pairs {
  int32_t *there, *back; /* for each point of the prediction, its partner; and the other way round (Chamfer) */
  ae_matching *matching; /* NULL for Chamfer */
} pairs;

static void release(void **state) {
  pairs *p = *state;
  if (p == NULL) return;
  AE_FREE(p->there);
  AE_FREE(p->back);
  ae_matching_destroy(&p->matching);
  AE_FREE(*state);
}

/* The points of a set in both inputs. */
typedef struct both {
  int64_t begin[2], count[2];
} both;

static both both_of(const ae_node *node, int64_t set) {
  both found;
  for (int i = 0; i < 2; i++) {
    found.begin[i] = ae_graph_group(node->graph, node->in[i]->axis, set);
    found.count[i] = ae_graph_group(node->graph, node->in[i]->axis, set + 1) - found.begin[i];
  }
  return found;
}

static float *values_at(const ae_tensor *tensor, int64_t row) { return tensor->value + row * tensor->width; }

/* The share of a set in the gradient of the prediction's points begins at 0. */
static float *clear_gradient(const ae_node *node, const both *set) {
  const ae_tensor *in = node->in[PREDICTION];
  float *gradient = in->gradient + set->begin[PREDICTION] * in->width;
  if (!node->adds[PREDICTION]) memset(gradient, 0, (size_t)(set->count[PREDICTION] * in->width) * sizeof *gradient);
  return gradient;
}

static ae_status pairs_create(const ae_graph *graph, const ae_node *node, pairs **out) {
  pairs *p;
  AE_RETURN_IF(AE_NEW(p, 1));
  *out = p;
  return AE_NEW(p->there, ae_graph_capacity(graph, node->in[PREDICTION]->axis));
}

/* Chamfer. */

static ae_status chamfer_prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  pairs *p = NULL;
  const ae_status status = pairs_create(graph, node, &p);
  node->state = p;
  node->release = release;
  AE_RETURN_IF(status);
  *scratch = ae_max(*scratch, ae_chamfer_scratch(node->in[PREDICTION]->width));
  return AE_NEW(p->back, ae_graph_capacity(graph, node->in[POINTS]->axis));
}

static void chamfer_forward(ae_graph *graph, const ae_node *node) {
  const ae_point_distance kind = (ae_point_distance)node->attribute[KIND];
  const int64_t dim = node->in[PREDICTION]->width;
  const pairs *p = node->state;
  for (int64_t i = 0; i < ae_graph_rows(graph, node->out->axis).count; i++) {
    const both set = both_of(node, i);
    const float *a = values_at(node->in[PREDICTION], set.begin[0]), *b = values_at(node->in[POINTS], set.begin[1]);
    node->out->value[i] = 0;
    if (set.count[0] == 0 || set.count[1] == 0) continue;
    node->out->value[i] = ae_chamfer_nearest(kind, dim, set.count[0], a, set.count[1], b, p->there + set.begin[0],
                                             ae_graph_scratch(graph)) +
                          ae_chamfer_nearest(kind, dim, set.count[1], b, set.count[0], a, p->back + set.begin[1],
                                             ae_graph_scratch(graph));
  }
}

static void chamfer_backward(ae_graph *graph, const ae_node *node) {
  const ae_point_distance kind = (ae_point_distance)node->attribute[KIND];
  const int64_t dim = node->in[PREDICTION]->width;
  const pairs *p = node->state;
  for (int64_t i = 0; i < ae_graph_rows(graph, node->out->axis).count; i++) {
    const both set = both_of(node, i);
    const float *a = values_at(node->in[PREDICTION], set.begin[0]), *b = values_at(node->in[POINTS], set.begin[1]);
    float *gradient = clear_gradient(node, &set);
    if (set.count[0] == 0 || set.count[1] == 0) continue;
    ae_chamfer_pull(kind, dim, set.count[0], a, b, p->there + set.begin[0], false,
                    node->out->gradient[i] / (float)set.count[0], gradient);
    ae_chamfer_pull(kind, dim, set.count[1], a, b, p->back + set.begin[1], true,
                    node->out->gradient[i] / (float)set.count[1], gradient);
  }
}

static double point_distance(int64_t kind, int64_t dim, const double *a, const double *b) {
  double sum = 0;
  for (int64_t k = 0; k < dim; k++) {
    const double size = fabs(a[k] - b[k]);
    if (kind == AE_SQUARED) sum += size * size;
    else sum += (size <= 1 ? 0.5 * size * size : size - 0.5) / (double)dim;
  }
  return sum;
}

/* mean_i min_j, of one direction. */
static double direction(int64_t kind, int64_t dim, int64_t count_a, const double *a, int64_t count_b, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < count_a; i++) {
    double least = INFINITY;
    for (int64_t j = 0; j < count_b; j++) least = fmin(least, point_distance(kind, dim, a + i * dim, b + j * dim));
    sum += least;
  }
  return sum / (double)count_a;
}

static void chamfer_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                              const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t dim = node->in[PREDICTION]->width, kind = node->attribute[KIND];
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++) {
    const both set = both_of(node, i);
    const double *a = in[0] + set.begin[0] * dim, *b = in[1] + set.begin[1] * dim;
    out[i] = set.count[0] == 0 || set.count[1] == 0 ? 0
                                                    : direction(kind, dim, set.count[0], a, set.count[1], b) +
                                                          direction(kind, dim, set.count[1], b, set.count[0], a);
  }
}

static ae_tensor *build_squared(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_chamfer_loss(graph, "chamfer", in[0], in[1], AE_SQUARED);
}
static ae_tensor *build_huber(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_chamfer_loss(graph, "chamfer", in[0], in[1], AE_HUBER);
}

static const ae_op_case chamfer_cases[] = {
    {"squared, in the plane",
     2,
     {{AE_CASE_SETS, 1, {2}, -4, 4, AE_CASE_DIFFERENTIABLE}, {AE_CASE_OTHER_SETS, 1, {2}, -4, 4, AE_CASE_CONSTANT}},
     build_squared},
    {"squared, in space",
     2,
     {{AE_CASE_OTHER_SETS, 1, {3}, -4, 4, AE_CASE_DIFFERENTIABLE}, {AE_CASE_SETS, 1, {3}, -4, 4, AE_CASE_CONSTANT}},
     build_squared},
    {"Huber, in the plane",
     2,
     {{AE_CASE_SETS, 1, {2}, -4, 4, AE_CASE_DIFFERENTIABLE}, {AE_CASE_SETS, 1, {2}, -4, 4, AE_CASE_CONSTANT}},
     build_huber},
    {"Huber, in five dimensions",
     2,
     {{AE_CASE_SETS, 1, {5}, -2, 2, AE_CASE_DIFFERENTIABLE}, {AE_CASE_OTHER_SETS, 1, {5}, -2, 2, AE_CASE_CONSTANT}},
     build_huber},
    {0}};

const ae_op ae_op_chamfer = {"chamfer",        AE_READS_INPUTS,   chamfer_prepare, chamfer_forward,
                             chamfer_backward, chamfer_reference, chamfer_cases};

static ae_node *add_distance(ae_graph *graph, const ae_op *op, const char *name, ae_tensor *prediction,
                             ae_tensor *points) {
  ae_tensor *const in[] = {prediction, points};
  if (prediction == NULL || points == NULL) return NULL;
  const int sets = ae_graph_groups_axis(graph, points->axis);
  if (prediction->width != points->width || ae_graph_groups_axis(graph, prediction->axis) != sets) {
    ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "%s %s: points of %lld and %lld coordinates, or not of the same sets",
                                 op->name, name, (long long)prediction->width, (long long)points->width));
    return NULL;
  }
  ae_node *node = ae_graph_add(graph, op, name, in, 2, sets, 0, NULL);
  if (node != NULL) node->stops[POINTS] = true;
  return node;
}

ae_tensor *ae_chamfer_loss(ae_graph *graph, const char *name, ae_tensor *prediction, ae_tensor *points,
                           ae_point_distance kind) {
  ae_node *node = add_distance(graph, &ae_op_chamfer, name, prediction, points);
  if (node == NULL) return NULL;
  node->attribute[KIND] = kind;
  return node->out;
}

/* Optimal matching. */

ae_status ae_matching_accepts(int64_t points) {
  if (points <= AE_MATCHING_POINTS) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "a set of %lld points is too large for the optimal matching, whose time grows with the cube of the "
                 "size: %d points at most; the Chamfer distances (set.loss=chamfer, huber) take any",
                 (long long)points, AE_MATCHING_POINTS);
}

static ae_status matching_prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  pairs *p = NULL;
  const int64_t capacity = ae_graph_capacity(graph, node->in[PREDICTION]->axis);
  const ae_status status = pairs_create(graph, node, &p);
  (void)scratch;
  node->state = p;
  node->release = release;
  AE_RETURN_IF(status);
  return ae_matching_create(ae_min(capacity, AE_MATCHING_POINTS), &p->matching);
}

static void matching_forward(ae_graph *graph, const ae_node *node) {
  const pairs *p = node->state;
  for (int64_t i = 0; i < ae_graph_rows(graph, node->out->axis).count; i++) {
    const both set = both_of(node, i);
    AE_ASSERT(set.count[0] == set.count[1]);
    node->out->value[i] = 0;
    if (set.count[0] > 0)
      node->out->value[i] = ae_matching_find(p->matching, node->in[PREDICTION]->width, set.count[0],
                                             values_at(node->in[PREDICTION], set.begin[0]),
                                             values_at(node->in[POINTS], set.begin[1]), p->there + set.begin[0]);
  }
}

static void matching_backward(ae_graph *graph, const ae_node *node) {
  const pairs *p = node->state;
  for (int64_t i = 0; i < ae_graph_rows(graph, node->out->axis).count; i++) {
    const both set = both_of(node, i);
    ae_chamfer_pull(AE_SQUARED, node->in[PREDICTION]->width, set.count[0],
                    values_at(node->in[PREDICTION], set.begin[0]), values_at(node->in[POINTS], set.begin[1]),
                    p->there + set.begin[0], false, node->out->gradient[i] / (float)ae_max(set.count[0], 1),
                    clear_gradient(node, &set));
  }
}

/* The least sum for points i … of a, by trying all; taken: bits of the points of b that are given away. */
static double try_all(int64_t dim, int64_t count, const double *a, const double *b, int64_t i, unsigned taken) {
  double least = INFINITY;
  if (i == count) return 0;
  for (int64_t j = 0; j < count; j++)
    if ((taken & 1u << j) == 0)
      least = fmin(least, point_distance(AE_SQUARED, dim, a + i * dim, b + j * dim) +
                              try_all(dim, count, a, b, i + 1, taken | 1u << j));
  return least;
}

static void matching_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                               const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t dim = node->in[PREDICTION]->width;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++) {
    const both set = both_of(node, i);
    out[i] = try_all(dim, set.count[0], in[0] + set.begin[0] * dim, in[1] + set.begin[1] * dim, 0, 0) /
             (double)ae_max(set.count[0], 1);
  }
}

static ae_tensor *build_matching(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_matching_loss(graph, "matching", in[0], in[1]);
}

static const ae_op_case matching_cases[] = {
    {"in the plane",
     2,
     {{AE_CASE_SETS, 1, {2}, -4, 4, AE_CASE_DIFFERENTIABLE}, {AE_CASE_SETS, 1, {2}, -4, 4, AE_CASE_CONSTANT}},
     build_matching},
    {"on a line",
     2,
     {{AE_CASE_OTHER_SETS, 0, {0}, -4, 4, AE_CASE_DIFFERENTIABLE},
      {AE_CASE_OTHER_SETS, 0, {0}, -4, 4, AE_CASE_CONSTANT}},
     build_matching},
    {0}};

const ae_op ae_op_matching = {"matching",        AE_READS_INPUTS,    matching_prepare, matching_forward,
                              matching_backward, matching_reference, matching_cases};

ae_tensor *ae_matching_loss(ae_graph *graph, const char *name, ae_tensor *prediction, ae_tensor *points) {
  ae_node *node = add_distance(graph, &ae_op_matching, name, prediction, points);
  return node == NULL ? NULL : node->out;
}
