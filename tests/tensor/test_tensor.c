/* Kernels on plain arrays: accuracy against libm, independence of position, products with the bits of one call per
 * segment. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/elementwise.h"
#include "mpiae/tensor/scalar.h"
#include "mpiae/tensor/softmax.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void the_exponential_is_accurate(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  float *x, *y;
  ae_test_ok(AE_NEW(x, COUNT));
  ae_test_ok(AE_NEW(y, COUNT));
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 0), -87, 88, COUNT, x);
  for (int i = 0; i < COUNT; i++) y[i] = ae_scalar_exp(x[i]);
  for (int i = 0; i < COUNT; i++) assert_true(fabs((double)y[i] / exp((double)x[i]) - 1) < 2e-7);
  assert_true(ae_scalar_exp(0) == 1 && isinf(ae_scalar_exp(1000)) && ae_scalar_exp(-1000) == 0 &&
              isnan(ae_scalar_exp(NAN)));
  AE_FREE(x);
  AE_FREE(y);
}

/* The polynomial is off by 2^-29, its float32 steps by less than two roundings. */
static void powers_of_two_are_accurate(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  float *x;
  ae_test_ok(AE_NEW(x, COUNT));
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 0), -125, 0, COUNT, x);
  for (int i = 0; i < COUNT; i++)
    assert_true(fabs((double)ae_scalar_exp2_of_negative(x[i]) / exp2((double)x[i]) - 1) < 0x1p-23);
  for (int n = 0; n <= 125; n++) assert_true(ae_scalar_exp2_of_negative((float)-n) == ldexpf(1, -n));
  assert_true(ae_scalar_exp2_of_negative(-125.5f) == 0 && ae_scalar_exp2_of_negative(-INFINITY) == 0);
  assert_true(isnan(ae_scalar_exp2_of_negative(NAN)) && isnan(ae_scalar_exp2_of_negative(-NAN)));
  AE_FREE(x);
}

/* Rows of all lengths up to more than vectors are taken at a time, the largest number in every place. */
static void the_largest_number_is_found(void **state) {
  (void)state;
  enum { MOST = 150 };
  float x[MOST] = {0};
  assert_true(ae_scalar_largest(0, x) == -INFINITY);
  for (int count = 1; count <= MOST; count++)
    for (int at = 0; at < count; at++) {
      for (int i = 0; i < count; i++) x[i] = i % 7 == 3 && i != at ? NAN : (float)(-2 - (i * 31) % 17);
      x[at] = -1;
      assert_true(ae_scalar_largest(count, x) == -1);
    }
}

static void a_result_does_not_depend_on_its_place(void **state) {
  (void)state;
  enum { ROWS = 9, WIDTH = 37 };
  float logit[ROWS * WIDTH], x[ROWS * WIDTH], all[ROWS], gradient[ROWS * WIDTH], upstream[ROWS];
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 1), -9, 9, ROWS * WIDTH, logit);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 2), 0, 1, ROWS * WIDTH, x);
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 3), -1, 1, ROWS, upstream);
  ae_bernoulli(ROWS, WIDTH, logit, x, all);
  ae_bernoulli_backward(ROWS, WIDTH, logit, x, upstream, false, gradient);
  for (int i = 0; i < ROWS; i++) {
    float one, part[WIDTH];
    ae_bernoulli(1, WIDTH, logit + i * WIDTH, x + i * WIDTH, &one);
    assert_memory_equal(&one, &all[i], sizeof one);
    ae_bernoulli_backward(1, WIDTH, logit + i * WIDTH, x + i * WIDTH, upstream + i, false, part);
    assert_memory_equal(part, gradient + i * WIDTH, sizeof part);
    for (int j = 0; j < WIDTH; j++) {
      float alone;
      ae_sigmoid(1, logit + i * WIDTH + j, &alone);
      ae_sigmoid(WIDTH, logit + i * WIDTH, part);
      assert_memory_equal(&alone, &part[j], sizeof alone);
    }
  }
}

static void the_logarithm_is_accurate(void **state) {
  (void)state;
  for (int i = 1; i < 100000; i++) {
    const float x = (float)i * (i % 3 == 0 ? 0.37f : 31.7f);
    const double expected = log((double)x);
    assert_true(fabs((double)ae_scalar_log(x) - expected) <= 2e-7 * fmax(1, fabs(expected)));
  }
  assert_true(ae_scalar_log(1) == 0 && isinf(ae_scalar_log(INFINITY)) && isnan(ae_scalar_log(NAN)));
}

/* Of one number, in float64. */
static double softmax_loss(const float *logit, int classes, int index) {
  double largest = -INFINITY, sum = 0;
  for (int k = 0; k < classes; k++) largest = fmax(largest, (double)logit[k]);
  for (int k = 0; k < classes; k++) sum += exp((double)logit[k] - largest);
  return log(sum) + largest - (double)logit[index];
}

/* Logits up to ±1000: losses are finite and right, probabilities add up to 1, rows do not depend on their place. */
static void softmax_is_exact_for_large_logits(void **state) {
  (void)state;
  enum { ROWS = 5, WIDTH = 3, CLASSES = 37, COUNT = ROWS * WIDTH * CLASSES };
  const float sizes[] = {1, 30, 1000};
  for (int s = 0; s < 3; s++) {
    float logit[COUNT], index[ROWS * WIDTH], norm[2 * ROWS * WIDTH], loss[ROWS], upstream[ROWS], gradient[COUNT];
    float probability[COUNT];
    ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 6), -sizes[s], sizes[s], COUNT, logit);
    for (int i = 0; i < ROWS * WIDTH; i++) index[i] = (float)(i * 7 % CLASSES);
    for (int i = 0; i < ROWS; i++) upstream[i] = (float)(i + 1);
    ae_softmax_cross_entropy(ROWS, WIDTH, CLASSES, logit, index, norm, loss);
    ae_softmax_cross_entropy_backward(ROWS, WIDTH, CLASSES, logit, index, norm, upstream, false, gradient);
    ae_softmax(ROWS * WIDTH, CLASSES, logit, probability);
    for (int i = 0; i < ROWS; i++) {
      double expected = 0;
      float one, again[2 * WIDTH], part[WIDTH * CLASSES];
      for (int j = 0; j < WIDTH; j++) {
        const int number = i * WIDTH + j;
        double sum = 0;
        expected += softmax_loss(logit + number * CLASSES, CLASSES, (int)index[number]);
        for (int k = 0; k < CLASSES; k++) {
          const float p = probability[number * CLASSES + k];
          sum += (double)p;
          assert_true(fabs((double)p * (i + 1) - (k == (int)index[number]) * (i + 1.0) -
                           (double)gradient[number * CLASSES + k]) < 2e-6 * (i + 1));
        }
        assert_true(fabs(sum - 1) < 1e-6);
      }
      assert_true(fabs((double)loss[i] - expected) < 1e-6 * fmax(1, expected));
      ae_softmax_cross_entropy(1, WIDTH, CLASSES, logit + i * WIDTH * CLASSES, index + i * WIDTH, again, &one);
      assert_memory_equal(&one, &loss[i], sizeof one);
      ae_softmax_cross_entropy_backward(1, WIDTH, CLASSES, logit + i * WIDTH * CLASSES, index + i * WIDTH, again,
                                        upstream + i, false, part);
      assert_memory_equal(part, gradient + i * WIDTH * CLASSES, sizeof part);
    }
  }
}

static void softmax_draws_by_probability(void **state) {
  (void)state;
  enum { DRAWS = 20000 };
  const float logit[] = {-1000, 1, 0, 2, -1000}; /* 0, 0.245, 0.090, 0.665, 0 */
  int seen[5] = {0};
  for (int i = 0; i < DRAWS; i++)
    seen[ae_softmax_draw(5, logit, ae_random_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 7), (uint32_t)i))]++;
  assert_true(seen[0] == 0 && seen[4] == 0);
  assert_true(abs(seen[1] - 4894) < 300 && abs(seen[2] - 1801) < 200 && abs(seen[3] - 13305) < 350);
  assert_int_equal(ae_softmax_draw(5, logit, 0), 1);
  assert_int_equal(ae_softmax_draw(5, logit, 1 - 0x1p-33), 3);
}

static void softmax_shows_a_nan(void **state) {
  (void)state;
  float logit[] = {0, NAN, 1}, index[] = {0}, norm[2], loss;
  ae_softmax_cross_entropy(1, 1, 3, logit, index, norm, &loss);
  assert_true(isnan(loss));
}

static void a_nan_passes_the_rectifier(void **state) {
  (void)state;
  float y[] = {-1, NAN, 2}, bias[] = {0, 0, 0};
  ae_bias_activate(1, 3, bias, AE_RELU, y);
  assert_true(y[0] == 0 && isnan(y[1]) && y[2] == 2);
}

static void columns_added_in_parts_are_their_sum(void **state) {
  (void)state;
  enum { ROWS = 37, WIDTH = 150 };
  float x[ROWS * WIDTH], sum[WIDTH], parts[WIDTH] = {0};
  ae_random_fill_normal(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 0), ROWS * WIDTH, x);
  ae_column_sum(ROWS, WIDTH, x, false, sum);
  for (int first = 0, rows = 1; first < ROWS; first += rows++)
    ae_column_add(first + rows < ROWS ? rows : ROWS - first, WIDTH, x + (size_t)first * WIDTH, parts);
  assert_memory_equal(sum, parts, sizeof sum);
}

static void a_product_of_no_columns_is_the_old_matrix(void **state) {
  (void)state;
  float c[4] = {1, 2, 3, 4};
  const float one = 1;
  ae_gemm(true, false, 2, 2, 0, 1, &one, 2, &one, 2, 1, c, 2);
  assert_true(c[0] == 1 && c[3] == 4);
  ae_gemm(true, false, 2, 2, 0, 1, &one, 2, &one, 2, 0, c, 2);
  assert_true(c[0] == 0 && c[3] == 0);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(the_exponential_is_accurate),
                           AE_TEST(powers_of_two_are_accurate),
                           AE_TEST(the_largest_number_is_found),
                           AE_TEST(the_logarithm_is_accurate),
                           AE_TEST(softmax_is_exact_for_large_logits),
                           AE_TEST(softmax_draws_by_probability),
                           AE_TEST(softmax_shows_a_nan),
                           AE_TEST(a_result_does_not_depend_on_its_place),
                           AE_TEST(a_nan_passes_the_rectifier),
                           AE_TEST(columns_added_in_parts_are_their_sum),
                           AE_TEST(a_product_of_no_columns_is_the_old_matrix)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
