#include "mpiae/graph/op.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/graph/plan.h"
#include "mpiae/tensor/elementwise.h"
#include "mpiae/tensor/products.h"

#include <string.h>

enum { MAX_AXES = 8, MAX_TENSORS = 512, MAX_NODES = MAX_TENSORS, MAX_ROOTS = 8 };

typedef struct row_axis {
  int64_t capacity;
  int64_t *offset;
  int groups;     /* the axis whose rows are the groups; its own number: there are none */
  int64_t *group; /* where each begins, or NULL */
  bool varies;
} row_axis;

struct ae_graph {
  ae_params *params;
  int segments, planes;
  int *plane_end;
  row_axis axes[MAX_AXES];
  int axis_count;
  ae_tensor *tensor[MAX_TENSORS];
  int tensor_count;
  ae_node *node[MAX_NODES];
  int node_count;
  ae_tensor *root[MAX_ROOTS];
  int root_count;
  ae_status error;
  const ae_multiplier *multiplier;
  ae_products *products;
  uint64_t pass;
  float *arena, *scratch;
  int64_t arena_floats, scratch_floats;
};

ae_params *ae_graph_params(const ae_graph *graph) { return graph->params; }
int64_t ae_graph_capacity(const ae_graph *graph, int number) { return graph->axes[number].capacity; }
int ae_graph_nodes(const ae_graph *graph) { return graph->node_count; }
const ae_node *ae_graph_node(const ae_graph *graph, int number) { return graph->node[number]; }
float *ae_graph_scratch(const ae_graph *graph) { return graph->scratch; }
ae_products *ae_graph_products(const ae_graph *graph) { return graph->products; }
const ae_multiplier *ae_graph_multiplier(const ae_graph *graph) { return graph->multiplier; }
int ae_graph_groups_axis(const ae_graph *graph, int number) { return graph->axes[number].groups; }
bool ae_graph_is_grouped(const ae_graph *graph, int number) { return graph->axes[number].groups != number; }
bool ae_graph_varies(const ae_graph *graph, int number) { return graph->axes[number].varies; }
bool ae_graph_is_trained(const ae_graph *graph) { return graph->planes > 0; }

ae_status ae_graph_create(ae_params *params, int segments, const int *plane_end, int planes, ae_graph **out) {
  ae_status status = AE_OK;
  ae_graph *graph = NULL;
  *out = NULL;
  AE_CHECK(AE_NEW(graph, 1));
  graph->params = params;
  graph->segments = segments;
  graph->planes = planes;
  AE_CHECK(AE_NEW(graph->plane_end, planes));
  if (planes > 0) memcpy(graph->plane_end, plane_end, (size_t)planes * sizeof *plane_end);
  graph->multiplier = &ae_multiplier_blas;
  *out = graph;
  graph = NULL;
cleanup:
  ae_graph_destroy(&graph);
  return status;
}

void ae_graph_destroy(ae_graph **out) {
  ae_graph *graph = *out;
  if (graph == NULL) return;
  for (int i = 0; i < graph->axis_count; i++) {
    AE_FREE(graph->axes[i].offset);
    AE_FREE(graph->axes[i].group);
  }
  for (int i = 0; i < graph->tensor_count; i++) {
    char *name;
    memcpy(&name, &graph->tensor[i]->name, sizeof name);
    AE_FREE(name);
    AE_FREE(graph->tensor[i]);
  }
  for (int i = 0; i < graph->node_count; i++) {
    if (graph->node[i]->release != NULL) graph->node[i]->release(&graph->node[i]->state);
    else AE_FREE(graph->node[i]->state);
    AE_FREE(graph->node[i]);
  }
  ae_products_destroy(&graph->products);
  AE_FREE(graph->plane_end);
  AE_FREE(graph->arena);
  AE_FREE(graph->scratch);
  ae_error_clear(&graph->error);
  AE_FREE(*out);
}

void ae_graph_multiply_by(ae_graph *graph, const ae_multiplier *multiplier) { graph->multiplier = multiplier; }

const void *ae_graph_operand(const ae_graph *graph, ae_tensor *tensor) {
  if (!graph->multiplier->rounded) return tensor->value;
  if (tensor->pass != graph->pass)
    ae_bf16_round(ae_graph_rows(graph, tensor->axis).count * tensor->width, tensor->value, tensor->rounded);
  tensor->pass = graph->pass;
  return tensor->rounded;
}

static int64_t floats_of_rounded(int64_t numbers) { return ae_round_up((numbers + 1) / 2, 16); }

int64_t ae_graph_gradient_scratch(const ae_graph *graph, const ae_tensor *out) {
  if (!graph->multiplier->rounded || !ae_graph_is_trained(graph)) return 0;
  return floats_of_rounded(graph->axes[out->axis].capacity * out->width);
}

/* So many numbers at a time, in whole rows, stay in the first cache from one loop to the next. */
void ae_graph_prepare_gradient(const ae_graph *graph, const ae_tensor *out, ae_activation activation, int segment,
                               int64_t width, float *column_sum) {
  enum { CACHED = 1 << 11 };
  const int64_t *offset = graph->axes[out->axis].offset, end = offset[segment + 1] * out->width;
  const int64_t most = ae_max(CACHED / width, 1) * width;
  ae_bf16 *rounded = (ae_bf16 *)(void *)graph->scratch;
  if (column_sum != NULL) memset(column_sum, 0, (size_t)width * sizeof *column_sum);
  for (int64_t at = offset[segment] * out->width; at < end; at += most) {
    const int64_t count = ae_min(most, end - at);
    float *gradient = out->gradient + at;
    ae_activate_backward(count, activation, out->value + at, gradient);
    if (column_sum != NULL) ae_column_add(count / width, width, gradient, column_sum);
    if (graph->multiplier->rounded) ae_bf16_round(count, gradient, rounded + at);
  }
}

const void *ae_graph_gradient_operand(const ae_graph *graph, const ae_tensor *out) {
  return graph->multiplier->rounded ? graph->scratch : out->gradient;
}

ae_tensor *ae_graph_fail(ae_graph *graph, ae_status status) {
  graph->error = ae_error_first(graph->error, status);
  return NULL;
}

int ae_graph_axis(ae_graph *graph, int64_t capacity) {
  AE_ASSERT(graph->axis_count < MAX_AXES);
  row_axis *added = &graph->axes[graph->axis_count];
  added->capacity = capacity;
  added->groups = graph->axis_count;
  const ae_status status = AE_NEW(added->offset, graph->segments + 1);
  if (status != AE_OK) ae_graph_fail(graph, status);
  return graph->axis_count++;
}

int ae_graph_axis_varying(ae_graph *graph, int64_t capacity) {
  const int number = ae_graph_axis(graph, capacity);
  graph->axes[number].varies = true;
  return number;
}

int ae_graph_axis_grouped(ae_graph *graph, int groups, int64_t capacity) {
  AE_ASSERT(!ae_graph_is_grouped(graph, groups));
  const int number = ae_graph_axis_varying(graph, capacity);
  row_axis *added = &graph->axes[number];
  added->groups = groups;
  const ae_status status = AE_NEW(added->group, graph->axes[groups].capacity + 1);
  if (status != AE_OK) ae_graph_fail(graph, status);
  return number;
}

static ae_tensor *add_tensor(ae_graph *graph, const char *name, int axis, int rank, const int64_t *dim) {
  ae_tensor *tensor = NULL;
  char *copy = NULL;
  AE_ASSERT(axis < graph->axis_count);
  if (graph->tensor_count == MAX_TENSORS)
    return ae_graph_fail(
        graph,
        AE_FAIL(AE_USAGE, "the networks have more than %d operations: ask for fewer layers or blocks", MAX_TENSORS));
  ae_status status = AE_NEW(tensor, 1);
  if (status == AE_OK) graph->tensor[graph->tensor_count++] = tensor;
  if (status == AE_OK) status = ae_memory_text(name, &copy);
  if (status != AE_OK) return ae_graph_fail(graph, status);
  tensor->name = copy;
  tensor->axis = axis;
  tensor->rank = rank;
  tensor->width = 1;
  for (int i = 0; i < rank; i++) {
    tensor->dim[i] = dim[i];
    tensor->width *= dim[i];
  }
  return tensor;
}

ae_tensor *ae_graph_input(ae_graph *graph, const char *name, int axis, int rank, const int64_t *dim,
                          bool differentiable) {
  ae_tensor *tensor = add_tensor(graph, name, axis, rank, dim);
  if (tensor == NULL) return NULL;
  tensor->needs_gradient = differentiable && graph->planes > 0;
  if (differentiable) ae_graph_keep(tensor);
  return tensor;
}

void ae_graph_keep(ae_tensor *tensor) {
  if (tensor != NULL) tensor->kept = true;
}

void ae_graph_root(ae_graph *graph, ae_tensor *tensor) {
  if (tensor == NULL) return;
  AE_ASSERT(graph->root_count < MAX_ROOTS);
  graph->root[graph->root_count++] = tensor;
  tensor->kept = tensor->leads_to_root = true;
}

ae_node *ae_graph_add(ae_graph *graph, const ae_op *op, const char *name, ae_tensor *const *in, int inputs, int axis,
                      int rank, const int64_t *dim) {
  for (int i = 0; i < inputs; i++)
    if (in[i] == NULL) return NULL;
  ae_tensor *out = add_tensor(graph, name, axis, rank, dim);
  if (out == NULL) return NULL;
  AE_ASSERT(graph->node_count < MAX_NODES && inputs <= AE_NODE_MAX_INPUTS);
  ae_node *node = NULL;
  const ae_status status = AE_NEW(node, 1);
  if (status != AE_OK) {
    ae_graph_fail(graph, status);
    return NULL;
  }
  graph->node[graph->node_count++] = node;
  node->op = op;
  node->graph = graph;
  node->name = out->name;
  node->inputs = inputs;
  node->out = out;
  if (inputs > 0) memcpy(node->in, in, (size_t)inputs * sizeof *in);
  return node;
}

static bool passes_gradient(const ae_node *node, int input) {
  return node->op->backward != NULL && !node->stops[input];
}

/* A tensor needs a gradient when parameters (or a differentiable input) stand before it and a root behind it. */
static void spread_gradients(ae_graph *graph) {
  for (int i = graph->node_count - 1; i >= 0; i--)
    for (int j = 0; j < graph->node[i]->inputs; j++)
      graph->node[i]->in[j]->leads_to_root |= graph->node[i]->out->leads_to_root && passes_gradient(graph->node[i], j);
  for (int i = 0; i < graph->node_count && graph->planes > 0; i++) {
    ae_node *node = graph->node[i];
    node->out->needs_gradient |= node->parameters > 0 && node->op->backward != NULL;
    for (int j = 0; j < node->inputs; j++)
      node->out->needs_gradient |= node->in[j]->needs_gradient && passes_gradient(node, j);
  }
  for (int i = 0; i < graph->tensor_count; i++) graph->tensor[i]->needs_gradient &= graph->tensor[i]->leads_to_root;
}

/* Those whose gradients the backward pass tells to be ready. */
static void mark_trained(ae_graph *graph) {
  for (int i = 0; i < graph->node_count; i++)
    for (int j = 0; graph->node[i]->out->needs_gradient && j < graph->node[i]->parameters; j++)
      ae_params_mark_trained(graph->params, graph->node[i]->parameter[j]);
}

/* Whether the backward pass writes the gradient of this input from here. */
static bool reaches_back(const ae_node *node, int input) {
  return node->out->needs_gradient && passes_gradient(node, input);
}

/* Going backwards, the first operation to reach a tensor writes its gradient, the others add. */
static void order_gradients(ae_graph *graph) {
  for (int i = graph->node_count - 1; i >= 0; i--)
    for (int j = 0; j < graph->node[i]->inputs; j++)
      for (int k = graph->node_count - 1; k >= i; k--)
        for (int l = 0; l < graph->node[k]->inputs && (k > i || l < j); l++)
          graph->node[i]->adds[j] |= graph->node[k]->in[l] == graph->node[i]->in[j] && reaches_back(graph->node[k], l);
}

/* Lifetimes, in passes: forward of node i at time i, backward of node i at 2n − 1 − i; inputs are filled at −1. */

static int backward_time(const ae_graph *graph, int node) { return 2 * graph->node_count - 1 - node; }

static ae_plan_life value_life(const ae_graph *graph, const ae_tensor *tensor) {
  ae_plan_life life = {-1, -1};
  for (int i = 0; i < graph->node_count; i++) {
    const ae_node *node = graph->node[i];
    const bool backward = graph->planes > 0 && node->out->needs_gradient;
    if (node->out == tensor) {
      life.birth = i;
      const bool read = backward && !node->spares_output && (node->op->reads & AE_READS_OUTPUT) != 0;
      life.death = read ? backward_time(graph, i) : i;
    }
    for (int j = 0; j < node->inputs; j++) {
      if (node->in[j] != tensor) continue;
      const bool read = backward && !node->rounds && (node->op->reads & ((unsigned)AE_READS_INPUT_0 << j)) != 0;
      const int last = read ? backward_time(graph, i) : i;
      if (last > life.death) life.death = last;
    }
  }
  if (tensor->kept) life.death = 2 * graph->node_count;
  return life;
}

static ae_plan_life gradient_life(const ae_graph *graph, const ae_tensor *tensor) {
  ae_plan_life life = {2 * graph->node_count, graph->node_count};
  for (int i = 0; i < graph->node_count; i++) {
    if (graph->node[i]->out == tensor) life.death = backward_time(graph, i);
    for (int j = 0; j < graph->node[i]->inputs; j++)
      if (graph->node[i]->in[j] == tensor && backward_time(graph, i) < life.birth) life.birth = backward_time(graph, i);
  }
  if (tensor->kept) life.death = 2 * graph->node_count;
  for (int i = 0; i < graph->root_count; i++)
    if (graph->root[i] == tensor) life.birth = graph->node_count;
  return life;
}

/* From the first node that rounds it to the last that reads it so; never: ends before it begins. */
static ae_plan_life rounded_life(const ae_graph *graph, const ae_tensor *tensor) {
  ae_plan_life life = {2 * graph->node_count, -1};
  for (int i = 0; i < graph->node_count; i++) {
    const ae_node *node = graph->node[i];
    for (int j = 0; node->rounds && j < node->inputs; j++) {
      if (node->in[j] != tensor) continue;
      const int last = graph->planes > 0 && node->out->needs_gradient ? backward_time(graph, i) : i;
      if (i < life.birth) life.birth = i;
      if (last > life.death) life.death = last;
    }
  }
  return life;
}

/* Buffers of a tensor, in the order in which they are added to the plan. */
enum { VALUE, GRADIENT, ROUNDED, BUFFERS };

static void add_buffers(const ae_graph *graph, const ae_tensor *tensor, ae_plan *plan) {
  const int64_t numbers = graph->axes[tensor->axis].capacity * tensor->width, floats = ae_round_up(numbers, 16);
  const ae_plan_life rounded = rounded_life(graph, tensor);
  ae_plan_add(plan, floats, value_life(graph, tensor));
  ae_plan_add(plan, tensor->needs_gradient ? floats : 0, gradient_life(graph, tensor));
  ae_plan_add(plan, rounded.death >= rounded.birth ? floats_of_rounded(numbers) : 0, rounded);
}

static ae_status plan_memory(ae_graph *graph) {
  ae_status status = AE_OK;
  ae_plan *plan = NULL;
  AE_CHECK(ae_plan_create(BUFFERS * graph->tensor_count, &plan));
  for (int i = 0; i < graph->tensor_count; i++) add_buffers(graph, graph->tensor[i], plan);
  graph->arena_floats = ae_plan_solve(plan);
  AE_CHECK(ae_memory_expect_each((double)graph->arena_floats * sizeof(float), "what the networks keep of a batch"));
  AE_CHECK(AE_NEW(graph->arena, graph->arena_floats));
  for (int i = 0; i < graph->tensor_count; i++) {
    ae_tensor *tensor = graph->tensor[i];
    tensor->value = graph->arena + ae_plan_offset(plan, BUFFERS * i + VALUE);
    if (tensor->needs_gradient) tensor->gradient = graph->arena + ae_plan_offset(plan, BUFFERS * i + GRADIENT);
    tensor->rounded = (ae_bf16 *)(void *)(graph->arena + ae_plan_offset(plan, BUFFERS * i + ROUNDED));
  }
cleanup:
  ae_plan_destroy(&plan);
  return status;
}

ae_status ae_graph_seal(ae_graph *graph) {
  if (graph->error != AE_OK) {
    const ae_status error = graph->error;
    graph->error = AE_OK;
    return error;
  }
  spread_gradients(graph);
  mark_trained(graph);
  order_gradients(graph);
  AE_RETURN_IF(ae_products_create(graph->multiplier, &graph->products));
  for (int i = 0; i < graph->node_count; i++)
    if (graph->node[i]->op->prepare != NULL)
      AE_RETURN_IF(graph->node[i]->op->prepare(graph, graph->node[i], &graph->scratch_floats));
  AE_RETURN_IF(plan_memory(graph));
  AE_RETURN_IF(AE_NEW(graph->scratch, graph->scratch_floats));
  return ae_products_seal(graph->products);
}

void ae_graph_set_rows_scaled(ae_graph *graph, int number, const int64_t *offset, int64_t scale) {
  AE_ASSERT(!ae_graph_is_grouped(graph, number) && scale * offset[graph->segments] <= graph->axes[number].capacity);
  for (int s = 0; s <= graph->segments; s++) graph->axes[number].offset[s] = scale * offset[s];
}

void ae_graph_set_rows(ae_graph *graph, int number, const int64_t *offset) {
  ae_graph_set_rows_scaled(graph, number, offset, 1);
}

ae_rows ae_graph_rows(const ae_graph *graph, int number) {
  const int64_t *offset = graph->axes[number].offset;
  return (ae_rows){graph->segments, offset, offset[graph->segments]};
}

/* Segments of an axis as its groups tell. */
static void follow_groups(const ae_graph *graph, row_axis *axis) {
  const int64_t *segment = graph->axes[axis->groups].offset;
  for (int s = 0; s <= graph->segments; s++) axis->offset[s] = axis->group[segment[s]];
}

void ae_graph_set_groups(ae_graph *graph, int number, const int64_t *offset) {
  row_axis *axis = &graph->axes[number];
  const int64_t count = ae_graph_rows(graph, axis->groups).count;
  AE_ASSERT(ae_graph_is_grouped(graph, number) && offset[0] == 0 && offset[count] <= axis->capacity);
  memcpy(axis->group, offset, (size_t)(count + 1) * sizeof *offset);
  follow_groups(graph, axis);
}

void ae_graph_set_groups_equal(ae_graph *graph, int number, int64_t size) {
  row_axis *axis = &graph->axes[number];
  const int64_t count = ae_graph_rows(graph, axis->groups).count;
  AE_ASSERT(ae_graph_is_grouped(graph, number) && count * size <= axis->capacity);
  for (int64_t i = 0; i <= count; i++) axis->group[i] = i * size;
  follow_groups(graph, axis);
}

int64_t ae_graph_group(const ae_graph *graph, int number, int64_t group) {
  return ae_graph_is_grouped(graph, number) ? graph->axes[number].group[group] : group;
}

int64_t ae_graph_bytes(const ae_graph *graph) {
  return (graph->arena_floats + graph->scratch_floats) * (int64_t)sizeof(float);
}

void ae_graph_forward(ae_graph *graph, const ae_graph_hooks *hooks) {
  graph->pass++;
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_ELEMENTWISE);
  for (int i = 0; i < graph->node_count; i++) {
    const ae_node *node = graph->node[i];
    for (int j = 0; hooks != NULL && hooks->need != NULL && j < node->parameters; j++)
      hooks->need(hooks->context, node->parameter[j]);
    node->op->forward(graph, node);
    if (hooks != NULL && hooks->progress != NULL) hooks->progress(hooks->context);
  }
  ae_profile_leave(previous);
}

void ae_graph_backward(ae_graph *graph, const ae_graph_hooks *hooks) {
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_ELEMENTWISE);
  for (int i = graph->node_count - 1; i >= 0; i--) {
    const ae_node *node = graph->node[i];
    if (!node->out->needs_gradient) continue;
    node->op->backward(graph, node);
    for (int j = 0; hooks != NULL && hooks->ready != NULL && j < node->parameters; j++)
      hooks->ready(hooks->context, node->parameter[j]);
    if (hooks != NULL && hooks->progress != NULL) hooks->progress(hooks->context);
  }
  ae_profile_leave(previous);
}

/* The sum over segments [lo, hi) into out; level is scratch for the right halves below. */
static void tree_sum(int lo, int hi, bool adds, int64_t count, ae_leaf leaf, void *context, float *out, float *level) {
  if (hi - lo == 1) {
    leaf(context, lo, false, out);
    return;
  }
  const int middle = lo + (int)ae_power_of_two_below(hi - lo);
  tree_sum(lo, middle, adds, count, leaf, context, out, level);
  if (adds && hi - middle == 1) {
    leaf(context, middle, true, out);
    return;
  }
  tree_sum(middle, hi, adds, count, leaf, context, level, level + count);
  const ae_phase previous = ae_profile_enter(AE_PHASE_TREE);
  ae_add(count, level, out);
  ae_profile_leave(previous);
}

void ae_graph_tree_part(ae_graph *graph, const ae_parameter *parameter, int64_t begin, int64_t count, bool adds,
                        ae_leaf leaf, void *context, float *scratch) {
  for (int plane = 0, first = 0; plane < graph->planes; first = graph->plane_end[plane++])
    tree_sum(first, graph->plane_end[plane], adds, count, leaf, context,
             ae_params_gradient(graph->params, parameter, plane) + begin, scratch);
}

void ae_graph_tree(ae_graph *graph, const ae_parameter *parameter, bool adds, ae_leaf leaf, void *context,
                   float *scratch) {
  ae_graph_tree_part(graph, parameter, 0, parameter->count, adds, leaf, context, scratch);
}

int64_t ae_graph_tree_scratch(const ae_graph *graph, int64_t count) {
  int64_t levels = 0;
  for (int64_t reach = 1; reach < graph->segments; reach *= 2) levels++;
  return levels * count;
}
