#include "mpiae/tensor/assignment.h"

#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"

/* Potentials u, v with cost − u − v ≥ 0, = 0 where a row has its column; columns without a row have v = 0. */
struct ae_assignment {
  int64_t *row_potential, *column_potential;
  int32_t *row_of;   /* (columns) the row a column is given to, −1 = none */
  int32_t *previous; /* (columns) the column before it on the path, −1 = the start */
  int64_t *distance; /* (columns) least reduced cost of a path to it */
  int64_t *closed;   /* (columns) INT64_MAX when its distance is final, else 0 */
};

ae_status ae_assignment_create(int64_t rows, int64_t columns, ae_assignment **out) {
  ae_status status;
  ae_assignment *a = NULL;
  AE_CHECK(AE_NEW(a, 1));
  AE_CHECK(AE_NEW(a->row_potential, rows));
  AE_CHECK(AE_NEW(a->column_potential, columns));
  AE_CHECK(AE_NEW(a->row_of, columns));
  AE_CHECK(AE_NEW(a->previous, columns));
  AE_CHECK(AE_NEW(a->distance, columns));
  AE_CHECK(AE_NEW(a->closed, columns));
cleanup:
  if (status != AE_OK) ae_assignment_destroy(&a);
  *out = a;
  return status;
}

void ae_assignment_destroy(ae_assignment **assignment) {
  ae_assignment *a = *assignment;
  if (a == NULL) return;
  AE_FREE(a->row_potential);
  AE_FREE(a->column_potential);
  AE_FREE(a->row_of);
  AE_FREE(a->previous);
  AE_FREE(a->distance);
  AE_FREE(a->closed);
  AE_FREE(*assignment);
}

static int64_t lowest(int64_t columns, const int64_t *cost) {
  int64_t best = 0;
  for (int64_t j = 1; j < columns; j++)
    if (cost[j] < cost[best]) best = j;
  return best;
}

/* A row takes its cheapest column where that is free. Returns whether it was. */
static bool take_cheapest(ae_assignment *a, int32_t row, int64_t columns, const int64_t *cost) {
  const int64_t best = lowest(columns, cost);
  a->row_potential[row] = cost[best];
  if (a->row_of[best] >= 0) return false;
  a->row_of[best] = row;
  return true;
}

/* Paths through a row, reached by `column`; `base` is the length to the row less its potential. Columns whose distance
 * is final are never nearer this way, so that the loop has no branch. */
AE_CLONES static void extend(int64_t columns, const int64_t *restrict cost, const int64_t *restrict potential,
                             int64_t base, int32_t column, int64_t *restrict distance, int32_t *restrict previous) {
  for (int64_t j = 0; j < columns; j++) {
    const int64_t through = base + cost[j] - potential[j];
    const bool less = through < distance[j];
    distance[j] = less ? through : distance[j];
    previous[j] = less ? column : previous[j];
  }
}

/* The first of the nearest columns whose distance is not final. Distances are never negative. */
AE_CLONES static int32_t nearest(int64_t columns, const int64_t *restrict distance, const int64_t *restrict closed) {
  int64_t least = INT64_MAX, at = 0;
  for (int64_t j = 0; j < columns; j++) {
    const int64_t value = distance[j] | closed[j];
    least = value < least ? value : least;
  }
  while ((distance[at] | closed[at]) != least) at++;
  return (int32_t)at;
}

/* Shortest path from `row` to a free column (Dijkstra on reduced costs); then potentials are mended by the distances.
 */
static int32_t find_path(ae_assignment *a, int32_t row, int64_t columns, const int64_t *cost) {
  for (int64_t j = 0; j < columns; j++) {
    a->distance[j] = INT64_MAX;
    a->closed[j] = 0;
  }
  int32_t column = -1, from = row;
  int64_t length = 0;
  do {
    extend(columns, cost + from * columns, a->column_potential, length - a->row_potential[from], column, a->distance,
           a->previous);
    column = nearest(columns, a->distance, a->closed);
    length = a->distance[column];
    from = a->row_of[column];
    if (from >= 0) a->closed[column] = INT64_MAX;
  } while (from >= 0);
  a->row_potential[row] += length;
  for (int64_t j = 0; j < columns; j++) {
    if (a->closed[j] == 0) continue;
    a->row_potential[a->row_of[j]] += length - a->distance[j];
    a->column_potential[j] -= length - a->distance[j];
  }
  return column;
}

static void augment(ae_assignment *a, int32_t row, int64_t columns, const int64_t *cost) {
  int32_t column = find_path(a, row, columns, cost);
  for (int32_t before; column >= 0; column = before) {
    before = a->previous[column];
    a->row_of[column] = before >= 0 ? a->row_of[before] : row;
  }
}

void ae_assignment_solve(ae_assignment *a, int64_t rows, int64_t columns, const int64_t *cost, int32_t *column) {
  AE_ASSERT(rows <= columns);
  for (int64_t j = 0; j < columns; j++) {
    a->row_of[j] = -1;
    a->column_potential[j] = 0;
  }
  for (int32_t i = 0; i < rows; i++) column[i] = take_cheapest(a, i, columns, cost + i * columns) ? 0 : -1;
  for (int32_t i = 0; i < rows; i++)
    if (column[i] < 0) augment(a, i, columns, cost);
  for (int32_t j = 0; j < columns; j++)
    if (a->row_of[j] >= 0) column[a->row_of[j]] = j;
}
