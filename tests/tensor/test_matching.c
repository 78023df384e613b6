/* The assignment problem against trying all, and the matching of points against sorting on a line. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/assignment.h"
#include "mpiae/tensor/matching.h"

#include <math.h>
#include <stdlib.h>

static int64_t try_all(int64_t rows, int64_t columns, const int64_t *cost, int64_t row, unsigned taken) {
  int64_t least = INT64_MAX;
  if (row == rows) return 0;
  for (int64_t j = 0; j < columns; j++) {
    if ((taken & 1u << j) != 0) continue;
    const int64_t sum = cost[row * columns + j] + try_all(rows, columns, cost, row + 1, taken | 1u << j);
    least = sum < least ? sum : least;
  }
  return least;
}

/* Costs of either sign in a small range (many optima) and a large one; one workspace for all. */
static void assignments_cost_least(void **state) {
  (void)state;
  enum { MOST = 7 };
  ae_assignment *assignment;
  ae_test_ok(ae_assignment_create(MOST, MOST, &assignment));
  for (int trial = 0; trial < 300; trial++) {
    const int64_t columns = 1 + trial % MOST, rows = 1 + trial / MOST % columns;
    const float range = trial % 2 == 0 ? 3 : 1e6f;
    int64_t cost[MOST * MOST], sum = 0;
    int32_t column[MOST];
    float drawn[MOST * MOST];
    unsigned taken = 0;
    ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, trial), -range, range, MOST * MOST, drawn);
    for (int i = 0; i < MOST * MOST; i++) cost[i] = (int64_t)drawn[i];
    ae_assignment_solve(assignment, rows, columns, cost, column);
    for (int64_t i = 0; i < rows; i++) {
      assert_true(column[i] >= 0 && column[i] < columns && (taken & 1u << column[i]) == 0);
      taken |= 1u << column[i];
      sum += cost[i * columns + column[i]];
    }
    assert_true(sum == try_all(rows, columns, cost, 0, 0));
  }
  ae_assignment_solve(assignment, 0, MOST, NULL, NULL);
  ae_assignment_destroy(&assignment);
}

static int upward(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* On a line the sorted points belong together. */
static void points_on_a_line_are_matched_in_order(void **state) {
  (void)state;
  enum { COUNT = 400 };
  float a[COUNT], b[COUNT];
  int32_t index[COUNT];
  double expected = 0;
  ae_matching *matching;
  ae_test_ok(ae_matching_create(COUNT, &matching));
  ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 0), -1, 1, COUNT, a);
  ae_random_fill_normal(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, 1), COUNT, b);
  const float got = ae_matching_find(matching, 1, COUNT, a, b, index);
  for (int i = 0; i < COUNT; i++) {
    int lower_a = 0, lower_b = 0;
    for (int j = 0; j < COUNT; j++) {
      lower_a += a[j] < a[i];
      lower_b += b[j] < b[index[i]];
    }
    assert_int_equal(lower_a, lower_b);
  }
  qsort(a, COUNT, sizeof *a, upward);
  qsort(b, COUNT, sizeof *b, upward);
  for (int i = 0; i < COUNT; i++)
    expected += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]) / (double)COUNT;
  assert_true(fabs((double)got - expected) < 1e-6 * expected);
  ae_matching_destroy(&matching);
}

/* Points that coincide, and coordinates that are no numbers. */
static void degenerate_points_are_matched(void **state) {
  (void)state;
  float a[] = {1, 2, 1, 2, 1, 2}, b[] = {0, 0, 3, 3, NAN, 1};
  int32_t index[3];
  ae_matching *matching;
  ae_test_ok(ae_matching_create(3, &matching));
  assert_true(ae_matching_find(matching, 2, 3, a, a, index) == 0);
  assert_true((1 << index[0] | 1 << index[1] | 1 << index[2]) == 7);
  assert_true(isnan(ae_matching_find(matching, 2, 3, a, b, index)));
  assert_true(index[0] == 0 && index[1] == 1 && index[2] == 2);
  b[4] = INFINITY;
  assert_true(!isfinite(ae_matching_find(matching, 2, 3, b, a, index)));
  ae_matching_destroy(&matching);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(assignments_cost_least), AE_TEST(points_on_a_line_are_matched_in_order),
                           AE_TEST(degenerate_points_are_matched)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
