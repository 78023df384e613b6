#include "mpiae/tensor/chamfer.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/tensor/scalar.h"

/* Points that are compared side by side. */
enum { ROWS = 64 };

int64_t ae_chamfer_scratch(int64_t dim) { return ROWS * dim; }

AE_KERNEL float term(ae_point_distance kind, float x) {
  if (kind == AE_SQUARED) return x * x;
  const float size = fabsf(x), bounded = size < 1.0f ? size : 1.0f;
  return bounded * (size - 0.5f * bounded);
}

/* Coordinate by coordinate; the last point stands in for those that a last block lacks. */
static void transpose(const float *restrict a, int64_t count, int64_t dim, float *restrict out) {
  for (int64_t k = 0; k < dim; k++)
    for (int64_t r = 0; r < ROWS; r++) out[k * ROWS + r] = a[ae_min(r, count - 1) * dim + k];
}

/* What a block of points has found. */
typedef struct found {
  float best[ROWS];
  int32_t index[ROWS];
} found;

/* The loops over rows have a fixed length and no branch, for the vectoriser; `<` keeps the lowest of equals. */
AE_KERNEL void search(ae_point_distance kind, int64_t dim, const float *restrict rows, int64_t count,
                      const float *restrict b, found *restrict out) {
  for (int r = 0; r < ROWS; r++) {
    out->best[r] = INFINITY;
    out->index[r] = 0;
  }
  for (int64_t j = 0; j < count; j++, b += dim) {
    const int32_t number = (int32_t)j;
    float sum[ROWS];
    for (int r = 0; r < ROWS; r++) sum[r] = term(kind, rows[r] - b[0]);
    for (int64_t k = 1; k < dim; k++)
      for (int r = 0; r < ROWS; r++) sum[r] += term(kind, rows[k * ROWS + r] - b[k]);
    for (int r = 0; r < ROWS; r++) {
      const int less = sum[r] < out->best[r];
      out->best[r] = less ? sum[r] : out->best[r];
      out->index[r] = less ? number : out->index[r];
    }
  }
}

/* Planar and spatial points with their loops unrolled. */
AE_CLONES static void search_squared(int64_t dim, const float *rows, int64_t count, const float *b, found *out) {
  if (dim == 2) search(AE_SQUARED, 2, rows, count, b, out);
  else if (dim == 3) search(AE_SQUARED, 3, rows, count, b, out);
  else search(AE_SQUARED, dim, rows, count, b, out);
}

AE_CLONES static void search_huber(int64_t dim, const float *rows, int64_t count, const float *b, found *out) {
  if (dim == 2) search(AE_HUBER, 2, rows, count, b, out);
  else if (dim == 3) search(AE_HUBER, 3, rows, count, b, out);
  else search(AE_HUBER, dim, rows, count, b, out);
}

float ae_chamfer_nearest(ae_point_distance kind, int64_t dim, int64_t count_a, const float *a, int64_t count_b,
                         const float *b, int32_t *index, float *scratch) {
  double sum = 0;
  for (int64_t begin = 0; begin < count_a; begin += ROWS) {
    const int64_t count = ae_min(ROWS, count_a - begin);
    found out;
    transpose(a + begin * dim, count, dim, scratch);
    if (kind == AE_SQUARED) search_squared(dim, scratch, count_b, b, &out);
    else search_huber(dim, scratch, count_b, b, &out);
    for (int64_t r = 0; r < count; r++) {
      sum += (double)out.best[r];
      index[begin + r] = out.index[r];
    }
  }
  const double share = kind == AE_HUBER ? 1.0 / (double)dim : 1.0;
  return count_a == 0 ? 0.0f : (float)(sum * share / (double)count_a);
}

static float slope(ae_point_distance kind, int64_t dim, float x) {
  if (kind == AE_SQUARED) return 2 * x;
  return (x > 1 ? 1 : x < -1 ? -1 : x) / (float)dim;
}

void ae_chamfer_pull(ae_point_distance kind, int64_t dim, int64_t count, const float *a, const float *b,
                     const int32_t *index, bool reverse, float scale, float *gradient) {
  for (int64_t i = 0; i < count; i++) {
    const int64_t at_a = (reverse ? index[i] : i) * dim, at_b = (reverse ? i : index[i]) * dim;
    for (int64_t k = 0; k < dim; k++) gradient[at_a + k] += scale * slope(kind, dim, a[at_a + k] - b[at_b + k]);
  }
}
