#include "mpiae/tensor/products.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/tensor/blas.h"

#include <string.h>

/* Verdicts remembered; a product whose pattern finds no place runs segment by segment. */
enum { VERDICTS = 1 << 12, PROBES = 16 };

typedef struct verdict {
  uint64_t pattern; /* 0 = free */
  bool same;
} verdict;

struct ae_products {
  int64_t x_floats, w_floats, y_floats;
  float *x, *w, *y, *z;
  verdict table[VERDICTS];
};

ae_status ae_products_create(ae_products **out) { return AE_NEW(*out, 1); }

void ae_products_destroy(ae_products **products) {
  if (*products == NULL) return;
  AE_FREE((*products)->x);
  AE_FREE((*products)->w);
  AE_FREE((*products)->y);
  AE_FREE((*products)->z);
  AE_FREE(*products);
}

void ae_products_want(ae_products *products, int64_t rows, int64_t n, int64_t k) {
  products->x_floats = ae_max(products->x_floats, rows * ae_max(n, k));
  products->w_floats = ae_max(products->w_floats, n * k);
  products->y_floats = ae_max(products->y_floats, ae_max(rows * ae_max(n, k), n * k));
}

ae_status ae_products_seal(ae_products *products) {
  const int64_t operand = ae_max(products->x_floats, products->w_floats);
  AE_RETURN_IF(AE_NEW(products->x, operand));
  AE_RETURN_IF(AE_NEW(products->w, operand));
  AE_RETURN_IF(AE_NEW(products->y, products->y_floats));
  AE_RETURN_IF(AE_NEW(products->z, products->y_floats));
  ae_random_fill_uniform(ae_stream_of(0, AE_RANDOM_SELFTEST, 0, 0), -1, 1, operand, products->x);
  ae_random_fill_uniform(ae_stream_of(0, AE_RANDOM_SELFTEST, 0, 1), -1, 1, operand, products->w);
  return AE_OK;
}

/* FNV-1a over 64-bit words, never 0. */
static uint64_t hash(uint64_t seed, const int64_t *words, int count) {
  uint64_t value = seed ^ UINT64_C(0xcbf29ce484222325);
  for (int i = 0; i < count; i++) value = (value ^ (uint64_t)words[i]) * UINT64_C(0x100000001b3);
  return value | 1;
}

/* The verdict of a pattern, or a free place for it (pattern 0), or NULL when there is none. */
static verdict *find(ae_products *products, uint64_t pattern) {
  for (uint64_t probe = 0; probe < PROBES; probe++) {
    verdict *place = &products->table[((pattern >> 20) + probe) % VERDICTS];
    if (place->pattern == pattern || place->pattern == 0) return place;
  }
  return NULL;
}

void ae_products_by_segment(int segments, const int64_t *offset, bool trans, int64_t n, int64_t k, const float *x,
                            int64_t ldx, const float *w, int64_t ldw, float beta, float *y, int64_t ldy) {
  for (int s = 0; s < segments; s++)
    ae_gemm(false, trans, offset[s + 1] - offset[s], n, k, 1, x + offset[s] * ldx, ldx, w, ldw, beta,
            y + offset[s] * ldy, ldy);
}

/* Both ways on random matrices; with beta = 1 on top of equal ones. */
static bool merging_keeps_bits(ae_products *products, int segments, const int64_t *offset, bool trans, int64_t n,
                               int64_t k, float beta) {
  const int64_t rows = offset[segments], ldw = trans ? k : n;
  const size_t bytes = (size_t)(rows * n) * sizeof(float);
  memcpy(products->y, products->x, bytes);
  memcpy(products->z, products->x, bytes);
  ae_gemm(false, trans, rows, n, k, 1, products->x, k, products->w, ldw, beta, products->y, n);
  ae_products_by_segment(segments, offset, trans, n, k, products->x, k, products->w, ldw, beta, products->z, n);
  return memcmp(products->y, products->z, bytes) == 0;
}

static bool may_merge(ae_products *products, int segments, const int64_t *offset, bool trans, int64_t n, int64_t k,
                      float beta) {
  const int64_t shape[] = {segments, trans, n, k, beta != 0};
  const uint64_t pattern = hash(hash(0, shape, 5), offset, segments + 1);
  verdict *found = find(products, pattern);
  if (found == NULL) return false;
  if (found->pattern == 0) {
    found->pattern = pattern;
    const ae_phase previous = ae_profile_enter(AE_PHASE_OTHER);
    found->same = merging_keeps_bits(products, segments, offset, trans, n, k, beta);
    ae_profile_leave(previous);
  }
  return found->same;
}

void ae_products_rows(ae_products *products, int segments, const int64_t *offset, bool trans, int64_t n, int64_t k,
                      const float *x, int64_t ldx, const float *w, int64_t ldw, float beta, float *y, int64_t ldy) {
  if (segments > 1 && may_merge(products, segments, offset, trans, n, k, beta))
    ae_gemm(false, trans, offset[segments], n, k, 1, x, ldx, w, ldw, beta, y, ldy);
  else ae_products_by_segment(segments, offset, trans, n, k, x, ldx, w, ldw, beta, y, ldy);
}

static bool adding_keeps_bits(ae_products *products, int64_t rows, int64_t m, int64_t n) {
  const int64_t count = m * n;
  memcpy(products->y, products->w, (size_t)count * sizeof(float));
  ae_gemm(true, false, m, n, rows, 1, products->x, m, products->w, n, 1, products->y, n);
  ae_gemm(true, false, m, n, rows, 1, products->x, m, products->w, n, 0, products->z, n);
  for (int64_t i = 0; i < count; i++) products->z[i] = products->w[i] + products->z[i];
  return memcmp(products->y, products->z, (size_t)count * sizeof(float)) == 0;
}

bool ae_products_adds(ae_products *products, int64_t rows, int64_t m, int64_t n) {
  const int64_t shape[] = {-1, rows, m, n};
  verdict *found = find(products, hash(0, shape, 4));
  if (found == NULL) return false;
  if (found->pattern == 0) {
    found->pattern = hash(0, shape, 4);
    const ae_phase previous = ae_profile_enter(AE_PHASE_OTHER);
    found->same = adding_keeps_bits(products, rows, m, n);
    ae_profile_leave(previous);
  }
  return found->same;
}
