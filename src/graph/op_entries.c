/* Entries of a table: the nearest to a vector, and those that numbers name. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/tensor/nearest.h"

#include <math.h>
#include <string.h>

/* State of both operations. */
typedef struct entries {
  ae_table table;
  ae_nearest *nearest; /* NULL for ae_embed */
} entries;

static void release(void **state) {
  entries *e = *state;
  if (e != NULL) ae_nearest_destroy(&e->nearest);
  AE_FREE(*state);
}

static const float *entries_of(const ae_graph *graph, const ae_node *node) {
  const entries *e = node->state;
  return node->parameters > 0 ? ae_params_value(ae_graph_params(graph), node->parameter[0]) : e->table.value;
}

/* In doubles, of the parameter that a test has, or of the caller's numbers. */
static double number_of(const ae_node *node, const double *const *parameter, int64_t at) {
  const entries *e = node->state;
  return node->parameters > 0 ? parameter[0][at] : (double)e->table.value[at];
}

static ae_node *add_node(ae_graph *graph, const ae_op *op, const char *name, ae_tensor *in, int rank,
                         const int64_t *dim, ae_table table) {
  entries *e;
  if (table.parameter != NULL && table.parameter->count != table.entries * table.width)
    ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "%s %s: a parameter of %lld numbers is no table of %lld entries of %lld",
                                 op->name, name, (long long)table.parameter->count, (long long)table.entries,
                                 (long long)table.width));
  ae_node *node = ae_graph_add(graph, op, name, &in, 1, in->axis, rank, dim);
  if (node == NULL) return NULL;
  node->stops[0] = true;
  node->parameters = table.parameter != NULL;
  node->parameter[0] = table.parameter;
  const ae_status status = AE_NEW(e, 1);
  if (status != AE_OK) {
    ae_graph_fail(graph, status);
    return NULL;
  }
  e->table = table;
  node->state = e;
  node->release = release;
  return node;
}

/* The nearest. */

static ae_status nearest_prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  entries *e = node->state;
  int count;
  (void)graph, (void)scratch;
  AE_RETURN_IF(ae_to_int(e->table.entries, "entries of a table", &count));
  return ae_nearest_create(count, e->table.width, &e->nearest);
}

/* In blocks that are counted from the first vector of the segment: no rank count moves them. */
static void find_segment(const entries *e, const float *vector, int64_t count, float *out) {
  int32_t label[AE_NEAREST_ROWS];
  for (int64_t begin = 0; begin < count; begin += AE_NEAREST_ROWS) {
    const int64_t block = ae_min(AE_NEAREST_ROWS, count - begin);
    ae_nearest_find(e->nearest, vector + begin * e->table.width, block, label);
    for (int64_t i = 0; i < block; i++) out[begin + i] = (float)label[i];
  }
}

static void nearest_forward(ae_graph *graph, const ae_node *node) {
  const entries *e = node->state;
  const ae_rows rows = ae_graph_rows(graph, node->out->axis);
  const int64_t places = node->out->width;
  ae_nearest_set(e->nearest, entries_of(graph, node));
  for (int s = 0; s < rows.segments; s++)
    find_segment(e, node->in[0]->value + rows.offset[s] * node->in[0]->width,
                 (rows.offset[s + 1] - rows.offset[s]) * places, node->out->value + rows.offset[s] * places);
}

static void nearest_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                              const double *const *parameter, int64_t out_rows, double *out) {
  const ae_table table = ((const entries *)node->state)->table;
  (void)rows;
  for (int64_t i = 0; i < out_rows * node->out->width; i++) {
    double least = INFINITY;
    for (int64_t k = 0; k < table.entries; k++) {
      double distance = 0;
      for (int64_t j = 0; j < table.width; j++)
        distance += pow(in[0][i * table.width + j] - number_of(node, parameter, k * table.width + j), 2);
      if (distance < least) out[i] = (double)k;
      least = fmin(least, distance);
    }
  }
}

static const ae_parameter *add_table(ae_params *params, int64_t count, int64_t width) {
  const char *const axes[] = {"entry", "dimension"};
  return ae_params_add(params, "table", 2, (int64_t[]){count, width}, axes, 1, false);
}

static ae_tensor *build_nearest(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return ae_nearest_entry(graph, "nearest", in[0], (ae_table){150, 5, add_table(params, 150, 5), NULL});
}

/* Corners of a square and its middle, the first two corners once more: whole numbers beside them lie between several,
 * at exactly the same distance. */
static const float square[][2] = {{0, 0}, {2, 0}, {0, 2}, {2, 2}, {1, 1}, {0, 0}, {2, 0}};

static ae_tensor *build_ties(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_nearest_entry(graph, "nearest", in[0], (ae_table){7, 2, NULL, square[0]});
}

static const ae_op_case nearest_cases[] = {
    {"many vectors", 1, {{1, 3, {6, 7, 5}, -1, 1, AE_CASE_CONSTANT}}, build_nearest},
    {"one vector in a row, ties", 1, {{1, 1, {2}, -1, 4, AE_CASE_WHOLE}}, build_ties},
    {0}};

const ae_op ae_op_nearest_entry = {"nearest_entry", 0, nearest_prepare, nearest_forward, NULL, nearest_reference,
                                   nearest_cases};

ae_tensor *ae_nearest_entry(ae_graph *graph, const char *name, ae_tensor *in, ae_table table) {
  if (in == NULL) return NULL;
  const int64_t last = in->rank == 0 ? 1 : in->dim[in->rank - 1];
  if (in->rank == 0 || last != table.width)
    return ae_graph_fail(graph, AE_FAIL(AE_INTERNAL, "nearest_entry %s: vectors of %lld numbers for entries of %lld",
                                        name, (long long)last, (long long)table.width));
  const ae_node *node = add_node(graph, &ae_op_nearest_entry, name, in, in->rank - 1, in->dim, table);
  return node == NULL ? NULL : node->out;
}

/* Those of these numbers. */

static ae_status embed_prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  if (node->parameters > 0 && ae_graph_is_trained(graph))
    *scratch = ae_max(*scratch, ae_graph_tree_scratch(graph, node->parameter[0]->count));
  return AE_OK;
}

static int64_t place_of(const entries *e, float index) {
  AE_ASSERT(index >= 0 && index < (float)e->table.entries && index == (float)(int64_t)index);
  return (int64_t)index * e->table.width;
}

static void embed_forward(ae_graph *graph, const ae_node *node) {
  const entries *e = node->state;
  const float *table = entries_of(graph, node), *index = node->in[0]->value;
  const int64_t count = ae_graph_rows(graph, node->out->axis).count * node->in[0]->width, width = e->table.width;
  for (int64_t i = 0; i < count; i++)
    memcpy(node->out->value + i * width, table + place_of(e, index[i]), (size_t)width * sizeof *table);
}

typedef struct leaf_context {
  const ae_node *node;
  ae_rows rows;
} leaf_context;

static void table_leaf(void *context, int segment, bool add, float *out) {
  const leaf_context *leaf = context;
  const ae_node *node = leaf->node;
  const entries *e = node->state;
  const int64_t places = node->in[0]->width, width = e->table.width;
  AE_ASSERT(!add);
  (void)add;
  memset(out, 0, (size_t)node->parameter[0]->count * sizeof *out);
  for (int64_t i = leaf->rows.offset[segment] * places; i < leaf->rows.offset[segment + 1] * places; i++)
    ae_add(width, node->out->gradient + i * width, out + place_of(e, node->in[0]->value[i]));
}

static void embed_backward(ae_graph *graph, const ae_node *node) {
  leaf_context leaf = {node, ae_graph_rows(graph, node->out->axis)};
  if (node->parameters > 0) ae_graph_tree(graph, node->parameter[0], false, table_leaf, &leaf, ae_graph_scratch(graph));
}

static void embed_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                            const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t width = ((const entries *)node->state)->table.width;
  (void)rows;
  for (int64_t i = 0; i < out_rows * node->out->width; i++)
    out[i] = number_of(node, parameter, (int64_t)in[0][i / width] * width + i % width);
}

static ae_tensor *build_embed(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return ae_embed(graph, "embed", in[0], (ae_table){9, 3, add_table(params, 9, 3), NULL});
}

static ae_tensor *build_fixed(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_embed(graph, "embed", in[0], (ae_table){7, 2, NULL, square[0]});
}

static const ae_op_case embed_cases[] = {{"a map of numbers", 1, {{1, 2, {2, 5}, 0, 9, AE_CASE_WHOLE}}, build_embed},
                                         {"one number", 1, {{1, 0, {0}, 0, 9, AE_CASE_WHOLE}}, build_embed},
                                         {"the caller's table", 1, {{1, 1, {3}, 0, 7, AE_CASE_WHOLE}}, build_fixed},
                                         {0}};

const ae_op ae_op_embed = {"embed",        AE_READS_INPUTS, embed_prepare, embed_forward,
                           embed_backward, embed_reference, embed_cases};

ae_tensor *ae_embed(ae_graph *graph, const char *name, ae_tensor *index, ae_table table) {
  int64_t dim[AE_TENSOR_MAX_RANK];
  if (index == NULL) return NULL;
  if (index->rank == AE_TENSOR_MAX_RANK)
    return ae_graph_fail(
        graph, AE_FAIL(AE_INTERNAL, "embed %s: numbers of rank %d leave no dimension for entries", name, index->rank));
  memcpy(dim, index->dim, sizeof dim);
  dim[index->rank] = table.width;
  const ae_node *node = add_node(graph, &ae_op_embed, name, index, index->rank + 1, dim, table);
  return node == NULL ? NULL : node->out;
}
