#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/cluster/quantiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double probabilities[] = {0, 1, 0.5, 0.25, 0.999, 1e-9, 0.1, -3, 7, 0.5, INFINITY};
enum { COUNT = sizeof probabilities / sizeof *probabilities };

/* Rows that this rank takes of all: `uneven` leaves every third rank without any. */
static void take_rows(int64_t examples, bool uneven, int64_t *begin, int64_t *own) {
  int64_t weight = 0, before = 0, mine = 0;
  for (int p = 0; p < ae_comm_size(ae_test_comm()); p++) {
    const int64_t now = uneven ? p % 3 * (p + 1) : 1;
    if (p < ae_comm_rank(ae_test_comm())) before += now;
    if (p == ae_comm_rank(ae_test_comm())) mine = now;
    weight += now;
  }
  const bool is_last = ae_comm_rank(ae_test_comm()) == ae_comm_size(ae_test_comm()) - 1;
  *begin = weight > 0 ? examples * before / weight : 0;
  *own = weight > 0 ? examples * (before + mine) / weight - *begin : is_last ? examples : 0;
}

static ae_status try_find(const float *rows, int64_t examples, int64_t dim, bool uneven, float *out) {
  int64_t begin, own;
  take_rows(examples, uneven, &begin, &own);
  return ae_quantiles_find(ae_test_comm(), rows + begin * dim, own, dim, probabilities, COUNT, out);
}

static int compare(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* Against each column sorted. The bits are compared, so 0 must not come out as −0. */
static void check(const float *rows, int64_t examples, int64_t dim) {
  float *column, *out;
  ae_test_ok(AE_NEW(column, examples));
  ae_test_ok(AE_NEW(out, COUNT * dim));
  for (int uneven = 0; uneven <= 1; uneven++) {
    ae_test_ok(try_find(rows, examples, dim, uneven, out));
    for (int64_t j = 0; j < dim; j++) {
      for (int64_t i = 0; i < examples; i++) column[i] = rows[i * dim + j] == 0 ? 0 : rows[i * dim + j];
      qsort(column, (size_t)examples, sizeof *column, compare);
      for (int q = 0; q < COUNT; q++) {
        const double place = fmax(0, fmin(floor(probabilities[q] * (double)examples), (double)(examples - 1)));
        assert_memory_equal(&out[q * dim + j], &column[(int64_t)place], sizeof *out);
      }
    }
  }
  AE_FREE(column);
  AE_FREE(out);
}

/* Normal, of all sizes that float32 has, and few values many times. */
static float value_of_kind(int kind, int64_t number) {
  const ae_stream stream = ae_stream_of(8, AE_RANDOM_SELFTEST, 0, number);
  float value;
  ae_random_fill_normal(stream, 1, &value);
  if (kind == 0) return value;
  if (kind == 1) return ldexpf(value, (int)ae_random_below(stream, 1, 250) - 140);
  return (float)(ae_random_below(stream, 1, 3) - 1) * (value < 0 ? -1.0f : 1.0f);
}

/* One row; fewer rows than ranks; more than the rows counted in 32 bits. */
static void equals_sorting(void **state) {
  (void)state;
  const struct { int64_t examples, dim; } cases[] = {{1, 3}, {2, 1}, {5, 2}, {1000, 17}, {140001, 1}};
  for (int i = 0; i < 5; i++)
    for (int kind = 0; kind < 3; kind++) {
      float *rows;
      const int64_t size = cases[i].examples * cases[i].dim;
      ae_test_ok(AE_NEW(rows, size));
      for (int64_t j = 0; j < size; j++) rows[j] = value_of_kind(kind, j);
      check(rows, cases[i].examples, cases[i].dim);
      AE_FREE(rows);
    }
}

static void extremes_are_ordered(void **state) {
  (void)state;
  const float rows[] = {3.4028235e38f, -0.0f, 1e-45f, -3.4028235e38f, 0.0f, -1e-45f, 1, -1, 1.1754944e-38f};
  check(rows, 9, 1);
  check(rows, 3, 3);
}

static void no_rows_are_an_error(void **state) {
  (void)state;
  float out[COUNT] = {0};
  ae_test_error(try_find(out, 0, 1, false, out), AE_DATA, "no examples to take quantiles of");
}

/* Only one rank sees the value; the lowest of two is named. */
static void bad_values_are_named(void **state) {
  (void)state;
  const float bad[] = {NAN, INFINITY, -INFINITY};
  float rows[50 * 3] = {0}, out[COUNT * 3];
  for (int i = 0; i < 3; i++) {
    rows[47 * 3 + 2] = bad[i];
    ae_test_error(try_find(rows, 50, 3, i == 1, out), AE_DATA, "example 47 (counted from 0): its dimension 2 is");
    rows[21 * 3 + 1] = bad[i];
    ae_test_error(try_find(rows, 50, 3, i == 1, out), AE_DATA, "example 21 (counted from 0): its dimension 1 is");
    rows[21 * 3 + 1] = 0;
  }
}

int main(int argc, char **argv) {
  const ae_test tests[] = {
      AE_TEST(equals_sorting),
      AE_TEST(extremes_are_ordered),
      AE_TEST(no_rows_are_an_error),
      AE_TEST(bad_values_are_named),
  };
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
