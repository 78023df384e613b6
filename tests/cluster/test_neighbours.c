#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/cluster/neighbours.h"
#include "mpiae/comm/shards.h"
#include "mpiae/tensor/blas.h"

#include <math.h>
#include <string.h>

/* One search among N rows over V shards; all ranks know all rows, so each can check its own. */
typedef struct fixture {
  int64_t examples, dim, queries;
  int count;
  ae_shards shards;
  float *rows;        /* (examples, dim) */
  int64_t *neighbour; /* (own, count) */
  double *distance;   /* (own, count) */
} fixture;

enum { UNTOUCHED = -77 };

static fixture fixture_create(int64_t examples, int64_t dim, int shards, int count) {
  fixture f = {.examples = examples, .dim = dim, .count = count};
  ae_test_ok(ae_shards_init(&f.shards, examples, shards, ae_comm_rank(ae_test_comm()), ae_comm_size(ae_test_comm())));
  const int64_t results = ae_shards_own_count(&f.shards) * count;
  ae_test_ok(AE_NEW(f.rows, examples * dim));
  ae_test_ok(AE_NEW(f.neighbour, results));
  ae_test_ok(AE_NEW(f.distance, results));
  for (int64_t i = 0; i < results; i++) {
    f.neighbour[i] = UNTOUCHED;
    f.distance[i] = UNTOUCHED;
  }
  return f;
}

static void fixture_destroy(fixture *f) {
  AE_FREE(f->rows);
  AE_FREE(f->neighbour);
  AE_FREE(f->distance);
}

static void fill_normal(fixture *f, float scale, float shift) {
  for (int64_t i = 0; i < f->examples; i++)
    ae_random_fill_normal(ae_stream_of(5, AE_RANDOM_SELFTEST, 0, i), f->dim, f->rows + i * f->dim);
  for (int64_t i = 0; i < f->examples * f->dim; i++) f->rows[i] = f->rows[i] * scale + shift;
}

/* Few distinct values, so that most distances tie and many rows are copies. */
static void fill_coarse(fixture *f, int values) {
  for (int64_t i = 0; i < f->examples * f->dim; i++)
    f->rows[i] = (float)ae_random_below(ae_stream_of(6, AE_RANDOM_SELFTEST, 0, i), 0, values);
}

/* `groups` points far apart, the rows about each of them closer than float32 tells from so far. */
static void fill_tight(fixture *f, int groups, float spread) {
  fill_normal(f, spread, 0);
  for (int64_t i = 0; i < f->examples; i++)
    for (int64_t j = 0; j < f->dim; j++) f->rows[i * f->dim + j] += (float)((i % groups * 7919 + j * 31) % 17);
}

static ae_status try_find(fixture *f, bool with_distance) {
  return ae_neighbours_find(ae_test_comm(), &f->shards, f->rows + ae_shards_own_begin(&f->shards) * f->dim, f->dim,
                            f->count, f->queries, f->neighbour, with_distance ? f->distance : NULL);
}

static double squared(const fixture *f, int64_t a, int64_t b) {
  double sum = 0;
  for (int64_t j = 0; j < f->dim; j++) {
    const double difference = (double)f->rows[a * f->dim + j] - f->rows[b * f->dim + j];
    sum += difference * difference;
  }
  return sum;
}

/* Additions in another order: at most dim roundings of sums of squares. Equal rows must give 0 exactly, and sums of
 * small integers have no roundings. */
static void assert_distance(const fixture *f, double found, double expected) {
  if (!(fabs(found - expected) <= (double)f->dim * 0x1p-52 * expected))
    fail_msg("distance %.17g instead of %.17g", found, expected);
}

/* The place-th neighbour against the nearest of the examples not taken yet. Distances that differ by roundings only
 * may stand either way. */
static void check_place(const fixture *f, int64_t example, bool *is_taken, int64_t found, double distance) {
  int64_t best = -1;
  double least = INFINITY;
  for (int64_t i = 0; i < f->examples; i++) {
    const double other = i == example || is_taken[i] ? INFINITY : squared(f, example, i);
    if (other < least) {
      least = other;
      best = i;
    }
  }
  if (best < 0) {
    assert_int_equal(found, -1);
    assert_true(distance == INFINITY);
    return;
  }
  assert_true(found >= 0 && found < f->examples && found != example && !is_taken[found]);
  assert_distance(f, distance, least);
  if (found != best) assert_true(squared(f, example, found) > least);
  if (found != best) assert_distance(f, squared(f, example, found), least);
  is_taken[found] = true;
}

static void check_example(const fixture *f, int64_t example, const int64_t *neighbour, const double *distance) {
  bool *is_taken;
  ae_test_ok(AE_NEW(is_taken, f->examples));
  for (int place = 0; place < f->count; place++) check_place(f, example, is_taken, neighbour[place], distance[place]);
  AE_FREE(is_taken);
}

static void check(fixture *f) {
  ae_test_ok(try_find(f, true));
  const int64_t begin = ae_shards_own_begin(&f->shards), own = ae_shards_own_count(&f->shards);
  const int64_t end = f->queries > 0 ? f->queries : f->examples;
  for (int64_t i = 0; i < own; i++) {
    if (begin + i < end) check_example(f, begin + i, f->neighbour + i * f->count, f->distance + i * f->count);
    for (int k = 0; k < f->count && begin + i >= end; k++) {
      assert_int_equal(f->neighbour[i * f->count + k], UNTOUCHED);
      assert_true(f->distance[i * f->count + k] == (double)UNTOUCHED);
    }
  }
  fixture_destroy(f);
}

/* Several blocks and tiles; V that divides nothing; ranks and shards without rows; one dimension; more neighbours
 * than there are. */
static const struct {
  int64_t examples, dim;
  int shards, count;
} cases[] = {{700, 20, 8, 5}, {523, 3, 13, 4}, {301, 1, 7, 3},  {9, 2, 13, 3},    {1, 4, 8, 2},
             {2, 4, 8, 1},    {6, 5, 9, 9},    {260, 70, 8, 1}, {40, 1500, 7, 2}, {150, 2, 8, 150}};
enum { CASES = sizeof cases / sizeof *cases };

static fixture fixture_of_case(int i) {
  return fixture_create(cases[i].examples, cases[i].dim, cases[i].shards, cases[i].count);
}

static void equals_brute_force(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++) {
    fixture f = fixture_of_case(i);
    fill_normal(&f, 1, 0);
    check(&f);
  }
}

/* With small integers nothing is rounded, so the order among ties is decided by the numbers alone. */
static void ties_go_to_the_lowest(void **state) {
  (void)state;
  for (int i = 0; i < CASES; i++)
    for (int values = 1; values <= 3; values++) {
      fixture f = fixture_of_case(i);
      fill_coarse(&f, values);
      check(&f);
    }
}

/* Rows of one value: everyone's neighbours are the lowest others, whatever the order of the search; three tiles on one
 * rank, as at any width from 17 on. */
static void equal_rows_have_the_lowest_neighbours(void **state) {
  (void)state;
  fixture f = fixture_create(9001, 17, 8, 3);
  for (int64_t i = 0; i < f.examples * f.dim; i++) f.rows[i] = 0.1f + (float)(i % f.dim);
  ae_test_ok(try_find(&f, true));
  const int64_t begin = ae_shards_own_begin(&f.shards);
  for (int64_t i = 0; i < ae_shards_own_count(&f.shards); i++)
    for (int k = 0; k < 3; k++) {
      assert_int_equal(f.neighbour[i * 3 + k], begin + i <= k ? k + 1 : k);
      assert_true(f.distance[i * 3 + k] == 0);
    }
  fixture_destroy(&f);
}

/* Where float32 products say nothing any more: far from zero, groups far apart, values that underflow or nearly
 * overflow. */
static void is_exact_where_products_are_not(void **state) {
  (void)state;
  const struct {
    float scale, shift;
  } scales[] = {{1, 1e4f}, {1e-25f, 0}, {1e-40f, 0}, {1e14f, 0}, {1, 1e6f}, {1e-3f, -1e15f / 2}};
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
    fixture f = fixture_create(300, 20, 8, 5);
    fill_normal(&f, scales[i].scale, scales[i].shift);
    check(&f);
  }
  for (int groups = 1; groups <= 9; groups += 4) {
    fixture f = fixture_create(400, 12, 7, 6);
    fill_tight(&f, groups, 1e-5f);
    check(&f);
  }
}

/* Several tiles on one rank. On a line with growing steps the nearest is the one before, then the one behind, which
 * example 2 has at the distance of example 0. */
static void steps_on_a_line(void **state) {
  (void)state;
  fixture f = fixture_create(5790, 17, 8, 2);
  for (int64_t i = 0; i < f.examples; i++) f.rows[i * f.dim + 7] = (float)(i * (i + 1) / 2);
  ae_test_ok(try_find(&f, true));
  for (int64_t i = 0; i < ae_shards_own_count(&f.shards); i++) {
    const int64_t number = ae_shards_own_begin(&f.shards) + i;
    if (number < 2 || number + 1 == f.examples) continue;
    assert_int_equal(f.neighbour[i * 2], number - 1);
    assert_int_equal(f.neighbour[i * 2 + 1], number == 2 ? 0 : number + 1);
    assert_true(f.distance[i * 2] == (double)(number * number));
    assert_true(f.distance[i * 2 + 1] == (double)((number + 1) * (number + 1)));
  }
  fixture_destroy(&f);
}

static void only_the_first_examples_are_asked_for(void **state) {
  (void)state;
  const int64_t queries[] = {1, 5, 130, 522, 523};
  for (int i = 0; i < 5; i++) {
    fixture f = fixture_create(523, 8, 13, 3);
    fill_normal(&f, 1, 0);
    f.queries = queries[i];
    check(&f);
  }
}

static void distances_may_be_left_out(void **state) {
  (void)state;
  fixture f = fixture_create(200, 5, 8, 3), g = fixture_create(200, 5, 8, 3);
  fill_normal(&f, 1, 0);
  fill_normal(&g, 1, 0);
  ae_test_ok(try_find(&f, true));
  ae_test_ok(try_find(&g, false));
  const int64_t results = ae_shards_own_count(&f.shards) * 3;
  assert_memory_equal(f.neighbour, g.neighbour, (size_t)results * sizeof *f.neighbour);
  for (int64_t i = 0; i < results; i++) assert_true(g.distance[i] == (double)UNTOUCHED);
  fixture_destroy(&f);
  fixture_destroy(&g);
}

static void nothing_to_search(void **state) {
  (void)state;
  fixture f = fixture_create(0, 5, 8, 3);
  ae_test_ok(try_find(&f, true));
  fixture_destroy(&f);
}

/* Only one rank sees the value; the lowest of two bad examples is named. */
static void bad_values_are_named(void **state) {
  (void)state;
  const float bad[] = {NAN, INFINITY, -INFINITY, 2e15f};
  for (int i = 0; i < 4; i++) {
    fixture f = fixture_create(50, 5, 8, 3);
    fill_normal(&f, 1, 0);
    f.rows[47 * 5 + 2] = bad[i];
    ae_test_error(try_find(&f, true), AE_DATA,
                  "the search of nearest neighbours cannot use example 47 (counted from 0): its dimension 2 is");
    f.rows[21 * 5 + 4] = bad[i];
    ae_test_error(try_find(&f, true), AE_DATA, "example 21 (counted from 0): its dimension 4 is");
    f.rows[47 * 5 + 2] = f.rows[21 * 5 + 4] = -1e15f;
    check(&f);
  }
}

/* Against sorting all distances; queries beyond the rows, and fewer rows than neighbours. */
static void rows_at_hand_are_searched_alike(void **state) {
  (void)state;
  enum { ROWS = 700, DIM = 5, QUERIES = 300, COUNT = 4 };
  static float rows[ROWS * DIM], query[QUERIES * DIM];
  static int64_t number[QUERIES * COUNT];
  ae_random_fill_normal(ae_stream_of(8, AE_RANDOM_SELFTEST, 0, 0), ROWS * DIM, rows);
  ae_random_fill_normal(ae_stream_of(8, AE_RANDOM_SELFTEST, 0, 1), QUERIES * DIM, query);
  for (int64_t examples = 3; examples <= ROWS; examples += ROWS - 3) {
    ae_test_ok(ae_neighbours_among(rows, examples, DIM, query, QUERIES, COUNT, number));
    for (int64_t q = 0; q < QUERIES; q++) {
      double last = -1;
      for (int c = 0; c < COUNT; c++) {
        int64_t best = -1;
        double least = INFINITY;
        for (int64_t i = 0; i < examples; i++) {
          double d = 0;
          for (int j = 0; j < DIM; j++) d += pow((double)query[q * DIM + j] - (double)rows[i * DIM + j], 2);
          if (d > last && d < least) {
            least = d;
            best = i;
          }
        }
        assert_int_equal(number[q * COUNT + c], best);
        last = least;
      }
    }
  }
  query[7 * DIM] = NAN;
  ae_test_error(ae_neighbours_among(rows, ROWS, DIM, query, QUERIES, COUNT, number), AE_DATA, "code 7");
}

/* More rows than are copied at a time: the same as over all; of equal rows the first one. */
static void pieces_are_one_search(void **state) {
  (void)state;
  enum { ROWS = 20000, DIM = 3, QUERIES = 20, COUNT = 3 };
  static float rows[ROWS * DIM], query[QUERIES * DIM];
  static int64_t number[QUERIES * COUNT];
  ae_random_fill_normal(ae_stream_of(9, AE_RANDOM_SELFTEST, 0, 0), ROWS * DIM, rows);
  for (int q = 0; q < QUERIES; q++) {
    const float *near = rows + (997 * q + 1) * DIM;
    float *again = rows + (ROWS - 1 - q) * DIM, *third = rows + (ROWS / 2 + q) * DIM;
    for (int j = 0; j < DIM; j++) again[j] = third[j] = query[q * DIM + j] = near[j];
  }
  ae_test_ok(ae_neighbours_among(rows, ROWS, DIM, query, QUERIES, COUNT, number));
  for (int64_t q = 0; q < QUERIES; q++) {
    assert_int_equal(number[q * COUNT], 997 * q + 1 < ROWS / 2 ? 997 * q + 1 : ROWS / 2 + q);
    assert_int_equal(number[q * COUNT + 2], ROWS - 1 - q);
  }
}

int main(int argc, char **argv) {
  const ae_test tests[] = {
      AE_TEST(rows_at_hand_are_searched_alike),
      AE_TEST(pieces_are_one_search),
      AE_TEST(equals_brute_force),
      AE_TEST(ties_go_to_the_lowest),
      AE_TEST(equal_rows_have_the_lowest_neighbours),
      AE_TEST(is_exact_where_products_are_not),
      AE_TEST(steps_on_a_line),
      AE_TEST(only_the_first_examples_are_asked_for),
      AE_TEST(distances_may_be_left_out),
      AE_TEST(nothing_to_search),
      AE_TEST(bad_values_are_named),
  };
  ae_blas_use_threads(1);
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
