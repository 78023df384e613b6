/* Every operation of the table against its float64 reference: values, and gradients by a four-point stencil, for every
 * case of the op, with rows in uneven and empty segments, two gradient planes, and inputs shared with another operation
 * before and after it. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"

#include <math.h>
#include <string.h>

/* Rows and how they are cut: five segments, one empty, two planes. */
enum { ROWS = 11, SEGMENTS = 5, MAX_GROUP = 8 };
static const int64_t cut[SEGMENTS + 1] = {0, 3, 4, 4, 8, 11};
static const int plane_end[] = {4, 5};

/* Whether the inputs have a second consumer, and on which side of the operation. */
typedef enum sharing { ALONE, SHARED_BEFORE, SHARED_AFTER } sharing;

/* One case, built. */
typedef struct bench {
  const ae_op_case *description;
  ae_params *params;
  ae_graph *graph;
  ae_tensor *in[AE_NODE_MAX_INPUTS], *out, *other[AE_NODE_MAX_INPUTS], *weight;
  const ae_node *node;
  int64_t rows[AE_NODE_MAX_INPUTS];
  double *input[AE_NODE_MAX_INPUTS], *parameter[AE_NODE_MAX_PARAMETERS], *value, *upstream;
} bench;

static void share_inputs(bench *b) {
  for (int i = 0; i < b->description->inputs; i++) {
    if (b->description->input[i].kind != AE_CASE_DIFFERENTIABLE || b->description->input[i].rows > 1) continue;
    b->other[i] = ae_weigh_rows(b->graph, "other", b->in[i], b->weight);
    ae_graph_root(b->graph, b->other[i]);
  }
}

static void build(bench *b, const ae_op_case *description, sharing shared) {
  memset(b, 0, sizeof *b);
  b->description = description;
  ae_test_ok(ae_params_create(&b->params));
  ae_test_ok(ae_graph_create(b->params, SEGMENTS, plane_end, 2, &b->graph));
  const int axis = ae_graph_axis(b->graph, ROWS);
  int64_t scaled[SEGMENTS + 1];
  b->weight = ae_graph_input(b->graph, "weight", axis, 0, NULL, false);
  ae_graph_keep(b->weight);
  for (int i = 0; i < description->inputs; i++) {
    const ae_case_input *input = &description->input[i];
    b->rows[i] = ROWS * input->rows;
    const int own = input->rows == 1 ? axis : ae_graph_axis(b->graph, b->rows[i]);
    for (int s = 0; s <= SEGMENTS; s++) scaled[s] = cut[s] * input->rows;
    ae_graph_set_rows(b->graph, own, scaled);
    b->in[i] = ae_graph_input(b->graph, "input", own, input->rank, input->dim, input->kind == AE_CASE_DIFFERENTIABLE);
    ae_graph_keep(b->in[i]);
  }
  ae_graph_set_rows(b->graph, axis, cut);
  if (shared == SHARED_BEFORE) share_inputs(b);
  const int number = ae_graph_nodes(b->graph);
  b->out = description->build(b->graph, b->params, b->in);
  if (b->out != NULL) b->node = ae_graph_node(b->graph, number);
  ae_graph_root(b->graph, b->out);
  if (shared == SHARED_AFTER) share_inputs(b);
  ae_test_ok(ae_graph_seal(b->graph));
  ae_test_ok(ae_params_seal(b->params));
  ae_test_ok(ae_params_allocate(b->params, 2));
  ae_params_start(b->params, 3);
}

/* Random values in floats, the same in doubles for the reference. */
static void fill(bench *b) {
  for (int i = 0; i < b->description->inputs; i++) {
    const ae_case_input *input = &b->description->input[i];
    const int64_t count = b->rows[i] * b->in[i]->width;
    ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 1, i), (float)input->low, (float)input->high, count,
                           b->in[i]->value);
    for (int64_t j = 0; input->kind == AE_CASE_WHOLE && j < count; j++) b->in[i]->value[j] = floorf(b->in[i]->value[j]);
    ae_test_ok(AE_NEW(b->input[i], count));
    for (int64_t j = 0; j < count; j++) b->input[i][j] = (double)b->in[i]->value[j];
  }
  for (int i = 0; i < b->node->parameters; i++) {
    ae_test_ok(AE_NEW(b->parameter[i], b->node->parameter[i]->count));
    for (int64_t j = 0; j < b->node->parameter[i]->count; j++)
      b->parameter[i][j] = (double)ae_params_value(b->params, b->node->parameter[i])[j];
  }
  for (int i = 0; i < ROWS; i++) b->weight->value[i] = 1;
  ae_test_ok(AE_NEW(b->value, ROWS * b->out->width));
  ae_test_ok(AE_NEW(b->upstream, ROWS * b->out->width));
}

static void destroy(bench *b) {
  for (int i = 0; i < AE_NODE_MAX_INPUTS; i++) AE_FREE(b->input[i]);
  for (int i = 0; i < AE_NODE_MAX_PARAMETERS; i++) AE_FREE(b->parameter[i]);
  AE_FREE(b->value);
  AE_FREE(b->upstream);
  ae_graph_destroy(&b->graph);
  ae_params_destroy(&b->params);
}

static void reference(const bench *b) {
  b->node->op->reference(b->node, b->rows, (const double *const *)b->input, (const double *const *)b->parameter, ROWS,
                         b->value);
}

/* Σ upstream · out, of the reference. */
static double objective(const bench *b) {
  double sum = 0;
  reference(b);
  for (int64_t i = 0; i < ROWS * b->out->width; i++) sum += b->upstream[i] * b->value[i];
  return sum;
}

/* Four-point stencil: error h⁴ f⁽⁵⁾/30, about 1e-13 of the scale, and rounding 1e-16/h: far below the tolerance. */
static double slope(const bench *b, double *x) {
  const double h = 1e-3, start = *x;
  double f[4];
  const double at[4] = {-2, -1, 1, 2};
  for (int i = 0; i < 4; i++) {
    *x = start + at[i] * h;
    f[i] = objective(b);
  }
  *x = start;
  return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

/* Sums of up to a few hundred float products of size one: their rounding is below √n·2^-24 ≈ 2e-6 of the largest; ten
 * times that. */
static const double tolerance = 2e-5;

static void compare(const bench *b, const char *what, const double *expected, const double *got, int64_t count) {
  double largest = 1e-30, worst = 0;
  int64_t place = 0;
  for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
  for (int64_t i = 0; i < count; i++)
    if (!(fabs(expected[i] - got[i]) <= worst)) {
      worst = fabs(expected[i] - got[i]);
      place = i;
    }
  if (!(worst <= tolerance * largest))
    fail_msg("%s (%s): %s[%d] is %.9g, expected %.9g", b->node->op->name, b->description->label, what, (int)place,
             got[place], expected[place]);
}

static void check_value(const bench *b) {
  const int64_t count = ROWS * b->out->width;
  double *got;
  ae_test_ok(AE_NEW(got, count));
  for (int64_t i = 0; i < count; i++) got[i] = (double)b->out->value[i];
  reference(b);
  compare(b, "value", b->value, got, count);
  AE_FREE(got);
}

static void check_gradient(const bench *b, const char *what, double *x, const double *got, int64_t count, double more) {
  double *expected;
  ae_test_ok(AE_NEW(expected, count));
  for (int64_t i = 0; i < count; i++) expected[i] = slope(b, x + i) + more;
  compare(b, what, expected, got, count);
  AE_FREE(expected);
}

static void check_gradients(const bench *b) {
  for (int i = 0; i < b->description->inputs; i++) {
    if (b->description->input[i].kind != AE_CASE_DIFFERENTIABLE) continue;
    const int64_t count = b->rows[i] * b->in[i]->width;
    double *got;
    ae_test_ok(AE_NEW(got, count));
    for (int64_t j = 0; j < count; j++) got[j] = (double)b->in[i]->gradient[j];
    check_gradient(b, "input gradient", b->input[i], got, count, b->other[i] != NULL ? 0.5 : 0);
    AE_FREE(got);
  }
  for (int i = 0; i < b->node->parameters; i++) {
    const ae_parameter *parameter = b->node->parameter[i];
    double *got;
    ae_test_ok(AE_NEW(got, parameter->count));
    for (int64_t j = 0; j < parameter->count; j++)
      got[j] = (double)ae_params_gradient(b->params, parameter, 0)[j] +
               (double)ae_params_gradient(b->params, parameter, 1)[j];
    check_gradient(b, "parameter gradient", b->parameter[i], got, parameter->count, 0);
    AE_FREE(got);
  }
}

static void run_case(const ae_op_case *description, sharing shared) {
  bench b;
  build(&b, description, shared);
  fill(&b);
  ae_graph_forward(b.graph, NULL);
  check_value(&b);
  if (b.node->op->backward == NULL) {
    assert_null(b.out->gradient);
    destroy(&b);
    return;
  }
  ae_random_fill_uniform(ae_stream_of(2, AE_RANDOM_SELFTEST, 2, 0), -1, 1, ROWS * b.out->width, b.out->gradient);
  for (int64_t i = 0; i < ROWS * b.out->width; i++) b.upstream[i] = (double)b.out->gradient[i];
  for (int i = 0; i < description->inputs; i++)
    for (int64_t j = 0; b.other[i] != NULL && j < ROWS * b.other[i]->width; j++) b.other[i]->gradient[j] = 0.5f;
  ae_graph_backward(b.graph, NULL);
  check_gradients(&b);
  destroy(&b);
}

static void every_operation_has_the_gradient_of_its_reference(void **state) {
  (void)state;
  int count;
  const ae_op *const *table = ae_op_table(&count);
  assert_true(count > 0);
  for (int i = 0; i < count; i++) {
    assert_non_null(table[i]->cases[0].label);
    for (const ae_op_case *c = table[i]->cases; c->label != NULL; c++)
      for (sharing shared = ALONE; shared <= SHARED_AFTER; shared++) run_case(c, shared);
  }
}

static void operations_are_listed_once_in_order(void **state) {
  (void)state;
  int count;
  const ae_op *const *table = ae_op_table(&count);
  for (int i = 1; i < count; i++) assert_true(strcmp(table[i - 1]->name, table[i]->name) < 0);
}

static void shapes_that_do_not_fit_are_named(void **state) {
  (void)state;
  ae_params *params;
  ae_graph *graph;
  ae_test_ok(ae_params_create(&params));
  ae_test_ok(ae_graph_create(params, 1, NULL, 0, &graph));
  const int axis = ae_graph_axis(graph, 4);
  ae_tensor *x = ae_graph_input(graph, "x", axis, 1, (int64_t[]){7}, false);
  ae_tensor *y = ae_graph_input(graph, "y", axis, 1, (int64_t[]){5}, false);
  ae_tensor *loss = ae_bernoulli_loss(graph, "reconstruction", x, y);
  assert_null(loss);
  assert_null(ae_weigh_rows(graph, "weighed", loss, y));
  ae_test_error(ae_graph_seal(graph), AE_INTERNAL, "reconstruction");
  ae_graph_destroy(&graph);
  ae_params_destroy(&params);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(operations_are_listed_once_in_order),
                           AE_TEST(every_operation_has_the_gradient_of_its_reference),
                           AE_TEST(shapes_that_do_not_fit_are_named)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
