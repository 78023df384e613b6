/* What a trained model says of examples, against the formulas written out in float64: codes, reconstructions, the terms
 * of the loss, the ELBO and the importance-weighted bound. */
#include "harness.h"
#include "reference.h"

#include "mpiae/data/sampler.h"
#include "mpiae/data/writer.h"
#include "mpiae/infer/codes.h"
#include "mpiae/infer/evaluate.h"
#include "mpiae/models/configure.h"
#include "mpiae/models/model_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EXAMPLES = 13, FEATURES = 9, HIDDEN = 6, LATENT = 3, SHARDS = 2, BLOCK = 4, DRAWS = 3, SEED = 7 };
enum { NEIGHBOURS = 2 }; /* acn.neighbours */

/* A model, and what the reference needs of its clusters. */
typedef struct bench {
  ae_dataset *data, *blocks; /* for training, and the same in blocks */
  ae_config *config;
  ae_sampler *sampler;
  ae_params *params;
  ae_model *model;
  int clusters;
  float centroid[EXAMPLES * 2 * LATENT], posterior[EXAMPLES * 2 * LATENT];
  int64_t size[EXAMPLES];
} bench;

/* Black and white, so that static binarisation leaves the bytes what they are. */
static void write_data(const char *path) {
  const ae_dataset_shape shape = {EXAMPLES, 1, {FEATURES}, AE_H5_UINT8};
  uint8_t rows[EXAMPLES * FEATURES];
  for (int i = 0; i < EXAMPLES * FEATURES; i++) rows[i] = i * 37 % 11 < 5 ? 0 : 255;
  ae_test_ok(ae_dataset_write(ae_test_comm(), path, &shape, 0, EXAMPLES, rows, NULL, NULL, "test"));
}

static void read_clusters(bench *b) {
  const char *path = ae_test_path("labels.h5");
  ae_h5 *file;
  b->clusters = b->model->classes;
  ae_test_ok(ae_h5_create(ae_test_comm(), path, &file));
  ae_test_ok(b->model->type->save(b->model, file));
  ae_test_ok(ae_h5_commit(&file));
  ae_test_ok(ae_h5_open(ae_test_comm(), path, &file));
  ae_test_ok(ae_h5_read(file, "/pseudo_labels/centroid", AE_H5_FLOAT32, 2 * LATENT, 0, b->clusters, b->centroid));
  ae_test_ok(ae_h5_read(file, "/pseudo_labels/posterior", AE_H5_FLOAT32, 2 * LATENT, 0, b->clusters, b->posterior));
  ae_test_ok(ae_h5_read(file, "/pseudo_labels/size", AE_H5_INT64, 1, 0, b->clusters, b->size));
  ae_h5_close(&file);
}

static void create(bench *b, const char *model, const char *more) {
  const ae_comm *comm = ae_test_comm();
  const char *path = ae_test_path("data.h5");
  char text[512];
  memset(b, 0, sizeof *b);
  snprintf(text, sizeof text,
           "model: %s\ndata: {train: unused, shards: 2, binarize: static}\ntrain: {seed: %d}\n"
           "network: {hidden: [%d], latent_size: %d}\n%s",
           model, SEED, HIDDEN, LATENT, more);
  write_data(path);
  ae_test_ok(ae_dataset_open(comm, path, SHARDS, &b->data));
  ae_test_ok(ae_dataset_open_blocks(comm, path, BLOCK, &b->blocks));
  ae_test_ok(ae_model_configure(text, (int64_t)strlen(text), "test", NULL, 0, &b->config));
  ae_test_ok(ae_sampler_create(&b->data->shards, EXAMPLES, SEED, &b->sampler));
  ae_test_ok(ae_params_create(&b->params));
  ae_model_setup setup = {.comm = comm,
                          .config = b->config,
                          .params = b->params,
                          .rank = 1,
                          .dim = {FEATURES},
                          .features = FEATURES,
                          .seed = SEED,
                          .data = b->data,
                          .capacity = ae_sampler_capacity(b->sampler),
                          .plane_end = (int[]){SHARDS},
                          .planes = 1};
  ae_test_ok(ae_model_find(model)->create(&setup, &b->model));
  ae_test_ok(ae_params_seal(b->params));
  ae_test_ok(ae_params_allocate(b->params, 1));
  ae_params_start(b->params, SEED);
  if (b->model->type->training->start == NULL) return;
  ae_test_ok(b->model->type->training->start(b->model));
  if (b->model->classes > 0) read_clusters(b);
}

/* One that has just begun, and gathered the codes it begins with, as at the end of an epoch with a test set. */
static void create_acn(bench *b) {
  create(b, "acn", "output: {samples: 1}\nacn: {neighbours: 2}\n");
  ae_test_ok(b->model->type->training->epoch_end(b->model, 0, NULL));
}

static void destroy(bench *b) {
  b->model->type->destroy(b->model);
  ae_params_destroy(&b->params);
  ae_sampler_destroy(&b->sampler);
  ae_config_destroy(&b->config);
  ae_dataset_close(&b->blocks);
  ae_dataset_close(&b->data);
}

static void pixels(const bench *b, int64_t example, double *x) {
  const uint8_t *row = ae_dataset_row(b->data, example);
  for (int i = 0; i < FEATURES; i++) x[i] = row[i] / 255.0;
}

/* (μ | s) of a VAE: one hidden layer, one head of double width. */
static void encode_vae(const bench *b, const double *x, double *q) {
  double h[HIDDEN];
  ae_reference_layer(b->params, "encoder/hidden_0", x, FEATURES, HIDDEN, true, h);
  ae_reference_layer(b->params, "encoder/head", h, HIDDEN, 2 * LATENT, false, q);
}

static void decode(const bench *b, const double *code, int width, double *logit) {
  double h[HIDDEN];
  ae_reference_layer(b->params, "decoder/hidden_0", code, width, HIDDEN, true, h);
  ae_reference_layer(b->params, "decoder/output", h, HIDDEN, FEATURES, false, logit);
}

static ae_stream stream(ae_purpose purpose, int draw, int64_t example) {
  return ae_stream_of(SEED, purpose, (uint32_t)draw, example);
}

static const double standard[2 * LATENT];

/* Terms of an example with a draw, and ln p(x, z) − ln q(z | x). */
static double vae_terms(const bench *b, int64_t example, int draw, double *terms) {
  double x[FEATURES], q[2 * LATENT], z[LATENT], noise[LATENT], logit[FEATURES];
  pixels(b, example, x);
  encode_vae(b, x, q);
  ae_reference_draw(stream(AE_RANDOM_EVALUATE_Z, draw, example), LATENT, q, noise, z);
  decode(b, z, LATENT, logit);
  terms[0] = ae_reference_bernoulli(FEATURES, logit, x);
  terms[1] = ae_reference_divergence(LATENT, q, standard);
  return -terms[0] + ae_reference_log_density(LATENT, standard, z) - ae_reference_log_density(LATENT, q, z);
}

static double squared(const double *a, const double *b) {
  double sum = 0;
  for (int j = 0; j < LATENT; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

/* What an ACN that starts remembers of an example. */
static void remembered(int64_t example, double *code) {
  float normal[LATENT];
  ae_random_fill_normal(ae_stream_of(SEED, AE_RANDOM_CODE, 0, example), LATENT, normal);
  for (int j = 0; j < LATENT; j++) code[j] = (double)normal[j];
}

/* Number `place` of those that are remembered, by their distance from a code. */
static void recall(const double *code, int place, double *out) {
  double other[LATENT], another[LATENT];
  for (int64_t i = 0; i < EXAMPLES; i++) {
    int nearer = 0;
    remembered(i, other);
    for (int64_t k = 0; k < EXAMPLES; k++) {
      remembered(k, another);
      nearer += squared(another, code) < squared(other, code);
    }
    if (nearer == place) memcpy(out, other, sizeof other);
  }
}

/* As those of a VAE, but that the prior is told by one of the codes nearest to the example's. */
static double acn_terms(const bench *b, int64_t example, int draw, double *terms) {
  double x[FEATURES], q[2 * LATENT], p[2 * LATENT], c[LATENT], z[LATENT], noise[LATENT], logit[FEATURES];
  pixels(b, example, x);
  encode_vae(b, x, q);
  recall(q, (int)ae_random_below(stream(AE_RANDOM_EVALUATE_C, draw, example), 0, NEIGHBOURS), c);
  ae_reference_pair(b->params, "prior_z", c, LATENT, HIDDEN, LATENT, p);
  ae_reference_draw(stream(AE_RANDOM_EVALUATE_Z, draw, example), LATENT, q, noise, z);
  decode(b, z, LATENT, logit);
  terms[0] = ae_reference_bernoulli(FEATURES, logit, x);
  terms[1] = ae_reference_divergence(LATENT, q, p);
  return 0;
}

static void infer_z(const bench *b, const double *x, const double *c, double *q) {
  double seen[FEATURES + LATENT];
  memcpy(seen, x, FEATURES * sizeof *x);
  memcpy(seen + FEATURES, c, LATENT * sizeof *c);
  ae_reference_pair(b->params, "encoder_z", seen, FEATURES + LATENT, HIDDEN, LATENT, q);
}

/* The nearest cluster to the codes that an example has as a class of its own. */
static int nearest_cluster(const bench *b, const double *x) {
  double qc[2 * LATENT], qz[2 * LATENT], least = INFINITY;
  int nearest = -1;
  ae_reference_pair(b->params, "encoder_c", x, FEATURES, HIDDEN, LATENT, qc);
  infer_z(b, x, qc, qz);
  for (int k = 0; k < b->clusters; k++) {
    double distance = 0;
    for (int j = 0; j < LATENT; j++)
      distance += pow(qz[j] - (double)b->centroid[k * 2 * LATENT + j], 2) +
                  pow(qc[j] - (double)b->centroid[k * 2 * LATENT + LATENT + j], 2);
    if (distance < least) nearest = k;
    if (distance < least) least = distance;
  }
  return nearest;
}

static void cluster_posterior(const bench *b, int k, double *q) {
  for (int j = 0; j < 2 * LATENT; j++) q[j] = (double)b->posterior[k * 2 * LATENT + j];
}

static double vhe_terms(const bench *b, int64_t example, int draw, double *terms) {
  double x[FEATURES], qc[2 * LATENT], qz[2 * LATENT], pz[2 * LATENT], codes[2 * LATENT], noise[LATENT], logit[FEATURES];
  double *z = codes, *c = codes + LATENT;
  pixels(b, example, x);
  const int k = nearest_cluster(b, x);
  cluster_posterior(b, k, qc);
  ae_reference_draw(stream(AE_RANDOM_EVALUATE_C, draw, example), LATENT, qc, noise, c);
  infer_z(b, x, c, qz);
  ae_reference_draw(stream(AE_RANDOM_EVALUATE_Z, draw, example), LATENT, qz, noise, z);
  ae_reference_pair(b->params, "prior_z", c, LATENT, HIDDEN, LATENT, pz);
  decode(b, codes, 2 * LATENT, logit);
  terms[0] = ae_reference_bernoulli(FEATURES, logit, x);
  terms[1] = ae_reference_divergence(LATENT, qc, standard) / (double)b->size[k];
  terms[2] = ae_reference_divergence(LATENT, qz, pz);
  terms[3] = -log((double)b->size[k] / (double)EXAMPLES);
  return -terms[0] - terms[1] + ae_reference_log_density(LATENT, pz, z) - ae_reference_log_density(LATENT, qz, z);
}

/* float32 networks of a few dozen terms. */
static void assert_near(double got, double expected) {
  if (!(fabs(got - expected) < 5e-6 * (1 + fabs(expected)))) fail_msg("%.9g, expected %.9g", got, expected);
}

static void check_evaluation(const bench *b, double (*reference)(const bench *, int64_t, int, double *)) {
  const ae_model *model = b->model;
  const int width = model->terms + model->measures;
  double sum[8] = {0}, bound = 0, elbo = 0, loss = 0;
  ae_evaluation got;
  ae_test_ok(ae_inference_evaluate(b->model, b->blocks, DRAWS, &got));
  assert_int_equal(got.examples, EXAMPLES);
  for (int64_t example = 0; example < EXAMPLES; example++) {
    double likelihood = 0, terms[8];
    for (int draw = 0; draw < DRAWS; draw++) {
      likelihood += exp(reference(b, example, draw, terms)) / (double)DRAWS;
      for (int i = 0; i < width; i++) sum[i] += terms[i] / (DRAWS * EXAMPLES);
    }
    bound += log(likelihood) / (double)EXAMPLES;
  }
  for (int i = 0; i < width; i++) assert_near(got.term[i], sum[i]);
  for (int i = 0; i < model->terms; i++) {
    elbo -= sum[i];
    loss += (double)model->term[i].weight * sum[i];
  }
  assert_near(got.loss, loss);
  assert_true(isnan(got.elbo) == !model->proper && isnan(got.bound) == !model->proper);
  if (!model->proper) return;
  assert_near(got.elbo, elbo);
  assert_near(got.bound, bound);
}

static void a_vae_is_evaluated_as_the_formulas_say(void **state) {
  (void)state;
  bench b;
  create(&b, "vae", "vae: {beta: 0.5}\n");
  assert_true(b.model->proper);
  check_evaluation(&b, vae_terms);
  destroy(&b);
}

static void a_vhe_is_evaluated_as_the_formulas_say(void **state) {
  (void)state;
  bench b;
  create(&b, "vhe", "kmeans: {clusters: 3}\n");
  assert_true(b.model->proper);
  check_evaluation(&b, vhe_terms);
  destroy(&b);
}

/* Its terms are no bound: the codes of the others are not paid for. */
static void an_acn_is_evaluated_as_the_formulas_say(void **state) {
  (void)state;
  bench b;
  create_acn(&b);
  assert_false(b.model->proper);
  check_evaluation(&b, acn_terms);
  destroy(&b);
}

static void check_codes(bench *b) {
  ae_codes codes;
  float joined[EXAMPLES * LATENT], decoded[EXAMPLES * FEATURES];
  ae_test_ok(ae_codes_create(b->model, EXAMPLES, &codes));
  ae_test_ok(ae_inference_encode(b->model, b->blocks, &codes));
  ae_codes_join(b->model, &codes, 0, EXAMPLES, joined);
  ae_test_ok(b->model->type->inference->decode(b->model, EXAMPLES, joined, decoded));
  for (int64_t i = 0; i < EXAMPLES; i++) {
    double x[FEATURES], q[2 * LATENT], logit[FEATURES];
    pixels(b, i, x);
    encode_vae(b, x, q);
    decode(b, q, LATENT, logit);
    for (int j = 0; j < LATENT; j++) {
      assert_near((double)((float *)codes.field[0])[i * LATENT + j], q[j]);
      assert_near((double)((float *)codes.field[1])[i * LATENT + j], q[LATENT + j]);
      assert_near((double)joined[i * LATENT + j], q[j]);
    }
    for (int j = 0; j < FEATURES; j++) assert_near((double)decoded[i * FEATURES + j], 1 / (1 + exp(-logit[j])));
  }
  ae_codes_free(&codes);
}

static void vae_and_acn_encode_and_decode(void **state) {
  (void)state;
  bench b;
  create(&b, "vae", "");
  check_codes(&b);
  destroy(&b);
  create_acn(&b);
  check_codes(&b);
  destroy(&b);
}

/* z from what is expected beside the code of any example of training. */
static void an_acn_draws_beside_what_it_remembers(void **state) {
  (void)state;
  bench b;
  float code[EXAMPLES * LATENT];
  int32_t label[EXAMPLES];
  const ae_sample_request request = {.count = EXAMPLES, .seed = 5};
  create_acn(&b);
  ae_test_ok(b.model->type->inference->draw(b.model, &request, 0, EXAMPLES, code, label));
  for (int64_t i = 0; i < EXAMPLES; i++) {
    double c[LATENT], p[2 * LATENT], noise[LATENT], z[LATENT];
    remembered(ae_random_below(ae_stream_of(5, AE_RANDOM_SAMPLE, 0, i), 0, EXAMPLES), c);
    ae_reference_pair(b.params, "prior_z", c, LATENT, HIDDEN, LATENT, p);
    ae_reference_draw(ae_stream_of(5, AE_RANDOM_SAMPLE, 1, i), LATENT, p, noise, z);
    for (int j = 0; j < LATENT; j++) assert_near((double)code[i * LATENT + j], z[j]);
  }
  destroy(&b);
}

static void a_vhe_encodes_and_decodes_unseen_examples(void **state) {
  (void)state;
  bench b;
  ae_codes codes;
  float joined[EXAMPLES * 2 * LATENT], decoded[EXAMPLES * FEATURES];
  create(&b, "vhe", "kmeans: {clusters: 3}\n");
  ae_test_ok(ae_codes_create(b.model, EXAMPLES, &codes));
  ae_test_ok(ae_inference_encode(b.model, b.blocks, &codes));
  ae_codes_join(b.model, &codes, 0, EXAMPLES, joined);
  ae_test_ok(b.model->type->inference->decode(b.model, EXAMPLES, joined, decoded));
  for (int64_t i = 0; i < EXAMPLES; i++) {
    double x[FEATURES], qc[2 * LATENT], qz[2 * LATENT], pair[2 * LATENT], logit[FEATURES];
    pixels(&b, i, x);
    const int k = nearest_cluster(&b, x);
    assert_int_equal(((int32_t *)codes.field[4])[i], k);
    cluster_posterior(&b, k, qc);
    infer_z(&b, x, qc, qz);
    for (int j = 0; j < LATENT; j++) {
      assert_near((double)((float *)codes.field[0])[i * LATENT + j], qz[j]);
      assert_near((double)((float *)codes.field[1])[i * LATENT + j], qz[LATENT + j]);
      assert_near((double)((float *)codes.field[2])[i * LATENT + j], qc[j]);
      assert_near((double)((float *)codes.field[3])[i * LATENT + j], qc[LATENT + j]);
      assert_near((double)joined[i * 2 * LATENT + j], pair[j] = qz[j]);
      assert_near((double)joined[i * 2 * LATENT + LATENT + j], pair[LATENT + j] = qc[j]);
    }
    decode(&b, pair, 2 * LATENT, logit);
    for (int j = 0; j < FEATURES; j++) assert_near((double)decoded[i * FEATURES + j], 1 / (1 + exp(-logit[j])));
  }
  ae_codes_free(&codes);
  destroy(&b);
}

/* c ~ q(c | D): its mean is that of the means of what each example of D gives. */
static void a_vhe_draws_more_of_given_examples(void **state) {
  (void)state;
  bench b;
  const int64_t like[2] = {2, 9};
  char rows[2 * FEATURES];
  float code[EXAMPLES * 2 * LATENT];
  int32_t label[EXAMPLES];
  double q[2 * LATENT] = {0};
  create(&b, "vhe", "kmeans: {clusters: 3}\n");
  ae_test_ok(ae_dataset_fetch(ae_test_comm(), b.blocks, like, 2, rows));
  const ae_block block = {b.blocks, 2, like, rows, NULL};
  const ae_sample_request request = {.count = EXAMPLES, .seed = 5, .like = &block};
  ae_test_ok(b.model->type->inference->draw(b.model, &request, 0, EXAMPLES, code, label));
  for (int i = 0; i < 2; i++) {
    double x[FEATURES], one[2 * LATENT];
    pixels(&b, like[i], x);
    ae_reference_pair(b.params, "encoder_c", x, FEATURES, HIDDEN, LATENT, one);
    for (int j = 0; j < 2 * LATENT; j++) q[j] += one[j] / 2;
  }
  for (int64_t i = 0; i < EXAMPLES; i++) {
    double c[LATENT], z[LATENT], pz[2 * LATENT], noise[LATENT];
    ae_reference_draw(ae_stream_of(5, AE_RANDOM_SAMPLE, 1, i), LATENT, q, noise, c);
    ae_reference_pair(b.params, "prior_z", c, LATENT, HIDDEN, LATENT, pz);
    ae_reference_draw(ae_stream_of(5, AE_RANDOM_SAMPLE, 2, i), LATENT, pz, noise, z);
    for (int j = 0; j < LATENT; j++) {
      assert_near((double)code[i * 2 * LATENT + j], z[j]);
      assert_near((double)code[i * 2 * LATENT + LATENT + j], c[j]);
    }
  }
  destroy(&b);
}

/* More draws, a tighter bound (Burda et al. 2016, theorem 1), on average. */
static void the_bound_tightens_with_draws(void **state) {
  (void)state;
  bench b;
  ae_evaluation few, many;
  create(&b, "vae", "");
  ae_test_ok(ae_inference_evaluate(b.model, b.blocks, 2, &few));
  ae_test_ok(ae_inference_evaluate(b.model, b.blocks, 2000, &many));
  assert_true(many.bound > many.elbo);
  assert_true(many.bound < 0);
  /* with thousands of draws the bound is the likelihood itself; their noise is below 1/√2000 */
  assert_true(few.bound < many.bound + 0.05);
  destroy(&b);
}

static void other_data_are_refused(void **state) {
  (void)state;
  bench b;
  ae_dataset *other;
  const char *path = ae_test_path("other.h5");
  const ae_dataset_shape shape = {2, 1, {FEATURES + 1}, AE_H5_UINT8}, signs = {1, 1, {FEATURES}, AE_H5_FLOAT32};
  const uint8_t rows[2 * (FEATURES + 1)] = {0};
  float negative[FEATURES] = {-1};
  create(&b, "vae", "");
  ae_test_ok(ae_dataset_write(ae_test_comm(), path, &shape, 0, 2, rows, NULL, NULL, "test"));
  ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), path, BLOCK, &other));
  ae_test_error(ae_inference_accept(b.model, other), AE_USAGE, "(N, 10), but the model is for (N, 9)");
  ae_dataset_close(&other);
  ae_test_ok(ae_dataset_write(ae_test_comm(), path, &signs, 0, 1, negative, NULL, NULL, "test"));
  ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), path, BLOCK, &other));
  ae_test_error(ae_inference_accept(b.model, other), AE_USAGE, "data.binarize is for values in 0 to 1");
  ae_dataset_close(&other);
  destroy(&b);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(a_vae_is_evaluated_as_the_formulas_say),
                           AE_TEST(a_vhe_is_evaluated_as_the_formulas_say),
                           AE_TEST(an_acn_is_evaluated_as_the_formulas_say),
                           AE_TEST(vae_and_acn_encode_and_decode),
                           AE_TEST(an_acn_draws_beside_what_it_remembers),
                           AE_TEST(a_vhe_encodes_and_decodes_unseen_examples),
                           AE_TEST(a_vhe_draws_more_of_given_examples),
                           AE_TEST(the_bound_tightens_with_draws),
                           AE_TEST(other_data_are_refused)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
