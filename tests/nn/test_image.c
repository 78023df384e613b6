/* Layers on images: what they compute with weights set by hand, and where their parameters start. */
#include "harness.h"

#include "mpiae/graph/op.h"
#include "mpiae/nn/image.h"

#include <math.h>
#include <string.h>

enum { SIDE = 4, ROWS = 2 };

typedef struct bench {
  ae_params *params;
  ae_graph *graph;
  ae_tensor *x;
} bench;

static void create(bench *b, int64_t channels) {
  ae_test_ok(ae_params_create(&b->params));
  ae_test_ok(ae_graph_create(b->params, 1, NULL, 0, &b->graph));
  const int axis = ae_graph_axis(b->graph, ROWS);
  b->x = ae_graph_input(b->graph, "x", axis, 3, (int64_t[]){SIDE, SIDE, channels}, false);
  ae_graph_keep(b->x);
  ae_graph_set_rows(b->graph, axis, (int64_t[]){0, ROWS});
}

static void seal(bench *b) {
  ae_test_ok(ae_graph_seal(b->graph));
  ae_test_ok(ae_params_seal(b->params));
  ae_test_ok(ae_params_allocate(b->params, 0));
}

static void destroy(bench *b) {
  ae_graph_destroy(&b->graph);
  ae_params_destroy(&b->params);
}

static const ae_parameter *parameter(const bench *b, const char *path) {
  for (int i = 0; i < ae_params_count(b->params); i++)
    if (strcmp(ae_params_at(b->params, i)->path, path) == 0) return ae_params_at(b->params, i);
  fail_msg("there is no %s", path);
  return NULL;
}

static void set(const bench *b, const char *path, int64_t place, float value) {
  ae_params_value(b->params, parameter(b, path))[place] = value;
}

/* One channel, W₁ twice its middle tap, b₁ = −1, W₂ = 3, b₂ = ½. */
static void a_residual_block_adds_to_its_input(void **state) {
  (void)state;
  bench b;
  create(&b, 1);
  ae_tensor *y = ae_nn_residual(b.graph, "block", b.x, 1);
  ae_graph_keep(y);
  seal(&b);
  set(&b, "block/wide/weight", 4, 2);
  set(&b, "block/wide/bias", 0, -1);
  set(&b, "block/narrow/weight", 0, 3);
  set(&b, "block/narrow/bias", 0, 0.5f);
  for (int i = 0; i < ROWS * SIDE * SIDE; i++) b.x->value[i] = 0.25f * (float)(i % 9 - 4);
  ae_graph_forward(b.graph, NULL);
  for (int i = 0; i < ROWS * SIDE * SIDE; i++) {
    const float x = b.x->value[i], inner = fmaxf(2 * fmaxf(x, 0) - 1, 0);
    assert_true(fabsf(y->value[i] - (x + 3 * inner + 0.5f)) < 1e-6f);
  }
  destroy(&b);
}

static void layers_start_as_their_fan_in_says(void **state) {
  (void)state;
  const ae_kernel kernel = {{4, 4}, {1, 1}, 2, AE_MASK_NONE};
  bench b;
  create(&b, 3);
  ae_tensor *y = ae_nn_convolution(b.graph, "down", b.x, ae_nn_image(b.x), 5, kernel, AE_RELU);
  ae_tensor *z = ae_nn_convolution_transposed(b.graph, "up", y, ae_nn_image(y), 2, kernel, AE_LINEAR);
  assert_true(y->dim[0] == SIDE / 2 && y->dim[1] == SIDE / 2 && y->dim[2] == 5);
  assert_true(z->dim[0] == SIDE && z->dim[1] == SIDE && z->dim[2] == 2);
  seal(&b);
  const ae_parameter *down = parameter(&b, "down/weight"), *up = parameter(&b, "up/weight");
  assert_true(down->dim[0] == 5 && down->dim[1] == 4 && down->dim[2] == 4 && down->dim[3] == 3);
  assert_true(up->dim[0] == 5 && up->dim[1] == 4 && up->dim[2] == 4 && up->dim[3] == 2);
  assert_true(fabsf(down->bound * sqrtf(48) - 1) < 1e-6f && fabsf(up->bound * sqrtf(32) - 1) < 1e-6f);
  assert_true(fabsf(parameter(&b, "down/bias")->bound - down->bound) < 1e-9f && down->decays);
  assert_true(!parameter(&b, "up/bias")->decays);
  destroy(&b);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(a_residual_block_adds_to_its_input), AE_TEST(layers_start_as_their_fan_in_says)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
