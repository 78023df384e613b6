/* Layers on packed sets: what the order of points changes, empty sets, that results are a function of set and segment
 * alone, and where parameters start. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/graph/ops_sets.h"
#include "mpiae/nn/set.h"

#include <math.h>
#include <string.h>

enum { SETS = 6, DIM = 3, WIDTH = 16, HEADS = 4, SEEDS = 3 };
/* Two of them empty, one of several blocks. */
static const int64_t groups[SETS + 1] = {0, 0, 1, 90, 690, 690, 752};

/* A small set network on sets [first, last) in segments: two blocks, pooling by one seed and by three, and the distance
 * to points of the same sets. */
typedef struct network {
  ae_params *params;
  ae_graph *graph;
  int64_t first, last;
  ae_tensor *x, *target, *block, *pooled, *seeded, *chamfer, *matching;
} network;

static ae_tensor *kept(ae_tensor *tensor) {
  ae_graph_keep(tensor);
  return tensor;
}

static void build(network *n, int sets, int points, int seeds) {
  const int64_t dim = DIM;
  const char *const axes[] = {"output", "input"};
  n->x = kept(ae_graph_input(n->graph, "x", points, 1, &dim, true));
  n->target = kept(ae_graph_input(n->graph, "target", points, 1, &dim, false));
  const ae_parameter *in = ae_params_add(n->params, "in", 2, (int64_t[]){WIDTH, DIM}, axes, 1, true);
  const ae_parameter *out = ae_params_add(n->params, "out", 2, (int64_t[]){DIM, WIDTH}, axes, 0.3f, true);
  ae_tensor *h = ae_project(n->graph, "in", n->x, in);
  h = ae_nn_set_block(n->graph, "block_0", h, h, HEADS);
  n->block = kept(ae_nn_set_block(n->graph, "block_1", h, h, HEADS));
  n->pooled = kept(ae_nn_set_pool(n->graph, "pool", n->block, sets, 1, 1));
  n->seeded = kept(ae_nn_set_pool(n->graph, "pool_3", n->block, seeds, SEEDS, 2));
  ae_tensor *code = ae_repeat_per_set(n->graph, "code", n->pooled, points);
  ae_tensor *prediction = ae_project(n->graph, "out", ae_sum(n->graph, "sum", n->block, code), out);
  n->chamfer = ae_chamfer_loss(n->graph, "chamfer", prediction, n->target, AE_HUBER);
  n->matching = ae_matching_loss(n->graph, "matching", prediction, n->target);
  ae_graph_root(n->graph, n->chamfer);
  ae_graph_root(n->graph, n->matching);
  ae_graph_root(n->graph, n->seeded);
}

/* Segment s is sets cut[s] … cut[s+1] of all. */
static void create(network *n, int segments, const int64_t *cut) {
  int64_t offset[SETS + 1], group[SETS + 1];
  const int end[] = {segments};
  *n = (network){.first = cut[0], .last = cut[segments]};
  ae_test_ok(ae_params_create(&n->params));
  ae_test_ok(ae_graph_create(n->params, segments, end, 1, &n->graph));
  const int sets = ae_graph_axis(n->graph, SETS), points = ae_graph_axis_grouped(n->graph, sets, groups[SETS]);
  const int seeds = ae_graph_axis_grouped(n->graph, sets, SEEDS * SETS);
  build(n, sets, points, seeds);
  ae_test_ok(ae_graph_seal(n->graph));
  ae_test_ok(ae_params_seal(n->params));
  ae_test_ok(ae_params_allocate(n->params, 1));
  ae_params_start(n->params, 5);
  for (int s = 0; s <= segments; s++) offset[s] = cut[s] - n->first;
  for (int64_t i = n->first; i <= n->last; i++) group[i - n->first] = groups[i] - groups[n->first];
  ae_graph_set_rows(n->graph, sets, offset);
  ae_graph_set_groups(n->graph, points, group);
  ae_graph_set_groups_equal(n->graph, seeds, SEEDS);
}

static void destroy(network *n) {
  ae_graph_destroy(&n->graph);
  ae_params_destroy(&n->params);
}

/* Point i of set s, drawn by set and point; `backward` turns the order of the points in every set around. */
static void fill(network *n, bool backward) {
  int64_t row = 0;
  for (int64_t s = n->first; s < n->last; s++)
    for (int64_t count = groups[s + 1] - groups[s], i = 0; i < count; i++, row++) {
      const int64_t point = 1000 * s + (backward ? count - 1 - i : i);
      ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, point), -1, 1, DIM, n->x->value + row * DIM);
      ae_random_fill_normal(ae_stream_of(1, AE_RANDOM_SELFTEST, 1, point), DIM, n->target->value + row * DIM);
    }
}

static void run(network *n, bool backward) {
  fill(n, backward);
  ae_graph_forward(n->graph, NULL);
  for (int64_t i = 0; i < n->last - n->first; i++) {
    n->chamfer->gradient[i] = 1;
    n->matching->gradient[i] = 0.5f;
  }
  const int64_t seeded = SEEDS * WIDTH;
  for (int64_t i = 0; i < (n->last - n->first) * seeded; i++)
    n->seeded->gradient[i] = (float)((n->first * seeded + i) % 5) - 2;
  ae_graph_backward(n->graph, NULL);
}

static void close_to(const float *a, const float *b, int64_t count) {
  for (int64_t i = 0; i < count; i++) assert_true(fabsf(a[i] - b[i]) < 1e-5f * fmaxf(1, fabsf(a[i])));
}

static void the_order_of_points_does_not_matter(void **state) {
  (void)state;
  const int64_t cut[] = {0, SETS};
  network n, m;
  create(&n, 1, cut);
  create(&m, 1, cut);
  run(&n, false);
  run(&m, true);
  close_to(n.pooled->value, m.pooled->value, SETS * WIDTH);
  close_to(n.seeded->value, m.seeded->value, SETS * SEEDS * WIDTH);
  close_to(n.chamfer->value, m.chamfer->value, SETS);
  close_to(n.matching->value, m.matching->value, SETS);
  for (int s = 0; s < SETS; s++)
    for (int64_t i = groups[s]; i < groups[s + 1]; i++) {
      const int64_t other = groups[s] + groups[s + 1] - 1 - i;
      close_to(n.block->value + i * WIDTH, m.block->value + other * WIDTH, WIDTH);
    }
  destroy(&n);
  destroy(&m);
}

/* What a set becomes without points: the norms and the feed-forward part of the seed; and it is far from what points
 * make of it. */
static void an_empty_set_is_its_seed(void **state) {
  (void)state;
  const int64_t cut[] = {0, SETS};
  network n;
  create(&n, 1, cut);
  run(&n, false);
  assert_memory_equal(n.pooled->value, n.pooled->value + 4 * WIDTH, WIDTH * sizeof(float));
  assert_true(n.chamfer->value[0] == 0 && n.chamfer->value[4] == 0 && n.chamfer->value[3] > 0);
  assert_true(n.matching->value[0] == 0 && n.matching->value[4] == 0 && n.matching->value[3] > 0);
  float apart = 0;
  for (int j = 0; j < WIDTH; j++) {
    assert_true(isfinite(n.pooled->value[j]));
    apart = fmaxf(apart, fabsf(n.pooled->value[j] - n.pooled->value[3 * WIDTH + j]));
  }
  assert_true(apart > 0.05f);
  for (int64_t i = 0; i < ae_params_size(n.params); i++)
    assert_true(isfinite(ae_params_gradient(n.params, ae_params_at(n.params, 0), 0)[i]));
  destroy(&n);
}

/* Two segments in one graph, as one rank has them, and each in a graph of its own, as two have. */
static void results_do_not_depend_on_who_has_the_segments(void **state) {
  (void)state;
  const int64_t all[] = {0, 3, SETS};
  network both, part[2];
  create(&both, 2, all);
  run(&both, false);
  for (int s = 0; s < 2; s++) {
    create(&part[s], 1, all + s);
    run(&part[s], false);
    const int64_t points = groups[all[s + 1]] - groups[all[s]];
    assert_memory_equal(both.block->value + groups[all[s]] * WIDTH, part[s].block->value,
                        (size_t)(points * WIDTH) * sizeof(float));
    assert_memory_equal(both.x->gradient + groups[all[s]] * DIM, part[s].x->gradient,
                        (size_t)(points * DIM) * sizeof(float));
    assert_memory_equal(both.chamfer->value + all[s], part[s].chamfer->value, 3 * sizeof(float));
    assert_memory_equal(both.matching->value + all[s], part[s].matching->value, 3 * sizeof(float));
    assert_memory_equal(both.pooled->value + all[s] * WIDTH, part[s].pooled->value, 3 * WIDTH * sizeof(float));
  }
  for (int p = 0; p < ae_params_count(both.params); p++) {
    const float *sum = ae_params_gradient(both.params, ae_params_at(both.params, p), 0), *term[2];
    for (int s = 0; s < 2; s++) term[s] = ae_params_gradient(part[s].params, ae_params_at(part[s].params, p), 0);
    for (int64_t i = 0; i < ae_params_at(both.params, p)->count; i++) assert_true(sum[i] == term[0][i] + term[1][i]);
  }
  destroy(&both);
  destroy(&part[0]);
  destroy(&part[1]);
}

/* No sets at all, as on a rank whose shards have run out: nothing is read, gradients are 0. */
static void there_may_be_no_sets(void **state) {
  (void)state;
  const int64_t none[] = {0, 0, 0};
  network n;
  create(&n, 2, none);
  run(&n, false);
  for (int p = 0; p < ae_params_count(n.params); p++)
    for (int64_t i = 0; i < ae_params_at(n.params, p)->count; i++)
      assert_true(ae_params_gradient(n.params, ae_params_at(n.params, p), 0)[i] == 0);
  destroy(&n);
}

static void parameters_start_as_glorot_says(void **state) {
  (void)state;
  const int64_t cut[] = {0, SETS};
  network n;
  int norms = 0, weights = 0;
  create(&n, 1, cut);
  for (int p = 0; p < ae_params_count(n.params); p++) {
    const ae_parameter *parameter = ae_params_at(n.params, p);
    const float *value = ae_params_value(n.params, parameter);
    const bool gain = strstr(parameter->path, "/gain") != NULL, bias = strstr(parameter->path, "/bias") != NULL;
    const bool weight = strstr(parameter->path, "/weight") != NULL;
    norms += gain;
    weights += weight;
    assert_true(parameter->decays == (!gain && !bias));
    for (int64_t i = 0; i < parameter->count; i++) {
      if (gain || bias) assert_true(value[i] == (gain ? 1 : 0));
      if (weight) assert_true(fabsf(value[i]) <= sqrtf(6.0f / (2 * WIDTH)));
    }
  }
  assert_true(norms == 8 && weights == 24);
  destroy(&n);
}

static void only_sets_that_can_be_matched_are_accepted(void **state) {
  (void)state;
  ae_test_ok(ae_matching_accepts(0));
  ae_test_ok(ae_matching_accepts(2000));
  ae_test_error(ae_matching_accepts(2001), AE_USAGE, "a set of 2001 points is too large for the optimal matching");
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(the_order_of_points_does_not_matter),
                           AE_TEST(an_empty_set_is_its_seed),
                           AE_TEST(results_do_not_depend_on_who_has_the_segments),
                           AE_TEST(there_may_be_no_sets),
                           AE_TEST(parameters_start_as_glorot_says),
                           AE_TEST(only_sets_that_can_be_matched_are_accepted)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
