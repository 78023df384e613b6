/* Rounding to bfloat16 and back. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/bf16.h"

#include <float.h>
#include <math.h>
#include <string.h>

static float rounded(float x) {
  ae_bf16 half;
  float out;
  ae_bf16_round(1, &x, &half);
  ae_bf16_widen(1, &half, &out);
  return out;
}

/* Neighbours of 1 are 2^-7 above and 2^-8 below. */
static void the_nearest_is_taken(void **state) {
  (void)state;
  assert_true(rounded(1) == 1 && rounded(-1) == -1 && rounded(0.0f) == 0);
  assert_true(signbit(rounded(-0.0f)));
  assert_true(rounded(1 + 0x1.8p-8f) == 1 + 0x1p-7f);
  assert_true(rounded(1 + 0x0.8p-8f) == 1);
  assert_true(rounded(-(1 + 0x1.8p-8f)) == -(1 + 0x1p-7f));
}

static void halves_go_to_the_even_one(void **state) {
  (void)state;
  assert_true(rounded(1 + 0x1p-8f) == 1);
  assert_true(rounded(1 + 0x3p-8f) == 1 + 0x1p-6f);
  assert_true(rounded(1 + 0x1p-8f + 0x1p-23f) == 1 + 0x1p-7f);
}

static void the_ends_of_the_range_stay(void **state) {
  (void)state;
  assert_true(isinf(rounded(FLT_MAX)) && rounded(-FLT_MAX) == -INFINITY);
  assert_true(rounded(INFINITY) == INFINITY && rounded(-INFINITY) == -INFINITY);
  assert_true(rounded(0x1.fep127f) == 0x1.fep127f);
  assert_true(rounded(0x1p-133f) == 0x1p-133f && rounded(0x1p-149f) == 0);
}

/* Also one whose upper half alone would be an infinity. */
static void a_nan_stays(void **state) {
  (void)state;
  const uint32_t bits[] = {0x7f800001, 0xff800001, 0x7fffffff, 0x7fc00000};
  for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
    float nan;
    memcpy(&nan, &bits[i], sizeof nan);
    assert_true(isnan(rounded(nan)));
  }
}

static void errors_are_within_half_a_step(void **state) {
  (void)state;
  enum { COUNT = 10007 };
  float *x, *y;
  ae_bf16 *half;
  ae_test_ok(AE_NEW(x, COUNT));
  ae_test_ok(AE_NEW(y, COUNT));
  ae_test_ok(AE_NEW(half, COUNT));
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 9), -100, 100, COUNT, x);
  ae_bf16_round(COUNT, x, half);
  ae_bf16_widen(COUNT, half, y);
  for (int i = 0; i < COUNT; i++) {
    assert_true(fabsf(x[i] - y[i]) <= fabsf(x[i]) * 0x1p-8f);
    assert_true(rounded(y[i]) == y[i] && rounded(x[i]) == y[i]);
  }
  AE_FREE(x);
  AE_FREE(y);
  AE_FREE(half);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(the_nearest_is_taken), AE_TEST(halves_go_to_the_even_one),
                           AE_TEST(the_ends_of_the_range_stay), AE_TEST(a_nan_stays),
                           AE_TEST(errors_are_within_half_a_step)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
