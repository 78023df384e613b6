/* Weights of the parts of codes against the formulas, on codes that all ranks know. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/models/vhe/weighting.h"

#include <math.h>

enum { EXAMPLES = 60, SHARDS = 8, LATENT = 3, WIDTH = 2 * LATENT, CLASSES = 4 };

typedef struct fixture {
  ae_shards shards;
  float mean[EXAMPLES * WIDTH], logstd[EXAMPLES * WIDTH]; /* of all ranks */
  int32_t label[EXAMPLES];
  int64_t size[CLASSES];
  ae_weighting_source source;
} fixture;

/* c lies near a place of its class; the last class is empty. */
static void make(fixture *f) {
  *f = (fixture){0};
  ae_test_ok(ae_shards_init(&f->shards, EXAMPLES, SHARDS, ae_comm_rank(ae_test_comm()), ae_comm_size(ae_test_comm())));
  const int64_t begin = ae_shards_own_begin(&f->shards);
  ae_random_fill_normal(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 0), EXAMPLES * WIDTH, f->mean);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 1), -2, -0.5f, EXAMPLES * WIDTH, f->logstd);
  for (int i = 0; i < EXAMPLES; i++) {
    f->label[i] = i % (CLASSES - 1);
    f->size[f->label[i]]++;
    for (int j = LATENT; j < WIDTH; j++) f->mean[i * WIDTH + j] += 0.5f * (float)f->label[i];
  }
  f->source = (ae_weighting_source){.comm = ae_test_comm(),
                                    .shards = &f->shards,
                                    .latent = LATENT,
                                    .mean = f->mean + begin * WIDTH,
                                    .logstd = f->logstd + begin * WIDTH,
                                    .label = f->label + begin,
                                    .size = f->size,
                                    .classes = CLASSES,
                                    .epoch = 2,
                                    .anneal = 5,
                                    .gradient = {3, 12}};
}

/* Variance of the means of dimension j over the examples of class k (−1 = all), with or without what they spread. */
static double variance(const fixture *f, int j, int k, bool spread) {
  double sum = 0, square = 0, wide = 0, count = 0;
  for (int i = 0; i < EXAMPLES; i++) {
    if (k >= 0 && f->label[i] != k) continue;
    const double mean = (double)f->mean[i * WIDTH + j];
    count++;
    sum += mean;
    square += mean * mean;
    wide += exp(2 * (double)f->logstd[i * WIDTH + j]);
  }
  return square / count - sum / count * sum / count + (spread ? wide / count : 0);
}

static double spread_of(const fixture *f, int part) {
  double sum = 0;
  for (int j = 0; j < LATENT; j++) sum += variance(f, part * LATENT + j, -1, false);
  return sum / (double)LATENT;
}

/* Weights in this proportion, scaled as all are. */
static void expect(const fixture *f, ae_weighting kind, double z, double c) {
  double weight[2];
  const double spread_z = spread_of(f, 0), spread_c = spread_of(f, 1);
  const double factor = (spread_z + spread_c) / (z * spread_z + c * spread_c);
  ae_test_ok(ae_weighting_choose(kind, &f->source, weight));
  assert_true(fabs(weight[AE_PART_Z] - z * factor) < 1e-9 * (1 + z * factor));
  assert_true(fabs(weight[AE_PART_C] - c * factor) < 1e-9 * (1 + c * factor));
}

static void simple_weights(void **state) {
  (void)state;
  static fixture f;
  make(&f);
  expect(&f, AE_WEIGHTING_NONE, 1, 1);
  expect(&f, AE_WEIGHTING_ANNEAL, 1, 0.4);
  expect(&f, AE_WEIGHTING_GRADIENT, 3, 12);
  f.source.epoch = 7;
  expect(&f, AE_WEIGHTING_ANNEAL, 1, 1);
  f.source.epoch = 0;
  expect(&f, AE_WEIGHTING_ANNEAL, 1, 0);
}

static void information(void **state) {
  (void)state;
  static fixture f;
  make(&f);
  /* once with the sum below the entropy of the classes, once above */
  for (int sharp = 0; sharp < 2; sharp++) {
    double z = 0, c = 0, entropy = 0;
    for (int i = 0; i < EXAMPLES && sharp == 1; i++)
      for (int j = LATENT; j < WIDTH; j++) f.mean[i * WIDTH + j] = 5 * (float)f.label[i];
    for (int j = 0; j < LATENT; j++) {
      double logstd = 0, inside = 0;
      for (int i = 0; i < EXAMPLES; i++) logstd += (double)f.logstd[i * WIDTH + j] / (double)EXAMPLES;
      z += fmax(0, 0.5 * log(variance(&f, j, -1, true)) - logstd);
      for (int k = 0; k < CLASSES - 1; k++)
        inside += (double)f.size[k] / (double)EXAMPLES * log(variance(&f, LATENT + j, k, true));
      c += 0.5 * (log(variance(&f, LATENT + j, -1, true)) - inside);
    }
    for (int k = 0; k < CLASSES - 1; k++)
      entropy -= (double)f.size[k] / (double)EXAMPLES * log((double)f.size[k] / (double)EXAMPLES);
    assert_int_equal(c > entropy, sharp);
    expect(&f, AE_WEIGHTING_INFORMATION, z / spread_of(&f, 0), fmin(c, entropy) / spread_of(&f, 1));
  }
}

static void nothing_to_go_by_gives_equal_weights(void **state) {
  (void)state;
  static fixture f;
  double weight[2];
  make(&f);
  f.source.gradient[0] = f.source.gradient[1] = 0;
  expect(&f, AE_WEIGHTING_GRADIENT, 1, 1);
  for (int i = 0; i < EXAMPLES * WIDTH; i++) f.mean[i] = 0;
  ae_test_ok(ae_weighting_choose(AE_WEIGHTING_INFORMATION, &f.source, weight));
  assert_true(weight[AE_PART_Z] == 1 && weight[AE_PART_C] == 1);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(simple_weights), AE_TEST(information),
                           AE_TEST(nothing_to_go_by_gives_equal_weights)};
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
