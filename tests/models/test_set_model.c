/* The set autoencoders through the hooks that the program calls: what the order of points and of sets changes, blocks
 * larger than expected, empty sets, and the figures against formulas written out in float64. */
#include "harness.h"
#include "reference.h"

#include "mpiae/models/configure.h"
#include "mpiae/models/model.h"
#include "mpiae/models/model_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SETS = 5, DIM = 2, WIDTH = 16, LATENT = 3, MOST = 40, SEED = 3 };

/* Points are drawn by set and place, so that sets can be put in any order. */
static const int64_t sizes[SETS] = {30, 0, 7, 1, 64};

typedef struct bench {
  ae_config *config;
  ae_params *params;
  ae_model *model;
} bench;

static void create_on(bench *b, const char *model, const char *stage, const ae_dataset *data) {
  static const int plane_end = 1;
  char text[512];
  memset(b, 0, sizeof *b);
  snprintf(text, sizeof text,
           "model: %s\ndata: {train: unused}\nset: {width: %d, heads: 2, blocks: 2, stage: %s, most_points: %d%s}\n",
           model, WIDTH, stage, MOST, strcmp(model, "set-vae") == 0 ? ", latent_size: 3, sigma: 0.5" : "");
  ae_test_ok(ae_model_configure(text, (int64_t)strlen(text), "test", NULL, 0, &b->config));
  ae_test_ok(ae_params_create(&b->params));
  const ae_model_setup setup = {.comm = ae_test_comm(),
                                .config = b->config,
                                .params = b->params,
                                .rank = 1,
                                .dim = {DIM},
                                .features = DIM,
                                .seed = SEED,
                                .data = data,
                                .capacity = SETS,
                                .plane_end = &plane_end,
                                .planes = 1};
  ae_test_ok(ae_model_find(model)->create(&setup, &b->model));
  ae_test_ok(ae_params_seal(b->params));
  ae_test_ok(ae_params_allocate(b->params, 0));
  ae_params_start(b->params, SEED);
}

static void create(bench *b, const char *model, const char *stage) { create_on(b, model, stage, NULL); }

static void destroy(bench *b) {
  b->model->type->destroy(b->model);
  ae_params_destroy(&b->params);
  ae_config_destroy(&b->config);
}

/* A block of sets in some order, the points of each from first to last or the other way. */
typedef struct sets {
  ae_dataset data;
  ae_block block;
  int64_t example[SETS], offset[SETS + 1];
  float points[128 * DIM];
} sets;

static void fill(sets *s, const int *order, bool backward) {
  static char path[] = "sets";
  memset(s, 0, sizeof *s);
  s->data.path = path;
  for (int i = 0; i < SETS; i++) {
    const int64_t set = order[i], count = sizes[set];
    s->example[i] = set;
    s->offset[i + 1] = s->offset[i] + count;
    for (int64_t j = 0; j < count; j++)
      ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, (uint32_t)set, backward ? count - 1 - j : j), 0, 1,
                             DIM, s->points + (s->offset[i] + j) * DIM);
  }
  s->block = (ae_block){&s->data, SETS, s->example, s->points, s->offset};
}

/* A predictor of sizes with these sets, on one shard, as its training data. */
static void train_sizes(bench *b, sets *s) {
  s->data.examples = SETS;
  s->data.rank = 1;
  s->data.dim[0] = s->data.features = DIM;
  s->data.type = AE_H5_FLOAT32;
  s->data.rows = s->points;
  s->data.offset = s->offset;
  s->data.points = s->offset[SETS];
  s->data.most_points = 64;
  ae_test_ok(ae_shards_init(&s->data.shards, SETS, 1, 0, 1));
  create_on(b, "set-vae", "size", &s->data);
}

static const int straight[SETS] = {0, 1, 2, 3, 4}, mixed[SETS] = {3, 4, 0, 2, 1};

static void close_to(const float *a, const float *b, int64_t count) {
  for (int64_t i = 0; i < count; i++) assert_true(fabsf(a[i] - b[i]) < 1e-5f);
}

static void codes_do_not_depend_on_the_order_of_points(void **state) {
  (void)state;
  bench b;
  sets s;
  float code[SETS * WIDTH], other[SETS * WIDTH];
  create(&b, "set-ae", "autoencoder");
  fill(&s, straight, false);
  ae_test_ok(b.model->type->inference->encode(b.model, &s.block, (void *[]){code}));
  fill(&s, straight, true);
  ae_test_ok(b.model->type->inference->encode(b.model, &s.block, (void *[]){other}));
  close_to(code, other, SETS * WIDTH);
  /* and they tell sets apart */
  for (int i = 0; i < SETS; i++)
    for (int j = 0; j < i; j++) {
      float apart = 0;
      for (int k = 0; k < WIDTH; k++) apart = fmaxf(apart, fabsf(code[i * WIDTH + k] - code[j * WIDTH + k]));
      assert_true(apart > 1e-3f);
    }
  destroy(&b);
}

static void sets_in_another_order_have_their_codes_in_that_order(void **state) {
  (void)state;
  bench b;
  sets s;
  float mean[SETS * LATENT], logstd[SETS * LATENT], other_mean[SETS * LATENT], other_logstd[SETS * LATENT];
  create(&b, "set-vae", "autoencoder");
  fill(&s, straight, false);
  ae_test_ok(b.model->type->inference->encode(b.model, &s.block, (void *[]){mean, logstd}));
  fill(&s, mixed, true);
  ae_test_ok(b.model->type->inference->encode(b.model, &s.block, (void *[]){other_mean, other_logstd}));
  for (int i = 0; i < SETS; i++) {
    close_to(mean + mixed[i] * LATENT, other_mean + i * LATENT, LATENT);
    close_to(logstd + mixed[i] * LATENT, other_logstd + i * LATENT, LATENT);
  }
  destroy(&b);
}

/* The moments that a decoder begins with, and weights that do not start at 0 as those of its last layer do. */
static void prepare_decoder(bench *b) {
  const char *path = ae_test_path("state.h5");
  const double mean[DIM] = {0.5, 0.4}, deviation[DIM] = {0.2, 0.3};
  ae_h5 *file;
  ae_test_ok(ae_h5_create(ae_test_comm(), path, &file));
  ae_test_ok(ae_h5_create_axis(file, "/set", "coordinate", DIM, NULL, "coordinate"));
  const ae_h5_dataset first = {"/set/mean", AE_H5_FLOAT64, 1, {DIM}, {"coordinate"}, "mean", NULL};
  const ae_h5_dataset second = {"/set/deviation", AE_H5_FLOAT64, 1, {DIM}, {"coordinate"}, "deviation", NULL};
  ae_test_ok(ae_h5_write(file, &first, 0, DIM, mean));
  ae_test_ok(ae_h5_write(file, &second, 0, DIM, deviation));
  ae_test_ok(ae_h5_commit(&file));
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  ae_test_ok(b->model->type->load(b->model, file));
  ae_h5_close(&file);
  for (int p = 0; p < ae_params_count(b->params); p++) {
    const ae_parameter *parameter = ae_params_at(b->params, p);
    if (strcmp(parameter->path, "decoder/output/weight") == 0)
      ae_random_fill_uniform(ae_stream_of(2, AE_RANDOM_SELFTEST, 0, 0), -0.2f, 0.2f, parameter->count,
                             ae_params_value(b->params, parameter));
  }
}

/* Larger sets than a pass was made for, alone and among others: each comes out as it does by itself. */
static void a_pass_grows_with_its_sets(void **state) {
  (void)state;
  enum { LARGE = AE_BLOCK_POINTS + 100 };
  bench b;
  float code[3 * WIDTH], *points, *alone;
  const int64_t number[3] = {8, 9, 10}, offset[4] = {0, 5, 5 + LARGE, 12 + LARGE}, one[2] = {0, 7};
  create(&b, "set-ae", "autoencoder");
  prepare_decoder(&b);
  ae_random_fill_normal(ae_stream_of(3, AE_RANDOM_SELFTEST, 0, 0), 3 * WIDTH, code);
  ae_test_ok(AE_NEW(points, offset[3] * DIM));
  ae_test_ok(AE_NEW(alone, 7 * DIM));
  const ae_set_codes all = {3, code, number, SEED}, last = {1, code + 2 * WIDTH, number + 2, SEED};
  ae_test_ok(b.model->type->sets->decode(b.model, &all, offset, points));
  ae_test_ok(b.model->type->sets->decode(b.model, &last, one, alone));
  close_to(points + offset[2] * DIM, alone, 7 * DIM);
  for (int64_t i = 0; i < offset[3] * DIM; i++) assert_true(isfinite(points[i]));
  const ae_dataset data = {.path = (char[]){"sets"}};
  const ae_block block = {&data, 3, number, points, offset};
  float grown[3 * WIDTH], single[WIDTH];
  ae_test_ok(b.model->type->inference->encode(b.model, &block, (void *[]){grown}));
  const ae_block small = {&data, 1, number + 2, points + offset[2] * DIM, one};
  ae_test_ok(b.model->type->inference->encode(b.model, &small, (void *[]){single}));
  close_to(grown + 2 * WIDTH, single, WIDTH);
  AE_FREE(points);
  AE_FREE(alone);
  destroy(&b);
}

static double squared(const float *a, const float *b) {
  double sum = 0;
  for (int k = 0; k < DIM; k++) sum += pow((double)a[k] - (double)b[k], 2);
  return sum;
}

static double huber(const float *a, const float *b) {
  double sum = 0;
  for (int k = 0; k < DIM; k++) {
    const double size = fabs((double)a[k] - (double)b[k]);
    sum += size <= 1 ? 0.5 * size * size : size - 0.5;
  }
  return sum / (double)DIM;
}

static double chamfer(double (*distance)(const float *, const float *), int64_t count, const float *a, const float *b) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    double there = INFINITY, back = INFINITY;
    for (int64_t j = 0; j < count; j++) {
      there = fmin(there, distance(a + i * DIM, b + j * DIM));
      back = fmin(back, distance(a + j * DIM, b + i * DIM));
    }
    sum += there + back;
  }
  return count > 0 ? sum / (double)count : 0;
}

static int place_of(const ae_model *model, const char *name) {
  for (int i = 0; i < model->terms; i++)
    if (strcmp(model->term[i].figure->name, name) == 0) return i;
  for (int i = 0; i < model->measures; i++)
    if (strcmp(model->measure[i]->name, name) == 0) return model->terms + i;
  fail_msg("no figure %s", name);
  return 0;
}

/* Its divergence, and the code that evaluate draws from it. */
static double draw_code(int64_t example, const float *mean, const float *logstd, float *z) {
  static const double standard[2 * LATENT];
  double q[2 * LATENT], noise[LATENT], drawn[LATENT];
  for (int j = 0; j < LATENT; j++) {
    q[j] = (double)mean[j];
    q[LATENT + j] = (double)logstd[j];
  }
  ae_reference_draw(ae_stream_of(SEED, AE_RANDOM_EVALUATE_Z, 0, example), LATENT, q, noise, drawn);
  for (int j = 0; j < LATENT; j++) z[j] = (float)drawn[j];
  return ae_reference_divergence(LATENT, q, standard);
}

static double probability(const double *logit, int64_t classes, int64_t size) {
  double sum = 0;
  for (int64_t i = 0; i < classes; i++) sum += exp(logit[i] - logit[size]);
  return 1 / sum;
}

static void figures_are_those_of_the_formulas(void **state) {
  (void)state;
  bench b;
  sets s;
  double terms[SETS * 8], weight[SETS], divergence[SETS];
  float mean[SETS * LATENT], logstd[SETS * LATENT], z[SETS * LATENT], points[128 * DIM];
  create(&b, "set-vae", "autoencoder");
  prepare_decoder(&b);
  b.model->type->sets->add_matching(b.model);
  const int figures = b.model->terms + b.model->measures;
  fill(&s, mixed, false);
  ae_test_ok(b.model->type->inference->evaluate(b.model, &s.block, 0, terms, weight));
  ae_test_ok(b.model->type->inference->encode(b.model, &s.block, (void *[]){mean, logstd}));
  for (int i = 0; i < SETS; i++)
    divergence[i] = draw_code(s.example[i], mean + i * LATENT, logstd + i * LATENT, z + i * LATENT);
  const ae_set_codes codes = {SETS, z, s.example, SEED};
  ae_test_ok(b.model->type->sets->decode(b.model, &codes, s.offset, points));
  for (int i = 0; i < SETS; i++) {
    const int64_t count = s.offset[i + 1] - s.offset[i];
    const float *x = s.points + s.offset[i] * DIM, *y = points + s.offset[i] * DIM;
    const double *told = terms + i * figures, expected = chamfer(squared, count, x, y);
    assert_true(fabs(told[place_of(b.model, "chamfer")] - expected) < 1e-5 * (1 + expected));
    assert_true(fabs(told[place_of(b.model, "huber")] - chamfer(huber, count, x, y)) < 1e-5);
    assert_true(fabs(told[place_of(b.model, "reconstruction")] - (double)count * expected / (2 * 0.25)) < 1e-3);
    assert_true(fabs(told[place_of(b.model, "kl")] - divergence[i]) < 1e-4);
    const double matched = told[place_of(b.model, "matching")];
    assert_true(count == 0 ? matched == 0 && expected == 0 : matched >= expected / 2 - 1e-6);
  }
  destroy(&b);
}

/* Sizes above the largest that is predicted count as that one. */
static void sizes_are_those_of_the_logits(void **state) {
  (void)state;
  bench b;
  sets s;
  double terms[SETS * 8];
  double x[WIDTH], hidden[WIDTH], logit[MOST + 1];
  float code[SETS * WIDTH];
  int64_t likeliest[SETS], drawn[SETS], again[SETS];
  create(&b, "set-ae", "size");
  prepare_decoder(&b);
  const int figures = b.model->terms + b.model->measures;
  fill(&s, straight, false);
  ae_test_ok(b.model->type->inference->evaluate(b.model, &s.block, 0, terms, NULL));
  ae_test_ok(b.model->type->inference->encode(b.model, &s.block, (void *[]){code}));
  const ae_set_codes codes = {SETS, code, s.example, SEED};
  ae_test_ok(b.model->type->sets->predict_sizes(b.model, &codes, false, likeliest));
  ae_test_ok(b.model->type->sets->predict_sizes(b.model, &codes, true, drawn));
  ae_test_ok(b.model->type->sets->predict_sizes(b.model, &codes, true, again));
  assert_memory_equal(drawn, again, sizeof drawn);
  for (int i = 0; i < SETS; i++) {
    for (int j = 0; j < WIDTH; j++) x[j] = (double)code[i * WIDTH + j];
    ae_reference_layer(b.params, "size/hidden", x, WIDTH, WIDTH / 2, true, hidden);
    ae_reference_layer(b.params, "size/output", hidden, WIDTH / 2, MOST + 1, false, logit);
    int64_t best = 0;
    for (int64_t k = 1; k <= MOST; k++)
      if (logit[k] > logit[best]) best = k;
    const int64_t known = sizes[i] < MOST ? sizes[i] : MOST;
    const double off = (double)(best - sizes[i]), *told = terms + i * figures;
    assert_int_equal(likeliest[i], best);
    assert_true(drawn[i] >= 0 && drawn[i] <= MOST);
    assert_true(fabs(told[place_of(b.model, "size")] + log(probability(logit, MOST + 1, known))) < 1e-4);
    assert_true(told[place_of(b.model, "size_rmse")] == off * off);
    assert_true(told[place_of(b.model, "size_acc")] == (best == sizes[i]));
  }
  destroy(&b);
}

/* The predictor of a variational model learns from codes that are drawn, anew every epoch. */
static void sizes_are_learned_from_drawn_codes(void **state) {
  (void)state;
  bench b;
  sets s;
  ae_metrics metrics;
  float mean[SETS * LATENT], logstd[SETS * LATENT];
  fill(&s, straight, false);
  train_sizes(&b, &s);
  ae_test_ok(b.model->type->training->epoch_begin(b.model, 1, &metrics));
  ae_test_ok(b.model->type->inference->encode(b.model, &s.block, (void *[]){mean, logstd}));
  for (uint32_t epoch = 1; epoch <= 2; epoch++) {
    const ae_batch batch = {epoch, 0, 1, SETS, 1, (int64_t[]){0, SETS}, s.example};
    b.model->type->training->fill(b.model, &batch);
    ae_graph_forward(b.model->graph, NULL);
    for (int i = 0; i < SETS; i++) {
      double q[2 * LATENT], noise[LATENT], z[LATENT], hidden[WIDTH], logit[MOST + 1];
      for (int j = 0; j < LATENT; j++) {
        q[j] = (double)mean[i * LATENT + j];
        q[LATENT + j] = (double)logstd[i * LATENT + j];
      }
      ae_reference_draw(ae_stream_of(SEED, AE_RANDOM_NOISE_Z, epoch, s.example[i]), LATENT, q, noise, z);
      ae_reference_layer(b.params, "size/hidden", z, LATENT, WIDTH / 2, true, hidden);
      ae_reference_layer(b.params, "size/output", hidden, WIDTH / 2, MOST + 1, false, logit);
      const double expected = -log(probability(logit, MOST + 1, sizes[i] < MOST ? sizes[i] : MOST));
      assert_true(fabs((double)b.model->term[0].rows->value[i] - expected) < 1e-4);
    }
  }
  destroy(&b);
}

static void sets_too_large_for_a_matching_are_named(void **state) {
  (void)state;
  enum { LARGE = 2001 };
  bench b;
  double terms[8];
  float *points;
  const int64_t number = 0, offset[2] = {0, LARGE};
  create(&b, "set-ae", "autoencoder");
  b.model->type->sets->add_matching(b.model);
  ae_test_ok(AE_NEW(points, LARGE * DIM));
  const ae_dataset data = {.path = (char[]){"large.h5"}};
  const ae_block block = {&data, 1, &number, points, offset};
  ae_test_error(b.model->type->inference->evaluate(b.model, &block, 0, terms, NULL), AE_USAGE,
                "large.h5: a set of 2001 points is too large");
  AE_FREE(points);
  destroy(&b);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(codes_do_not_depend_on_the_order_of_points),
                           AE_TEST(sets_in_another_order_have_their_codes_in_that_order),
                           AE_TEST(a_pass_grows_with_its_sets),
                           AE_TEST(figures_are_those_of_the_formulas),
                           AE_TEST(sizes_are_those_of_the_logits),
                           AE_TEST(sizes_are_learned_from_drawn_codes),
                           AE_TEST(sets_too_large_for_a_matching_are_named)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
