#include "mpiae/tensor/products.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/tensor/bf16.h"

#include <math.h>
#include <string.h>

/* Verdicts remembered; a product whose pattern finds no place runs segment by segment. */
enum { VERDICTS = 1 << 12, PROBES = 16 };

/* Numbers that a self-test should compare, and most times that it is repeated to have them. */
enum { COMPARED = 1 << 12, MOST_TRIES = 1 << 8 };

typedef struct verdict {
  uint64_t pattern; /* 0 = free */
  bool same;
} verdict;

struct ae_products {
  const ae_multiplier *multiplier;
  void *state;             /* of it */
  int64_t operand, tested; /* numbers of the largest matrix of all, and of those that are tested */
  void *x, *w;             /* of the multiplier's type */
  float *y, *z, *before;   /* before: what is added to */
  void (*tell)(void *context, const ae_product *product); /* or NULL */
  void *context;
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

void ae_products_want(ae_products *products, int64_t rows, int64_t in, int64_t weights, int64_t out, bool merges) {
  const int64_t largest = ae_max(ae_max(rows * in, rows * out), weights);
  products->operand = ae_max(products->operand, largest);
  if (merges) products->tested = ae_max(products->tested, largest);
}

/* Random numbers of many sizes: the sums of a few rounded ones of one size can be exact, and then say nothing of the
 * order of summation. */
static void draw_floats(uint32_t number, int64_t count, float *out) {
  ae_random_fill_uniform(ae_stream_of(0, AE_RANDOM_SELFTEST, 0, number), -1, 1, count, out);
  for (int64_t i = 0; i < count; i++) out[i] = ldexpf(out[i], (int)(fabsf(out[i]) * 1e4f) % 25 - 12);
}

/* Such numbers of the multiplier's type, through a place for as many floats. */
static ae_status draw(const ae_products *products, uint32_t number, int64_t count, float *place, void **out) {
  draw_floats(number, count, place);
  AE_RETURN_IF(ae_memory_allocate(out, (size_t)count, (size_t)ae_multiplier_bytes(products->multiplier)));
  if (products->multiplier->rounded) ae_bf16_round(count, place, *out);
  else memcpy(*out, place, (size_t)count * sizeof *place);
  return AE_OK;
}

ae_status ae_products_seal(ae_products *products) {
  const int64_t count = products->tested;
  AE_RETURN_IF(products->multiplier->create(products->operand, &products->state));
  AE_RETURN_IF(AE_NEW(products->y, count));
  AE_RETURN_IF(AE_NEW(products->z, count));
  AE_RETURN_IF(AE_NEW(products->before, count + MOST_TRIES));
  AE_RETURN_IF(draw(products, 0, count + MOST_TRIES, products->before, &products->x));
  return draw(products, 1, count, products->before, &products->w);
}

/* The verdict of a pattern, or a free place for it (pattern 0), or NULL when there is none. */
static verdict *find(ae_products *products, uint64_t pattern) {
  for (uint64_t probe = 0; probe < PROBES; probe++) {
    verdict *place = &products->table[((pattern >> 20) + probe) % VERDICTS];
    if (place->pattern == pattern || place->pattern == 0) return place;
  }
  return NULL;
}

void ae_products_listen(ae_products *products, void (*tell)(void *context, const ae_product *product), void *context) {
  products->tell = tell;
  products->context = context;
}

void ae_products_one(ae_products *products, const ae_product *product) {
  if (product->m == 0 || product->n == 0) return;
  if (products->tell != NULL) products->tell(products->context, product);
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

/* What a test shows of a product of this shape. */
typedef bool (*test)(ae_products *products, ae_product p, int segments, const int64_t *offset);

/* Numbers from the first to the last of a matrix. */
static int64_t extent(int64_t rows, int64_t columns, int64_t ld) { return (rows - 1) * ld + columns; }

static bool same(const ae_products *products, const ae_product *p) {
  return memcmp(products->y, products->z, (size_t)extent(p->m, p->n, p->ldc) * sizeof(float)) == 0;
}

/* Both ways, added to equal matrices where it is to be added. */
static bool merging_keeps_bits(ae_products *products, ae_product p, int segments, const int64_t *offset) {
  p.c = products->y;
  ae_products_one(products, &p);
  p.c = products->z;
  ae_products_by_segment(products, segments, offset, &p);
  return same(products, &p);
}

static bool adding_keeps_bits(ae_products *products, ae_product p, int segments, const int64_t *offset) {
  (void)segments;
  (void)offset;
  p.c = products->y;
  p.beta = 1;
  ae_products_one(products, &p);
  p.c = products->z;
  p.beta = 0;
  ae_products_one(products, &p);
  for (int64_t row = 0; row < p.m; row++)
    for (int64_t i = row * p.ldc; i < row * p.ldc + p.n; i++) products->z[i] = products->before[i] + products->z[i];
  return same(products, &p);
}

/* Parts are told as segments, of the columns of A. */
static bool parts_keep_bits(ae_products *products, ae_product p, int segments, const int64_t *offset) {
  p.c = products->z;
  ae_products_one(products, &p);
  for (int s = 0; s < segments; s++) {
    ae_product part = p;
    part.m = ae_min(offset[1], p.m - s * offset[1]);
    part.a = ae_multiplier_at(products->multiplier, p.a, s * offset[1]);
    part.c = products->y + s * offset[1] * p.ldc;
    ae_products_one(products, &part);
  }
  return same(products, &p);
}

/* On random matrices, other ones in each try: few sums can be the same in another order by chance. */
static bool passes(ae_products *products, test what, const ae_product *like, int segments, const int64_t *offset) {
  const size_t bytes = (size_t)extent(like->m, like->n, like->ldc) * sizeof(float);
  const int64_t tries = ae_min(COMPARED / ae_max(1, like->m * like->n) + 1, MOST_TRIES);
  ae_product p = *like;
  p.b = products->w;
  bool same = true;
  for (int64_t i = 0; i < tries && same; i++) {
    p.a = ae_multiplier_at(products->multiplier, products->x, i);
    memcpy(products->y, products->before, bytes);
    memcpy(products->z, products->before, bytes);
    same = what(products, p, segments, offset);
  }
  return same;
}

/* What the test shows, or showed, of products of this shape. */
static bool holds(ae_products *products, test what, const ae_product *like, int segments, const int64_t *offset,
                  int offsets) {
  const int64_t shape[] = {what == merging_keeps_bits  ? 0
                           : what == adding_keeps_bits ? 1
                                                       : 2,
                           segments,
                           like->trans_a,
                           like->trans_b,
                           like->m,
                           like->n,
                           like->k,
                           like->lda,
                           like->ldb,
                           like->ldc,
                           like->beta != 0};
  const uint64_t hash = ae_hash_words(ae_hash_words(0, shape, sizeof shape / sizeof *shape), offset, offsets);
  const uint64_t pattern = hash | 1; /* never that of a free place */
  verdict *found = find(products, pattern);
  if (found == NULL) return false;
  if (found->pattern == 0) {
    found->pattern = pattern;
    const ae_phase previous = ae_profile_enter(AE_PHASE_OTHER);
    found->same = passes(products, what, like, segments, offset);
    ae_profile_leave(previous);
  }
  return found->same;
}

void ae_products_rows(ae_products *products, int segments, const int64_t *offset, const ae_product *product) {
  if (product->m == 0 || product->n == 0) return;
  if (segments == 1 || holds(products, merging_keeps_bits, product, segments, offset, segments + 1))
    ae_products_one(products, product);
  else ae_products_by_segment(products, segments, offset, product);
}

bool ae_products_adds(ae_products *products, const ae_product *like) {
  return holds(products, adding_keeps_bits, like, 1, NULL, 0);
}

bool ae_products_parts(ae_products *products, const ae_product *like, int64_t part) {
  return holds(products, parts_keep_bits, like, (int)((like->m + part - 1) / part), (int64_t[]){0, part}, 2);
}
