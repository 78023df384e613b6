/* What networks see of examples, and how what they predict is shown: order of the channels, centre, black and white;
 * what they refuse; and the threads a model computes on. */
#include "harness.h"

#include "mpiae/models/array_model.h"
#include "mpiae/models/configure.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/model_table.h"
#include "mpiae/tensor/blas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHANNELS = 3, ROWS = 4, COLUMNS = 6, PLACES = ROWS * COLUMNS, FEATURES = CHANNELS * PLACES, COUNT = 5 };

typedef struct bench {
  ae_config *config;
  ae_dataset data; /* not of a file */
  ae_model_setup setup;
  bool needs_hidden;
  ae_network network;
  ae_examples examples;
  ae_likelihood likelihood;
  int64_t example[COUNT];
  uint8_t bytes[COUNT * FEATURES];
  float floats[COUNT * FEATURES];
} bench;

/* What a VAE reads for these images, with further keys. */
static void create(bench *b, ae_h5_type type, const char *const *keys, int count) {
  static const char text[] = "model: vae\ndata: {train: unused}\nnetwork: {channels: [4]}\n";
  memset(b, 0, sizeof *b);
  ae_test_ok(ae_model_configure(text, (int64_t)strlen(text), "test", keys, count, &b->config));
  b->data = (ae_dataset){.path = NULL,
                         .rank = 3,
                         .dim = {CHANNELS, ROWS, COLUMNS},
                         .features = FEATURES,
                         .type = type,
                         .row_bytes = FEATURES * (type == AE_H5_UINT8 ? 1 : 4)};
  b->setup = (ae_model_setup){
      .config = b->config, .rank = 3, .dim = {CHANNELS, ROWS, COLUMNS}, .features = FEATURES, .seed = 7};
  for (int i = 0; i < COUNT; i++) b->example[i] = 100 + 7 * i;
  for (int i = 0; i < COUNT * FEATURES; i++) {
    b->bytes[i] = (uint8_t)(i * 37 % 256);
    b->floats[i] = (float)(i * 37 % 256) / 255.0f;
  }
}

static ae_status read(bench *b) {
  const ae_model model = {.type = ae_model_find("vae"), .setup = b->setup};
  return ae_array_model_read(&model, b->needs_hidden, &b->network, &b->examples, &b->likelihood);
}

static void destroy(bench *b) { ae_config_destroy(&b->config); }

static void prepare(const bench *b, uint32_t epoch, float *out) {
  const void *rows = b->data.type == AE_H5_UINT8 ? (const void *)b->bytes : (const void *)b->floats;
  const ae_block block = {&b->data, COUNT, b->example, rows, NULL};
  ae_examples_prepare(&b->examples, epoch, &block, out);
}

/* Place of number j of an example in what convolutions see. */
static int last_place(int j) { return j % PLACES * CHANNELS + j / PLACES; }

static void check_order(ae_h5_type type, const char *kind, bool last) {
  const char *const keys[] = {kind, "network.likelihood=gaussian", "data.center=0.25"};
  float seen[COUNT * FEATURES], shown[COUNT * FEATURES];
  bench b;
  create(&b, type, keys, 3);
  ae_test_ok(read(&b));
  assert_true(b.examples.channels_last == last);
  prepare(&b, 0, seen);
  ae_likelihood_show(&b.likelihood, &b.examples, COUNT, seen, shown);
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < FEATURES; j++) {
      const float expected = b.floats[i * FEATURES + j];
      assert_true(fabsf(seen[i * FEATURES + (last ? last_place(j) : j)] - (expected - 0.25f)) < 1e-6f);
      assert_true(fabsf(shown[i * FEATURES + j] - expected) < 1e-6f);
    }
  destroy(&b);
}

static void convolutions_see_channels_last(void **state) {
  (void)state;
  check_order(AE_H5_UINT8, "network.kind=conv", true);
  check_order(AE_H5_FLOAT32, "network.kind=conv", true);
  check_order(AE_H5_UINT8, "network.kind=dense", false);
  check_order(AE_H5_FLOAT32, "network.kind=dense", false);
}

static void both_kinds_see_the_same_draw(void **state) {
  (void)state;
  const char *const dense[] = {"data.binarize=dynamic"}, *const conv[] = {"data.binarize=dynamic", "network.kind=conv"};
  float one[COUNT * FEATURES], other[COUNT * FEATURES];
  int white = 0;
  bench b;
  create(&b, AE_H5_UINT8, dense, 1);
  ae_test_ok(read(&b));
  prepare(&b, 3, one);
  destroy(&b);
  create(&b, AE_H5_UINT8, conv, 2);
  ae_test_ok(read(&b));
  prepare(&b, 3, other);
  destroy(&b);
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < FEATURES; j++) {
      const float a = one[i * FEATURES + j], c = other[i * FEATURES + last_place(j)];
      assert_true((a > 0.5f) == (c > 0.5f));
      white += a > 0.5f;
    }
  assert_true(white > COUNT * FEATURES / 3 && white < COUNT * FEATURES * 2 / 3);
}

static void logits_are_shown_as_probabilities(void **state) {
  (void)state;
  const char *const conv[] = {"network.kind=conv"};
  float logit[FEATURES], shown[FEATURES];
  bench b;
  create(&b, AE_H5_UINT8, conv, 1);
  ae_test_ok(read(&b));
  for (int j = 0; j < FEATURES; j++) logit[last_place(j)] = 0.1f * (float)(j - FEATURES / 2);
  ae_likelihood_show(&b.likelihood, &b.examples, 1, logit, shown);
  for (int j = 0; j < FEATURES; j++)
    assert_true(fabs((double)shown[j] - 1 / (1 + exp(-0.1 * (j - FEATURES / 2)))) < 1e-6);
  destroy(&b);
}

/* Images of these shapes, a NULL for what is accepted. */
static void images_that_cannot_be_halved_are_refused(void **state) {
  (void)state;
  static const struct {
    int rank;
    int64_t dim[3];
    const char *channels, *message;
  } cases[] = {
      {3, {1, 28, 28}, "network.channels=[8,8]", NULL},
      {3, {3, 32, 32}, "network.channels=[8,8,8]", NULL},
      {3, {3, 4, 6}, "network.channels=[8]", NULL},
      {3,
       {1, 28, 28},
       "network.channels=[8,8,8]",
       "halves images 3 times, but sides of 28 × 28 can be halved 2 times only: give network.channels 2 numbers at "
       "most"},
      {3, {3, 4, 6}, "network.channels=[8,8]", "can be halved 1 times only: give network.channels 1 number at most"},
      {3, {1, 27, 32}, "network.channels=[8]", "can be halved 0 times only: set network.kind=dense"},
      {1, {784, 0, 0}, "network.channels=[8]", "is for images, (N, C, H, W), but the data are (N, 784)"},
      {3, {1, 28, 28}, "network.channels=[]", "network.channels is empty"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *const keys[] = {"network.kind=conv", cases[i].channels};
    bench b;
    create(&b, AE_H5_UINT8, keys, 2);
    b.setup.rank = cases[i].rank;
    memcpy(b.setup.dim, cases[i].dim, sizeof cases[i].dim);
    if (cases[i].message == NULL) ae_test_ok(read(&b));
    else ae_test_error(read(&b), AE_USAGE, cases[i].message);
    destroy(&b);
  }
}

static void a_centre_needs_a_gaussian(void **state) {
  (void)state;
  const char *const keys[] = {"data.center=0.5", "network.likelihood=gaussian"};
  bench b;
  create(&b, AE_H5_UINT8, keys, 1);
  ae_test_error(read(&b), AE_USAGE, "data.center=0.5 takes values out of 0 to 1");
  destroy(&b);
  create(&b, AE_H5_UINT8, keys, 2);
  ae_test_ok(read(&b));
  destroy(&b);
}

static void hidden_layers_may_be_needed(void **state) {
  (void)state;
  const char *const keys[] = {"network.hidden=[]"};
  bench b;
  create(&b, AE_H5_UINT8, keys, 1);
  ae_test_ok(read(&b));
  b.needs_hidden = true;
  ae_test_error(read(&b), AE_USAGE, "network.hidden is empty, but model 'vae' needs at least one hidden layer");
  destroy(&b);
}

/* Those of training, which the setup has; without them nothing is refused. */
static void data_out_of_range_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *key;
    float low, high;
    const char *message;
  } cases[] = {{"network.likelihood=bernoulli", 0, 1, NULL},
               {"network.likelihood=gaussian", -3, 3, NULL},
               {"network.likelihood=bernoulli", 0, 1.5F, "is for values in 0 to 1, but a.h5 holds 0 to 1.5"},
               {"network.likelihood=bernoulli", -0.5F, 1, "is for values in 0 to 1, but a.h5 holds -0.5 to 1"},
               {"data.binarize=static", 0, 2, "data.binarize is for values in 0 to 1, but a.h5 holds 0 to 2"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bench b;
    create(&b, AE_H5_FLOAT32, &cases[i].key, 1);
    b.data.path = (char[]){"a.h5"};
    b.data.low = cases[i].low;
    b.data.high = cases[i].high;
    ae_test_ok(read(&b));
    b.setup.data = &b.data;
    if (cases[i].message == NULL) ae_test_ok(read(&b));
    else ae_test_error(read(&b), AE_USAGE, cases[i].message);
    destroy(&b);
  }
}

static bool takes_them(const ae_config *config) { return ae_config_is(config, "data.binarize", "none"); }

/* Whether it does may depend on the configuration. */
static void a_model_takes_arrays_or_sets(void **state) {
  (void)state;
  const ae_set_hooks hooks = {.takes = takes_them};
  const ae_model_type arrays = {.name = "of-arrays"}, sets = {.name = "of-sets", .sets = &hooks};
  const ae_dataset array = {.path = (char[]){"a.h5"}}, set = {.path = (char[]){"s.h5"}, .offset = (int64_t[]){0}};
  const char *const keys[] = {"data.binarize=static"};
  bench b;
  create(&b, AE_H5_FLOAT32, NULL, 0);
  ae_test_ok(ae_model_check_kind(&arrays, b.config, &array));
  ae_test_ok(ae_model_check_kind(&sets, b.config, &set));
  ae_test_error(ae_model_check_kind(&arrays, b.config, &set), AE_USAGE,
                "s.h5 holds sets of points, but model 'of-arrays' is for arrays");
  ae_test_error(ae_model_check_kind(&sets, b.config, &array), AE_USAGE,
                "a.h5 holds arrays, but model 'of-sets' is for sets of points");
  destroy(&b);
  create(&b, AE_H5_FLOAT32, keys, 1);
  ae_test_ok(ae_model_check_kind(&sets, b.config, &array));
  destroy(&b);
}

static void a_model_computes_on_the_threads_it_is_told(void **state) {
  (void)state;
  static const struct {
    const char *key;
    int threads;
  } cases[] = {{NULL, 1}, {"train.threads=1", 1}, {"train.threads=2", 2}};
  ae_blas_use_threads(3);
  const bool is_openblas = strncmp(ae_blas_version(), "OpenBLAS ", 9) == 0;
  if (is_openblas ? strstr(ae_blas_version(), "SINGLE_THREADED") != NULL : ae_blas_threads() == 1)
    ae_test_skip("this BLAS was built without threads");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bench b;
    create(&b, AE_H5_UINT8, &cases[i].key, cases[i].key != NULL);
    ae_blas_use_threads(3);
    ae_model_use_threads(b.config);
    const int threads = ae_blas_threads();
    ae_blas_use_threads(1);
    assert_int_equal(threads, cases[i].threads);
    destroy(&b);
  }
}

static void check_conditions(ae_config *config, const ae_key_condition *condition) {
  for (; condition->key != NULL; condition++) {
    assert_true(ae_config_has(config, condition->key));
    ae_config_set(config, condition->other, condition->word); /* asserts that it is a choice */
  }
}

/* A name that is mistyped would never be found, and never be missed. */
static void conditions_of_keys_name_keys(void **state) {
  (void)state;
  static const char text[] = "model: vae\ndata: {train: unused}\n";
  ae_config *config = NULL, *vae = NULL;
  ae_test_ok(ae_config_create(ae_model_key_tables(), &config));
  check_conditions(config, ae_key_conditions);
  for (const ae_model_type *const *type = ae_model_table(); *type != NULL; type++)
    if ((*type)->conditions != NULL) check_conditions(config, (*type)->conditions);
  ae_config_destroy(&config);
  ae_test_ok(ae_model_configure(text, (int64_t)strlen(text), "test", NULL, 0, &vae));
  ae_model_warn_of_idle_keys(vae); /* lacks most of the keys */
  ae_config_destroy(&vae);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(a_model_takes_arrays_or_sets),
                           AE_TEST(convolutions_see_channels_last),
                           AE_TEST(both_kinds_see_the_same_draw),
                           AE_TEST(logits_are_shown_as_probabilities),
                           AE_TEST(images_that_cannot_be_halved_are_refused),
                           AE_TEST(a_centre_needs_a_gaussian),
                           AE_TEST(hidden_layers_may_be_needed),
                           AE_TEST(data_out_of_range_are_refused),
                           AE_TEST(a_model_computes_on_the_threads_it_is_told),
                           AE_TEST(conditions_of_keys_name_keys)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
