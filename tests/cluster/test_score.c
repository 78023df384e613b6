#include "harness.h"

#include "mpiae/cluster/score.h"

#include <math.h>
#include <string.h>

/* Expected values: scikit-learn 1.2.1 normalized_mutual_info_score and adjusted_rand_score on the labels that make up
 * the table, and SciPy 1.10.1 linear_sum_assignment(−table) and stats.entropy(row sums). */
typedef struct score_case {
  int rows, columns;
  int64_t table[36];
  double nmi, ari, accuracy, entropy;
} score_case;

static const score_case cases[] = {
    {3,
     3,
     {50, 3, 2, 4, 40, 6, 1, 9, 30},
     0.50644105401957262,
     0.5698879944947981,
     0.82758620689655171,
     1.0901154415671217},
    {3,
     4,
     {10, 0, 5, 7, 2, 20, 0, 1, 0, 3, 0, 9},
     0.47333642974596796,
     0.41973584497131106,
     0.68421052631578949,
     1.0616796759449114},
    {5,
     2,
     {8, 1, 2, 9, 7, 7, 0, 5, 3, 0},
     0.24028090743747743,
     0.11592469400796317,
     0.40476190476190477,
     1.4890577554358326},
    {3, 3, {0, 5, 0, 7, 0, 0, 0, 0, 11}, 1, 1, 1, 1.0465634069578553},
    {2, 2, {4, 8, 6, 12}, 0, -0.030456852791878174, 0.53333333333333333, 0.67301166700925652},
    {1, 3, {3, 4, 5}, 0, 0, 0.41666666666666669, 0},
    {1, 1, {9}, 1, 1, 1, 0},
    {3, 3, {5, 0, 0, 0, 0, 6, 0, 0, 0}, 1, 1, 1, 0.68900923847665863},
    {6, 6, {[0] = 1, [7] = 1, [14] = 1, [21] = 1, [28] = 1, [35] = 1}, 1, 1, 1, 1.7917594692280547},
    {2, 3, {0}, 1, 1, 0, 0},
};

/* A few roundings of numbers of size 1. */
static const double tolerance = 1e-14;

static void near_value(double got, double expected) {
  if (!(fabs(got - expected) <= tolerance)) fail_msg("got %.17g, expected %.17g", got, expected);
}

static void scores_match_reference(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const score_case *c = &cases[i];
    double accuracy;
    int64_t size[6] = {0};
    near_value(ae_score_nmi(c->table, c->rows, c->columns), c->nmi);
    near_value(ae_score_ari(c->table, c->rows, c->columns), c->ari);
    ae_test_ok(ae_score_accuracy(c->table, c->rows, c->columns, &accuracy));
    near_value(accuracy, c->accuracy);
    for (int j = 0; j < c->rows * c->columns; j++) size[j / c->columns] += c->table[j];
    near_value(ae_score_entropy(size, c->rows), c->entropy);
  }
}

static uint64_t next(uint64_t *generator) {
  *generator = *generator * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *generator >> 48;
}

static int64_t *random_table(int rows, int columns, uint64_t seed, uint64_t below) {
  int64_t *table;
  ae_test_ok(AE_NEW(table, rows * columns));
  for (int i = 0; i < rows * columns; i++) table[i] = (int64_t)(next(&seed) % below);
  return table;
}

/* Sum of the matched counts; checks that the match is one to one and as large as it can be. */
static int64_t matched(const int64_t *table, int rows, int columns, const int *match) {
  bool is_taken[300] = {false};
  int64_t sum = 0;
  int count = 0;
  for (int i = 0; i < rows; i++) {
    ae_test_in_range(match[i] + 1, 0, columns);
    if (match[i] < 0) continue;
    assert_false(is_taken[match[i]]);
    is_taken[match[i]] = true;
    sum += table[i * columns + match[i]];
    count++;
  }
  assert_int_equal(count, rows < columns ? rows : columns);
  return sum;
}

/* Best sum over all assignments of rows from `row` on. */
static int64_t best_sum(const int64_t *table, int rows, int columns, int row, unsigned taken) {
  if (row == rows) return 0;
  int64_t best = rows > columns ? best_sum(table, rows, columns, row + 1, taken) : 0;
  for (int j = 0; j < columns; j++) {
    if (taken >> j & 1) continue;
    const int64_t sum = table[row * columns + j] + best_sum(table, rows, columns, row + 1, taken | 1u << j);
    best = sum > best ? sum : best;
  }
  return best;
}

static void match_equals_brute_force(void **state) {
  (void)state;
  for (int trial = 0; trial < 360; trial++) {
    const int rows = 1 + trial % 6, columns = 1 + trial / 6 % 6;
    int match[6];
    int64_t *table = random_table(rows, columns, (uint64_t)trial, trial % 3 == 0 ? 3 : 1000);
    ae_test_ok(ae_score_match(table, rows, columns, match));
    assert_int_equal(matched(table, rows, columns, match), best_sum(table, rows, columns, 0, 0));
    AE_FREE(table);
  }
}

/* Optima by SciPy 1.10.1 linear_sum_assignment on the same tables. */
static void large_match_equals_scipy(void **state) {
  (void)state;
  const struct {
    int rows, columns, optimum;
  } large[] = {{300, 300, 298161}, {200, 300, 198997}, {300, 200, 199011}, {1, 300, 998}, {300, 1, 998}};
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
    int match[300];
    int64_t *table = random_table(large[i].rows, large[i].columns, 12345, 1000);
    ae_test_ok(ae_score_match(table, large[i].rows, large[i].columns, match));
    assert_int_equal(matched(table, large[i].rows, large[i].columns, match), large[i].optimum);
    AE_FREE(table);
  }
}

/* Counts near the largest a dataset could have must not overflow. */
static void match_holds_large_counts(void **state) {
  (void)state;
  const int64_t huge = INT64_C(1) << 60, table[] = {huge, huge - 1, huge - 1, 0};
  int match[2];
  ae_test_ok(ae_score_match(table, 2, 2, match));
  assert_int_equal(match[0], 1);
  assert_int_equal(match[1], 0);
}

/* Rank r has r labels, so rank 0 has none; unknown ones (−1) on either side are left out. */
static void contingency_sums_over_ranks(void **state) {
  (void)state;
  const int rank = ae_comm_rank(ae_test_comm()), size = ae_comm_size(ae_test_comm());
  int32_t a[8], b[8];
  int64_t table[3 * 4], expected[3 * 4] = {0};
  for (int i = 0; i < rank; i++) {
    a[i] = (rank + i) % 4 - 1;
    b[i] = (rank * i) % 5 - 1;
  }
  for (int r = 0; r < size; r++)
    for (int i = 0; i < r; i++)
      if ((r + i) % 4 > 0 && r * i % 5 > 0) expected[((r + i) % 4 - 1) * 4 + r * i % 5 - 1]++;
  ae_test_ok(ae_score_contingency(ae_test_comm(), a, b, rank, 3, 4, table));
  assert_memory_equal(table, expected, sizeof table);
}

static void contingency_refuses_labels_beyond_the_table(void **state) {
  (void)state;
  const int last = ae_comm_size(ae_test_comm()) - 1;
  const int32_t a[] = {0, ae_comm_rank(ae_test_comm()) == last ? 7 : 1}, b[] = {1, 1};
  int64_t table[4];
  ae_test_error(ae_score_contingency(ae_test_comm(), a, b, 2, 2, 2, table), AE_INTERNAL, "labels 7 and 1");
}

int main(int argc, char **argv) {
  const ae_test tests[] = {
      AE_TEST(scores_match_reference),      AE_TEST(match_equals_brute_force),
      AE_TEST(large_match_equals_scipy),    AE_TEST(match_holds_large_counts),
      AE_TEST(contingency_sums_over_ranks), AE_TEST(contingency_refuses_labels_beyond_the_table),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
