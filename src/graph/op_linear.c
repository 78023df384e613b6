/* Linear layer with its activation: y = f(Σ_i x_i W_iᵀ + b). */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/tensor/products.h"

#include <string.h>

/* Attributes. */
enum { GROUPS, INNER, OUTER, ACTIVATION };

/* What is multiplied: columns of an input (its width per group), rows of the weight, columns of the output. */
typedef struct piece {
  int64_t x, w, y, inner;
} piece;

static int64_t pieces(const ae_node *node) {
  return node->attribute[GROUPS] > 1 ? node->attribute[GROUPS] : node->inputs;
}

/* The i-th product: of input i, or of group i. */
static piece piece_of(const ae_node *node, int64_t i) {
  const int64_t inner = node->attribute[INNER], outer = node->attribute[OUTER];
  if (node->attribute[GROUPS] > 1) return (piece){i * inner, i * outer * inner, i * outer, inner};
  piece found = {0, 0, 0, node->in[i]->width};
  for (int64_t j = 0; j < i; j++) found.w += node->in[j]->width;
  return found;
}

static ae_tensor *input_of(const ae_node *node, int64_t i) { return node->in[node->attribute[GROUPS] > 1 ? 0 : i]; }
static bool adds_to(const ae_node *node, int64_t i) { return node->adds[node->attribute[GROUPS] > 1 ? 0 : i]; }

/* Whether it is worth testing what may be done with a product over one segment: those of a grouped axis hardly ever have
 * the same rows again, those of a varying one do. */
static bool may_test(const ae_graph *graph, const ae_node *node) {
  return !ae_graph_is_grouped(graph, node->out->axis) && ae_graph_rows(graph, node->out->axis).segments > 1;
}

/* Whether segments may turn out to be one product. Where all of them are never cut so again, a test would serve one step
 * alone. */
static bool may_merge(const ae_graph *graph, const ae_node *node) {
  return may_test(graph, node) && !ae_graph_varies(graph, node->out->axis);
}

/* A node whose multiplier rounds has the weight so as its state, made by the forward pass. */
static ae_status prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  const int64_t rows = ae_graph_capacity(graph, node->out->axis), weights = node->parameter[0]->count;
  for (int i = 0; i < node->inputs; i++)
    ae_products_want(ae_graph_products(graph), rows, node->in[i]->width, weights, node->out->width,
                     may_test(graph, node));
  if (ae_graph_is_trained(graph))
    *scratch = ae_max(*scratch, ae_graph_gradient_scratch(graph, node->out) + ae_graph_tree_scratch(graph, weights));
  node->rounds = ae_graph_multiplier(graph)->rounded;
  return node->rounds ? ae_memory_allocate(&node->state, (size_t)weights, sizeof(ae_bf16)) : AE_OK;
}

static const void *at(const ae_graph *graph, const void *array, int64_t number) {
  return ae_multiplier_at(ae_graph_multiplier(graph), array, number);
}

/* As products take it. */
static const void *weight_of(const ae_graph *graph, const ae_node *node, bool afresh) {
  const float *weight = ae_params_value(ae_graph_params(graph), node->parameter[0]);
  const ae_bf16 *rounded = ae_params_rounded(ae_graph_params(graph), node->parameter[0]);
  if (!node->rounds) return weight;
  if (rounded != NULL) return rounded;
  if (afresh) ae_bf16_round(node->parameter[0]->count, weight, node->state);
  return node->state;
}

static const void *gradient_of(const ae_graph *graph, const ae_node *node) {
  return ae_graph_gradient_operand(graph, node->out);
}

static float *tree_scratch(const ae_graph *graph, const ae_node *node) {
  return ae_graph_scratch(graph) + ae_graph_gradient_scratch(graph, node->out);
}

/* Over all segments. */
static void multiply(const ae_graph *graph, const ae_node *node, const ae_product *product) {
  const ae_rows rows = ae_graph_rows(graph, node->out->axis);
  if (may_merge(graph, node)) ae_products_rows(ae_graph_products(graph), rows.segments, rows.offset, product);
  else ae_products_by_segment(ae_graph_products(graph), rows.segments, rows.offset, product);
}

static void forward(ae_graph *graph, const ae_node *node) {
  const void *weight = weight_of(graph, node, true);
  const int64_t rows = ae_graph_rows(graph, node->out->axis).count;
  for (int64_t i = 0; i < pieces(node); i++) {
    ae_tensor *in = input_of(node, i);
    const piece p = piece_of(node, i);
    multiply(graph, node,
             &(ae_product){.trans_b = true,
                           .varies = ae_graph_is_grouped(graph, node->out->axis),
                           .m = rows,
                           .n = node->attribute[OUTER],
                           .k = p.inner,
                           .a = at(graph, ae_graph_operand(graph, in), p.x),
                           .lda = in->width,
                           .b = at(graph, weight, p.w),
                           .ldb = node->attribute[INNER],
                           .beta = node->attribute[GROUPS] == 1 && i > 0 ? 1 : 0,
                           .c = node->out->value + p.y,
                           .ldc = node->out->width});
  }
  if (node->parameters > 1)
    ae_bias_activate(rows, node->out->width, ae_params_value(ae_graph_params(graph), node->parameter[1]),
                     (ae_activation)node->attribute[ACTIVATION], node->out->value);
}

/* What a leaf of a gradient needs: of the weight, its rows first … first + count − 1, of one group. */
typedef struct leaf_context {
  ae_graph *graph;
  const ae_node *node;
  ae_rows rows;
  int64_t first, count;
} leaf_context;

/* Of the weights' gradient, what input i, or group i, which the rows are of, gives for `rows` rows of the batch from
 * `begin` on. */
static ae_product leaf_product(const leaf_context *leaf, int64_t i, int64_t begin, int64_t rows, float *out) {
  const ae_node *node = leaf->node;
  ae_tensor *in = input_of(node, i);
  const piece p = piece_of(node, i);
  return (ae_product){.trans_a = true,
                      .varies = ae_graph_is_grouped(leaf->graph, node->out->axis),
                      .m = leaf->count,
                      .n = p.inner,
                      .k = rows,
                      .a = at(leaf->graph, gradient_of(leaf->graph, node), begin * node->out->width + leaf->first),
                      .lda = node->out->width,
                      .b = at(leaf->graph, ae_graph_operand(leaf->graph, in), begin * in->width + p.x),
                      .ldb = in->width,
                      .c = out == NULL || node->attribute[GROUPS] > 1 ? out : out + p.w,
                      .ldc = node->attribute[INNER]};
}

/* The first product of a group or of all inputs, and the one after the last. */
static int64_t first_piece(const leaf_context *leaf) {
  return leaf->node->attribute[GROUPS] > 1 ? leaf->first / leaf->node->attribute[OUTER] : 0;
}

static int64_t last_piece(const leaf_context *leaf) {
  return leaf->node->attribute[GROUPS] > 1 ? first_piece(leaf) + 1 : leaf->node->inputs;
}

static void weight_leaf(void *context, int segment, bool add, float *out) {
  const leaf_context *leaf = context;
  const int64_t begin = leaf->rows.offset[segment], rows = leaf->rows.offset[segment + 1] - begin;
  if (rows == 0 && add) return;
  if (rows == 0) memset(out, 0, (size_t)(leaf->count * leaf->node->attribute[INNER]) * sizeof *out);
  for (int64_t i = first_piece(leaf); i < last_piece(leaf) && rows > 0; i++) {
    ae_product p = leaf_product(leaf, i, begin, rows, out);
    p.beta = add ? 1 : 0;
    ae_products_one(ae_graph_products(leaf->graph), &p);
  }
}

/* Rows of the weight whose gradient is formed at a time, where there are segments to sum: partial sums of so many floats
 * stay in the second cache. */
enum { PART_FLOATS = 1 << 17, PART_ROWS = 32 };

static int64_t part_rows(const ae_node *node) {
  const int64_t rows = PART_FLOATS / node->attribute[INNER] / PART_ROWS * PART_ROWS;
  return ae_min(ae_max(rows, PART_ROWS), node->attribute[OUTER]);
}

/* Whether every product of every segment may be formed `part` of these rows of the weight at a time; and, so formed, may
 * be added to what is there. */
static bool may_part(const leaf_context *leaf, int64_t part) {
  bool all = may_test(leaf->graph, leaf->node);
  for (int s = 0; s < leaf->rows.segments && all; s++)
    for (int64_t i = first_piece(leaf); i < last_piece(leaf) && all; i++) {
      const int64_t rows = leaf->rows.offset[s + 1] - leaf->rows.offset[s];
      const ae_product p = leaf_product(leaf, i, 0, rows, NULL);
      all = rows == 0 || ae_products_parts(ae_graph_products(leaf->graph), &p, part);
    }
  return all;
}

static bool may_add(const leaf_context *leaf) {
  bool all = may_test(leaf->graph, leaf->node);
  for (int s = 0; s < leaf->rows.segments && all; s++)
    for (int64_t i = first_piece(leaf); i < last_piece(leaf) && all; i++) {
      const int64_t rows = leaf->rows.offset[s + 1] - leaf->rows.offset[s];
      const ae_product p = leaf_product(leaf, i, 0, rows, NULL);
      all = rows > 0 && ae_products_adds(ae_graph_products(leaf->graph), &p);
    }
  return all;
}

static void weight_gradient(ae_graph *graph, const ae_node *node, ae_rows rows) {
  const int64_t outer = node->attribute[OUTER], inner = node->attribute[INNER];
  for (int64_t group = 0; group < node->attribute[GROUPS]; group++) {
    leaf_context leaf = {graph, node, rows, group * outer, outer};
    const int64_t part = may_part(&leaf, part_rows(node)) ? part_rows(node) : outer;
    for (int64_t at = 0; at < outer; at += part) {
      leaf.first = group * outer + at;
      leaf.count = ae_min(part, outer - at);
      ae_graph_tree_part(graph, node->parameter[0], leaf.first * inner, leaf.count * inner, may_add(&leaf), weight_leaf,
                         &leaf, tree_scratch(graph, node));
    }
  }
}

static void input_gradient(const ae_graph *graph, const ae_node *node, int64_t rows, int64_t i) {
  const ae_tensor *in = input_of(node, i), *out = node->out;
  const piece p = piece_of(node, i);
  if (!in->needs_gradient) return;
  multiply(graph, node,
           &(ae_product){.varies = ae_graph_is_grouped(graph, out->axis),
                         .m = rows,
                         .n = p.inner,
                         .k = node->attribute[OUTER],
                         .a = at(graph, gradient_of(graph, node), p.y),
                         .lda = out->width,
                         .b = at(graph, weight_of(graph, node, false), p.w),
                         .ldb = node->attribute[INNER],
                         .beta = adds_to(node, i) ? 1 : 0,
                         .c = in->gradient + p.x,
                         .ldc = in->width});
}

static void prepare_gradient(const leaf_context *leaf, int segment, float *column_sum) {
  const ae_node *node = leaf->node;
  ae_graph_prepare_gradient(leaf->graph, node->out, (ae_activation)node->attribute[ACTIVATION], segment,
                            node->out->width, column_sum);
}

static void bias_leaf(void *context, int segment, bool add, float *out) {
  (void)add; /* never asked for */
  prepare_gradient(context, segment, out);
}

/* The bias comes first: its gradient is summed as that of the output is made ready. */
static void backward(ae_graph *graph, const ae_node *node) {
  const ae_rows rows = ae_graph_rows(graph, node->out->axis);
  leaf_context leaf = {.graph = graph, .node = node, .rows = rows};
  if (node->parameters > 1)
    ae_graph_tree(graph, node->parameter[1], false, bias_leaf, &leaf, tree_scratch(graph, node));
  else
    for (int s = 0; s < rows.segments; s++) prepare_gradient(&leaf, s, NULL);
  weight_gradient(graph, node, rows);
  for (int64_t i = 0; i < pieces(node); i++) input_gradient(graph, node, rows.count, i);
}

static void reference(const ae_node *node, const int64_t *rows, const double *const *in, const double *const *parameter,
                      int64_t out_rows, double *out) {
  (void)rows;
  for (int64_t r = 0; r < out_rows; r++)
    for (int64_t o = 0; o < node->out->width; o++) {
      double y = node->parameters > 1 ? parameter[1][o] : 0;
      for (int64_t i = 0; i < pieces(node); i++) {
        const piece at = piece_of(node, i);
        const int64_t row = o - at.y;
        if (row < 0 || row >= node->attribute[OUTER]) continue;
        const double *x = in[node->attribute[GROUPS] > 1 ? 0 : i] + r * input_of(node, i)->width + at.x;
        for (int64_t k = 0; k < at.inner; k++) y += x[k] * parameter[0][at.w + row * node->attribute[INNER] + k];
      }
      out[r * node->out->width + o] = ae_op_activated((ae_activation)node->attribute[ACTIVATION], y);
    }
}

static ae_tensor *build_case(ae_graph *graph, ae_params *params, ae_tensor *const *in, int inputs, int64_t groups,
                             int64_t outer, ae_activation activation) {
  const char *const axes[] = {"group", "output", "input"};
  int64_t inner = 0;
  for (int i = 0; i < inputs; i++) inner += in[i]->width / groups;
  const ae_parameter *weight = ae_params_add(params, "weight", 3, (int64_t[]){groups, outer, inner}, axes, 0.7f, true);
  const ae_parameter *bias = ae_params_add(params, "bias", 2, (int64_t[]){groups, outer}, axes, 0.7f, false);
  return ae_linear(graph, "linear", in, inputs, weight, bias, groups, activation);
}

static ae_tensor *build_plain(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build_case(graph, params, in, 1, 1, 5, AE_LINEAR);
}
static ae_tensor *build_tanh(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build_case(graph, params, in, 2, 1, 4, AE_TANH);
}
static ae_tensor *build_relu(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build_case(graph, params, in, 1, 1, 17, AE_RELU);
}
static ae_tensor *build_grouped(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build_case(graph, params, in, 1, 2, 3, AE_LINEAR);
}

static ae_tensor *build_leaky(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build_case(graph, params, in, 1, 1, 4, AE_LEAKY_RELU);
}
static ae_tensor *build_unbiased(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  static const char *const axes[] = {"output", "input"};
  return ae_project(graph, "project", in[0], ae_params_add(params, "weight", 2, (int64_t[]){3, 7}, axes, 0.7f, true));
}

static const ae_op_case cases[] = {
    {"plain", 1, {{1, 1, {7}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_plain},
    {"two inputs, tanh",
     2,
     {{1, 1, {3}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 1, {4}, -1, 1, AE_CASE_DIFFERENTIABLE}},
     build_tanh},
    {"relu", 1, {{1, 1, {6}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_relu},
    {"leaky relu", 1, {{1, 1, {6}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_leaky},
    {"no bias", 1, {{1, 1, {7}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_unbiased},
    {"points of sets", 1, {{AE_CASE_SETS, 1, {7}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_plain},
    {"two groups", 1, {{1, 1, {8}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_grouped},
    {0}};

const ae_op ae_op_linear = {"linear", AE_READS_OUTPUT | AE_READS_INPUTS, prepare, forward, backward, reference, cases};

ae_tensor *ae_linear(ae_graph *graph, const char *name, ae_tensor *const *in, int inputs, const ae_parameter *weight,
                     const ae_parameter *bias, int64_t groups, ae_activation activation) {
  int64_t inner = 0;
  if (weight == NULL || bias == NULL) return NULL;
  for (int i = 0; i < inputs; i++) {
    if (in[i] == NULL) return NULL;
    inner += in[i]->width;
  }
  const int64_t outer = bias->count / groups;
  if (weight->count != outer * inner || (inputs > 1 && groups != 1))
    return ae_graph_fail(graph,
                         AE_FAIL(AE_INTERNAL,
                                 "linear %s: inputs of width %lld and %lld outputs do not fit a weight of %lld numbers",
                                 name, (long long)inner, (long long)bias->count, (long long)weight->count));
  ae_node *node = ae_graph_add(graph, &ae_op_linear, name, in, inputs, in[0]->axis, 1, &bias->count);
  if (node == NULL) return NULL;
  node->parameters = 2;
  node->parameter[0] = weight;
  node->parameter[1] = bias;
  node->attribute[GROUPS] = groups;
  node->attribute[INNER] = inner / groups;
  node->attribute[OUTER] = outer;
  node->attribute[ACTIVATION] = activation;
  node->spares_output = activation == AE_LINEAR;
  return node->out;
}

ae_tensor *ae_project(ae_graph *graph, const char *name, ae_tensor *in, const ae_parameter *weight) {
  if (in == NULL || weight == NULL) return NULL;
  if (weight->rank != 2 || weight->dim[1] != in->width)
    return ae_graph_fail(graph,
                         AE_FAIL(AE_INTERNAL, "project %s: an input of width %lld does not fit a weight for %lld", name,
                                 (long long)in->width, (long long)weight->dim[weight->rank - 1]));
  ae_node *node = ae_graph_add(graph, &ae_op_linear, name, &in, 1, in->axis, 1, weight->dim);
  if (node == NULL) return NULL;
  node->parameters = 1;
  node->parameter[0] = weight;
  node->attribute[GROUPS] = 1;
  node->attribute[INNER] = in->width;
  node->attribute[OUTER] = weight->dim[0];
  node->attribute[ACTIVATION] = AE_LINEAR;
  node->spares_output = true;
  return node->out;
}
