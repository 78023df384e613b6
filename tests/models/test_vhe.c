/* The homoencoder's loss and gradient, step by step, against the formulas of the paper written out in float64 on plain
 * arrays: what the graph computes must be what models are said to be, not only what its operations are said to be. */
#include "harness.h"
#include "reference.h"

#include "mpiae/base/philox.h"
#include "mpiae/cluster/class_index.h"
#include "mpiae/data/sampler.h"
#include "mpiae/data/writer.h"
#include "mpiae/models/configure.h"
#include "mpiae/models/model.h"
#include "mpiae/models/model_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EXAMPLES = 13, FEATURES = 9, HIDDEN = 6, LATENT = 3, EXEMPLARS = 2, BATCH = 8, CLASSES = 3, SHARDS = 2 };

static const char *const text = "model: vhe\n"
                                "data: {train: unused, shards: 2}\n"
                                "train: {batch_size: 8, seed: 7}\n"
                                "network: {hidden: [6], latent_size: 3}\n"
                                "vhe: {labels: given, exemplars: 2}\n";

/* A model set up for training on a small dataset. */
typedef struct bench {
  ae_dataset *data;
  ae_config *config;
  ae_sampler *sampler;
  ae_params *params;
  ae_model *model;
  ae_class_index *index;
  bool shared; /* vhe.sets=class */
  ae_batch batch;
  int64_t drawn[EXAMPLES * EXEMPLARS];
} bench;

static void write_data(const char *path) {
  const ae_dataset_shape shape = {EXAMPLES, 1, {FEATURES}, AE_H5_UINT8};
  uint8_t rows[EXAMPLES * FEATURES];
  int32_t label[EXAMPLES];
  for (int i = 0; i < EXAMPLES * FEATURES; i++) rows[i] = (uint8_t)(i * 37 % 256);
  for (int i = 0; i < EXAMPLES; i++) label[i] = i * 5 % CLASSES;
  ae_test_ok(ae_dataset_write(ae_test_comm(), path, &shape, 0, EXAMPLES, rows, label, NULL, "test"));
}

static void create(bench *b, bool shared) {
  const ae_comm *comm = ae_test_comm();
  const char *path = ae_test_path("vhe.h5");
  ae_metrics metrics;
  memset(b, 0, sizeof *b);
  b->shared = shared;
  write_data(path);
  ae_test_ok(ae_dataset_open(comm, path, SHARDS, &b->data));
  const char *const sets[] = {shared ? "vhe.sets=class" : "vhe.sets=example"};
  ae_test_ok(ae_model_configure(text, (int64_t)strlen(text), "test", sets, 1, &b->config));
  ae_test_ok(ae_sampler_create(&b->data->shards, BATCH, 7, &b->sampler));
  ae_test_ok(ae_params_create(&b->params));
  ae_model_setup setup = {.comm = comm,
                          .config = b->config,
                          .params = b->params,
                          .rank = 1,
                          .dim = {FEATURES},
                          .features = FEATURES,
                          .seed = 7,
                          .data = b->data,
                          .capacity = ae_sampler_capacity(b->sampler),
                          .plane_end = (int[]){SHARDS},
                          .planes = 1};
  ae_test_ok(ae_model_find("vhe")->create(&setup, &b->model));
  ae_test_ok(ae_params_seal(b->params));
  ae_test_ok(ae_params_allocate(b->params, 1));
  ae_params_start(b->params, 7);
  ae_test_ok(b->model->type->training->start(b->model));
  ae_metrics_clear(&metrics);
  ae_test_ok(b->model->type->training->epoch_begin(b->model, 1, &metrics));
  ae_test_ok(ae_class_index_create(comm, &b->data->shards, b->data->label, CLASSES, &b->index));
  ae_test_ok(ae_class_index_draw(b->index, 7, 1, EXEMPLARS, b->drawn));
  ae_sampler_begin(b->sampler, 1);
  ae_sampler_batch(b->sampler, 0, &b->batch);
}

static void destroy(bench *b) {
  b->model->type->destroy(b->model);
  ae_class_index_destroy(&b->index);
  ae_params_destroy(&b->params);
  ae_sampler_destroy(&b->sampler);
  ae_config_destroy(&b->config);
  ae_dataset_close(&b->data);
}

static void pixels(const bench *b, int64_t example, double *x) {
  const uint8_t *row = ae_dataset_row(b->data, example);
  for (int i = 0; i < FEATURES; i++) x[i] = row[i] / 255.0;
}

static void draw(ae_purpose purpose, int64_t example, const double *q, double *z) {
  double noise[LATENT];
  ae_reference_draw(ae_stream_of(7, purpose, 1, example), LATENT, q, noise, z);
}

static int64_t member(const bench *b, int32_t class_number, int64_t position) {
  int64_t example = -1;
  for (int64_t i = 0; i <= position; i++) do
      example++;
    while (b->data->label[example] != class_number);
  return example;
}

/* Exemplar e of the set of a row: its own, or the one that its class has in its shard, in this first step. */
static int64_t exemplar(const bench *b, int64_t row, int e) {
  const int64_t example = b->batch.example[row], shard = row < b->batch.offset[1] ? 0 : 1;
  const int32_t k = b->data->label[example];
  if (!b->shared) return b->drawn[example * EXEMPLARS + e];
  return member(b, k,
                ae_random_below(ae_stream_of(7, AE_RANDOM_SHARED, 1, shard), (uint32_t)(k * EXEMPLARS + e),
                                ae_class_index_size(b->index, k)));
}

/* The three terms of the loss of one example of the batch. */
static void loss_terms(const bench *b, int64_t row, double terms[3]) {
  const int64_t example = b->batch.example[row];
  const double standard[2 * LATENT] = {0};
  double x[FEATURES + LATENT], qc[2 * LATENT] = {0}, qz[2 * LATENT], pz[2 * LATENT], codes[2 * LATENT], h[HIDDEN],
                                      logit[FEATURES];
  for (int e = 0; e < EXEMPLARS; e++) {
    double one[FEATURES], q[2 * LATENT];
    assert_int_equal(b->data->label[exemplar(b, row, e)], b->data->label[example]);
    pixels(b, exemplar(b, row, e), one);
    ae_reference_pair(b->params, "encoder_c", one, FEATURES, HIDDEN, LATENT, q);
    for (int j = 0; j < 2 * LATENT; j++) qc[j] += q[j] / (double)EXEMPLARS;
  }
  double *z = codes, *c = codes + LATENT;
  draw(AE_RANDOM_NOISE_C, example, qc, c);
  pixels(b, example, x);
  memcpy(x + FEATURES, c, LATENT * sizeof *c);
  ae_reference_pair(b->params, "encoder_z", x, FEATURES + LATENT, HIDDEN, LATENT, qz);
  draw(AE_RANDOM_NOISE_Z, example, qz, z);
  ae_reference_pair(b->params, "prior_z", c, LATENT, HIDDEN, LATENT, pz);
  ae_reference_layer(b->params, "decoder/hidden_0", codes, 2 * LATENT, HIDDEN, true, h);
  ae_reference_layer(b->params, "decoder/output", h, HIDDEN, FEATURES, false, logit);
  terms[0] = ae_reference_bernoulli(FEATURES, logit, x);
  terms[1] =
      ae_reference_divergence(LATENT, qc, standard) / (double)ae_class_index_size(b->index, b->data->label[example]);
  terms[2] = ae_reference_divergence(LATENT, qz, pz);
}

static void forward(bench *b) {
  b->model->type->training->prefetch(b->model, &b->batch);
  b->model->type->training->fill(b->model, &b->batch);
  ae_graph_forward(b->model->graph, NULL);
}

static void check_loss(bool shared) {
  bench b;
  create(&b, shared);
  forward(&b);
  const char *const names[] = {"cross_entropy", "kl_c", "kl_z"};
  assert_int_equal(b.model->terms, 3);
  for (int i = 0; i < 3; i++) assert_string_equal(b.model->term[i].figure->name, names[i]);
  for (int64_t row = 0; row < b.batch.global_rows; row++) {
    double terms[3];
    loss_terms(&b, row, terms);
    /* sums of a few dozen float32 numbers of size one */
    for (int i = 0; i < 3; i++)
      assert_true(fabs((double)b.model->term[i].rows->value[row] - terms[i]) < 3e-6 * (1 + fabs(terms[i])));
  }
  destroy(&b);
}

static void the_loss_is_that_of_the_paper(void **state) {
  (void)state;
  check_loss(false);
}

/* Each shard gives four rows of three classes, so some share. */
static void the_loss_is_that_of_the_paper_where_classes_share_exemplars(void **state) {
  (void)state;
  check_loss(true);
}

static double mean_loss(const bench *b) {
  double sum = 0, terms[3];
  for (int64_t row = 0; row < b->batch.global_rows; row++) {
    loss_terms(b, row, terms);
    sum += terms[0] + terms[1] + terms[2];
  }
  return sum / (double)b->batch.global_rows;
}

/* One number of every parameter, by a central difference: parameters are float32, so the step is one that float32 holds
 * exactly. */
static void check_gradient(bool shared) {
  bench b;
  create(&b, shared);
  forward(&b);
  for (int i = 0; i < 3; i++)
    for (int64_t row = 0; row < b.batch.global_rows; row++)
      b.model->term[i].rows->gradient[row] = 1.0f / (float)b.batch.global_rows;
  ae_graph_backward(b.model->graph, NULL);
  for (int i = 0; i < ae_params_count(b.params); i++) {
    const ae_parameter *p = ae_params_at(b.params, i);
    for (int64_t at = p->count / 3; at < p->count; at += p->count / 2 + 1) {
      float *value = ae_params_value(b.params, p) + at;
      const float start = *value, high = start + 0x1p-14f, low = start - 0x1p-14f;
      *value = high;
      const double above = mean_loss(&b);
      *value = low;
      const double below = mean_loss(&b);
      *value = start;
      const double expected = (above - below) / ((double)high - (double)low);
      const double got = (double)ae_params_gradient(b.params, p, 0)[at];
      /* the difference's own error: h² f‴/6 with h = 2^-14, and small enough not to cross a kink */
      if (!(fabs(got - expected) < 1e-5 + 1e-4 * fabs(expected)))
        fail_msg("%s[%d]: gradient %.7g, expected %.7g", p->path, (int)at, got, expected);
    }
  }
  destroy(&b);
}

static void the_gradient_is_that_of_the_loss(void **state) {
  (void)state;
  check_gradient(false);
}

static void the_gradient_is_that_of_the_loss_where_classes_share_exemplars(void **state) {
  (void)state;
  check_gradient(true);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(the_loss_is_that_of_the_paper),
                           AE_TEST(the_loss_is_that_of_the_paper_where_classes_share_exemplars),
                           AE_TEST(the_gradient_is_that_of_the_loss),
                           AE_TEST(the_gradient_is_that_of_the_loss_where_classes_share_exemplars)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
