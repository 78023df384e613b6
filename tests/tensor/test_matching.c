/* The assignment problem against trying all, and against the potentials that prove an optimum; the matching of points
 * against sorting on a line. */
#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/tensor/assignment.h"
#include "mpiae/tensor/matching.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void set_costs(ae_assignment *assignment, int64_t rows, int64_t columns, const int64_t *cost) {
  for (int64_t i = 0; i < rows; i++)
    memcpy(ae_assignment_row(assignment, columns, i), cost + i * columns, (size_t)columns * sizeof *cost);
}

/* Costs of either sign in a small range (many optima) and a large one; one workspace for all. */
static void assignments_cost_least(void **state) {
  (void)state;
  enum { MOST = 7 };
  ae_assignment *assignment;
  ae_test_ok(ae_assignment_create(MOST, MOST, &assignment));
  for (int trial = 0; trial < 600; trial++) {
    const int64_t columns = 1 + trial % MOST, rows = 1 + trial / MOST % columns;
    const float range = trial % 2 == 0 ? 3 : 1e6f;
    int64_t cost[MOST * MOST], sum = 0;
    int32_t column[MOST];
    float drawn[MOST * MOST];
    unsigned taken = 0;
    ae_random_fill_uniform(ae_stream_of(1, AE_RANDOM_SELFTEST, 0, trial), -range, range, MOST * MOST, drawn);
    for (int i = 0; i < MOST * MOST; i++) cost[i] = (int64_t)drawn[i];
    set_costs(assignment, rows, columns, cost);
    ae_assignment_solve(assignment, rows, columns, column);
    for (int64_t i = 0; i < rows; i++) {
      assert_true(column[i] >= 0 && column[i] < columns && (taken & 1u << column[i]) == 0);
      taken |= 1u << column[i];
      sum += cost[i * columns + column[i]];
    }
    assert_true(sum == try_all(rows, columns, cost, 0, 0));
  }
  ae_assignment_solve(assignment, 0, MOST, NULL);
  ae_assignment_destroy(&assignment);
}

/* Weak duality: with u_i = c_ij − v_j of the row's own column j, u_i + v_k ≤ c_ik for all k, and no column without a
 * row worth less than one with a row, no assignment is cheaper. */
static void check_optimum(ae_assignment *assignment, int64_t rows, int64_t columns, const int32_t *column) {
  const int64_t *v = ae_assignment_potential(assignment);
  int64_t least = INT64_MAX, largest = INT64_MIN;
  bool *taken;
  ae_test_ok(AE_NEW(taken, columns));
  for (int64_t i = 0; i < rows; i++) {
    assert_true(column[i] >= 0 && column[i] < columns && !taken[column[i]]);
    taken[column[i]] = true;
  }
  for (int64_t i = 0; i < rows; i++) {
    const int64_t *cost = ae_assignment_row(assignment, columns, i), u = cost[column[i]] - v[column[i]];
    for (int64_t j = 0; j < columns; j++) assert_true(u + v[j] <= cost[j]);
  }
  for (int64_t j = 0; j < columns; j++)
    if (taken[j]) largest = v[j] > largest ? v[j] : largest;
    else least = v[j] < least ? v[j] : least;
  assert_true(rows == columns || largest <= least);
  AE_FREE(taken);
}

typedef enum shape { RANDOM, FEW_VALUES, UNIFORM_POINTS, NOISY_COPIES, COLLAPSED_POINTS, GRID_POINTS } shape;

static void draw(int64_t number, float scale, float *x) {
  ae_random_fill_normal(ae_stream_of(2, AE_RANDOM_SELFTEST, 0, number), 2, x);
  for (int k = 0; k < 2; k++) x[k] *= scale;
}

/* In thousandths, so that squared distances are whole. */
static void draw_pair(shape kind, int64_t i, float *a, float *b) {
  float noise[2];
  draw(2 * i, 1000, a);
  draw(2 * i + 1, 1000, b);
  draw(2 * i + 1, 20, noise);
  for (int k = 0; k < 2; k++) {
    if (kind == NOISY_COPIES) b[k] = a[k] + noise[k];
    if (kind == COLLAPSED_POINTS) a[k] = 5000 + noise[k];
    if (kind == GRID_POINTS) a[k] = rintf(a[k] / 500) * 500, b[k] = rintf(b[k] / 500) * 500;
  }
}

static void set_shape(ae_assignment *assignment, shape kind, int64_t rows, int64_t columns) {
  float(*a)[2], (*b)[2], *drawn;
  ae_test_ok(AE_NEW(a, columns));
  ae_test_ok(AE_NEW(b, columns));
  ae_test_ok(AE_NEW(drawn, columns));
  for (int64_t i = 0; i < columns; i++) draw_pair(kind, i, a[i], b[i]);
  for (int64_t i = 0; i < rows; i++) {
    int64_t *cost = ae_assignment_row(assignment, columns, i);
    const float range = kind == FEW_VALUES ? 3 : 1e9f;
    ae_random_fill_uniform(ae_stream_of(3, AE_RANDOM_SELFTEST, 0, i), -range, range, columns, drawn);
    for (int64_t j = 0; j < columns; j++) {
      const int64_t x = (int64_t)(a[i][0] - b[j][0]), y = (int64_t)(a[i][1] - b[j][1]);
      cost[j] = kind <= FEW_VALUES ? (int64_t)drawn[j] : x * x + y * y;
    }
  }
  AE_FREE(a);
  AE_FREE(b);
  AE_FREE(drawn);
}

/* Sizes about those of blocks, and such as need every stage; one workspace for all. */
static void potentials_prove_the_optimum(void **state) {
  (void)state;
  enum { MOST = 700 };
  const int64_t sizes[][2] = {{1, 1},     {1, 65},    {2, 2},     {63, 63},   {64, 64},   {65, 65},
                              {100, 130}, {200, 200}, {129, 700}, {699, 700}, {700, 700}, {511, 511}};
  ae_assignment *assignment;
  int32_t column[MOST];
  ae_test_ok(ae_assignment_create(MOST, MOST, &assignment));
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (int kind = RANDOM; kind <= GRID_POINTS; kind++) {
      set_shape(assignment, (shape)kind, sizes[s][0], sizes[s][1]);
      ae_assignment_solve(assignment, sizes[s][0], sizes[s][1], column);
      check_optimum(assignment, sizes[s][0], sizes[s][1], column);
    }
  ae_assignment_destroy(&assignment);
}

/* The largest set, in the shape that takes longest. */
static void the_largest_set_is_matched(void **state) {
  (void)state;
  enum { COUNT = AE_MATCHING_POINTS };
  ae_assignment *assignment;
  int32_t *column;
  ae_test_ok(ae_assignment_create(COUNT, COUNT, &assignment));
  ae_test_ok(AE_NEW(column, COUNT));
  set_shape(assignment, COLLAPSED_POINTS, COUNT, COUNT);
  ae_assignment_solve(assignment, COUNT, COUNT, column);
  check_optimum(assignment, COUNT, COUNT, column);
  AE_FREE(column);
  ae_assignment_destroy(&assignment);
}

/* Costs of the largest size allowed. */
static void large_costs_do_not_overflow(void **state) {
  (void)state;
  enum { COUNT = 300 };
  const int64_t largest = (INT64_C(1) << 62) / (COUNT + 65);
  ae_assignment *assignment;
  int32_t column[COUNT];
  ae_test_ok(ae_assignment_create(COUNT, COUNT, &assignment));
  for (int trial = 0; trial < 3; trial++) {
    for (int64_t i = 0; i < COUNT; i++) {
      int64_t *cost = ae_assignment_row(assignment, COUNT, i);
      for (int64_t j = 0; j < COUNT; j++)
        cost[j] = trial == 0 ? (i + j) % 2 * 2 * largest - largest
                             : (trial == 1 ? 1 : -1) * (largest / COUNT / COUNT * (i + 1) * (j + 1));
    }
    ae_assignment_solve(assignment, COUNT, COUNT, column);
    check_optimum(assignment, COUNT, COUNT, column);
  }
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
  const ae_test tests[] = {AE_TEST(assignments_cost_least),
                           AE_TEST(potentials_prove_the_optimum),
                           AE_TEST(the_largest_set_is_matched),
                           AE_TEST(large_costs_do_not_overflow),
                           AE_TEST(points_on_a_line_are_matched_in_order),
                           AE_TEST(degenerate_points_are_matched)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
