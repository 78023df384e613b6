/* Multi-head attention within sets. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops_sets.h"
#include "mpiae/tensor/attention.h"
#include "mpiae/tensor/bf16.h"

#include <math.h>
#include <string.h>

/* Attribute; inputs. */
enum { HEADS };
enum { QUERY, KEY, VALUE };

static ae_attention_shape shape_of(const ae_node *node) {
  return (ae_attention_shape){node->attribute[HEADS], node->in[QUERY]->width, node->out->width};
}

/* Floats for as many rounded numbers. */
static int64_t floats_for(int64_t rows, int64_t width) { return ae_round_up((rows * width + 1) / 2, 16); }

/* Where products round, a set's rows of the inputs are rounded into the scratch, in both passes: they are still in the cache
 * when they are multiplied, which rounded inputs of the whole batch are not. */
static int64_t rounded_floats(const ae_node *node, int64_t queries, int64_t keys) {
  if (!ae_graph_multiplier(node->graph)->rounded) return 0;
  return floats_for(queries, node->in[QUERY]->width) + floats_for(keys, node->in[KEY]->width) +
         floats_for(keys, node->in[VALUE]->width);
}

/* State: largest score and sum of each query and head; those of a set stand together. */
static ae_status prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  const ae_attention_shape shape = shape_of(node);
  const int64_t queries = ae_graph_capacity(graph, node->out->axis);
  const int64_t keys = ae_graph_capacity(graph, node->in[KEY]->axis);
  float *norm;
  ae_attention_want(&shape, ae_graph_products(graph), queries, keys);
  *scratch = ae_max(*scratch, rounded_floats(node, queries, keys) +
                                  ae_attention_scratch(&shape, ae_graph_multiplier(graph), queries, keys));
  AE_RETURN_IF(AE_NEW(norm, 2 * queries * node->attribute[HEADS]));
  node->state = norm;
  return AE_OK;
}

/* The rows of a set among queries and among keys. */
typedef struct set {
  int64_t query, queries, key, keys;
} set;

static set set_of(const ae_node *node, int64_t i) {
  const int query = node->out->axis, key = node->in[KEY]->axis;
  set found = {ae_graph_group(node->graph, query, i), 0, ae_graph_group(node->graph, key, i), 0};
  found.queries = ae_graph_group(node->graph, query, i + 1) - found.query;
  found.keys = ae_graph_group(node->graph, key, i + 1) - found.key;
  return found;
}

static int64_t sets_of(const ae_node *node) {
  return ae_graph_rows(node->graph, ae_graph_groups_axis(node->graph, node->out->axis)).count;
}

/* The rows of an input as products take them; *room is what is left of the scratch. */
static const void *operand(const ae_node *node, const ae_tensor *in, int64_t row, int64_t rows, float **room) {
  const float *value = in->value + row * in->width;
  ae_bf16 *rounded = (ae_bf16 *)(void *)*room;
  if (!ae_graph_multiplier(node->graph)->rounded) return value;
  *room += floats_for(rows, in->width);
  ae_bf16_round(rows * in->width, value, rounded);
  return rounded;
}

/* What both passes take of a set. */
typedef struct view {
  const void *q, *k, *v;
  float *norm, *room;
} view;

static view view_of(const ae_node *node, const set *s) {
  view found = {.norm = (float *)node->state + 2 * s->query * node->attribute[HEADS],
                .room = ae_graph_scratch(node->graph)};
  found.q = operand(node, node->in[QUERY], s->query, s->queries, &found.room);
  found.k = operand(node, node->in[KEY], s->key, s->keys, &found.room);
  found.v = operand(node, node->in[VALUE], s->key, s->keys, &found.room);
  return found;
}

static void forward(ae_graph *graph, const ae_node *node) {
  const ae_attention_shape shape = shape_of(node);
  for (int64_t i = 0; i < sets_of(node); i++) {
    const set s = set_of(node, i);
    const view at = view_of(node, &s);
    ae_attention_forward(&shape, ae_graph_products(graph), s.queries, s.keys, at.q, at.k, at.v, at.norm,
                         node->out->value + s.query * shape.value_width, at.room);
  }
}

/* The rows of a set in the gradient of an input, which begins at 0 where nothing has reached it yet; NULL: not wanted. */
static float *gradient_at(const ae_node *node, int input, int64_t row, int64_t rows) {
  const ae_tensor *in = node->in[input];
  if (!in->needs_gradient) return NULL;
  float *gradient = in->gradient + row * in->width;
  if (!node->adds[input]) memset(gradient, 0, (size_t)(rows * in->width) * sizeof *gradient);
  return gradient;
}

static void backward(ae_graph *graph, const ae_node *node) {
  const ae_attention_shape shape = shape_of(node);
  for (int64_t i = 0; i < sets_of(node); i++) {
    const set s = set_of(node, i);
    const view at = view_of(node, &s);
    const int64_t out = s.query * shape.value_width;
    const ae_attention_gradients to = {gradient_at(node, QUERY, s.query, s.queries),
                                       gradient_at(node, KEY, s.key, s.keys), gradient_at(node, VALUE, s.key, s.keys)};
    ae_attention_backward(&shape, ae_graph_products(graph), s.queries, s.keys, at.q, at.k, at.v, at.norm,
                          node->out->value + out, node->out->gradient + out, to, at.room);
  }
}

/* One query and head. */
static void attend(const ae_attention_shape *shape, int64_t head, int64_t keys, const double *q, const double *k,
                   const double *v, double *out) {
  const int64_t width = shape->width / shape->heads, value_width = shape->value_width / shape->heads;
  double sum = 0;
  for (int64_t c = 0; c < value_width; c++) out[head * value_width + c] = 0;
  for (int64_t j = 0; j < keys; j++) {
    double score = 0;
    for (int64_t c = head * width; c < (head + 1) * width; c++) score += q[c] * k[j * shape->width + c];
    const double weight = exp(score / sqrt((double)width));
    sum += weight;
    for (int64_t c = head * value_width; c < (head + 1) * value_width; c++)
      out[c] += weight * v[j * shape->value_width + c];
  }
  for (int64_t c = 0; c < value_width && keys > 0; c++) out[head * value_width + c] /= sum;
}

static void reference(const ae_node *node, const int64_t *rows, const double *const *in, const double *const *parameter,
                      int64_t out_rows, double *out) {
  const ae_attention_shape shape = shape_of(node);
  const double *q = in[0], *k = in[node->in[KEY] == node->in[QUERY] ? 0 : 1];
  const double *v = node->in[VALUE] == node->in[KEY] ? k : in[2];
  (void)rows, (void)parameter, (void)out_rows;
  for (int64_t i = 0; i < sets_of(node); i++) {
    const set s = set_of(node, i);
    for (int64_t r = s.query; r < s.query + s.queries; r++)
      for (int64_t head = 0; head < shape.heads; head++)
        attend(&shape, head, s.keys, q + r * shape.width, k + s.key * shape.width, v + s.key * shape.value_width,
               out + r * shape.value_width);
  }
}

static ae_tensor *build_heads(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_attention(graph, "attention", in[0], in[1], in[2], 2);
}
static ae_tensor *build_shared(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_attention(graph, "attention", in[0], in[0], in[0], 3);
}
static ae_tensor *build_pooling(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_attention(graph, "attention", in[0], in[1], in[1], 1);
}

static const ae_op_case cases[] = {
    {"between the points of a set",
     3,
     {{AE_CASE_SETS, 1, {6}, -2, 2, AE_CASE_DIFFERENTIABLE},
      {AE_CASE_SETS, 1, {6}, -2, 2, AE_CASE_DIFFERENTIABLE},
      {AE_CASE_SETS, 1, {4}, -1, 1, AE_CASE_DIFFERENTIABLE}},
     build_heads},
    {"between two sets, fixed values",
     3,
     {{AE_CASE_OTHER_SETS, 1, {2}, -2, 2, AE_CASE_DIFFERENTIABLE},
      {AE_CASE_SETS, 1, {2}, -2, 2, AE_CASE_DIFFERENTIABLE},
      {AE_CASE_SETS, 1, {2}, -1, 1, AE_CASE_CONSTANT}},
     build_heads},
    {"of points to themselves", 1, {{AE_CASE_SETS, 1, {6}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_shared},
    {"a query for each set",
     2,
     {{1, 1, {5}, -1, 1, AE_CASE_DIFFERENTIABLE}, {AE_CASE_SETS, 1, {5}, -1, 1, AE_CASE_DIFFERENTIABLE}},
     build_pooling},
    {0}};

const ae_op ae_op_attention = {"attention", AE_READS_OUTPUT | AE_READS_INPUTS, prepare, forward, backward, reference,
                               cases};

ae_tensor *ae_attention(ae_graph *graph, const char *name, ae_tensor *query, ae_tensor *key, ae_tensor *value,
                        int64_t heads) {
  ae_tensor *const in[] = {query, key, value};
  if (query == NULL || key == NULL || value == NULL) return NULL;
  if (query->width != key->width || query->width % heads != 0 || value->width % heads != 0)
    return ae_graph_fail(
        graph,
        AE_FAIL(AE_INTERNAL, "attention %s: queries, keys and values of width %lld, %lld, %lld in %lld heads", name,
                (long long)query->width, (long long)key->width, (long long)value->width, (long long)heads));
  if (key->axis != value->axis || ae_graph_groups_axis(graph, query->axis) != ae_graph_groups_axis(graph, key->axis))
    return ae_graph_fail(graph,
                         AE_FAIL(AE_INTERNAL, "attention %s: queries, keys and values are not of the same sets", name));
  ae_node *node = ae_graph_add(graph, &ae_op_attention, name, in, 3, query->axis, 1, &value->width);
  if (node == NULL) return NULL;
  node->attribute[HEADS] = heads;
  return node->out;
}
