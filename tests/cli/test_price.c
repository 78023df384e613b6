/* What indices cost under a prior: the mean over a dataset's examples, with the labels that they have. */
#include "harness.h"

#include "../../src/cli/prior.h"
#include "mpiae/data/block.h"
#include "mpiae/data/writer.h"
#include "mpiae/models/configure.h"
#include "mpiae/models/model_table.h"

#include <math.h>
#include <string.h>

/* More than one block. */
enum { EXAMPLES = AE_BLOCK_ROWS + 40, SIDE = 2, PLACES = SIDE * SIDE, LABELS = 2 };

typedef struct bench {
  ae_config *config;
  ae_params *params;
  ae_model *prior;
  ae_dataset *data;
  float rows[EXAMPLES * PLACES];
  int32_t label[EXAMPLES];
} bench;

static void create_prior(bench *b) {
  static const char text[] = "model: pixelcnn\ndata: {train: unused}\n"
                             "pixelcnn: {entries: 3, channels: 6, layers: 2, labels: 2}\n";
  ae_test_ok(ae_model_configure(text, (int64_t)strlen(text), "test", NULL, 0, &b->config));
  ae_test_ok(ae_params_create(&b->params));
  const ae_model_setup setup = {.comm = ae_test_comm(),
                                .config = b->config,
                                .params = b->params,
                                .rank = 3,
                                .dim = {1, SIDE, SIDE},
                                .features = PLACES};
  ae_test_ok(ae_model_find("pixelcnn")->create(&setup, &b->prior));
  ae_test_ok(ae_params_seal(b->params));
  ae_test_ok(ae_params_allocate(b->params, 0));
  ae_params_start(b->params, 2);
}

/* The images are what the indices would be of; they do not matter here. */
static void create(bench *b) {
  const char *path = ae_test_path("images.h5");
  const ae_dataset_shape shape = {EXAMPLES, 1, {1}, AE_H5_UINT8};
  const uint8_t images[EXAMPLES] = {0};
  memset(b, 0, sizeof *b);
  create_prior(b);
  for (int i = 0; i < EXAMPLES * PLACES; i++) b->rows[i] = (float)(i * 7 % 11 % 3);
  for (int i = 0; i < EXAMPLES; i++) b->label[i] = i % 5 % LABELS;
  ae_test_ok(ae_dataset_write(ae_test_comm(), path, &shape, 0, EXAMPLES, images, b->label, NULL, "test"));
  ae_test_ok(ae_dataset_open_blocks(ae_test_comm(), path, AE_BLOCK_ROWS, &b->data));
}

static void destroy(bench *b) {
  b->prior->type->destroy(b->prior);
  ae_params_destroy(&b->params);
  ae_config_destroy(&b->config);
  ae_dataset_close(&b->data);
}

/* Each by itself. */
static double mean_price(const bench *b, const int32_t *label) {
  double sum = 0, nats;
  for (int i = 0; i < EXAMPLES; i++) {
    ae_test_ok(b->prior->type->prior->price(b->prior, 1, b->rows + i * PLACES, label + i, &nats));
    sum += nats;
  }
  return sum / (double)EXAMPLES;
}

static void the_price_is_the_mean_over_the_examples(void **state) {
  (void)state;
  static bench b;
  double nats = NAN;
  create(&b);
  const ae_result result = {.comm = ae_test_comm(), .data = b.data};
  ae_test_ok(ae_prior_price(&result, b.prior, b.rows, &nats));
  assert_true(fabs(nats - mean_price(&b, b.label)) < 1e-6);
  /* labels matter */
  for (int i = 0; i < EXAMPLES; i++) b.label[i] = 1 - b.label[i];
  assert_true(fabs(nats - mean_price(&b, b.label)) > 1e-4);
  destroy(&b);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(the_price_is_the_mean_over_the_examples)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
