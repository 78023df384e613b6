#include "harness.h"

#include "mpiae/base/philox.h"
#include "mpiae/cluster/kmeans.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/nearest.h"

#include <math.h>
#include <string.h>

/* One fit of N rows over V shards; all ranks know all rows, so each can check the whole. */
typedef struct fixture {
  int64_t examples, dim;
  int shards;
  ae_kmeans_options options;
  float *rows;     /* (examples, dim) */
  int32_t *fixed;  /* (examples) or NULL */
  float *centroid; /* (clusters, dim) */
  int32_t *label;  /* own, then (after fit_all) of all examples */
  int64_t *size;   /* (clusters) */
  ae_kmeans_outcome outcome;
} fixture;

static fixture fixture_create(int64_t examples, int64_t dim, int shards, int clusters, ae_kmeans_start start) {
  fixture f = {.examples = examples, .dim = dim, .shards = shards};
  f.options = (ae_kmeans_options){.clusters = clusters, .iterations = 100, .start = start, .seed = 42};
  ae_test_ok(AE_NEW(f.rows, examples * dim));
  ae_test_ok(AE_NEW(f.centroid, clusters * dim));
  ae_test_ok(AE_NEW(f.label, examples));
  ae_test_ok(AE_NEW(f.size, clusters));
  return f;
}

static void fixture_destroy(fixture *f) {
  AE_FREE(f->rows);
  AE_FREE(f->fixed);
  AE_FREE(f->centroid);
  AE_FREE(f->label);
  AE_FREE(f->size);
}

static fixture fixture_of_rows(int64_t examples, int shards, int clusters, const float *rows, const float *centroid) {
  fixture f = fixture_create(examples, 1, shards, clusters, AE_KMEANS_WARM);
  memcpy(f.rows, rows, (size_t)examples * sizeof *rows);
  memcpy(f.centroid, centroid, (size_t)clusters * sizeof *centroid);
  return f;
}

static void fill_normal(int64_t number, int64_t dim, float scale, float *row) {
  ae_random_fill_normal(ae_stream_of(9, AE_RANDOM_SELFTEST, 0, number), dim, row);
  for (int64_t j = 0; j < dim; j++) row[j] *= scale;
}

/* `groups` clouds of spread 1 about points of spread `distance`; example i belongs to group i % groups. */
static void fill_groups(fixture *f, int groups, float distance) {
  float *centre;
  ae_test_ok(AE_NEW(centre, f->dim));
  for (int64_t i = 0; i < f->examples; i++) {
    fill_normal(i, f->dim, 1, f->rows + i * f->dim);
    fill_normal((INT64_C(1) << 40) + i % groups, f->dim, distance, centre);
    for (int64_t j = 0; j < f->dim; j++) f->rows[i * f->dim + j] += centre[j];
  }
  AE_FREE(centre);
}

static ae_status try_fit(fixture *f) {
  ae_shards shards;
  ae_test_ok(
      ae_shards_init(&shards, f->examples, f->shards, ae_comm_rank(ae_test_comm()), ae_comm_size(ae_test_comm())));
  const int64_t begin = ae_shards_own_begin(&shards), own = ae_shards_own_count(&shards);
  ae_status status =
      ae_kmeans_fit(ae_test_comm(), &shards, f->rows + begin * f->dim, f->dim, &f->options,
                    f->fixed != NULL ? f->fixed + begin : NULL, f->centroid, f->label + begin, f->size, &f->outcome);
  if (status != AE_OK) return status;
  memset(f->label, 0, (size_t)begin * sizeof *f->label);
  memset(f->label + begin + own, 0, (size_t)(f->examples - begin - own) * sizeof *f->label);
  MPI_Allreduce(MPI_IN_PLACE, f->label, (int)f->examples, MPI_INT32_T, MPI_SUM, ae_comm_handle(ae_test_comm()));
  return AE_OK;
}

static double distance(const float *a, const float *b, int64_t dim) {
  double sum = 0;
  for (int64_t j = 0; j < dim; j++) sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return sum;
}

static int nearest(const fixture *f, const float *centroid, int64_t example) {
  int best = 0;
  for (int k = 1; k < f->options.clusters; k++)
    if (distance(f->rows + example * f->dim, centroid + k * f->dim, f->dim) <
        distance(f->rows + example * f->dim, centroid + best * f->dim, f->dim))
      best = k;
  return best;
}

static bool naive_assign(const fixture *f, const float *centroid, int32_t *label) {
  bool is_changed = false;
  for (int64_t i = 0; i < f->examples; i++) {
    const int32_t k = f->fixed != NULL && f->fixed[i] >= 0 ? f->fixed[i] : nearest(f, centroid, i);
    is_changed |= k != label[i];
    label[i] = k;
  }
  return is_changed;
}

/* Means of the rows of each label; clusters without rows stay. */
static void naive_means(const fixture *f, const int32_t *label, float *centroid) {
  double *sum;
  ae_test_ok(AE_NEW(sum, f->dim));
  for (int k = 0; k < f->options.clusters; k++) {
    int64_t count = 0;
    memset(sum, 0, (size_t)f->dim * sizeof *sum);
    for (int64_t i = 0; i < f->examples; i++) {
      if (label[i] != k) continue;
      count++;
      for (int64_t j = 0; j < f->dim; j++) sum[j] += f->rows[i * f->dim + j];
    }
    for (int64_t j = 0; j < f->dim && count > 0; j++) centroid[k * f->dim + j] = (float)(sum[j] / (double)count);
  }
  AE_FREE(sum);
}

/* What Lloyd's method written down plainly makes of the fixture's warm start. */
static void naive_fit(const fixture *f, float *centroid, int32_t *label) {
  memcpy(centroid, f->centroid, (size_t)(f->options.clusters * f->dim) * sizeof *centroid);
  if (f->fixed != NULL) naive_means(f, f->fixed, centroid);
  naive_assign(f, centroid, label);
  for (int i = 0; i < f->options.iterations; i++) {
    naive_means(f, label, centroid);
    if (!naive_assign(f, centroid, label)) break;
  }
}

/* Sizes, inertia and empty clusters as the labels and centroids have them. */
static void check_outcome(const fixture *f) {
  double inertia = 0;
  int64_t empty = 0;
  for (int k = 0; k < f->options.clusters; k++) {
    int64_t size = 0;
    for (int64_t i = 0; i < f->examples; i++) size += f->label[i] == k;
    assert_int_equal(f->size[k], size);
    empty += size == 0;
  }
  for (int64_t i = 0; i < f->examples; i++)
    inertia += distance(f->rows + i * f->dim, f->centroid + f->label[i] * f->dim, f->dim);
  assert_int_equal(f->outcome.empty, empty);
  /* Both sums are float64: they differ in the order of at most 2^20 additions. */
  assert_true(fabs(f->outcome.inertia - inertia) <= 1e-12 * inertia);
}

static void check_against_naive(fixture *f) {
  float *centroid;
  int32_t *label;
  ae_test_ok(AE_NEW(centroid, f->options.clusters * f->dim));
  ae_test_ok(AE_NEW(label, f->examples));
  naive_fit(f, centroid, label);
  ae_test_ok(try_fit(f));
  assert_memory_equal(f->label, label, (size_t)f->examples * sizeof *label);
  /* Means are float64 sums in another order, rounded to float32: at most one unit in the last place apart. */
  for (int64_t i = 0; i < f->options.clusters * f->dim; i++)
    assert_true(fabsf(f->centroid[i] - centroid[i]) <= 1.2e-7f * fabsf(centroid[i]));
  check_outcome(f);
  AE_FREE(centroid);
  AE_FREE(label);
}

/* V that divides nothing, shards and ranks without rows, K beyond one panel of the products, sums in slices (the
 * last). */
static void equals_naive_lloyd(void **state) {
  (void)state;
  const struct {
    int64_t examples, dim;
    int shards, clusters, groups;
  } cases[] = {{500, 3, 8, 5, 7}, {500, 40, 7, 5, 5},    {301, 20, 13, 11, 9}, {9, 2, 13, 3, 3},
               {1, 4, 8, 1, 1},   {900, 8, 16, 300, 20}, {150, 5, 7, 1, 4},    {70, 50000, 64, 5, 5}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fixture f = fixture_create(cases[i].examples, cases[i].dim, cases[i].shards, cases[i].clusters, AE_KMEANS_WARM);
    fill_groups(&f, cases[i].groups, 5);
    memcpy(f.centroid, f.rows, (size_t)(f.options.clusters * f.dim) * sizeof *f.centroid);
    check_against_naive(&f);
    fixture_destroy(&f);
  }
}

/* A quarter of the rows are held in clusters that mix the groups. */
static void fixed_rows_keep_their_cluster(void **state) {
  (void)state;
  fixture f = fixture_create(400, 4, 8, 6, AE_KMEANS_WARM);
  fill_groups(&f, 5, 6);
  memcpy(f.centroid, f.rows, (size_t)(6 * f.dim) * sizeof *f.centroid);
  ae_test_ok(AE_NEW(f.fixed, f.examples));
  for (int64_t i = 0; i < f.examples; i++) f.fixed[i] = i % 4 == 0 ? (int32_t)(i / 28 % 5) : -1;
  check_against_naive(&f);
  int64_t away = 0;
  for (int64_t i = 0; i < f.examples; i++) away += f.label[i] != nearest(&f, f.centroid, i);
  assert_true(away > 50);
  fixture_destroy(&f);
}

/* One fixed row in each far group (all but one, where the start finds that): clusters get the numbers of their fixed
 * rows. */
static void fixed_rows_lead_every_start(void **state) {
  (void)state;
  const ae_kmeans_start starts[] = {AE_KMEANS_RANDOM, AE_KMEANS_PLUSPLUS, AE_KMEANS_SCALABLE, AE_KMEANS_WARM};
  for (int s = 0; s < 4; s++) {
    fixture f = fixture_create(203, 6, 8, 6, starts[s]);
    fill_groups(&f, 6, 60);
    memcpy(f.centroid + 5 * f.dim, f.rows + 5 * f.dim, (size_t)f.dim * sizeof *f.centroid);
    ae_test_ok(AE_NEW(f.fixed, f.examples));
    const int led = starts[s] == AE_KMEANS_RANDOM ? 6 : 5;
    for (int64_t i = 0; i < f.examples; i++) f.fixed[i] = i >= 102 && i < 102 + led ? (int32_t)(i % 6) : -1;
    ae_test_ok(try_fit(&f));
    for (int64_t i = 0; i < f.examples; i++) assert_int_equal(f.label[i], i % 6);
    check_outcome(&f);
    fixture_destroy(&f);
  }
}

static void as_many_clusters_as_rows(void **state) {
  (void)state;
  const ae_kmeans_start starts[] = {AE_KMEANS_RANDOM, AE_KMEANS_PLUSPLUS, AE_KMEANS_SCALABLE};
  const int64_t examples[] = {1, 5, 150};
  for (int i = 0; i < 9; i++) {
    fixture f = fixture_create(examples[i / 3], 3, 8, (int)examples[i / 3], starts[i % 3]);
    fill_groups(&f, 4, 5);
    ae_test_ok(try_fit(&f));
    for (int k = 0; k < f.options.clusters; k++) assert_int_equal(f.size[k], 1);
    assert_true(f.outcome.inertia == 0);
    fixture_destroy(&f);
  }
}

static void more_clusters_than_rows_is_an_error(void **state) {
  (void)state;
  fixture f = fixture_create(5, 2, 7, 6, AE_KMEANS_RANDOM);
  ae_test_error(try_fit(&f), AE_USAGE, "kmeans.clusters is 6 but there are only 5 examples");
  fixture_destroy(&f);
}

static void clusters_beyond_the_memory_are_refused(void **state) {
  (void)state;
  ae_test_ok(ae_kmeans_check_room("--clusters", 10000, 784, AE_KMEANS_RANDOM));
  ae_test_error(ae_kmeans_check_room("--clusters", 1000000, INT64_C(1) << 40, AE_KMEANS_SCALABLE), AE_USAGE,
                "--clusters: 1000000 clusters of 1099511627776 numbers would take");
}

/* Only one rank sees the value; the lowest of two bad examples is named. */
static void bad_values_are_named(void **state) {
  (void)state;
  const float bad[] = {NAN, INFINITY, -INFINITY, 2e15f};
  for (int i = 0; i < 4; i++) {
    fixture f = fixture_create(50, 5, 8, 3, AE_KMEANS_RANDOM);
    fill_groups(&f, 3, 5);
    f.rows[47 * 5 + 2] = bad[i];
    ae_test_error(try_fit(&f), AE_DATA, "example 47 (counted from 0): its dimension 2 is");
    f.rows[21 * 5 + 4] = bad[i];
    ae_test_error(try_fit(&f), AE_DATA, "example 21 (counted from 0): its dimension 4 is");
    f.rows[47 * 5 + 2] = f.rows[21 * 5 + 4] = -1e15f;
    ae_test_ok(try_fit(&f));
    fixture_destroy(&f);
  }
}

static void bad_warm_centroid_is_named(void **state) {
  (void)state;
  fixture f = fixture_create(50, 5, 8, 3, AE_KMEANS_WARM);
  fill_groups(&f, 3, 5);
  f.centroid[2 * 5 + 1] = NAN;
  ae_test_error(try_fit(&f), AE_DATA, "centroid 2 (counted from 0): its dimension 1 is nan");
  fixture_destroy(&f);
}

static void equal_rows_leave_clusters_empty(void **state) {
  (void)state;
  const ae_kmeans_start starts[] = {AE_KMEANS_RANDOM, AE_KMEANS_PLUSPLUS, AE_KMEANS_SCALABLE};
  for (int i = 0; i < 3; i++) {
    fixture f = fixture_create(40, 7, 8, 19, starts[i]);
    for (int64_t j = 0; j < f.examples * f.dim; j++) f.rows[j] = 0.1f + 0.3f * (float)(j % f.dim);
    ae_test_ok(try_fit(&f));
    assert_int_equal(f.size[0], 40);
    assert_int_equal(f.outcome.empty, 18);
    assert_true(f.outcome.inertia == 0);
    check_outcome(&f);
    fixture_destroy(&f);
  }
}

/* Three distinct rows and seven clusters: three are found, four stay empty, and it ends. */
static void fewer_distinct_rows_than_clusters(void **state) {
  (void)state;
  const ae_kmeans_start starts[] = {AE_KMEANS_RANDOM, AE_KMEANS_PLUSPLUS, AE_KMEANS_SCALABLE};
  for (int i = 0; i < 3; i++) {
    fixture f = fixture_create(60, 3, 7, 7, starts[i]);
    for (int64_t j = 0; j < f.examples * f.dim; j++)
      f.rows[j] = 0.7f * (float)(j / f.dim % 3) + 0.1f * (float)(j % f.dim);
    ae_test_ok(try_fit(&f));
    assert_int_equal(f.outcome.empty, 4);
    assert_true(f.outcome.inertia == 0);
    check_outcome(&f);
    fixture_destroy(&f);
  }
}

static void expect_centroids(fixture *f, const float *expected) {
  f->options.iterations = 1;
  ae_test_ok(try_fit(f));
  for (int k = 0; k < f->options.clusters; k++)
    if (f->centroid[k] != expected[k])
      fail_msg("centroid %d is %g, not %g", k, (double)f->centroid[k], (double)expected[k]);
  check_outcome(f);
  fixture_destroy(f);
}

/* All rows are nearest to 4; clusters far out are empty. */
static void empty_clusters_restart_at_the_farthest_rows(void **state) {
  (void)state;
  const float line[] = {2, 3, 5, 6, 4, 30, 4, 4, -25, 4}, start[] = {1e6f, 4, 2e6f};
  fixture f = fixture_of_rows(10, 8, 2, line, start);
  /* 29 away is farther than 26; the rest is the mean of nine rows that sum to 62. */
  expect_centroids(&f, (const float[]){-25, 62.0f / 9});
  f = fixture_of_rows(10, 8, 3, line, start);
  expect_centroids(&f, (const float[]){-25, 4, 30});
  f = fixture_of_rows(10, 13, 3, line, start);
  ae_test_ok(AE_NEW(f.fixed, f.examples));
  for (int i = 0; i < 10; i++) f.fixed[i] = -1;
  f.fixed[8] = 1; /* cluster 1 then starts at −25; of the free rows 30 and then 6 are farthest from it */
  expect_centroids(&f, (const float[]){30, 0.125f, 6});
}

static void restart_ties_go_to_the_lowest_example(void **state) {
  (void)state;
  const float line[] = {4, 4, 4, -20, 4, 28, 4, 4, 28, 4}, start[] = {1e6f, 4};
  fixture f = fixture_of_rows(10, 8, 2, line, start);
  expect_centroids(&f, (const float[]){-20, 84.0f / 9});
}

/* 150 is farthest from its centroid, but moving it would only empty another cluster. */
static void rows_alone_are_not_moved(void **state) {
  (void)state;
  const float line[] = {0, 1, 150}, start[] = {0, 100, 1e6f};
  fixture f = fixture_of_rows(3, 7, 3, line, start);
  expect_centroids(&f, (const float[]){0, 150, 1});
}

/* Far apart groups: drawing by squared distance finds each of them, whatever the seed. */
static void draws_find_far_groups(void **state) {
  (void)state;
  const ae_kmeans_start starts[] = {AE_KMEANS_PLUSPLUS, AE_KMEANS_SCALABLE};
  for (uint64_t seed = 0; seed < 10; seed++) {
    fixture f = fixture_create(120, 8, 8, 6, starts[seed % 2]);
    fill_groups(&f, 6, 1000);
    f.options.seed = seed;
    f.options.iterations = 1;
    ae_test_ok(try_fit(&f));
    for (int64_t i = 6; i < f.examples; i++) assert_int_equal(f.label[i], f.label[i % 6]);
    for (int k = 0; k < 6; k++) assert_int_equal(f.size[k], 20);
    fixture_destroy(&f);
  }
}

static double first_inertia(ae_kmeans_start start, uint64_t seed) {
  fixture f = fixture_create(2000, 6, 7, 50, start);
  fill_groups(&f, 60, 10);
  f.options.iterations = 1;
  f.options.seed = seed;
  ae_test_ok(try_fit(&f));
  const double inertia = f.outcome.inertia;
  fixture_destroy(&f);
  return inertia;
}

/* The paper's claim: as good a start as k-means++, and far better than a random one. Mean of eight seeds. */
static void scalable_is_as_good_as_plusplus(void **state) {
  (void)state;
  double sum[3] = {0};
  const ae_kmeans_start starts[] = {AE_KMEANS_RANDOM, AE_KMEANS_PLUSPLUS, AE_KMEANS_SCALABLE};
  for (int i = 0; i < 24; i++) sum[i % 3] += first_inertia(starts[i % 3], (uint64_t)i);
  assert_true(sum[2] < 1.1 * sum[1]);
  assert_true(sum[2] < 0.7 * sum[0]);
}

/* Each round draws the one row that dwarfs the others: five are candidates, the other three come from k-means++. */
static void scalable_fills_up_where_few_are_drawn(void **state) {
  (void)state;
  const float rows[] = {0, 1e15f, 1e12f, 1e9f, 1e6f, 1e3f, 1, 1e-3f, 1e-6f};
  fixture f = fixture_create(9, 1, 7, 9, AE_KMEANS_SCALABLE);
  memcpy(f.rows, rows, sizeof rows);
  ae_test_ok(AE_NEW(f.fixed, 9));
  for (int i = 0; i < 9; i++) f.fixed[i] = i == 0 ? 0 : -1;
  f.options.iterations = 1;
  ae_test_ok(try_fit(&f));
  for (int k = 0; k < 9; k++) assert_int_equal(f.size[k], 1);
  assert_true(f.outcome.inertia == 0);
  fixture_destroy(&f);
}

/* Rows of three sizes of squared distance from the first centroid chosen, 0, 1 and 9: of many draws nine in ten fall
 * on the last. */
static void plusplus_draws_by_squared_distance(void **state) {
  (void)state;
  int far = 0, near = 0;
  for (uint64_t seed = 0; seed < 300; seed++) {
    fixture f = fixture_create(3, 1, 7, 2, AE_KMEANS_PLUSPLUS);
    memcpy(f.rows, (const float[]){0, 1, -3}, 3 * sizeof(float));
    ae_test_ok(AE_NEW(f.fixed, 3));
    memcpy(f.fixed, (const int32_t[]){0, -1, -1}, 3 * sizeof(int32_t));
    f.options.seed = seed;
    f.options.iterations = 1;
    ae_test_ok(try_fit(&f));
    /* From 1 the row −3 stays with 0, so cluster 1 holds one row either way. */
    far += f.centroid[1] == -3;
    near += f.centroid[1] == 1;
    fixture_destroy(&f);
  }
  assert_int_equal(far + near, 300);
  /* Standard deviation 5.2. */
  ae_test_in_range(near, 10, 50);
}

/* Fixed rows far from their mean 50 are no use as centroids: of the free rows 49 is drawn once in five times. */
static void plusplus_draws_no_fixed_row(void **state) {
  (void)state;
  int near = 0;
  for (uint64_t seed = 0; seed < 100; seed++) {
    fixture f = fixture_create(4, 1, 7, 2, AE_KMEANS_PLUSPLUS);
    memcpy(f.rows, (const float[]){0, 100, 49, 52}, 4 * sizeof(float));
    ae_test_ok(AE_NEW(f.fixed, 4));
    memcpy(f.fixed, (const int32_t[]){0, 0, -1, -1}, 4 * sizeof(int32_t));
    f.options.seed = seed;
    f.options.iterations = 1;
    ae_test_ok(try_fit(&f));
    near += f.centroid[1] == 49;
    fixture_destroy(&f);
  }
  /* Standard deviation 4. */
  ae_test_in_range(near, 5, 40);
}

static void draws_depend_on_seed_and_epoch(void **state) {
  (void)state;
  const ae_kmeans_start starts[] = {AE_KMEANS_RANDOM, AE_KMEANS_PLUSPLUS, AE_KMEANS_SCALABLE};
  for (int s = 0; s < 3; s++) {
    double inertia[4];
    for (int i = 0; i < 4; i++) {
      fixture f = fixture_create(300, 10, 8, 12, starts[s]);
      fill_groups(&f, 3, 0);
      f.options.iterations = 1;
      f.options.seed = i == 2 ? 43 : 42;
      f.options.epoch = i == 3;
      ae_test_ok(try_fit(&f));
      inertia[i] = f.outcome.inertia;
      fixture_destroy(&f);
    }
    assert_true(inertia[0] == inertia[1]);
    assert_true(inertia[0] != inertia[2]);
    assert_true(inertia[0] != inertia[3]);
  }
}

static void tolerance_is_relative_to_the_variance(void **state) {
  (void)state;
  /* Mean 4, variance (16 + 4 + 4 + 16)/4 = 10. First move: 0 stays, 1 → 16/3, so the shift is 18.78. Then 2 changes
   * over. */
  const float rows[] = {0, 2, 6, 8}, start[] = {0, 1};
  const struct {
    double tolerance;
    int iterations;
  } cases[] = {{1.88, 1}, {1.87, 2}, {0, 2}};
  for (int i = 0; i < 3; i++) {
    fixture f = fixture_of_rows(4, 8, 2, rows, start);
    f.options.tolerance = cases[i].tolerance;
    ae_test_ok(try_fit(&f));
    assert_int_equal(f.outcome.iterations, cases[i].iterations);
    fixture_destroy(&f);
  }
}

static void stops_when_no_label_changes_or_at_the_limit(void **state) {
  (void)state;
  int full;
  for (int limit = 100; limit > 0; limit = limit == 100 ? full - 1 : limit == full - 1 ? 1 : 0) {
    fixture f = fixture_create(400, 5, 8, 9, AE_KMEANS_RANDOM);
    fill_groups(&f, 3, 1);
    f.options.iterations = limit;
    ae_test_ok(try_fit(&f));
    if (limit == 100) full = f.outcome.iterations;
    assert_int_equal(f.outcome.iterations, limit == 100 ? full : limit);
    ae_test_in_range(full, 4, 99);
    for (int64_t i = 0; i < f.examples; i++) assert_int_equal(f.label[i], nearest(&f, f.centroid, i));
    fixture_destroy(&f);
  }
}

/* Small integers are exact, so these are true ties; copies of a centroid tie at every row. */
static void ties_go_to_the_lowest(void **state) {
  (void)state;
  enum { ROWS = 300, COPIES = 400 };
  const float centroid[] = {5, 0, 2, 0, 7};
  const struct {
    float row;
    int label;
  } cases[] = {{1, 1}, {0, 1}, {-9, 1}, {3.5f, 0}, {6, 0}, {2, 2}, {9, 4}};
  for (int i = 0; i < 7; i++) {
    int32_t label;
    float squared;
    ae_test_ok(ae_kmeans_assign(&cases[i].row, 1, 1, centroid, 5, &label, &squared));
    assert_int_equal(label, cases[i].label);
    assert_true(squared == (cases[i].row - centroid[label]) * (cases[i].row - centroid[label]));
  }
  fixture f = fixture_create(ROWS, 37, 8, COPIES, AE_KMEANS_WARM);
  fill_groups(&f, 13, 2);
  for (int k = 0; k < COPIES; k++) fill_normal(1000 + k % 7, f.dim, 3, f.centroid + k * f.dim);
  ae_test_ok(ae_kmeans_assign(f.rows, ROWS, f.dim, f.centroid, COPIES, f.label, NULL));
  f.options.clusters = 7;
  for (int64_t i = 0; i < ROWS; i++) assert_int_equal(f.label[i], nearest(&f, f.centroid, i));
  fixture_destroy(&f);
}

/* Rows that float32 cannot tell apart: far from zero (there squares have 1e8 · 2^-24 = 6 for a rounding), one column
 * that dwarfs the rest, small integers with ties everywhere, centroids in pairs a rounding apart, products that
 * underflow, a centroid far out. */
typedef enum hardship { PLAIN, FAR, TALL, COARSE, PAIRED, TINY, OUTLIER, HARDSHIPS } hardship;

static void fill_hard(hardship kind, int64_t number, int64_t dim, float *row) {
  fill_normal(kind == PAIRED ? number / 2 : number, dim, kind == TINY ? 1e-20f : 1, row);
  for (int64_t j = 0; j < dim; j++) {
    if (kind == FAR) row[j] += 10000;
    if (kind == TALL && j == 0) row[j] *= 1e5f;
    if (kind == COARSE) row[j] = (float)(int)(2 * row[j]);
    if (kind == PAIRED && j == 0 && number % 2 == 1) row[j] = nextafterf(row[j], 9);
    if (kind == OUTLIER && number % 1000 == 7) row[j] = 1e14f;
  }
}

static void expect_nearest(hardship kind, int64_t rows, int64_t dim, int clusters) {
  float *row, *centroid;
  int32_t *label;
  ae_test_ok(AE_NEW(row, rows * dim));
  ae_test_ok(AE_NEW(centroid, clusters * dim));
  ae_test_ok(AE_NEW(label, rows));
  for (int64_t i = 0; i < rows; i++) fill_hard(kind, 5000 + i, dim, row + i * dim);
  for (int k = 0; k < clusters; k++) fill_hard(kind, k, dim, centroid + k * dim);
  ae_test_ok(ae_kmeans_assign(row, rows, dim, centroid, clusters, label, NULL));
  for (int64_t i = 0; i < rows; i++) {
    int best = 0;
    for (int k = 1; k < clusters; k++)
      if (ae_nearest_distance(row + i * dim, centroid + k * dim, dim) <
          ae_nearest_distance(row + i * dim, centroid + best * dim, dim))
        best = k;
    if (label[i] != best)
      fail_msg("kind %d, %d dimensions, %d clusters, row %d: %d, not %d", kind, (int)dim, clusters, (int)i, label[i],
               best);
  }
  AE_FREE(row);
  AE_FREE(centroid);
  AE_FREE(label);
}

static void assignment_is_exact(void **state) {
  (void)state;
  const struct {
    int64_t rows, dim;
    int clusters;
  } sizes[] = {{400, 1, 129},  {131, 3, 1},   {300, 5, 300}, {250, 40, 128},
               {129, 64, 257}, {17, 100, 40}, {40, 300, 140}};
  for (int kind = 0; kind < HARDSHIPS; kind++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      expect_nearest((hardship)kind, sizes[i].rows, sizes[i].dim, sizes[i].clusters);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {
      AE_TEST(equals_naive_lloyd),
      AE_TEST(fixed_rows_keep_their_cluster),
      AE_TEST(fixed_rows_lead_every_start),
      AE_TEST(as_many_clusters_as_rows),
      AE_TEST(more_clusters_than_rows_is_an_error),
      AE_TEST(clusters_beyond_the_memory_are_refused),
      AE_TEST(bad_values_are_named),
      AE_TEST(bad_warm_centroid_is_named),
      AE_TEST(equal_rows_leave_clusters_empty),
      AE_TEST(fewer_distinct_rows_than_clusters),
      AE_TEST(empty_clusters_restart_at_the_farthest_rows),
      AE_TEST(restart_ties_go_to_the_lowest_example),
      AE_TEST(rows_alone_are_not_moved),
      AE_TEST(draws_find_far_groups),
      AE_TEST(scalable_is_as_good_as_plusplus),
      AE_TEST(scalable_fills_up_where_few_are_drawn),
      AE_TEST(plusplus_draws_by_squared_distance),
      AE_TEST(plusplus_draws_no_fixed_row),
      AE_TEST(draws_depend_on_seed_and_epoch),
      AE_TEST(tolerance_is_relative_to_the_variance),
      AE_TEST(stops_when_no_label_changes_or_at_the_limit),
      AE_TEST(ties_go_to_the_lowest),
      AE_TEST(assignment_is_exact),
  };
  ae_blas_use_threads(1);
  return ae_test_main(argc, argv, tests, (int)(sizeof tests / sizeof *tests));
}
