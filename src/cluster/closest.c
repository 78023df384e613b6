#include "closest.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/nearest.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Why a bound on float32 products rules out safely.
 *
 * x and y are rows, o is the origin; X and Y are x − o and y − o as float32 has them; u = 2⁻²⁴, a = ‖X‖, b = ‖Y‖.
 * A candidate's value v = fl(fl(−2 X·Y) + offset) with offset = fl((1 − s) b²) is compared with the query's
 * bound = f (1 + e) − (1 − s) a² + t, where f is the float64 distance of the farthest row kept. Claim: when the
 * float64 distance of y is at most f, then v ≤ bound. Without s the two sides differ by these errors, all in units of
 * u (a + b)²:
 *
 * - at most 2.01 between ‖X − Y‖² and ‖x − y‖², whose roots differ by at most u (‖x − o‖ + ‖y − o‖) ≤ 1.001 u (a + b);
 *
 * - 0.54 (dim + 1) in the product, added in whatever order: γ 2ab ≤ γ (a + b)²/2, γ = (dim + 1) u / (1 − (dim + 1) u),
 *   dim ≤ 2²⁰;
 *
 * - 1 in rounding the offset, 1.1 in the sum of terms near 2ab and b², 0.01 in a² and b².
 *
 * That is less than c = 0.6 dim + 8, and (a + b)² ≤ 2a² + 2b² splits it between the two sides: s = 2cu. e covers the
 * roundings of two float64 distances, t the products that underflow. Beyond 2²⁰ dimensions, where float32 might
 * overflow, nothing is ruled out. */
enum { MOST_BOUNDED = 1 << 20 };

/* Candidates that are ruled out together, once their block is not. */
enum { STRIP = 32, STRIPS = AE_CLOSEST_CANDIDATES / STRIP };

struct ae_closest {
  int64_t dim;
  int wanted;
  float *origin; /* (dim) */
  /* the piece */
  const float *rows;
  int64_t first, count;
  float *packed; /* (blocks, dim, AE_CLOSEST_CANDIDATES), less the origin */
  float *offset; /* (blocks, AE_CLOSEST_CANDIDATES); infinite behind the last row */
  /* the queries */
  ae_closest_queries queries;
  float *moved;   /* (AE_CLOSEST_QUERIES, dim), less the origin */
  double *norm;   /* (AE_CLOSEST_QUERIES) */
  float *bound;   /* (AE_CLOSEST_QUERIES) */
  float *product; /* (AE_CLOSEST_QUERIES, AE_CLOSEST_CANDIDATES) −2 X·Y */
  uint8_t *near;  /* (AE_CLOSEST_QUERIES): whether the block holds a candidate */
};

ae_status ae_closest_create(int64_t dim, int wanted, int64_t most_rows, const float *origin, ae_closest **out) {
  ae_status status;
  ae_closest *closest = NULL;
  int64_t packed, moved;
  const int64_t places = ae_round_up(most_rows, AE_CLOSEST_CANDIDATES);
  AE_CHECK(ae_multiply(places, dim, "candidates × dimensions", &packed));
  AE_CHECK(ae_multiply(AE_CLOSEST_QUERIES, dim, "queries × dimensions", &moved));
  AE_CHECK(AE_NEW(closest, 1));
  closest->dim = dim;
  closest->wanted = wanted;
  AE_CHECK(AE_NEW(closest->origin, dim));
  AE_CHECK(AE_NEW(closest->packed, packed));
  AE_CHECK(AE_NEW(closest->offset, places));
  AE_CHECK(AE_NEW(closest->moved, moved));
  AE_CHECK(AE_NEW(closest->norm, AE_CLOSEST_QUERIES));
  AE_CHECK(AE_NEW(closest->bound, AE_CLOSEST_QUERIES));
  AE_CHECK(AE_NEW(closest->product, AE_CLOSEST_QUERIES * AE_CLOSEST_CANDIDATES));
  AE_CHECK(AE_NEW(closest->near, AE_CLOSEST_QUERIES));
  memcpy(closest->origin, origin, (size_t)dim * sizeof *origin);
cleanup:
  if (status != AE_OK) ae_closest_destroy(&closest);
  *out = closest;
  return status;
}

void ae_closest_destroy(ae_closest **closest) {
  if (*closest == NULL) return;
  AE_FREE((*closest)->origin);
  AE_FREE((*closest)->packed);
  AE_FREE((*closest)->offset);
  AE_FREE((*closest)->moved);
  AE_FREE((*closest)->norm);
  AE_FREE((*closest)->bound);
  AE_FREE((*closest)->product);
  AE_FREE((*closest)->near);
  AE_FREE(*closest);
}

static double share_of_error(int64_t dim) { return 2 * (0.6 * (double)dim + 8) * 0x1p-24; }

int64_t ae_closest_take_piece(ae_closest *closest, const float *rows, int64_t first, int64_t count) {
  const int64_t dim = closest->dim, places = ae_round_up(count, AE_CLOSEST_CANDIDATES);
  closest->rows = rows;
  closest->first = first;
  closest->count = count;
  for (int64_t i = 0; i < count; i++) {
    float *column =
        closest->packed + i / AE_CLOSEST_CANDIDATES * AE_CLOSEST_CANDIDATES * dim + i % AE_CLOSEST_CANDIDATES;
    double norm = 0;
    for (int64_t j = 0; j < dim; j++) {
      const float value = rows[i * dim + j] - closest->origin[j];
      column[j * AE_CLOSEST_CANDIDATES] = value;
      norm += (double)value * value;
    }
    closest->offset[i] = (float)((1 - share_of_error(dim)) * norm);
  }
  for (int64_t i = count; i < places; i++) closest->offset[i] = INFINITY;
  return places / AE_CLOSEST_CANDIDATES;
}

/* Of candidates numbered from `from` on. Once all rows kept are copies of the query only lower numbers can take a
 * place: without this rule many equal rows would all be looked at. */
static float find_bound(const ae_closest *closest, int64_t query, int64_t from) {
  const int64_t last = (query + 1) * closest->wanted - 1;
  const double farthest = closest->queries.distance[last], dim = (double)closest->dim;
  if (farthest == 0 && from > closest->queries.number[last]) return -INFINITY;
  if (farthest == INFINITY || closest->dim > MOST_BOUNDED) return INFINITY;
  const double bound =
      farthest * (1 + (dim + 8) * 0x1p-50) - (1 - share_of_error(closest->dim)) * closest->norm[query] + dim * 0x1p-120;
  return nextafterf((float)bound, INFINITY);
}

void ae_closest_take_queries(ae_closest *closest, const ae_closest_queries *queries) {
  const int64_t dim = closest->dim;
  closest->queries = *queries;
  for (int64_t q = 0; q < queries->count; q++) {
    closest->norm[q] = 0;
    for (int64_t j = 0; j < dim; j++) {
      const float value = queries->rows[q * dim + j] - closest->origin[j];
      closest->moved[q * dim + j] = value;
      closest->norm[q] += (double)value * value;
    }
    closest->bound[q] = find_bound(closest, q, 0);
  }
}

int64_t ae_closest_first_block(const ae_closest *closest) {
  const int64_t place = closest->queries.first - closest->first;
  return ae_max(0, ae_min(place, closest->count - 1)) / AE_CLOSEST_CANDIDATES;
}

/* Not `<=`: what cannot be compared is looked at. No branch, for the vectoriser. */
static inline uint8_t holds_candidate(const float *restrict product, const float *restrict offset, float bound,
                                      int count) {
  int any = 0;
  for (int c = 0; c < count; c++) any |= !(product[c] + offset[c] > bound);
  return (uint8_t)any;
}

/* Which queries have a candidate in the block. */
AE_CLONES static void mark_queries(const float *restrict product, const float *restrict offset,
                                   const float *restrict bound, int64_t queries, uint8_t *restrict near) {
  for (int64_t q = 0; q < queries; q++)
    near[q] = holds_candidate(product + q * AE_CLOSEST_CANDIDATES, offset, bound[q], AE_CLOSEST_CANDIDATES);
}

/* Which strips of one query's row hold them. */
AE_CLONES static void mark_strips(const float *restrict product, const float *restrict offset, float bound,
                                  uint8_t near[STRIPS]) {
  for (int s = 0; s < STRIPS; s++)
    near[s] = holds_candidate(product + (ptrdiff_t)s * STRIP, offset + (ptrdiff_t)s * STRIP, bound, STRIP);
}

/* How many of the rows kept come before this one. */
static int find_place(const int64_t *number, const double *distance, int wanted, int64_t new_number,
                      double new_distance) {
  int begin = 0, end = wanted;
  while (begin < end) {
    const int middle = begin + (end - begin) / 2;
    const bool is_before =
        distance[middle] < new_distance || (distance[middle] == new_distance && number[middle] < new_number);
    if (is_before) begin = middle + 1;
    else end = middle;
  }
  return begin;
}

/* Keeps the row among the query's if it belongs there. */
static bool insert(const ae_closest *closest, int64_t query, int64_t number, double distance) {
  const int wanted = closest->wanted;
  int64_t *numbers = closest->queries.number + query * wanted;
  double *distances = closest->queries.distance + query * wanted;
  const int place = find_place(numbers, distances, wanted, number, distance);
  if (place == wanted) return false;
  const size_t behind = (size_t)(wanted - 1 - place);
  memmove(numbers + place + 1, numbers + place, behind * sizeof *numbers);
  memmove(distances + place + 1, distances + place, behind * sizeof *distances);
  numbers[place] = number;
  distances[place] = distance;
  return true;
}

/* One by one: every row kept lowers the bound for the next. */
static void look_closer(ae_closest *closest, int64_t query, int64_t block, int64_t begin, int64_t end) {
  const int64_t dim = closest->dim, at = block * AE_CLOSEST_CANDIDATES, own = closest->queries.first + query;
  const float *product = closest->product + query * AE_CLOSEST_CANDIDATES, *offset = closest->offset + at;
  const float *row = closest->queries.rows + query * dim;
  float bound = closest->bound[query];
  for (int64_t c = begin; c < end; c++) {
    const int64_t number = closest->first + at + c;
    if (product[c] + offset[c] > bound || number == own) continue;
    const double distance = ae_nearest_distance(row, closest->rows + (at + c) * dim, dim);
    if (insert(closest, query, number, distance)) bound = find_bound(closest, query, number + 1);
  }
  closest->bound[query] = bound;
}

static void search_row(ae_closest *closest, int64_t query, int64_t block, int64_t count) {
  uint8_t near[STRIPS];
  mark_strips(closest->product + query * AE_CLOSEST_CANDIDATES, closest->offset + block * AE_CLOSEST_CANDIDATES,
              closest->bound[query], near);
  for (int64_t begin = 0; begin < count; begin += STRIP)
    if (near[begin / STRIP] != 0) look_closer(closest, query, block, begin, ae_min(begin + STRIP, count));
}

/* Bounds that hold for the numbers of one block are found anew for the next. */
static void renew_bounds(ae_closest *closest, int64_t from) {
  for (int64_t q = 0; q < closest->queries.count; q++)
    if (closest->queries.distance[(q + 1) * closest->wanted - 1] == 0) closest->bound[q] = find_bound(closest, q, from);
}

void ae_closest_search(ae_closest *closest, int64_t block) {
  const int64_t at = block * AE_CLOSEST_CANDIDATES, dim = closest->dim, queries = closest->queries.count;
  const int64_t count = ae_min(AE_CLOSEST_CANDIDATES, closest->count - at);
  ae_gemm(false, false, queries, count, dim, -2.0f, closest->moved, dim, closest->packed + at * dim,
          AE_CLOSEST_CANDIDATES, 0.0f, closest->product, AE_CLOSEST_CANDIDATES);
  renew_bounds(closest, closest->first + at);
  mark_queries(closest->product, closest->offset + at, closest->bound, queries, closest->near);
  for (int64_t q = 0; q < queries; q++)
    if (closest->near[q] != 0) search_row(closest, q, block, count);
}
