#include "mpiae/tensor/matching.h"

#include "mpiae/base/memory.h"
#include "mpiae/tensor/assignment.h"

#include <math.h>

struct ae_matching {
  int64_t points;
  int64_t *cost;
  ae_assignment *assignment;
};

ae_status ae_matching_create(int64_t points, ae_matching **out) {
  ae_status status;
  ae_matching *m = NULL;
  AE_ASSERT(points <= AE_MATCHING_POINTS);
  AE_CHECK(AE_NEW(m, 1));
  m->points = points;
  AE_CHECK(AE_NEW(m->cost, points * points));
  AE_CHECK(ae_assignment_create(points, points, &m->assignment));
cleanup:
  if (status != AE_OK) ae_matching_destroy(&m);
  *out = m;
  return status;
}

void ae_matching_destroy(ae_matching **matching) {
  if (*matching == NULL) return;
  AE_FREE((*matching)->cost);
  ae_assignment_destroy(&(*matching)->assignment);
  AE_FREE(*matching);
}

static double distance(int64_t dim, const float *a, const float *b) {
  double sum = 0;
  for (int64_t k = 0; k < dim; k++) sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
  return sum;
}

/* The largest distance; NaN when one is. */
static double farthest(int64_t dim, int64_t count, const float *a, const float *b) {
  double largest = 0;
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = 0; j < count; j++) {
      const double here = distance(dim, a + i * dim, b + j * dim);
      if (!(here <= largest)) largest = here;
      if (isnan(here)) return here;
    }
  return largest;
}

static void set_costs(ae_matching *m, int64_t dim, int64_t count, const float *a, const float *b, double largest) {
  const double scale = largest > 0 ? 0x1p40 / largest : 0;
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = 0; j < count; j++)
      m->cost[i * count + j] = (int64_t)(distance(dim, a + i * dim, b + j * dim) * scale + 0.5);
}

float ae_matching_find(ae_matching *m, int64_t dim, int64_t count, const float *a, const float *b, int32_t *index) {
  const double largest = farthest(dim, count, a, b);
  double sum = 0;
  AE_ASSERT(count >= 1 && count <= m->points);
  if (isfinite(largest)) {
    set_costs(m, dim, count, a, b, largest);
    ae_assignment_solve(m->assignment, count, count, m->cost, index);
  } else
    for (int32_t i = 0; i < count; i++) index[i] = i;
  for (int64_t i = 0; i < count; i++) sum += distance(dim, a + i * dim, b + index[i] * dim);
  return (float)(sum / (double)count);
}
