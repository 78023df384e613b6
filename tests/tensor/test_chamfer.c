/* Nearest points: against a plain search, ties, several blocks, numbers that are none. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/chamfer.h"

#include <math.h>

enum { MOST = 200, WIDEST = 7 };

static double distance(ae_point_distance kind, int64_t dim, const float *a, const float *b) {
  double sum = 0;
  for (int64_t k = 0; k < dim; k++) {
    const double size = fabs((double)a[k] - (double)b[k]);
    sum += kind == AE_SQUARED ? size * size : (size <= 1 ? 0.5 * size * size : size - 0.5) / (double)dim;
  }
  return sum;
}

/* Whole numbers in a small range: many points coincide and many distances are equal, and all are exact. */
static void the_lowest_of_the_nearest_is_found(void **state) {
  (void)state;
  const int64_t sizes[][2] = {{1, 1}, {3, 200}, {200, 3}, {64, 65}, {130, 129}};
  for (int64_t dim = 1; dim <= WIDEST; dim++)
    for (int c = 0; c < 5; c++)
      for (int kind = AE_SQUARED; kind <= AE_HUBER; kind++) {
        float a[MOST * WIDEST], b[MOST * WIDEST], scratch[64 * WIDEST];
        int32_t index[MOST];
        double mean = 0;
        assert_true(ae_chamfer_scratch(dim) == 64 * dim);
        ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 0), 0, 4, MOST * dim, a);
        ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 1), 0, 4, MOST * dim, b);
        for (int i = 0; i < MOST * dim; i++) {
          a[i] = floorf(a[i]);
          b[i] = floorf(b[i]);
        }
        const float got =
            ae_chamfer_nearest((ae_point_distance)kind, dim, sizes[c][0], a, sizes[c][1], b, index, scratch);
        for (int64_t i = 0; i < sizes[c][0]; i++) {
          int64_t best = 0;
          for (int64_t j = 1; j < sizes[c][1]; j++)
            if (distance((ae_point_distance)kind, dim, a + i * dim, b + j * dim) <
                distance((ae_point_distance)kind, dim, a + i * dim, b + best * dim) - 1e-9)
              best = j;
          assert_int_equal(index[i], best);
          mean += distance((ae_point_distance)kind, dim, a + i * dim, b + best * dim) / (double)sizes[c][0];
        }
        assert_true(fabs(mean - (double)got) <= 1e-6 * mean);
      }
}

static void numbers_that_are_none_are_seen(void **state) {
  (void)state;
  float a[] = {NAN, 0, 1, 1}, b[] = {2, 2, 3, 3}, scratch[64 * 2];
  int32_t index[2] = {7, 7};
  assert_true(!isfinite(ae_chamfer_nearest(AE_SQUARED, 2, 2, a, 2, b, index, scratch)));
  assert_true(index[0] == 0 && index[1] == 0);
  assert_true(!isfinite(ae_chamfer_nearest(AE_HUBER, 2, 2, a, 2, b, index, scratch)));
  assert_true(ae_chamfer_nearest(AE_SQUARED, 2, 0, a, 2, b, index, scratch) == 0);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(the_lowest_of_the_nearest_is_found), AE_TEST(numbers_that_are_none_are_seen)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
