#include "mpiae/cluster/quantiles.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/comm/reduce.h"

#include <math.h>
#include <string.h>

/* Rows counted in 32 bits before they are added to the 64-bit totals. */
enum { SLICE = 1 << 16 };

/* The bisection, for each of (count, dim) quantiles. Keys are the integers that are ordered as the floats are. */
typedef struct bisection {
  int64_t dim, size; /* size = count · dim */
  int count;
  uint32_t *found;  /* (count, dim) leading bits of the key, the others 0 */
  uint32_t *middle; /* (count, dim) `found` with the bit in question */
  uint32_t *key;    /* (dim) of one row */
  uint32_t *below;  /* (count, dim) rows of a slice below the middle */
  int64_t *total;   /* (count, dim) all of them */
} bisection;

static ae_status bisection_create(bisection *b) {
  AE_RETURN_IF(ae_multiply(b->count, b->dim, "quantiles × dimensions", &b->size));
  AE_RETURN_IF(AE_NEW(b->found, b->size));
  AE_RETURN_IF(AE_NEW(b->middle, b->size));
  AE_RETURN_IF(AE_NEW(b->key, b->dim));
  AE_RETURN_IF(AE_NEW(b->below, b->size));
  return AE_NEW(b->total, b->size);
}

static void bisection_destroy(bisection *b) {
  AE_FREE(b->found);
  AE_FREE(b->middle);
  AE_FREE(b->key);
  AE_FREE(b->below);
  AE_FREE(b->total);
}

/* Positive floats are ordered as their bits, negative ones the other way round and below. Adding 0 makes −0 and 0 the
 * same. */
static inline uint32_t key_of(float value) {
  uint32_t bits;
  const float plain = value + 0.0f;
  memcpy(&bits, &plain, sizeof bits);
  return bits ^ ((uint32_t) - (int32_t)(bits >> 31) | UINT32_C(0x80000000));
}

static float value_of(uint32_t key) {
  float value;
  const uint32_t bits = key >> 31 != 0 ? key ^ UINT32_C(0x80000000) : ~key;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The inner loops run along the columns, for the vectoriser. */
AE_CLONES static void count_below(const float *restrict rows, int64_t row_count, int64_t dim, int count,
                                  const uint32_t *restrict middle, uint32_t *restrict key, uint32_t *restrict below) {
  for (int64_t i = 0; i < row_count; i++) {
    for (int64_t j = 0; j < dim; j++) key[j] = key_of(rows[i * dim + j]);
    for (int64_t q = 0; q < count; q++)
      for (int64_t j = 0; j < dim; j++) below[q * dim + j] += key[j] < middle[q * dim + j];
  }
}

/* Settles one bit of every quantile: it is set when no more than `rank` rows lie below. */
static void halve(const ae_comm *comm, bisection *b, const float *rows, int64_t own_count, const int64_t *rank,
                  int bit) {
  for (int64_t i = 0; i < b->size; i++) b->middle[i] = b->found[i] | UINT32_C(1) << bit;
  memset(b->total, 0, (size_t)b->size * sizeof *b->total);
  for (int64_t at = 0; at < own_count; at += SLICE) {
    memset(b->below, 0, (size_t)b->size * sizeof *b->below);
    count_below(rows + at * b->dim, ae_min(SLICE, own_count - at), b->dim, b->count, b->middle, b->key, b->below);
    for (int64_t i = 0; i < b->size; i++) b->total[i] += b->below[i];
  }
  ae_reduce_integers(comm, b->total, b->size);
  for (int64_t i = 0; i < b->size; i++)
    if (b->total[i] <= rank[i / b->dim]) b->found[i] = b->middle[i];
}

/* Number of the first own row among all, and N. */
static void place_rows(const ae_comm *comm, int64_t own_count, int64_t *first, int64_t *all) {
  *first = 0;
  ae_comm_require(comm, MPI_Exscan(&own_count, first, 1, MPI_INT64_T, MPI_SUM, ae_comm_handle(comm)),
                  "counting rows for quantiles");
  if (ae_comm_rank(comm) == 0) *first = 0;
  *all = own_count;
  ae_reduce_integers(comm, all, 1);
}

static ae_status check_rows(const float *rows, int64_t own_count, int64_t dim, int64_t first) {
  for (int64_t i = 0; i < own_count * dim; i++)
    if (!isfinite(rows[i]))
      return AE_FAIL(AE_DATA,
                     "quantiles cannot use example %lld (counted from 0): its dimension %lld is %g, not a finite "
                     "number; correct or remove it",
                     (long long)(first + i / dim), (long long)(i % dim), (double)rows[i]);
  return AE_OK;
}

/* ⌊p·N⌋ within [0, N − 1]. */
static int64_t rank_of(double probability, int64_t all) {
  AE_ASSERT(!isnan(probability));
  const double place = floor(probability * (double)all);
  if (place <= 0) return 0;
  return place >= (double)all ? all - 1 : (int64_t)place;
}

ae_status ae_quantiles_find(const ae_comm *comm, const float *rows, int64_t own_count, int64_t dim,
                            const double *probabilities, int count, float *out) {
  AE_ASSERT(own_count >= 0 && dim >= 1 && count >= 0);
  ae_status status;
  bisection b = {.dim = dim, .count = count};
  int64_t first, all, *rank = NULL;
  place_rows(comm, own_count, &first, &all);
  if (all == 0) AE_RAISE(AE_DATA, "there are no examples to take quantiles of");
  AE_CHECK(ae_comm_agree(comm, check_rows(rows, own_count, dim, first)));
  status = bisection_create(&b);
  if (status == AE_OK) status = AE_NEW(rank, count);
  AE_CHECK(ae_comm_agree(comm, status));
  for (int q = 0; q < count; q++) rank[q] = rank_of(probabilities[q], all);
  for (int bit = 31; bit >= 0; bit--) halve(comm, &b, rows, own_count, rank, bit);
  for (int64_t i = 0; i < b.size; i++) out[i] = value_of(b.found[i]);
cleanup:
  bisection_destroy(&b);
  AE_FREE(rank);
  return status;
}
