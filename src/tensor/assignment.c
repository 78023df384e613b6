#include "mpiae/tensor/assignment.h"

#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"

#include <string.h>

/* Rows are padded to whole blocks; a column of the padding, as one that is closed, has the potential −2 FAR, so that no
 * loop asks which it is. Sums of what is near stay below FAR: a free column bounds what a row pays, and with that the
 * potentials of the others. */
enum { BLOCK = 64, LANES = 32, NONE = -1 };
#define FAR (INT64_C(1) << 60)

struct ae_assignment {
  int64_t *cost;      /* (rows, padded columns of the problem) */
  int64_t *potential; /* v (columns) */
  int64_t *open;      /* (columns) the same, −2 FAR where the distance is final */
  int64_t *distance;  /* (columns) least reduced cost of a path to it, FAR when it is closed */
  int64_t *least;     /* (blocks) of `distance` */
  int64_t *length;    /* (columns) final distances of `closed` */
  int64_t *previous;  /* (columns) the column before it on the path, NONE = the start */
  int32_t *row_of;    /* (columns) NONE = free */
  int32_t *closed;    /* (columns) in the order in which their distances became final */
  int32_t *free_rows; /* (rows) */
};

static int64_t padded(int64_t columns) { return (columns + BLOCK - 1) / BLOCK * BLOCK; }

ae_status ae_assignment_create(int64_t rows, int64_t columns, ae_assignment **out) {
  ae_status status;
  ae_assignment *a = NULL;
  const int64_t width = padded(columns);
  AE_CHECK(AE_NEW(a, 1));
  AE_CHECK(AE_NEW(a->cost, rows * width));
  AE_CHECK(AE_NEW(a->potential, width));
  AE_CHECK(AE_NEW(a->open, width));
  AE_CHECK(AE_NEW(a->distance, width));
  AE_CHECK(AE_NEW(a->least, width / BLOCK));
  AE_CHECK(AE_NEW(a->length, width));
  AE_CHECK(AE_NEW(a->previous, width));
  AE_CHECK(AE_NEW(a->row_of, width));
  AE_CHECK(AE_NEW(a->closed, width));
  AE_CHECK(AE_NEW(a->free_rows, rows));
cleanup:
  if (status != AE_OK) ae_assignment_destroy(&a);
  *out = a;
  return status;
}

void ae_assignment_destroy(ae_assignment **assignment) {
  ae_assignment *a = *assignment;
  if (a == NULL) return;
  AE_FREE(a->cost);
  AE_FREE(a->potential);
  AE_FREE(a->open);
  AE_FREE(a->distance);
  AE_FREE(a->least);
  AE_FREE(a->length);
  AE_FREE(a->previous);
  AE_FREE(a->row_of);
  AE_FREE(a->closed);
  AE_FREE(a->free_rows);
  AE_FREE(*assignment);
}

int64_t *ae_assignment_row(ae_assignment *a, int64_t columns, int64_t row) { return a->cost + row * padded(columns); }

const int64_t *ae_assignment_potential(const ae_assignment *a) { return a->potential; }

/* The two least reduced costs of a row. */
typedef struct pair {
  int64_t least, second;
  int64_t column; /* of the least, the lowest */
} pair;

static pair pair_of_lanes(const int64_t *least, const int64_t *second, const int64_t *column) {
  pair best = {INT64_MAX, INT64_MAX, INT64_MAX};
  for (int l = 0; l < LANES; l++) {
    const bool wins = least[l] < best.least || (least[l] == best.least && column[l] < best.column);
    const int64_t larger = wins ? best.least : least[l], other = larger < second[l] ? larger : second[l];
    best.column = wins ? column[l] : best.column;
    best.least = wins ? least[l] : best.least;
    best.second = other < best.second ? other : best.second;
  }
  return best;
}

/* Lanes of fixed number without a branch, for the vectoriser. */
AE_CLONES static pair two_least(int64_t columns, const int64_t *restrict cost, const int64_t *restrict potential) {
  int64_t least[LANES], second[LANES], column[LANES];
  for (int l = 0; l < LANES; l++) {
    least[l] = second[l] = INT64_MAX;
    column[l] = 0;
  }
  for (int64_t j = 0; j < columns; j += LANES)
    for (int l = 0; l < LANES; l++) {
      const int64_t value = cost[j + l] - potential[j + l];
      const bool less = value < least[l];
      const int64_t larger = less ? least[l] : value;
      column[l] = less ? j + l : column[l];
      least[l] = less ? value : least[l];
      second[l] = larger < second[l] ? larger : second[l];
    }
  return pair_of_lanes(least, second, column);
}

/* v_j becomes the least of its column, row[j] the lowest row that has it. */
AE_CLONES static void reduce_columns(int64_t rows, int64_t columns, const int64_t *restrict cost,
                                     int64_t *restrict potential, int64_t *restrict row) {
  for (int64_t j = 0; j < columns; j++) {
    potential[j] = INT64_MAX;
    row[j] = 0;
  }
  for (int64_t i = 0; i < rows; i++, cost += columns)
    for (int64_t j = 0; j < columns; j++) {
      const bool less = cost[j] < potential[j];
      potential[j] = less ? cost[j] : potential[j];
      row[j] = less ? i : row[j];
    }
}

static void forget(ae_assignment *a, int64_t rows, int64_t columns, int32_t *column) {
  for (int64_t i = 0; i < rows; i++) column[i] = NONE;
  for (int64_t j = 0; j < padded(columns); j++) a->row_of[j] = NONE;
}

/* Column reduction: every column goes to the lowest of its cheapest rows that is still free, from the last column to the
 * first. Only where no column stays free in the end: such a one must have the largest potential. */
static void reduce_square(ae_assignment *a, int64_t size, int32_t *column, int32_t *matches) {
  reduce_columns(size, padded(size), a->cost, a->potential, a->previous);
  for (int32_t j = (int32_t)size - 1; j >= 0; j--) {
    const int64_t row = a->previous[j];
    if (matches[row]++ > 0) continue;
    a->row_of[j] = (int32_t)row;
    column[row] = j;
  }
}

/* Reduction transfer: what a row that no other column wanted can lower its own column by, at no cost. */
static void transfer(ae_assignment *a, int64_t size, const int32_t *column, const int32_t *matches) {
  for (int64_t i = 0; i < size; i++)
    if (matches[i] == 1) {
      const pair best = two_least(padded(size), ae_assignment_row(a, size, i), a->potential);
      a->potential[column[i]] -= best.second - best.least;
    }
}

static void begin(ae_assignment *a, int64_t rows, int64_t columns, int32_t *column) {
  int32_t *matches = a->closed;
  forget(a, rows, columns, column);
  for (int64_t j = 0; j < columns; j++) {
    a->potential[j] = 0;
    matches[j] = 0;
  }
  if (rows == columns) reduce_square(a, rows, column, matches);
  for (int64_t j = columns; j < padded(columns); j++) a->potential[j] = -2 * FAR;
  if (rows == columns && rows > 1) transfer(a, rows, column, matches);
}

static int64_t list_free(ae_assignment *a, int64_t rows, const int32_t *column) {
  int64_t count = 0;
  for (int32_t i = 0; i < rows; i++)
    if (column[i] == NONE) a->free_rows[count++] = i;
  return count;
}

/* Returns the row that had the column. */
static int32_t give(ae_assignment *a, int64_t to, int32_t row, int32_t *column) {
  const int32_t before = a->row_of[to];
  a->row_of[to] = row;
  column[row] = (int32_t)to;
  if (before != NONE) column[before] = NONE;
  return before;
}

/* Where a row's own least column is another's, at the same cost as the next: a free one of that cost, or else any. */
static int64_t other_column(const ae_assignment *a, int64_t columns, const int64_t *cost, const pair *best) {
  int64_t found = best->column;
  for (int64_t j = 0; j < columns; j++) {
    if (j == best->column || cost[j] - a->potential[j] > best->least) continue;
    if (a->row_of[j] == NONE) return j;
    if (found == best->column) found = j;
  }
  return found;
}

/* A free row takes its cheapest column and lowers that so far that the next is as cheap. Returns the row that had it. */
static int32_t take_cheapest(ae_assignment *a, int64_t columns, int32_t row, int32_t *column, bool *lowered) {
  const int64_t *cost = ae_assignment_row(a, columns, row);
  const pair best = two_least(padded(columns), cost, a->potential);
  int64_t to = best.column;
  *lowered = best.second > best.least && best.second < FAR;
  if (*lowered) a->potential[to] -= best.second - best.least;
  else if (a->row_of[to] != NONE) to = other_column(a, columns, cost, &best);
  return give(a, to, row, column);
}

/* Augmenting row reduction, one sweep over the free rows. A row that was driven out comes next, or, where that lowered
 * nothing, in the next sweep. Columns may go down by little each time, so the number of times is bounded. */
static void reduce_rows(ae_assignment *a, int64_t rows, int64_t columns, int32_t *column) {
  int64_t at = 0, bids = rows;
  const int64_t count = list_free(a, rows, column);
  while (at < count) {
    bool lowered;
    const int32_t before = take_cheapest(a, columns, a->free_rows[at++], column, &lowered);
    if (before != NONE && lowered && bids-- > 0) a->free_rows[--at] = before;
  }
}

/* One phase of an auction: free rows take their cheapest column and lower it by `step` more than pays, until few rows
 * are free. Who has what is forgotten then; the potentials stay. */
static void bid(ae_assignment *a, int64_t size, int64_t step, int32_t *column) {
  enum { FEW = 64, MOST_BIDS = 32 };
  int64_t count = list_free(a, size, column), bids = 0;
  while (count > size / FEW && bids < MOST_BIDS * size) {
    int64_t left = 0;
    bids += count;
    for (int64_t i = 0; i < count; i++) {
      const int32_t row = a->free_rows[i];
      const pair best = two_least(padded(size), ae_assignment_row(a, size, row), a->potential);
      a->potential[best.column] -= best.second - best.least + step;
      const int32_t before = give(a, best.column, row, column);
      if (before != NONE) a->free_rows[left++] = before;
    }
    count = left;
  }
  forget(a, size, size, column);
}

/* Scaling: where all rows want the same columns, as those of points that lie close together, the paths would lead
 * through most rows. Potentials that auctions with ever smaller steps have found make them short. */
static void scale_potentials(ae_assignment *a, int64_t size, int32_t *column) {
  enum { FIRST = 16, LAST = 1 << 27, RATIO = 5 };
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (int64_t i = 0; i < size; i++)
    for (int64_t j = 0; j < size; j++) {
      const int64_t cost = ae_assignment_row(a, size, i)[j];
      low = cost < low ? cost : low;
      high = cost > high ? cost : high;
    }
  forget(a, size, size, column);
  for (int64_t step = (high - low) / FIRST; step > (high - low) / LAST; step /= RATIO) bid(a, size, step, column);
}

/* Paths through a row, reached by `column`; `base` is the length to the row less what it pays. Also the least distance
 * of each block. */
AE_CLONES static void extend(int64_t columns, const int64_t *restrict cost, const int64_t *restrict open, int64_t base,
                             int64_t column, int64_t *restrict distance, int64_t *restrict previous,
                             int64_t *restrict least_of) {
  for (int64_t j = 0; j < columns; j += BLOCK) {
    int64_t least = INT64_MAX;
    for (int64_t l = j; l < j + BLOCK; l++) {
      const int64_t through = base + cost[l] - open[l];
      const bool less = through < distance[l];
      const int64_t nearer = less ? through : distance[l];
      distance[l] = nearer;
      previous[l] = less ? column : previous[l];
      least = nearer < least ? nearer : least;
    }
    least_of[j / BLOCK] = least;
  }
}

/* The first free one of the nearest open columns, or else the first. */
static int64_t nearest(const ae_assignment *a, int64_t columns) {
  int64_t least = INT64_MAX, found = NONE;
  for (int64_t b = 0; b < columns / BLOCK; b++) least = a->least[b] < least ? a->least[b] : least;
  for (int64_t b = 0; b < columns / BLOCK; b++) {
    if (a->least[b] > least) continue;
    for (int64_t j = b * BLOCK; j < (b + 1) * BLOCK; j++) {
      if (a->distance[j] > least) continue;
      if (a->row_of[j] == NONE) return j;
      if (found == NONE) found = j;
    }
  }
  return found;
}

/* Shortest path from `row` to a free column (Dijkstra on reduced costs); then potentials are mended by the distances.
 */
static int64_t find_path(ae_assignment *a, int32_t row, int64_t columns) {
  const int64_t width = padded(columns);
  memcpy(a->open, a->potential, (size_t)width * sizeof *a->open);
  for (int64_t j = 0; j < width; j++) a->distance[j] = FAR;
  int64_t column = NONE;
  int32_t from = row, closed = 0;
  int64_t base = 0, length;
  for (;;) {
    extend(width, ae_assignment_row(a, columns, from), a->open, base, column, a->distance, a->previous, a->least);
    column = nearest(a, width);
    length = a->distance[column];
    from = a->row_of[column];
    if (from == NONE) break;
    a->closed[closed] = (int32_t)column;
    a->length[closed++] = length;
    a->open[column] = -2 * FAR;
    a->distance[column] = FAR;
    base = length - (ae_assignment_row(a, columns, from)[column] - a->potential[column]);
  }
  for (int32_t i = 0; i < closed; i++) a->potential[a->closed[i]] -= length - a->length[i];
  return column;
}

static void augment(ae_assignment *a, int32_t row, int64_t columns) {
  int64_t column = find_path(a, row, columns);
  for (int64_t before; column != NONE; column = before) {
    before = a->previous[column];
    a->row_of[column] = before != NONE ? a->row_of[before] : row;
  }
}

/* Two sweeps find most of what sweeps can. */
static void sweep(ae_assignment *a, int64_t rows, int64_t columns, int32_t *column) {
  for (int i = 0; i < 2; i++) reduce_rows(a, rows, columns, column);
}

void ae_assignment_solve(ae_assignment *a, int64_t rows, int64_t columns, int32_t *column) {
  enum { MANY = 4, LARGE = 128 };
  AE_ASSERT(rows <= columns);
  begin(a, rows, columns, column);
  sweep(a, rows, columns, column);
  if (rows == columns && rows > LARGE && list_free(a, rows, column) > rows / MANY) {
    scale_potentials(a, rows, column);
    sweep(a, rows, columns, column);
  }
  const int64_t count = list_free(a, rows, column);
  for (int64_t i = 0; i < count; i++) augment(a, a->free_rows[i], columns);
  for (int32_t j = 0; j < columns; j++)
    if (a->row_of[j] != NONE) column[a->row_of[j]] = j;
}
