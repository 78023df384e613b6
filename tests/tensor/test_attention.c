/* Attention in blocks against plain softmax in float64, on sets of several blocks. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/attention.h"

#include <math.h>
#include <string.h>

typedef struct bench {
  ae_attention_shape shape;
  int64_t queries, keys;
  float *q, *k, *v, *norm, *out, *dout, *scratch;
} bench;

static void create(bench *b, ae_attention_shape shape, int64_t queries, int64_t keys, float size) {
  *b = (bench){.shape = shape, .queries = queries, .keys = keys};
  ae_test_ok(AE_NEW(b->q, queries * shape.width));
  ae_test_ok(AE_NEW(b->k, keys * shape.width));
  ae_test_ok(AE_NEW(b->v, keys * shape.value_width));
  ae_test_ok(AE_NEW(b->norm, 2 * queries * shape.heads));
  ae_test_ok(AE_NEW(b->out, queries * shape.value_width));
  ae_test_ok(AE_NEW(b->dout, queries * shape.value_width));
  ae_test_ok(AE_NEW(b->scratch, ae_attention_scratch(queries, keys)));
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 0), -size, size, queries * shape.width, b->q);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 1), -size, size, keys * shape.width, b->k);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 2), -1, 1, keys * shape.value_width, b->v);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 3), -1, 1, queries * shape.value_width, b->dout);
  memset(b->out, 0x7f, (size_t)(queries * shape.value_width) * sizeof *b->out);
}

static void run(bench *b) {
  ae_attention_forward(&b->shape, b->queries, b->keys, b->q, b->k, b->v, b->norm, b->out, b->scratch);
}

static void destroy(bench *b) {
  AE_FREE(b->q);
  AE_FREE(b->k);
  AE_FREE(b->v);
  AE_FREE(b->norm);
  AE_FREE(b->out);
  AE_FREE(b->dout);
  AE_FREE(b->scratch);
}

/* The weights of query i in a head, in float64. */
static void plain_weights(const bench *b, int64_t i, int64_t head, double *weight) {
  const int64_t width = b->shape.width / b->shape.heads;
  double largest = -INFINITY, sum = 0;
  for (int64_t j = 0; j < b->keys; j++) {
    weight[j] = 0;
    for (int64_t c = head * width; c < (head + 1) * width; c++)
      weight[j] += (double)b->q[i * b->shape.width + c] * (double)b->k[j * b->shape.width + c];
    weight[j] /= sqrt((double)width);
    largest = fmax(largest, weight[j]);
  }
  for (int64_t j = 0; j < b->keys; j++) sum += weight[j] = exp(weight[j] - largest);
  for (int64_t j = 0; j < b->keys; j++) weight[j] /= sum;
}

/* 5000 points: 20 blocks each way; scores of up to ±30, so that the largest one moves from block to block. */
static void a_large_set_is_attended_as_in_one_piece(void **state) {
  (void)state;
  enum { POINTS = 5000 };
  const ae_attention_shape shape = {2, 16, 6};
  double *weight;
  bench b;
  create(&b, shape, POINTS, POINTS, 4);
  ae_test_ok(AE_NEW(weight, POINTS));
  run(&b);
  for (int64_t i = 0; i < POINTS; i += 37)
    for (int64_t head = 0; head < 2; head++) {
      plain_weights(&b, i, head, weight);
      for (int64_t c = head * 3; c < (head + 1) * 3; c++) {
        double expected = 0;
        for (int64_t j = 0; j < POINTS; j++) expected += weight[j] * (double)b.v[j * 6 + c];
        assert_true(fabs(expected - (double)b.out[i * 6 + c]) < 1e-5);
      }
    }
  AE_FREE(weight);
  destroy(&b);
}

/* Adds the gradients of one query in float64; weight and slope have room for the keys. */
static void plain_gradients(const bench *b, int64_t i, int64_t head, double *weight, double *slope, double *dq,
                            double *dk, double *dv) {
  const int64_t width = b->shape.width / b->shape.heads, values = b->shape.value_width / b->shape.heads;
  double along = 0;
  plain_weights(b, i, head, weight);
  for (int64_t j = 0; j < b->keys; j++) {
    slope[j] = 0;
    for (int64_t c = head * values; c < (head + 1) * values; c++) {
      const double upstream = (double)b->dout[i * b->shape.value_width + c];
      slope[j] += upstream * (double)b->v[j * b->shape.value_width + c];
      dv[j * b->shape.value_width + c] += weight[j] * upstream;
    }
    along += weight[j] * slope[j];
  }
  for (int64_t j = 0; j < b->keys; j++)
    for (int64_t c = head * width; c < (head + 1) * width; c++) {
      const double score = weight[j] * (slope[j] - along) / sqrt((double)width);
      dq[i * b->shape.width + c] += score * (double)b->k[j * b->shape.width + c];
      dk[j * b->shape.width + c] += score * (double)b->q[i * b->shape.width + c];
    }
}

static void close_to(const double *expected, const float *got, int64_t count) {
  double largest = 0;
  for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
  for (int64_t i = 0; i < count; i++) assert_true(fabs(expected[i] - (double)got[i]) < 1e-5 * largest);
}

/* Gradients across blocks, added to what is there; each alone has the same bits. */
static void gradients_run_over_blocks(void **state) {
  (void)state;
  enum { QUERIES = 530, KEYS = 700, WIDTH = 6, VALUES = 4 };
  const ae_attention_shape shape = {2, WIDTH, VALUES};
  double *weight, *slope, *expected;
  float *got, *alone;
  bench b;
  create(&b, shape, QUERIES, KEYS, 2);
  ae_test_ok(AE_NEW(weight, KEYS));
  ae_test_ok(AE_NEW(slope, KEYS));
  const int64_t k = QUERIES * WIDTH, v = k + KEYS * WIDTH, all = v + KEYS * VALUES;
  ae_test_ok(AE_NEW(expected, all));
  ae_test_ok(AE_NEW(got, all));
  ae_test_ok(AE_NEW(alone, all));
  for (int64_t i = 0; i < all; i++) expected[i] = (double)(got[i] = alone[i] = (float)(i % 3) * 0.25f);
  for (int64_t i = 0; i < QUERIES; i++)
    for (int64_t head = 0; head < 2; head++)
      plain_gradients(&b, i, head, weight, slope, expected, expected + k, expected + v);
  run(&b);
  const ae_attention_gradients to = {got, got + k, got + v};
  const ae_attention_gradients each[] = {{alone, NULL, NULL}, {NULL, alone + k, NULL}, {NULL, NULL, alone + v}};
  ae_attention_backward(&shape, QUERIES, KEYS, b.q, b.k, b.v, b.norm, b.out, b.dout, to, b.scratch);
  close_to(expected, got, k);
  close_to(expected + k, got + k, v - k);
  close_to(expected + v, got + v, all - v);
  for (int i = 0; i < 3; i++)
    ae_attention_backward(&shape, QUERIES, KEYS, b.q, b.k, b.v, b.norm, b.out, b.dout, each[i], b.scratch);
  assert_memory_equal(alone, got, (size_t)all * sizeof *got);
  AE_FREE(weight);
  AE_FREE(slope);
  AE_FREE(expected);
  AE_FREE(got);
  AE_FREE(alone);
  destroy(&b);
}

static void without_keys_there_is_nothing_to_see(void **state) {
  (void)state;
  const ae_attention_shape shape = {2, 6, 4};
  float dq[3 * 6] = {1};
  bench b;
  create(&b, shape, 3, 0, 1);
  run(&b);
  for (int i = 0; i < 3 * 4; i++) assert_true(b.out[i] == 0);
  const ae_attention_gradients to = {dq, NULL, NULL};
  ae_attention_backward(&shape, 3, 0, b.q, b.k, b.v, b.norm, b.out, b.dout, to, b.scratch);
  for (int i = 0; i < 3 * 6; i++) assert_true(dq[i] == (i == 0 ? 1 : 0));
  destroy(&b);
}

static void extreme_scores_are_survived_and_a_nan_is_seen(void **state) {
  (void)state;
  const ae_attention_shape shape = {1, 4, 2};
  bench b;
  create(&b, shape, 300, 600, 1e4f);
  run(&b);
  for (int i = 0; i < 300 * 2; i++) assert_true(fabsf(b.out[i]) <= 1.0001f);
  b.k[599 * 4] = NAN; /* in the last block */
  run(&b);
  for (int i = 0; i < 300 * 2; i++) assert_true(isnan(b.out[i]));
  destroy(&b);
}

/* A set of 30 000 points needs no more than the scratch. */
static void scratch_is_bounded(void **state) {
  (void)state;
  const int64_t block = AE_ATTENTION_BLOCK;
  assert_true(ae_attention_scratch(30000, 30000) == 2 * block * block + block);
  assert_true(ae_attention_scratch(1, 30000) == 2 * block + block);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(a_large_set_is_attended_as_in_one_piece), AE_TEST(gradients_run_over_blocks),
                           AE_TEST(without_keys_there_is_nothing_to_see),
                           AE_TEST(extreme_scores_are_survived_and_a_nan_is_seen), AE_TEST(scratch_is_bounded)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
