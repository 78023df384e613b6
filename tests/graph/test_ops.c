/* Every operation of the table against its float64 reference: values, and gradients by a four-point stencil, for every
 * case of the op, with rows in uneven and empty segments, two gradient planes, and inputs shared with another operation
 * before and after it. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/graph/ops_sets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Rows and how they are cut: five segments, one empty, two planes. */
enum { ROWS = 11, SEGMENTS = 5 };
static const int64_t cut[SEGMENTS + 1] = {0, 3, 4, 4, 8, 11};
/* Rows as sets: where the points of each begin; AE_CASE_SETS, AE_CASE_OTHER_SETS. */
static const int64_t groups[2][ROWS + 1] = {{0, 0, 1, 6, 8, 11, 11, 15, 16, 18, 24, 25},
                                            {0, 2, 2, 5, 6, 10, 10, 12, 17, 18, 20, 23}};
static const int plane_end[] = {4, 5};

/* Whether the inputs have a second consumer, and on which side of the operation. */
typedef enum sharing { ALONE, SHARED_BEFORE, SHARED_AFTER } sharing;

/* What the stencil gives for every input and parameter of a case: the same whoever else reads the inputs and however products are made of the same
 * numbers, so it is taken once. */
typedef struct slopes {
  double *of[AE_NODE_MAX_INPUTS + AE_NODE_MAX_PARAMETERS];
  double objective; /* at the numbers they were taken at */
} slopes;

/* One case, built. */
typedef struct bench {
  const ae_op_case *description;
  const ae_multiplier *multiplier;
  ae_params *params;
  ae_graph *graph;
  ae_tensor *in[AE_NODE_MAX_INPUTS], *out, *other[AE_NODE_MAX_INPUTS];
  const ae_node *node;
  int64_t rows[AE_NODE_MAX_INPUTS], out_rows;
  double *input[AE_NODE_MAX_INPUTS], *parameter[AE_NODE_MAX_PARAMETERS], *value, *upstream;
  slopes *known;
  bool reversed; /* gradients are taken with the wrong sign, which is to be seen */
} bench;

static void share_inputs(bench *b) {
  for (int i = 0; i < b->description->inputs; i++) {
    if (b->description->input[i].kind != AE_CASE_DIFFERENTIABLE) continue;
    b->other[i] = ae_activate(b->graph, "other", b->in[i], AE_LINEAR);
    ae_graph_root(b->graph, b->other[i]);
  }
}

/* The axis of each input: the first one, one of points, or one of its own. */
static void add_axes(bench *b, int *axis) {
  int64_t scaled[SEGMENTS + 1];
  const int first = ae_graph_axis(b->graph, ROWS), sets = ae_graph_axis_grouped(b->graph, first, groups[0][ROWS]);
  const int other = ae_graph_axis_grouped(b->graph, first, groups[1][ROWS]);
  ae_graph_set_rows(b->graph, first, cut);
  ae_graph_set_groups(b->graph, sets, groups[0]);
  ae_graph_set_groups(b->graph, other, groups[1]);
  for (int i = 0; i < b->description->inputs; i++) {
    const int rows = b->description->input[i].rows;
    axis[i] = rows == 1 ? first : rows == AE_CASE_SETS ? sets : other;
    if (rows > 1) {
      axis[i] = ae_graph_axis(b->graph, ROWS * rows);
      for (int s = 0; s <= SEGMENTS; s++) scaled[s] = cut[s] * rows;
      ae_graph_set_rows(b->graph, axis[i], scaled);
    }
    b->rows[i] = ae_graph_rows(b->graph, axis[i]).count;
  }
}

static void build(bench *b, const ae_op_case *description, const ae_multiplier *multiplier, sharing shared) {
  memset(b, 0, sizeof *b);
  b->description = description;
  b->multiplier = multiplier;
  ae_test_ok(ae_params_create(&b->params));
  ae_test_ok(ae_graph_create(b->params, SEGMENTS, plane_end, 2, &b->graph));
  ae_graph_multiply_by(b->graph, multiplier);
  int axis[AE_NODE_MAX_INPUTS] = {0};
  add_axes(b, axis);
  for (int i = 0; i < description->inputs; i++) {
    const ae_case_input *input = &description->input[i];
    b->in[i] =
        ae_graph_input(b->graph, "input", axis[i], input->rank, input->dim, input->kind == AE_CASE_DIFFERENTIABLE);
    ae_graph_keep(b->in[i]);
  }
  if (shared == SHARED_BEFORE) share_inputs(b);
  const int number = ae_graph_nodes(b->graph);
  b->out = description->build(b->graph, b->params, b->in);
  if (b->out != NULL) {
    b->node = ae_graph_node(b->graph, number);
    b->out_rows = ae_graph_rows(b->graph, b->out->axis).count;
  }
  ae_graph_root(b->graph, b->out);
  if (shared == SHARED_AFTER) share_inputs(b);
  ae_test_ok(ae_graph_seal(b->graph));
  ae_test_ok(ae_params_seal(b->params));
  ae_test_ok(ae_params_allocate(b->params, 2));
  ae_params_start(b->params, 3);
}

/* To numbers that stay as they are where products round. */
static void round_all(const bench *b, int64_t count, float *x) {
  for (int64_t i = 0; b->multiplier->rounded && i < count; i++) {
    ae_bf16 half;
    ae_bf16_round(1, &x[i], &half);
    ae_bf16_widen(1, &half, &x[i]);
  }
}

/* Random values in floats, the same in doubles for the reference. */
static void fill(bench *b) {
  for (int i = 0; i < b->description->inputs; i++) {
    const ae_case_input *input = &b->description->input[i];
    const int64_t count = b->rows[i] * b->in[i]->width;
    ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 1, i), (float)input->low, (float)input->high, count,
                           b->in[i]->value);
    for (int64_t j = 0; input->kind == AE_CASE_WHOLE && j < count; j++) b->in[i]->value[j] = floorf(b->in[i]->value[j]);
    round_all(b, count, b->in[i]->value);
    ae_test_ok(AE_NEW(b->input[i], count));
    for (int64_t j = 0; j < count; j++) b->input[i][j] = (double)b->in[i]->value[j];
  }
  for (int i = 0; i < b->node->parameters; i++) {
    round_all(b, b->node->parameter[i]->count, ae_params_value(b->params, b->node->parameter[i]));
    ae_test_ok(AE_NEW(b->parameter[i], b->node->parameter[i]->count));
    for (int64_t j = 0; j < b->node->parameter[i]->count; j++)
      b->parameter[i][j] = (double)ae_params_value(b->params, b->node->parameter[i])[j];
  }
  ae_test_ok(AE_NEW(b->value, b->out_rows * b->out->width));
  ae_test_ok(AE_NEW(b->upstream, b->out_rows * b->out->width));
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
  b->node->op->reference(b->node, b->rows, (const double *const *)b->input, (const double *const *)b->parameter,
                         b->out_rows, b->value);
}

/* Σ upstream · out, of the reference. */
static double objective(const bench *b) {
  double sum = 0;
  reference(b);
  for (int64_t i = 0; i < b->out_rows * b->out->width; i++) sum += b->upstream[i] * b->value[i];
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

/* Taken by the first who asks. */
static const double *slopes_of(const bench *b, int place, double *x, int64_t count) {
  double **of = &b->known->of[place];
  if (*of != NULL) {
    assert_true(b->known->objective == objective(b));
    return *of;
  }
  b->known->objective = objective(b);
  ae_test_ok(AE_NEW(*of, count));
  for (int64_t i = 0; i < count; i++) (*of)[i] = slope(b, x + i);
  return *of;
}

static void forget(slopes *known) {
  for (size_t i = 0; i < sizeof known->of / sizeof *known->of; i++) AE_FREE(known->of[i]);
}

/* Sums of up to a few hundred float products of size one: their rounding is below √n·2^-24 ≈ 2e-6 of the largest; ten
 * times that. */
static const double tolerance = 2e-5;

/* Where products round, gradients of outputs are rounded by up to 2^-9 of themselves; in a sum, whose terms differ in
 * sign, such errors grow as the sum does. Twice that. */
static const double rounded_tolerance = 0x1p-8;

static bool differs(const double *expected, const double *got, int64_t count, double allowed, int64_t *place) {
  double largest = 1e-30, worst = 0;
  *place = 0;
  for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
  for (int64_t i = 0; i < count; i++)
    if (!(fabs(expected[i] - got[i]) <= worst)) {
      worst = fabs(expected[i] - got[i]);
      *place = i;
    }
  return !(worst <= allowed * largest);
}

static void compare(const bench *b, const char *what, const double *expected, const double *got, int64_t count,
                    double allowed) {
  int64_t place;
  if (differs(expected, got, count, allowed, &place))
    fail_msg("%s (%s), %s by %s: %s[%d] is %.9g, expected %.9g", b->node->op->name, b->description->label,
             b->multiplier->precision, b->multiplier->library, what, (int)place, got[place], expected[place]);
}

/* Whether the operation rounds what it has computed itself: the weights of attention. */
static bool rounds_within(const bench *b) {
  return b->multiplier->rounded && strcmp(b->node->op->name, "attention") == 0;
}

static void check_value(const bench *b) {
  const int64_t count = b->out_rows * b->out->width;
  double *got;
  ae_test_ok(AE_NEW(got, count));
  for (int64_t i = 0; i < count; i++) got[i] = (double)b->out->value[i];
  reference(b);
  compare(b, "value", b->value, got, count, rounds_within(b) ? rounded_tolerance : tolerance);
  AE_FREE(got);
}

static void check_gradient(const bench *b, const char *what, const double *slope_of, double *got, int64_t count,
                           double more) {
  double *expected;
  int64_t place;
  ae_test_ok(AE_NEW(expected, count));
  for (int64_t i = 0; i < count; i++) expected[i] = slope_of[i] + more;
  for (int64_t i = 0; i < count && b->reversed; i++) got[i] = -got[i];
  const double allowed = b->multiplier->rounded ? rounded_tolerance : tolerance;
  if (!b->reversed) compare(b, what, expected, got, count, allowed);
  else if (!differs(expected, got, count, allowed, &place))
    fail_msg("%s (%s): a wrong %s is not seen", b->node->op->name, b->description->label, what);
  AE_FREE(expected);
}

static void check_gradients(const bench *b) {
  for (int i = 0; i < b->description->inputs; i++) {
    if (b->description->input[i].kind != AE_CASE_DIFFERENTIABLE) continue;
    const int64_t count = b->rows[i] * b->in[i]->width;
    double *got;
    ae_test_ok(AE_NEW(got, count));
    for (int64_t j = 0; j < count; j++) got[j] = (double)b->in[i]->gradient[j];
    check_gradient(b, "input gradient", slopes_of(b, i, b->input[i], count), got, count, b->other[i] != NULL ? 0.5 : 0);
    AE_FREE(got);
  }
  for (int i = 0; i < b->node->parameters; i++) {
    const ae_parameter *parameter = b->node->parameter[i];
    double *got;
    ae_test_ok(AE_NEW(got, parameter->count));
    for (int64_t j = 0; j < parameter->count; j++)
      got[j] = (double)ae_params_gradient(b->params, parameter, 0)[j] +
               (double)ae_params_gradient(b->params, parameter, 1)[j];
    check_gradient(b, "parameter gradient", slopes_of(b, AE_NODE_MAX_INPUTS + i, b->parameter[i], parameter->count),
                   got, parameter->count, 0);
    AE_FREE(got);
  }
}

/* Fills the gradients of all roots and passes back. */
static void go_back(bench *b) {
  ae_random_fill_uniform(ae_stream_of(2, AE_RANDOM_SELFTEST, 2, 0), -1, 1, b->out_rows * b->out->width,
                         b->out->gradient);
  for (int64_t i = 0; i < b->out_rows * b->out->width; i++) b->upstream[i] = (double)b->out->gradient[i];
  for (int i = 0; i < b->description->inputs; i++)
    for (int64_t j = 0; b->other[i] != NULL && j < b->rows[i] * b->other[i]->width; j++)
      b->other[i]->gradient[j] = 0.5f;
  ae_graph_backward(b->graph, NULL);
}

static bool has_gradient(const bench *b) {
  bool any = b->node->parameters > 0;
  for (int i = 0; i < b->description->inputs; i++) any |= b->description->input[i].kind == AE_CASE_DIFFERENTIABLE;
  return any && b->node->op->backward != NULL;
}

static void run_case(const ae_op_case *description, const ae_multiplier *multiplier, sharing shared, bool reversed,
                     slopes *known) {
  bench b;
  build(&b, description, multiplier, shared);
  b.reversed = reversed;
  b.known = known;
  fill(&b);
  ae_graph_forward(b.graph, NULL);
  check_value(&b);
  assert_int_equal(b.out->gradient != NULL, has_gradient(&b));
  if (has_gradient(&b)) {
    go_back(&b);
    check_gradients(&b);
  }
  destroy(&b);
}

/* And a wrong one is seen. */
static void every_operation_has_the_gradient_of_its_reference(void **state) {
  (void)state;
  int count;
  const ae_op *const *table = ae_op_table(&count);
  assert_true(count > 0);
  for (int i = 0; i < count; i++) {
    assert_non_null(table[i]->cases[0].label);
    for (const ae_op_case *c = table[i]->cases; c->label != NULL; c++) {
      slopes known = {0};
      for (sharing shared = ALONE; shared <= SHARED_AFTER; shared++)
        run_case(c, &ae_multiplier_blas, shared, false, &known);
      run_case(c, &ae_multiplier_blas, ALONE, true, &known);
      forget(&known);
    }
  }
}

static const ae_op *op_of(const char *name) {
  int count, i = 0;
  const ae_op *const *table = ae_op_table(&count);
  while (strcmp(table[i]->name, name) != 0) i++;
  return table[i];
}

static void run_by_every_way_to_multiply(const ae_op_case *description) {
  int count;
  const ae_multiplier *const *table = ae_multipliers(&count);
  slopes known[2] = {0}; /* the second of rounded numbers */
  for (int i = 0; i < count; i++)
    for (sharing shared = ALONE; table[i]->lacks() == NULL && shared <= SHARED_AFTER; shared++)
      for (int reversed = 0; reversed < 2; reversed++)
        run_case(description, table[i], shared, reversed != 0, &known[table[i]->rounded]);
  forget(&known[0]);
  forget(&known[1]);
}

static void layers_have_gradients_by_every_way_to_multiply(void **state) {
  (void)state;
  static const char *const layers[] = {"linear", "convolution", "convolution_transposed", "attention"};
  for (size_t layer = 0; layer < sizeof layers / sizeof *layers; layer++)
    for (const ae_op_case *c = op_of(layers[layer])->cases; c->label != NULL; c++) run_by_every_way_to_multiply(c);
}

static void operations_are_listed_once_in_order(void **state) {
  (void)state;
  int count;
  const ae_op *const *table = ae_op_table(&count);
  for (int i = 1; i < count; i++) assert_true(strcmp(table[i - 1]->name, table[i]->name) < 0);
}

/* Two inputs, the second of which needs a gradient of its own, from a second reader; both orders of the readers. */
static void check_stop(bool straight, bool reads_first) {
  enum { WIDTH = 4 };
  const int64_t offset[] = {0, 1, 3}, dim = WIDTH;
  const int end[] = {2};
  ae_params *params;
  ae_graph *graph;
  ae_test_ok(ae_params_create(&params));
  ae_test_ok(ae_graph_create(params, 2, end, 1, &graph));
  const int axis = ae_graph_axis(graph, 3);
  ae_tensor *a = ae_graph_input(graph, "a", axis, 1, &dim, true);
  ae_tensor *b = ae_graph_input(graph, "b", axis, 1, &dim, true);
  ae_tensor *other = reads_first ? ae_activate(graph, "other", b, AE_LINEAR) : NULL;
  ae_tensor *out = straight ? ae_straight_through(graph, "out", a, b) : ae_mean_squared_error(graph, "out", a, b);
  if (!reads_first) other = ae_activate(graph, "other", b, AE_LINEAR);
  ae_graph_root(graph, other);
  ae_graph_root(graph, out);
  ae_test_ok(ae_graph_seal(graph));
  ae_test_ok(ae_params_seal(params));
  ae_test_ok(ae_params_allocate(params, 1));
  ae_graph_set_rows(graph, axis, offset);
  for (int i = 0; i < 3 * WIDTH; i++) {
    a->value[i] = (float)i;
    b->value[i] = 0.5f;
  }
  for (int pass = 0; pass < 2; pass++) { /* what the first left must not be added to */
    ae_graph_forward(graph, NULL);
    for (int i = 0; i < 3 * WIDTH; i++) {
      other->gradient[i] = (float)(100 + i);
      out->gradient[straight ? i : i / WIDTH] = 2;
      if (straight) assert_true(out->value[i] == 0.5f);
    }
    ae_graph_backward(graph, NULL);
  }
  for (int i = 0; i < 3 * WIDTH; i++) {
    assert_true(a->gradient[i] == (straight ? 2 : 2 * 2 * ((float)i - 0.5f) / (float)WIDTH));
    assert_true(b->gradient[i] == (float)(100 + i));
  }
  ae_graph_destroy(&graph);
  ae_params_destroy(&params);
}

static void gradients_stop_where_told(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) check_stop((i & 1) != 0, (i & 2) != 0);
}

/* Tied entries: the lowest, whatever stands beside a vector. */
static void the_nearest_entry_does_not_depend_on_other_rows(void **state) {
  (void)state;
  enum { PLACES = 300, WIDTH = 3 };
  static float table[200][WIDTH];
  const int64_t dim[] = {PLACES, WIDTH}, both[] = {0, 1, 2}, one[] = {0, 0, 1};
  float alone[PLACES];
  ae_params *params;
  ae_graph *graph;
  for (int i = 0; i < 200; i++) ae_random_fill_normal(ae_stream_of(4, AE_RANDOM_SELFTEST, 0, i % 150), WIDTH, table[i]);
  ae_test_ok(ae_params_create(&params));
  ae_test_ok(ae_graph_create(params, 2, NULL, 0, &graph));
  const int axis = ae_graph_axis(graph, 2);
  ae_tensor *in = ae_graph_input(graph, "in", axis, 2, dim, false);
  ae_graph_keep(in);
  ae_tensor *index = ae_nearest_entry(graph, "index", in, (ae_table){200, WIDTH, NULL, table[0]});
  ae_graph_keep(index);
  ae_test_ok(ae_graph_seal(graph));
  ae_test_ok(ae_params_seal(params));
  ae_random_fill_normal(ae_stream_of(5, AE_RANDOM_SELFTEST, 0, 0), PLACES * WIDTH, in->value);
  ae_graph_set_rows(graph, axis, one);
  ae_graph_forward(graph, NULL);
  memcpy(alone, index->value, sizeof alone);
  memcpy(in->value + PLACES * WIDTH, in->value, PLACES * WIDTH * sizeof(float));
  ae_random_fill_normal(ae_stream_of(5, AE_RANDOM_SELFTEST, 0, 1), PLACES * WIDTH, in->value);
  ae_graph_set_rows(graph, axis, both);
  ae_graph_forward(graph, NULL);
  assert_memory_equal(index->value + PLACES, alone, sizeof alone);
  for (int i = 0; i < 2 * PLACES; i++) assert_true(index->value[i] < 150);
  for (int k = 0; k < WIDTH; k++) table[7][k] = in->value[k]; /* the caller's table is read at each pass */
  ae_graph_forward(graph, NULL);
  assert_true(index->value[0] == 7);
  ae_graph_destroy(&graph);
  ae_params_destroy(&params);
}

/* Bytes of LAYERS layers of `activation`, each with its input added to what it gives. */
static int64_t bytes_of_layers(const ae_multiplier *multiplier, ae_activation activation) {
  enum { LAYERS = 8, WIDTH = 16, EXAMPLES = 64 };
  static const char *const axes[] = {"output", "input"};
  const int64_t dim[] = {WIDTH, WIDTH};
  const int end = 1;
  ae_params *params;
  ae_graph *graph;
  char path[16];
  ae_test_ok(ae_params_create(&params));
  ae_test_ok(ae_graph_create(params, 1, &end, 1, &graph));
  ae_graph_multiply_by(graph, multiplier);
  ae_tensor *x = ae_graph_input(graph, "x", ae_graph_axis(graph, EXAMPLES), 1, dim, false);
  for (int i = 0; i < LAYERS; i++) {
    snprintf(path, sizeof path, "weight_%d", i);
    const ae_parameter *weight = ae_params_add(params, path, 2, dim, axes, 1, true);
    snprintf(path, sizeof path, "bias_%d", i);
    const ae_parameter *bias = ae_params_add(params, path, 1, dim, axes, 1, false);
    x = ae_sum(graph, "sum", x, ae_linear(graph, "linear", &x, 1, weight, bias, 1, activation));
  }
  ae_graph_root(graph, x);
  ae_test_ok(ae_graph_seal(graph));
  const int64_t bytes = ae_graph_bytes(graph);
  ae_graph_destroy(&graph);
  ae_params_destroy(&params);
  return bytes;
}

/* The gradient of tanh is of its output, which is kept beside the next layer's input; that of a linear layer is not. Inputs
 * are kept as products take them: in half the bytes where they are rounded. */
static void what_no_gradient_reads_is_not_kept(void **state) {
  (void)state;
  const ae_multiplier *rounding;
  const int64_t kept = 8 * 64 * 16 * (int64_t)sizeof(float);
  ae_test_ok(ae_multiplier_find("bf16-emulated", "auto", &rounding));
  const int64_t linear = bytes_of_layers(&ae_multiplier_blas, AE_LINEAR);
  assert_true(bytes_of_layers(&ae_multiplier_blas, AE_TANH) >= linear + kept * 7 / 8);
  assert_true(bytes_of_layers(rounding, AE_LINEAR) < linear);
}

/* What each builder says of shapes that do not fit. */
static void every_misfit_is_named(void **state) {
  (void)state;
  for (int i = 0; i < 8; i++) {
    static const char *const part[] = {"error", "softmax", "sum", "gate", "nearest", "embed", "straight", "gather"};
    static const float table[6];
    ae_params *params;
    ae_graph *graph;
    ae_test_ok(ae_params_create(&params));
    ae_test_ok(ae_graph_create(params, 1, NULL, 0, &graph));
    const int axis = ae_graph_axis(graph, 4);
    ae_tensor *x = ae_graph_input(graph, "x", axis, 1, (int64_t[]){7}, false);
    ae_tensor *y = ae_graph_input(graph, "y", axis, 3, (int64_t[]){5, 1, 1}, false);
    ae_tensor *out = i == 0   ? ae_mean_squared_error(graph, "error", x, y)
                     : i == 1 ? ae_softmax_loss(graph, "softmax", x, y, 2)
                     : i == 2 ? ae_sum(graph, "sum", x, y)
                     : i == 3 ? ae_gate(graph, "gate", x)
                     : i == 4 ? ae_nearest_entry(graph, "nearest", x, (ae_table){2, 3, NULL, table})
                     : i == 5 ? ae_embed(graph, "embed", y, (ae_table){2, 3, NULL, table})
                     : i == 6 ? ae_straight_through(graph, "straight", x, y)
                              : ae_gather_rows(graph, "gather", x, y);
    assert_null(out);
    ae_test_error(ae_graph_seal(graph), AE_INTERNAL, part[i]);
    ae_graph_destroy(&graph);
    ae_params_destroy(&params);
  }
}

/* The same of operations on sets: two batches of sets, and points of the first. */
static void every_misfit_of_sets_is_named(void **state) {
  (void)state;
  static const char *const part[] = {"repeat x: the axis is not one of points",
                                     "repeat x: the axis is not one of points",
                                     "sum x: its input is not on an axis",
                                     "attention x: queries, keys and values of width 6, 4, 6 in 2 heads",
                                     "attention x: queries, keys and values of",
                                     "attention x: queries, keys and values are not of the same sets",
                                     "attention x: queries, keys and values are not of the same sets",
                                     "layer norm x: gain and bias of 6 and 7",
                                     "project x: an input of width 6 does not fit a weight for 7",
                                     "chamfer x: points of 6 and 4",
                                     "matching x: points of 6 and 6 coordinates, or not of the same sets"};
  for (int i = 0; i < 11; i++) {
    static const char *const axes[] = {"output", "input"};
    ae_params *params;
    ae_graph *graph;
    ae_test_ok(ae_params_create(&params));
    ae_test_ok(ae_graph_create(params, 1, NULL, 0, &graph));
    const int first = ae_graph_axis(graph, 4), second = ae_graph_axis(graph, 4);
    const int points = ae_graph_axis_grouped(graph, first, 9), others = ae_graph_axis_grouped(graph, second, 9);
    ae_tensor *sets = ae_graph_input(graph, "sets", first, 1, (int64_t[]){6}, false);
    ae_tensor *p = ae_graph_input(graph, "p", points, 1, (int64_t[]){6}, false);
    ae_tensor *narrow = ae_graph_input(graph, "narrow", points, 1, (int64_t[]){4}, false);
    ae_tensor *q = ae_graph_input(graph, "q", others, 1, (int64_t[]){6}, false);
    const ae_parameter *six = ae_params_add(params, "six", 1, (int64_t[]){6}, axes, 1, false);
    const ae_parameter *seven = ae_params_add(params, "seven", 2, (int64_t[]){1, 7}, axes, 1, false);
    ae_tensor *out = i == 0   ? ae_repeat_per_set(graph, "x", sets, others)
                     : i == 1 ? ae_repeat_per_set(graph, "x", sets, first)
                     : i == 2 ? ae_sum_per_set(graph, "x", sets)
                     : i == 3 ? ae_attention(graph, "x", p, narrow, p, 2)
                     : i == 4 ? ae_attention(graph, "x", p, p, p, 4)
                     : i == 5 ? ae_attention(graph, "x", p, q, q, 2)
                     : i == 6 ? ae_attention(graph, "x", p, p, sets, 2)
                     : i == 7 ? ae_layer_norm(graph, "x", p, six, seven)
                     : i == 8 ? ae_project(graph, "x", p, seven)
                     : i == 9 ? ae_chamfer_loss(graph, "x", p, narrow, AE_SQUARED)
                              : ae_matching_loss(graph, "x", p, q);
    assert_null(out);
    ae_test_error(ae_graph_seal(graph), AE_INTERNAL, part[i]);
    ae_graph_destroy(&graph);
    ae_params_destroy(&params);
  }
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

/* A convolution of a 4 × 3 image with two channels whose weight is for `channels`, under this kernel. */
static ae_status build_convolution(ae_kernel kernel, int64_t channels) {
  const char *const axes[] = {"output", "row", "column", "input"};
  const int64_t dim[] = {5, kernel.side[0], kernel.side[1], channels};
  ae_params *params;
  ae_graph *graph;
  ae_test_ok(ae_params_create(&params));
  ae_test_ok(ae_graph_create(params, 1, NULL, 0, &graph));
  const int axis = ae_graph_axis(graph, 4);
  ae_tensor *x = ae_graph_input(graph, "x", axis, 3, (int64_t[]){4, 3, 2}, false);
  const ae_parameter *weight = ae_params_add(params, "weight", 4, dim, axes, 1, true);
  const ae_parameter *bias = ae_params_add(params, "bias", 1, dim, axes, 1, false);
  ae_tensor *y = ae_convolution(graph, "conv_0", x, (ae_image){4, 3, 2}, weight, bias, kernel, AE_LINEAR);
  ae_status status = ae_graph_seal(graph);
  assert_true((y == NULL) == (status != AE_OK));
  ae_graph_destroy(&graph);
  ae_params_destroy(&params);
  return status;
}

static void convolutions_that_do_not_fit_are_named(void **state) {
  (void)state;
  const ae_kernel kernel = {{4, 4}, {0, 1}, 1, AE_MASK_NONE}, large = {{4, 4}, {0, 0}, 1, AE_MASK_NONE};
  ae_test_ok(build_convolution(kernel, 2));
  ae_test_error(build_convolution(large, 2), AE_USAGE,
                "conv_0: nothing is left of an image of 4 × 3 under a kernel of "
                "4 × 4: use larger images or fewer layers");
  ae_test_error(build_convolution(kernel, 3), AE_INTERNAL, "conv_0: an input of width 24, images of 4 × 3 × 2");
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(operations_are_listed_once_in_order),
                           AE_TEST(every_operation_has_the_gradient_of_its_reference),
                           AE_TEST(layers_have_gradients_by_every_way_to_multiply),
                           AE_TEST(gradients_stop_where_told),
                           AE_TEST(the_nearest_entry_does_not_depend_on_other_rows),
                           AE_TEST(what_no_gradient_reads_is_not_kept),
                           AE_TEST(every_misfit_is_named),
                           AE_TEST(every_misfit_of_sets_is_named),
                           AE_TEST(shapes_that_do_not_fit_are_named),
                           AE_TEST(convolutions_that_do_not_fit_are_named)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
