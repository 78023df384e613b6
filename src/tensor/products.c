#include "mpiae/tensor/products.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/tensor/bf16.h"

#include <string.h>

/* Verdicts remembered; a product whose pattern finds no place runs segment by segment. */
enum { VERDICTS = 1 << 12, PROBES = 16 };

typedef struct verdict {
  uint64_t pattern; /* 0 = free */
  bool same;
} verdict;

struct ae_products {
  const ae_multiplier *multiplier;
  void *state; /* of it */
  int64_t operand, test_operand, test_result;
  void *x, *w;           /* of the multiplier's type */
  float *y, *z, *before; /* before: what is added to */
  verdict table[VERDICTS];
};

ae_status ae_products_create(const ae_multiplier *multiplier, ae_products **out) {
  AE_RETURN_IF(AE_NEW(*out, 1));
  (*out)->multiplier = multiplier;
  return AE_OK;
}

void ae_products_destroy(ae_products **out) {
  ae_products *products = *out;
  if (products == NULL) return;
  if (products->state != NULL) products->multiplier->destroy(products->state);
  AE_FREE(products->x);
  AE_FREE(products->w);
  AE_FREE(products->y);
  AE_FREE(products->z);
  AE_FREE(products->before);
  AE_FREE(*out);
}

const ae_multiplier *ae_products_multiplier(const ae_products *products) { return products->multiplier; }

void ae_products_want(ae_products *products, int64_t rows, int64_t n, int64_t k, bool merges) {
  const int64_t operand = ae_max(rows * ae_max(n, k), n * k);
  products->operand = ae_max(products->operand, operand);
  if (!merges) return;
  products->test_operand = ae_max(products->test_operand, operand);
  products->test_result = ae_max(products->test_result, operand);
}

/* Random numbers of the multiplier's type, through a place for as many floats. */
static ae_status draw(const ae_products *products, uint32_t number, int64_t count, float *place, void **out) {
  ae_random_fill_uniform(ae_stream_of(0, AE_RANDOM_SELFTEST, 0, number), -1, 1, count, place);
  AE_RETURN_IF(ae_memory_allocate(out, (size_t)count, (size_t)ae_multiplier_bytes(products->multiplier)));
  if (products->multiplier->rounded) ae_bf16_round(count, place, *out);
  else memcpy(*out, place, (size_t)count * sizeof *place);
  return AE_OK;
}

ae_status ae_products_seal(ae_products *products) {
  const int64_t count = products->test_operand;
  AE_RETURN_IF(products->multiplier->create(products->operand, &products->state));
  AE_RETURN_IF(AE_NEW(products->y, count));
  AE_RETURN_IF(AE_NEW(products->z, count));
  AE_RETURN_IF(AE_NEW(products->before, count));
  AE_RETURN_IF(draw(products, 0, count, products->before, &products->x));
  return draw(products, 1, count, products->before, &products->w);
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

void ae_products_one(ae_products *products, const ae_product *product) {
  if (product->m == 0 || product->n == 0) return;
  const ae_phase previous = ae_profile_enter_in_step(AE_PHASE_PRODUCTS);
  if (product->k > 0) products->multiplier->multiply(products->state, product);
  else if (product->beta == 0)
    for (int64_t i = 0; i < product->m; i++)
      memset(product->c + i * product->ldc, 0, (size_t)product->n * sizeof *product->c);
  ae_profile_leave(previous);
}

void ae_products_by_segment(ae_products *products, int segments, const int64_t *offset, const ae_product *product) {
  for (int s = 0; s < segments; s++) {
    ae_product part = *product;
    part.m = offset[s + 1] - offset[s];
    part.a = ae_multiplier_at(products->multiplier, product->a, offset[s] * product->lda);
    part.c = product->c + offset[s] * product->ldc;
    ae_products_one(products, &part);
  }
}

/* Both ways on random matrices, added to equal ones where it is to be added. */
static bool merging_keeps_bits(ae_products *products, int segments, const int64_t *offset, const ae_product *like) {
  const size_t bytes = (size_t)(like->m * like->n) * sizeof(float);
  ae_product test = *like;
  test.a = products->x;
  test.lda = like->k;
  test.b = products->w;
  test.ldb = like->trans_b ? like->k : like->n;
  test.ldc = like->n;
  memcpy(products->y, products->before, bytes);
  memcpy(products->z, products->before, bytes);
  test.c = products->y;
  ae_products_one(products, &test);
  test.c = products->z;
  ae_products_by_segment(products, segments, offset, &test);
  return memcmp(products->y, products->z, bytes) == 0;
}

static bool may_merge(ae_products *products, int segments, const int64_t *offset, const ae_product *product) {
  const int64_t shape[] = {segments, product->trans_b, product->n, product->k, product->beta != 0};
  const uint64_t pattern = hash(hash(0, shape, 5), offset, segments + 1);
  verdict *found = find(products, pattern);
  if (found == NULL) return false;
  if (found->pattern == 0) {
    found->pattern = pattern;
    const ae_phase previous = ae_profile_enter(AE_PHASE_OTHER);
    found->same = merging_keeps_bits(products, segments, offset, product);
    ae_profile_leave(previous);
  }
  return found->same;
}

void ae_products_rows(ae_products *products, int segments, const int64_t *offset, const ae_product *product) {
  if (segments == 1 || may_merge(products, segments, offset, product)) ae_products_one(products, product);
  else ae_products_by_segment(products, segments, offset, product);
}

static bool adding_keeps_bits(ae_products *products, int64_t rows, int64_t m, int64_t n) {
  const int64_t count = m * n;
  ae_product test = {.trans_a = true,
                     .m = m,
                     .n = n,
                     .k = rows,
                     .a = products->x,
                     .lda = m,
                     .b = products->w,
                     .ldb = n,
                     .beta = 1,
                     .c = products->y,
                     .ldc = n};
  memcpy(products->y, products->before, (size_t)count * sizeof(float));
  ae_products_one(products, &test);
  test.beta = 0;
  test.c = products->z;
  ae_products_one(products, &test);
  for (int64_t i = 0; i < count; i++) products->z[i] = products->before[i] + products->z[i];
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
