/* Attention in blocks against plain softmax in float64, on sets of several blocks. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/attention.h"
#include "mpiae/tensor/bf16.h"

#include <math.h>
#include <string.h>

typedef struct bench {
  ae_attention_shape shape;
  const ae_multiplier *multiplier;
  ae_products *products;
  int64_t queries, keys;
  float *q, *k, *v, *norm, *out, *dout, *scratch;
  void *operand[3]; /* q, k and v as products take them: the same numbers */
} bench;

/* Of numbers that stay as they are where products round. */
static void make_operand(const bench *b, int64_t count, float *x, void **out) {
  ae_test_ok(ae_memory_allocate(out, (size_t)count, (size_t)ae_multiplier_bytes(b->multiplier)));
  if (!b->multiplier->rounded) {
    memcpy(*out, x, (size_t)count * sizeof *x);
    return;
  }
  ae_bf16_round(count, x, *out);
  ae_bf16_widen(count, *out, x);
}

static void make_operands(bench *b) {
  for (int i = 0; i < 3; i++) AE_FREE(b->operand[i]);
  make_operand(b, b->queries * b->shape.width, b->q, &b->operand[0]);
  make_operand(b, b->keys * b->shape.width, b->k, &b->operand[1]);
  make_operand(b, b->keys * b->shape.value_width, b->v, &b->operand[2]);
}

static void create(bench *b, const ae_multiplier *multiplier, ae_attention_shape shape, int64_t queries, int64_t keys,
                   float size) {
  *b = (bench){.shape = shape, .multiplier = multiplier, .queries = queries, .keys = keys};
  ae_test_ok(ae_products_create(multiplier, &b->products));
  ae_attention_want(&shape, b->products, queries, keys);
  ae_test_ok(ae_products_seal(b->products));
  ae_test_ok(AE_NEW(b->q, queries * shape.width));
  ae_test_ok(AE_NEW(b->k, keys * shape.width));
  ae_test_ok(AE_NEW(b->v, keys * shape.value_width));
  ae_test_ok(AE_NEW(b->norm, 2 * queries * shape.heads));
  ae_test_ok(AE_NEW(b->out, queries * shape.value_width));
  ae_test_ok(AE_NEW(b->dout, queries * shape.value_width));
  ae_test_ok(AE_NEW(b->scratch, ae_attention_scratch(&shape, multiplier, queries, keys)));
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 0), -size, size, queries * shape.width, b->q);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 1), -size, size, keys * shape.width, b->k);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 2), -1, 1, keys * shape.value_width, b->v);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 3), -1, 1, queries * shape.value_width, b->dout);
  memset(b->out, 0x7f, (size_t)(queries * shape.value_width) * sizeof *b->out);
  make_operands(b);
}

static void run(bench *b) {
  ae_attention_forward(&b->shape, b->products, b->queries, b->keys, b->operand[0], b->operand[1], b->operand[2],
                       b->norm, b->out, b->scratch);
}

static void run_back(bench *b, ae_attention_gradients to) {
  ae_attention_backward(&b->shape, b->products, b->queries, b->keys, b->operand[0], b->operand[1], b->operand[2],
                        b->norm, b->out, b->dout, to, b->scratch);
}

static void destroy(bench *b) {
  ae_products_destroy(&b->products);
  for (int i = 0; i < 3; i++) AE_FREE(b->operand[i]);
  AE_FREE(b->q);
  AE_FREE(b->k);
  AE_FREE(b->v);
  AE_FREE(b->norm);
  AE_FREE(b->out);
  AE_FREE(b->dout);
  AE_FREE(b->scratch);
}

/* By every way to multiply that is there. */
static void by_each(void (*check)(const ae_multiplier *multiplier)) {
  int count;
  const ae_multiplier *const *table = ae_multipliers(&count);
  for (int i = 0; i < count; i++)
    if (table[i]->lacks() == NULL) check(table[i]);
}

/* Rounding to bf16 moves a number by up to 2^-9 of itself. */
#define ROUNDING 0x1p-9

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

/* 5000 points: 20 blocks each way; scores of up to ±30, so that the largest one moves from block to block. Values are at
 * most 1 and weights add up to 1: where these are rounded, that is what the output can be off. */
static void check_large_set(const ae_multiplier *multiplier) {
  enum { POINTS = 5000 };
  const ae_attention_shape shape = {2, 16, 6};
  const double allowed = 1e-5 + (multiplier->rounded ? ROUNDING : 0);
  double *weight;
  bench b;
  create(&b, multiplier, shape, POINTS, POINTS, 4);
  ae_test_ok(AE_NEW(weight, POINTS));
  run(&b);
  for (int64_t i = 0; i < POINTS; i += 37)
    for (int64_t head = 0; head < 2; head++) {
      plain_weights(&b, i, head, weight);
      for (int64_t c = head * 3; c < (head + 1) * 3; c++) {
        double expected = 0;
        for (int64_t j = 0; j < POINTS; j++) expected += weight[j] * (double)b.v[j * 6 + c];
        assert_true(fabs(expected - (double)b.out[i * 6 + c]) < allowed);
      }
    }
  AE_FREE(weight);
  destroy(&b);
}

static void a_large_set_is_attended_as_in_one_piece(void **state) {
  (void)state;
  by_each(check_large_set);
}

/* Gradients in float64, and what they are off at most where operands are rounded once: the sizes of their terms. */
typedef struct plain {
  double *weight, *slope,
      *spread; /* of one query: for each key, its weight, ∂/∂weight and what rounding does to that */
  double *dq, *dk, *dv, *dq_size, *dk_size, *dv_size;
} plain;

static void to_weights(const bench *b, int64_t i, int64_t head, const plain *g) {
  const int64_t values = b->shape.value_width / b->shape.heads;
  for (int64_t j = 0; j < b->keys; j++) {
    g->slope[j] = g->spread[j] = 0;
    for (int64_t c = head * values; c < (head + 1) * values; c++) {
      const double upstream = (double)b->dout[i * b->shape.value_width + c];
      const double term = upstream * (double)b->v[j * b->shape.value_width + c];
      g->slope[j] += term;
      g->spread[j] += fabs(term);
      g->dv[j * b->shape.value_width + c] += g->weight[j] * upstream;
      g->dv_size[j * b->shape.value_width + c] += g->weight[j] * fabs(upstream);
    }
  }
}

/* Adds the gradients of one query. The gradient of a score is weight · (slope − mean slope): terms of either, of rounded
 * gradients of the output, and the mean of rounded weights too. */
static void plain_gradients(const bench *b, int64_t i, int64_t head, const plain *g) {
  const int64_t width = b->shape.width / b->shape.heads;
  double along = 0, along_spread = 0;
  plain_weights(b, i, head, g->weight);
  to_weights(b, i, head, g);
  for (int64_t j = 0; j < b->keys; j++) {
    along += g->weight[j] * g->slope[j];
    along_spread += g->weight[j] * g->spread[j];
  }
  for (int64_t j = 0; j < b->keys; j++)
    for (int64_t c = head * width; c < (head + 1) * width; c++) {
      const double k = (double)b->k[j * b->shape.width + c], q = (double)b->q[i * b->shape.width + c];
      const double share = g->weight[j] / sqrt((double)width);
      g->dq[i * b->shape.width + c] += share * (g->slope[j] - along) * k;
      g->dk[j * b->shape.width + c] += share * (g->slope[j] - along) * q;
      g->dq_size[i * b->shape.width + c] += share * (g->spread[j] + along_spread) * fabs(k);
      g->dk_size[j * b->shape.width + c] += share * (g->spread[j] + along_spread) * fabs(q);
    }
}

static void close_to(const double *expected, const double *size, double roundings, const float *got, int64_t count) {
  double largest = 0;
  for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
  for (int64_t i = 0; i < count; i++)
    assert_true(fabs(expected[i] - (double)got[i]) < 1e-5 * largest + roundings * ROUNDING * size[i]);
}

/* Across blocks, added to what is there; each alone has the same bits. */
static void check_gradients(const ae_multiplier *multiplier) {
  enum { QUERIES = 530, KEYS = 700, WIDTH = 6, VALUES = 4 };
  const ae_attention_shape shape = {2, WIDTH, VALUES};
  const int64_t k = QUERIES * WIDTH, v = k + KEYS * WIDTH, all = v + KEYS * VALUES;
  double *one_query, *expected, *size;
  float *got, *alone;
  bench b;
  create(&b, multiplier, shape, QUERIES, KEYS, 2);
  ae_test_ok(AE_NEW(one_query, 3 * KEYS));
  ae_test_ok(AE_NEW(expected, all));
  ae_test_ok(AE_NEW(size, all));
  ae_test_ok(AE_NEW(got, all));
  ae_test_ok(AE_NEW(alone, all));
  for (int64_t i = 0; i < all; i++) expected[i] = (double)(got[i] = alone[i] = (float)(i % 3) * 0.25f);
  const plain g = {one_query, one_query + KEYS, one_query + 2 * KEYS, expected, expected + k, expected + v, size,
                   size + k,  size + v};
  for (int64_t i = 0; i < QUERIES; i++)
    for (int64_t head = 0; head < 2; head++) plain_gradients(&b, i, head, &g);
  run(&b);
  const ae_attention_gradients to = {got, got + k, got + v};
  const ae_attention_gradients each[] = {{alone, NULL, NULL}, {NULL, alone + k, NULL}, {NULL, NULL, alone + v}};
  run_back(&b, to);
  /* of scores: rounded are the gradient of the output or, in the mean, the weights as well, and then the gradient of the
   * score; of values: weight and gradient */
  const double rounded = multiplier->rounded ? 1 : 0;
  close_to(expected, size, 3 * rounded, got, k);
  close_to(expected + k, size + k, 3 * rounded, got + k, v - k);
  close_to(expected + v, size + v, 2.01 * rounded, got + v, all - v);
  for (int i = 0; i < 3; i++) run_back(&b, each[i]);
  assert_memory_equal(alone, got, (size_t)all * sizeof *got);
  AE_FREE(one_query);
  AE_FREE(expected);
  AE_FREE(size);
  AE_FREE(got);
  AE_FREE(alone);
  destroy(&b);
}

static void gradients_run_over_blocks(void **state) {
  (void)state;
  by_each(check_gradients);
}

static void check_without_keys(const ae_multiplier *multiplier) {
  const ae_attention_shape shape = {2, 6, 4};
  float dq[3 * 6] = {1};
  bench b;
  create(&b, multiplier, shape, 3, 0, 1);
  run(&b);
  for (int i = 0; i < 3 * 4; i++) assert_true(b.out[i] == 0);
  run_back(&b, (ae_attention_gradients){dq, NULL, NULL});
  for (int i = 0; i < 3 * 6; i++) assert_true(dq[i] == (i == 0 ? 1 : 0));
  destroy(&b);
}

static void without_keys_there_is_nothing_to_see(void **state) {
  (void)state;
  by_each(check_without_keys);
}

static void check_extremes(const ae_multiplier *multiplier) {
  const ae_attention_shape shape = {1, 4, 2};
  bench b;
  create(&b, multiplier, shape, 300, 600, 1e4f);
  run(&b);
  for (int i = 0; i < 300 * 2; i++) assert_true(fabsf(b.out[i]) <= 1.0001f);
  b.k[599 * 4] = NAN; /* in the last block */
  make_operands(&b);
  run(&b);
  for (int i = 0; i < 300 * 2; i++) assert_true(isnan(b.out[i]));
  destroy(&b);
}

static void extreme_scores_are_survived_and_a_nan_is_seen(void **state) {
  (void)state;
  by_each(check_extremes);
}

/* A set of 30 000 points needs no more than the scratch. */
static void scratch_is_bounded(void **state) {
  (void)state;
  const ae_attention_shape shape = {4, 256, 256};
  const int64_t most = ae_attention_scratch(&shape, &ae_multiplier_blas, AE_ATTENTION_BLOCK, AE_ATTENTION_BLOCK);
  assert_true(ae_attention_scratch(&shape, &ae_multiplier_blas, 30000, 30000) == most);
  assert_true(most * (int64_t)sizeof(float) <= 546 * 1024);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(a_large_set_is_attended_as_in_one_piece), AE_TEST(gradients_run_over_blocks),
                           AE_TEST(without_keys_there_is_nothing_to_see),
                           AE_TEST(extreme_scores_are_survived_and_a_nan_is_seen), AE_TEST(scratch_is_bounded)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
