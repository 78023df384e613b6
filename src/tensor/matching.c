#include "mpiae/tensor/matching.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/tensor/assignment.h"

#include <math.h>
#include <string.h>

/* Rows of distances that stay in the cache while the coordinates are gone through. */
enum { ROWS = 16 };

/* What the squared diagonal becomes. */
#define LARGEST 0x1p50

struct ae_matching {
  int64_t points;
  double *axis;     /* (points) one coordinate of all points of b */
  double *distance; /* (ROWS, points) */
  ae_assignment *assignment;
};

ae_status ae_matching_create(int64_t points, ae_matching **out) {
  ae_status status;
  ae_matching *m = NULL;
  AE_ASSERT(points <= AE_MATCHING_POINTS);
  AE_CHECK(AE_NEW(m, 1));
  m->points = points;
  AE_CHECK(AE_NEW(m->axis, points));
  AE_CHECK(AE_NEW(m->distance, ROWS * points));
  AE_CHECK(ae_assignment_create(points, points, &m->assignment));
cleanup:
  if (status != AE_OK) ae_matching_destroy(&m);
  *out = m;
  return status;
}

void ae_matching_destroy(ae_matching **matching) {
  if (*matching == NULL) return;
  AE_FREE((*matching)->axis);
  AE_FREE((*matching)->distance);
  ae_assignment_destroy(&(*matching)->assignment);
  AE_FREE(*matching);
}

static double distance(int64_t dim, const float *a, const float *b) {
  double sum = 0;
  for (int64_t k = 0; k < dim; k++) sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
  return sum;
}

/* What no distance exceeds: the squared diagonal of the box about all points; not finite when a coordinate is not. */
static double squared_diagonal(int64_t dim, int64_t count, const float *a, const float *b) {
  double sum = 0;
  for (int64_t k = 0; k < dim; k++) {
    float low = a[k], high = low;
    bool finite = true;
    for (int64_t i = 0; i < 2 * count; i++) {
      const float x = i < count ? a[i * dim + k] : b[(i - count) * dim + k];
      low = x < low ? x : low;
      high = x > high ? x : high;
      finite &= isfinite(x) != 0;
    }
    if (!finite) return NAN;
    sum += ((double)high - (double)low) * ((double)high - (double)low);
  }
  return sum;
}

AE_CLONES static void add_squares(int64_t count, double x, const double *restrict axis, double *restrict sum) {
  for (int64_t j = 0; j < count; j++) sum[j] += (x - axis[j]) * (x - axis[j]);
}

/* Rounds x · scale, in [0, 2^51], to whole numbers: beside 2^52 they are all that the mantissa holds. */
AE_CLONES static void round_to_costs(int64_t count, const double *restrict x, double scale, int64_t *restrict cost) {
  const double beside = 0x1p52;
  int64_t zero;
  memcpy(&zero, &beside, sizeof zero);
  for (int64_t j = 0; j < count; j++) {
    const double sum = x[j] * scale + beside;
    int64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    cost[j] = bits - zero;
  }
}

static void set_costs(ae_matching *m, int64_t dim, int64_t count, const float *a, const float *b, double scale) {
  for (int64_t begin = 0; begin < count; begin += ROWS) {
    const int64_t rows = ae_min(ROWS, count - begin);
    memset(m->distance, 0, (size_t)(rows * count) * sizeof *m->distance);
    for (int64_t k = 0; k < dim; k++) {
      for (int64_t j = 0; j < count; j++) m->axis[j] = (double)b[j * dim + k];
      for (int64_t i = 0; i < rows; i++)
        add_squares(count, (double)a[(begin + i) * dim + k], m->axis, m->distance + i * count);
    }
    for (int64_t i = 0; i < rows; i++)
      round_to_costs(count, m->distance + i * count, scale, ae_assignment_row(m->assignment, count, begin + i));
  }
}

float ae_matching_find(ae_matching *m, int64_t dim, int64_t count, const float *a, const float *b, int32_t *index) {
  const double largest = squared_diagonal(dim, count, a, b);
  double sum = 0;
  AE_ASSERT(count >= 1 && count <= m->points);
  if (isfinite(largest)) {
    set_costs(m, dim, count, a, b, largest > 0 ? LARGEST / largest : 0);
    ae_assignment_solve(m->assignment, count, count, index);
  } else
    for (int32_t i = 0; i < count; i++) index[i] = i;
  for (int64_t i = 0; i < count; i++) sum += distance(dim, a + i * dim, b + index[i] * dim);
  return (float)(sum / (double)count);
}
