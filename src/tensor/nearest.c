#include "mpiae/tensor/nearest.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/tensor/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Centroids in a product: with AE_NEAREST_ROWS rows it stays in the cache, whatever K is. */
enum { PANEL = 128 };

struct ae_nearest {
  int clusters;
  int64_t dim;
  float *origin;   /* (dim) */
  float *centroid; /* (clusters, dim), less the origin */
  float *norm;     /* (clusters) squared norms; infinite for a copy of a lower centroid */
  int32_t *order;  /* (clusters) */
  float *rows;    /* (dim, AE_NEAREST_ROWS), less the origin: the products are fastest with neither side to transpose */
  float *product; /* (PANEL, AE_NEAREST_ROWS) −2 c·x */
  float *best;    /* (AE_NEAREST_ROWS) */
  int32_t *label; /* (AE_NEAREST_ROWS) */
};

ae_status ae_nearest_create(int clusters, int64_t dim, ae_nearest **out) {
  ae_status status;
  ae_nearest *nearest = NULL;
  int64_t size, block;
  AE_CHECK(ae_multiply(clusters, dim, "clusters × dimensions", &size));
  AE_CHECK(ae_multiply(AE_NEAREST_ROWS, dim, "rows × dimensions", &block));
  AE_CHECK(AE_NEW(nearest, 1));
  nearest->clusters = clusters;
  nearest->dim = dim;
  AE_CHECK(AE_NEW(nearest->origin, dim));
  AE_CHECK(AE_NEW(nearest->centroid, size));
  AE_CHECK(AE_NEW(nearest->norm, clusters));
  AE_CHECK(AE_NEW(nearest->order, clusters));
  AE_CHECK(AE_NEW(nearest->rows, block));
  AE_CHECK(AE_NEW(nearest->product, PANEL * AE_NEAREST_ROWS));
  AE_CHECK(AE_NEW(nearest->best, AE_NEAREST_ROWS));
  AE_CHECK(AE_NEW(nearest->label, AE_NEAREST_ROWS));
cleanup:
  if (status != AE_OK) ae_nearest_destroy(&nearest);
  *out = nearest;
  return status;
}

void ae_nearest_destroy(ae_nearest **nearest) {
  if (*nearest == NULL) return;
  AE_FREE((*nearest)->origin);
  AE_FREE((*nearest)->centroid);
  AE_FREE((*nearest)->norm);
  AE_FREE((*nearest)->order);
  AE_FREE((*nearest)->rows);
  AE_FREE((*nearest)->product);
  AE_FREE((*nearest)->best);
  AE_FREE((*nearest)->label);
  AE_FREE(*nearest);
}

/* Far from zero the terms of the expanded distance dwarf it, so they are taken about the middle of the centroids.
 * That is rounded to a multiple of the power of two below their spread: rows of small integers stay exact, and so do
 * their ties. */
static float choose_origin(const float *column, int clusters, int64_t dim) {
  float low = column[0], high = column[0];
  double sum = 0;
  for (int k = 0; k < clusters; k++) {
    const float value = column[k * dim];
    low = value < low ? value : low;
    high = value > high ? value : high;
    sum += value;
  }
  if (low == high) return low;
  const double grain = ldexp(1, ilogb((double)high - low));
  return (float)(grain * rint(sum / clusters / grain));
}

/* Adding zero makes −0 and 0 the same bits. */
static void move_centroids(ae_nearest *nearest, const float *centroid) {
  const int64_t dim = nearest->dim;
  for (int64_t k = 0; k < nearest->clusters; k++)
    for (int64_t j = 0; j < dim; j++)
      nearest->centroid[k * dim + j] = centroid[k * dim + j] - nearest->origin[j] + 0.0f;
}

static float squared_norm(const float *values, int64_t dim) {
  double sum = 0;
  for (int64_t j = 0; j < dim; j++) sum += (double)values[j] * values[j];
  return (float)sum;
}

static int compare_centroids(const void *a, const void *b, void *context) {
  const ae_nearest *nearest = context;
  const int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
  const int order = memcmp(nearest->centroid + i * nearest->dim, nearest->centroid + j * nearest->dim,
                           (size_t)nearest->dim * sizeof(float));
  return order != 0 ? order : (i > j) - (i < j);
}

/* A copy must never win: products of equal rows may differ in the last bit, being done by different kernels at the
 * edges. */
static void exclude_copies(ae_nearest *nearest) {
  const size_t bytes = (size_t)nearest->dim * sizeof(float);
  for (int k = 0; k < nearest->clusters; k++) nearest->order[k] = k;
  qsort_r(nearest->order, (size_t)nearest->clusters, sizeof *nearest->order, compare_centroids, nearest);
  for (int i = 1; i < nearest->clusters; i++) {
    const int64_t before = nearest->order[i - 1], here = nearest->order[i];
    if (memcmp(nearest->centroid + before * nearest->dim, nearest->centroid + here * nearest->dim, bytes) == 0)
      nearest->norm[here] = INFINITY;
  }
}

void ae_nearest_set(ae_nearest *nearest, const float *centroid) {
  const int64_t dim = nearest->dim;
  for (int64_t j = 0; j < dim; j++) nearest->origin[j] = choose_origin(centroid + j, nearest->clusters, dim);
  move_centroids(nearest, centroid);
  for (int k = 0; k < nearest->clusters; k++) nearest->norm[k] = squared_norm(nearest->centroid + k * dim, dim);
  exclude_copies(nearest);
}

/* The inner loop has a fixed length and no branch, for the vectoriser; `<` keeps the lowest of equals. */
AE_CLONES static void take_least(const float *restrict product, const float *restrict norm, int first, int count,
                                 float *restrict best, int32_t *restrict label) {
  for (int k = 0; k < count; k++) {
    const float *restrict row = product + (int64_t)k * AE_NEAREST_ROWS;
    const float offset = norm[k];
    const int32_t number = first + k;
    for (int r = 0; r < AE_NEAREST_ROWS; r++) {
      const float value = offset + row[r];
      const int less = value < best[r];
      best[r] = less ? value : best[r];
      label[r] = less ? number : label[r];
    }
  }
}

/* Transposes four rows at a time; the last row stands in for those that a last four lacks. */
static void move_rows(const float *restrict rows, const float *restrict origin, int64_t count, int64_t dim,
                      float *restrict out) {
  for (int64_t i = 0; i < count; i += 4) {
    const float *row[4];
    for (int l = 0; l < 4; l++) row[l] = rows + ae_min(i + l, count - 1) * dim;
    for (int64_t j = 0; j < dim; j++)
      for (int l = 0; l < 4; l++) out[j * AE_NEAREST_ROWS + i + l] = row[l][j] - origin[j];
  }
}

static void find_block(ae_nearest *nearest, const float *rows, int64_t count) {
  const int64_t dim = nearest->dim;
  move_rows(rows, nearest->origin, count, dim, nearest->rows);
  for (int r = 0; r < AE_NEAREST_ROWS; r++) {
    nearest->best[r] = INFINITY;
    nearest->label[r] = 0;
  }
  for (int first = 0; first < nearest->clusters; first += PANEL) {
    const int panel = (int)ae_min(PANEL, nearest->clusters - first);
    ae_gemm(false, false, panel, count, dim, -2.0f, nearest->centroid + first * dim, dim, nearest->rows,
            AE_NEAREST_ROWS, 0.0f, nearest->product, AE_NEAREST_ROWS);
    take_least(nearest->product, nearest->norm + first, first, panel, nearest->best, nearest->label);
  }
}

void ae_nearest_find(ae_nearest *nearest, const float *rows, int64_t count, int32_t *label) {
  for (int64_t begin = 0; begin < count; begin += AE_NEAREST_ROWS) {
    const int64_t block = ae_min(AE_NEAREST_ROWS, count - begin);
    find_block(nearest, rows + begin * nearest->dim, block);
    memcpy(label + begin, nearest->label, (size_t)block * sizeof *label);
  }
}

AE_CLONES double ae_nearest_distance(const float *a, const float *b, int64_t dim) {
  enum { LANES = 8 };
  double lane[LANES] = {0};
  int64_t j = 0;
  for (; j + LANES <= dim; j += LANES)
    for (int l = 0; l < LANES; l++) {
      const double difference = (double)a[j + l] - b[j + l];
      lane[l] += difference * difference;
    }
  for (int l = 0; j < dim; j++, l++) lane[l] += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
