/* A PixelCNN's numbers depend on those before them and on all of these; its probabilities add up to one, and samples
 * follow them. */
#include "harness.h"

#include "mpiae/models/configure.h"
#include "mpiae/models/model.h"
#include "mpiae/models/model_table.h"
#include "mpiae/nn/pixelcnn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A network on one map. */
typedef struct bench {
  ae_params *params;
  ae_graph *graph;
  ae_tensor *index, *label, *logit;
} bench;

enum { ROWS = 5, COLUMNS = 6, PLACES = ROWS * COLUMNS, ENTRIES = 4, LABELS = 3 };

static void build(bench *b, int64_t layers, int64_t kernel, int64_t labels) {
  const ae_pixelcnn shape = {ENTRIES, 16, layers, kernel, labels};
  *b = (bench){0};
  ae_test_ok(ae_params_create(&b->params));
  ae_test_ok(ae_graph_create(b->params, 1, NULL, 0, &b->graph));
  const int axis = ae_graph_axis(b->graph, 1);
  b->index = ae_graph_input(b->graph, "index", axis, 2, (int64_t[]){ROWS, COLUMNS}, false);
  if (labels > 0) b->label = ae_graph_input(b->graph, "label", axis, 0, NULL, false);
  b->logit = ae_nn_pixelcnn(b->graph, b->index, b->label, shape);
  ae_graph_keep(b->index);
  ae_graph_keep(b->label);
  ae_graph_keep(b->logit);
  ae_test_ok(ae_graph_seal(b->graph));
  ae_test_ok(ae_params_seal(b->params));
  ae_test_ok(ae_params_allocate(b->params, 0));
  ae_params_start(b->params, 5);
  ae_graph_set_rows(b->graph, axis, (int64_t[]){0, 1});
  for (int i = 0; i < PLACES; i++) b->index->value[i] = (float)(i * 7 % ENTRIES);
}

static void destroy(bench *b) {
  ae_graph_destroy(&b->graph);
  ae_params_destroy(&b->params);
}

static bool differs(const bench *b, const float *before, int place) {
  return memcmp(b->logit->value + (ptrdiff_t)place * ENTRIES, before + (ptrdiff_t)place * ENTRIES,
                ENTRIES * sizeof *before) != 0;
}

/* With layers enough every earlier place is within reach, to the right above too: there is no blind spot. */
static void every_earlier_place_counts_and_no_other(void **state) {
  (void)state;
  const int64_t nets[][3] = {{8, 3, 0}, {4, 5, LABELS}};
  for (int n = 0; n < 2; n++) {
    bench b;
    float before[PLACES * ENTRIES];
    build(&b, nets[n][0], nets[n][1], nets[n][2]);
    ae_graph_forward(b.graph, NULL);
    memcpy(before, b.logit->value, sizeof before);
    for (int changed = 0; changed < PLACES; changed++) {
      const float old = b.index->value[changed];
      b.index->value[changed] = (float)(((int)old + 1) % ENTRIES);
      ae_graph_forward(b.graph, NULL);
      for (int place = 0; place < PLACES; place++)
        if (differs(&b, before, place) != (place > changed))
          fail_msg("net %d: place %d %s on place %d", n, place, place > changed ? "does not depend" : "depends",
                   changed);
      b.index->value[changed] = old;
    }
    destroy(&b);
  }
}

/* One layer of kernel 3: the row above, a place to each side, and the place before. */
static void one_layer_reaches_its_neighbours(void **state) {
  (void)state;
  bench b;
  float before[PLACES * ENTRIES];
  build(&b, 1, 3, 0);
  ae_graph_forward(b.graph, NULL);
  memcpy(before, b.logit->value, sizeof before);
  const int changed = 2 * COLUMNS + 3,
            reached[] = {changed + 1, changed + COLUMNS - 1, changed + COLUMNS, changed + COLUMNS + 1};
  b.index->value[changed] = (float)(((int)b.index->value[changed] + 1) % ENTRIES);
  ae_graph_forward(b.graph, NULL);
  for (int place = 0; place < PLACES; place++) {
    bool expected = false;
    for (int i = 0; i < 4; i++) expected |= place == reached[i];
    assert_int_equal(differs(&b, before, place), expected);
  }
  destroy(&b);
}

static void the_label_counts_everywhere(void **state) {
  (void)state;
  bench b;
  float before[PLACES * ENTRIES];
  build(&b, 2, 3, LABELS);
  ae_graph_forward(b.graph, NULL);
  memcpy(before, b.logit->value, sizeof before);
  b.label->value[0] = 2;
  ae_graph_forward(b.graph, NULL);
  for (int place = 0; place < PLACES; place++) assert_true(differs(&b, before, place));
  destroy(&b);
}

/* The model over maps of 2 × 2 numbers below 3: 81 maps. */
enum { SMALL = 2, SMALL_PLACES = SMALL * SMALL, SMALL_ENTRIES = 3, MAPS = 81 };

typedef struct small_model {
  ae_config *config;
  ae_params *params;
  ae_model *model;
} small_model;

static void make_small(small_model *s, int labels) {
  char text[256];
  snprintf(text, sizeof text,
           "model: pixelcnn\ndata: {train: unused}\npixelcnn: {entries: %d, channels: 6, layers: 2, labels: %d}\n",
           SMALL_ENTRIES, labels);
  *s = (small_model){0};
  ae_test_ok(ae_model_configure(text, (int64_t)strlen(text), "test", NULL, 0, &s->config));
  ae_test_ok(ae_params_create(&s->params));
  const ae_model_setup setup = {.comm = ae_test_comm(),
                                .config = s->config,
                                .params = s->params,
                                .rank = 3,
                                .dim = {1, SMALL, SMALL},
                                .features = SMALL_PLACES};
  ae_test_ok(ae_model_find("pixelcnn")->create(&setup, &s->model));
  ae_test_ok(ae_params_seal(s->params));
  ae_test_ok(ae_params_allocate(s->params, 0));
  ae_params_start(s->params, 2);
  for (int64_t i = 0; i < ae_params_size(s->params); i++) ae_params_values(s->params)[i] *= 2;
}

static void destroy_small(small_model *s) {
  s->model->type->destroy(s->model);
  ae_params_destroy(&s->params);
  ae_config_destroy(&s->config);
}

/* All of them, map m being the digits of m. */
static void make_maps(float map[MAPS * SMALL_PLACES]) {
  for (int m = 0; m < MAPS; m++)
    for (int i = 0, rest = m; i < SMALL_PLACES; i++, rest /= SMALL_ENTRIES)
      map[m * SMALL_PLACES + i] = (float)(rest % SMALL_ENTRIES);
}

/* −ln p of all maps. */
static void price_all(small_model *s, int32_t label, double nats[MAPS]) {
  float map[MAPS * SMALL_PLACES];
  int32_t labels[MAPS];
  make_maps(map);
  for (int m = 0; m < MAPS; m++) labels[m] = label;
  ae_test_ok(s->model->type->prior->price(s->model, MAPS, map, labels, nats));
}

static void probabilities_sum_to_one(void **state) {
  (void)state;
  for (int32_t label = 0; label < 2; label++) {
    small_model s;
    double nats[MAPS], sum = 0, largest = 0;
    make_small(&s, 2 * label); /* without labels, and under the second of two */
    price_all(&s, label, nats);
    for (int m = 0; m < MAPS; m++) {
      sum += exp(-nats[m]);
      largest = fmax(largest, exp(-nats[m]));
    }
    assert_true(fabs(sum - 1) < 1e-5);
    assert_true(largest > 1.5 / (double)MAPS);
    destroy_small(&s);
  }
}

/* As a file has them, whose codebook is number 5. */
static void set_counts(small_model *s, const int64_t *count, int labels) {
  const char *path = ae_test_path("prior.h5");
  const ae_h5_dataset dataset = {"/prior/label_count", AE_H5_INT64, 1, {labels}, {"label"}, "counts", NULL};
  ae_h5 *file;
  ae_test_ok(ae_h5_create(ae_test_comm(), path, &file));
  ae_test_ok(ae_h5_create_group(file, "/prior", "what the indices are of"));
  ae_test_ok(ae_h5_put_integer(file, "/prior", "codebook", 5));
  ae_test_ok(ae_h5_create_axis(file, "/prior", "label", labels, NULL, "label"));
  ae_test_ok(ae_h5_write_whole(file, &dataset, count));
  ae_test_ok(ae_h5_commit(&file));
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  ae_test_ok(s->model->type->load(s->model, file));
  ae_h5_close(&file);
}

/* p(x) = Σ π_k p(x | k), π_k the shares in training; also of labels that training had not. Maps with labels and maps
 * without stand in one block. */
static void without_a_label_the_price_is_the_mixture_s(void **state) {
  (void)state;
  const int64_t count[LABELS] = {3, 0, 1};
  double nats[LABELS][MAPS], all[MAPS], mixed[MAPS];
  float map[MAPS * SMALL_PLACES];
  int32_t label[MAPS];
  small_model s;
  make_small(&s, LABELS);
  set_counts(&s, count, LABELS);
  for (int32_t k = 0; k < LABELS; k++) price_all(&s, k, nats[k]);
  make_maps(map);
  ae_test_ok(s.model->type->prior->price(s.model, MAPS, map, NULL, all));
  for (int m = 0; m < MAPS; m++) label[m] = m % 3 == 0 ? m / 3 % LABELS : m % 3 == 1 ? -1 : LABELS;
  ae_test_ok(s.model->type->prior->price(s.model, MAPS, map, label, mixed));
  for (int m = 0; m < MAPS; m++) {
    const double expected = -log(0.75 * exp(-nats[0][m]) + 0.25 * exp(-nats[2][m]));
    assert_true(fabs(nats[0][m] - nats[2][m]) > 1e-4);
    assert_true(fabs(all[m] - expected) < 1e-5);
    assert_true(mixed[m] == (m % 3 == 0 ? nats[label[m]][m] : all[m]));
  }
  destroy_small(&s);
}

/* Within five standard deviations of a count. */
static void samples_follow_the_probabilities(void **state) {
  (void)state;
  enum { BLOCKS = 60, DRAWN = BLOCKS * AE_BLOCK_ROWS };
  static float code[AE_BLOCK_ROWS * SMALL_PLACES];
  static int32_t label[AE_BLOCK_ROWS];
  small_model s;
  double nats[MAPS];
  int seen[MAPS] = {0};
  const ae_sample_request request = {.count = DRAWN, .seed = 1, .labelled = true, .label = 1};
  make_small(&s, 2);
  price_all(&s, 1, nats);
  for (int block = 0; block < BLOCKS; block++) {
    ae_test_ok(
        s.model->type->inference->draw(s.model, &request, (int64_t)block * AE_BLOCK_ROWS, AE_BLOCK_ROWS, code, label));
    for (int i = 0; i < AE_BLOCK_ROWS; i++) {
      int map = 0;
      for (int j = SMALL_PLACES - 1; j >= 0; j--) map = map * SMALL_ENTRIES + (int)code[i * SMALL_PLACES + j];
      ae_test_in_range(map, 0, MAPS - 1);
      assert_int_equal(label[i], 1);
      seen[map]++;
    }
  }
  for (int m = 0; m < MAPS; m++) {
    const double expected = (double)DRAWN * exp(-nats[m]);
    assert_true(fabs(seen[m] - expected) < 5 * sqrt(expected) + 1);
  }
  destroy_small(&s);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(every_earlier_place_counts_and_no_other),
                           AE_TEST(one_layer_reaches_its_neighbours),
                           AE_TEST(the_label_counts_everywhere),
                           AE_TEST(probabilities_sum_to_one),
                           AE_TEST(without_a_label_the_price_is_the_mixture_s),
                           AE_TEST(samples_follow_the_probabilities)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
