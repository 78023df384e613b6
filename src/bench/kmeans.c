/* An iteration of k-means, beside the one matrix product that it cannot do without. */
#include "bench.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/cluster/kmeans.h"
#include "mpiae/tensor/blas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 60000, COLUMNS = 40, CLOUDS = 100, SLICE_ROWS = 4096, ITERATIONS = 4, PANEL = 128 };

typedef struct course {
  const ae_bench *bench;
  ae_shards shards;
  int clusters, iterations;
  float *rows, *start, *centroid, *product;
  int32_t *label;
  int64_t *size;
  int done; /* iterations of the last clustering: fewer when nothing changes any more */
} course;

static void release(course *c) {
  AE_FREE(c->rows);
  AE_FREE(c->start);
  AE_FREE(c->centroid);
  AE_FREE(c->product);
  AE_FREE(c->label);
  AE_FREE(c->size);
}

/* A row of a cloud of spread 1, whose centre is of spread 3. */
static void draw_row(int64_t example, float *row) {
  float centre[COLUMNS];
  const int64_t cloud = ae_random_below(ae_stream_of(0, AE_RANDOM_SELFTEST, 7, example), 0, CLOUDS);
  ae_random_fill_normal(ae_stream_of(0, AE_RANDOM_SELFTEST, 5, cloud), COLUMNS, centre);
  ae_random_fill_normal(ae_stream_of(0, AE_RANDOM_SELFTEST, 6, example), COLUMNS, row);
  for (int j = 0; j < COLUMNS; j++) row[j] += 3 * centre[j];
}

static ae_status prepare(course *c) {
  const int64_t own = ae_shards_own_count(&c->shards), most = c->clusters;
  AE_RETURN_IF(AE_NEW(c->rows, own * COLUMNS));
  AE_RETURN_IF(AE_NEW(c->start, most * COLUMNS));
  AE_RETURN_IF(AE_NEW(c->centroid, most * COLUMNS));
  AE_RETURN_IF(AE_NEW(c->product, PANEL * most));
  AE_RETURN_IF(AE_NEW(c->label, own));
  AE_RETURN_IF(AE_NEW(c->size, most));
  for (int64_t i = 0; i < own; i++) draw_row(ae_shards_own_begin(&c->shards) + i, c->rows + i * COLUMNS);
  for (int64_t i = 0; i < most; i++) draw_row(i, c->start + i * COLUMNS);
  return AE_OK;
}

static ae_status fit(void *context) {
  course *c = context;
  const ae_kmeans_options options = {
      .clusters = c->clusters, .iterations = c->iterations, .start = AE_KMEANS_WARM, .tolerance = 0};
  ae_kmeans_outcome outcome;
  memcpy(c->centroid, c->start, (size_t)c->clusters * COLUMNS * sizeof *c->centroid);
  AE_RETURN_IF(ae_kmeans_fit(c->bench->comm, &c->shards, c->rows, COLUMNS, &options, NULL, c->centroid, c->label,
                             c->size, &outcome));
  c->done = outcome.iterations;
  return AE_OK;
}

static ae_status multiply(void *context) {
  const course *c = context;
  const int64_t own = ae_shards_own_count(&c->shards);
  for (int64_t at = 0; at < own; at += PANEL)
    ae_gemm(false, true, ae_min(PANEL, own - at), c->clusters, COLUMNS, 1, c->rows + at * COLUMNS, COLUMNS, c->start,
            COLUMNS, 0, c->product, c->clusters);
  return AE_OK;
}

/* An iteration is what more of them take, divided: start and end cost the same. */
static ae_status measure(ae_bench *bench, course *c) {
  course single = *c, many = *c;
  single.iterations = 1;
  many.iterations = 1 + ITERATIONS;
  ae_bench_work work[] = {
      {.run = fit, .context = &single}, {.run = fit, .context = &many}, {.run = multiply, .context = c}};
  AE_RETURN_IF(ae_bench_alternate(bench, work, 3));
  if (many.done == single.done) return AE_FAIL(AE_INTERNAL, "k-means ended after %d iteration", many.done);
  char name[64];
  snprintf(name, sizeof name, "an iteration, K = %d", c->clusters);
  ae_bench_tell(bench, &(ae_bench_figure){name, 1e3 * (work[1].median - work[0].median) / (many.done - single.done),
                                          "ms", 1e3 * work[2].median, "product alone"});
  return AE_OK;
}

extern const ae_bench_part ae_bench_part_kmeans;

static const char *const things[] = {"10", "100", "1000", NULL};

static ae_status run(ae_bench *bench) {
  const int rank = ae_comm_rank(bench->comm), ranks = ae_comm_size(bench->comm);
  for (int i = 0; things[i] != NULL; i++) {
    if (!ae_bench_wants(bench, things[i])) continue;
    course c = {.bench = bench, .clusters = atoi(things[i])};
    ae_status status = ae_shards_init_blocks(&c.shards, ROWS, SLICE_ROWS, rank, ranks);
    if (status == AE_OK) status = prepare(&c);
    status = ae_comm_agree(bench->comm, status);
    if (status == AE_OK) status = measure(bench, &c);
    release(&c);
    if (status != AE_OK) return status;
  }
  return AE_OK;
}

const ae_bench_part ae_bench_part_kmeans = {
    "kmeans", "k-means of 60 000 rows of 40 numbers, beside the products of rows and centroids alone", things, 1, run};
