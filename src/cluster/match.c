#include "mpiae/cluster/score.h"

#include "mpiae/base/memory.h"

/* The assignment problem with costs −table, in integers, so the optimum is exact. The smaller side is assigned item
 * by item along shortest augmenting paths; potentials keep reduced costs at or above zero. */
typedef struct assignment {
  const int64_t *table;
  int64_t row_step, column_step; /* of the table, whichever way it is read */
  int rows, columns;             /* rows ≤ columns */
  int64_t *row_potential, *column_potential;
  int *row_of;       /* (columns) the row a column is given to, −1 = none */
  int *previous;     /* (columns) the column before it on the path, −1 = the start */
  int64_t *distance; /* (columns) least reduced cost of a path to it */
  bool *is_done;     /* (columns) its distance is final */
} assignment;

static ae_status assignment_create(assignment *a) {
  AE_RETURN_IF(AE_NEW(a->row_potential, a->rows));
  AE_RETURN_IF(AE_NEW(a->column_potential, a->columns));
  AE_RETURN_IF(AE_NEW(a->row_of, a->columns));
  AE_RETURN_IF(AE_NEW(a->previous, a->columns));
  AE_RETURN_IF(AE_NEW(a->distance, a->columns));
  AE_RETURN_IF(AE_NEW(a->is_done, a->columns));
  for (int j = 0; j < a->columns; j++) a->row_of[j] = -1;
  return AE_OK;
}

static void assignment_destroy(assignment *a) {
  AE_FREE(a->row_potential);
  AE_FREE(a->column_potential);
  AE_FREE(a->row_of);
  AE_FREE(a->previous);
  AE_FREE(a->distance);
  AE_FREE(a->is_done);
}

/* Extends paths through `row`, reached by `column` at distance `base`; the nearest column whose distance is not
 * final. */
static int extend(assignment *a, int row, int column, int64_t base) {
  int nearest = -1;
  for (int j = 0; j < a->columns; j++) {
    if (a->is_done[j]) continue;
    const int64_t cost = -a->table[row * a->row_step + j * a->column_step];
    const int64_t through = base + cost - a->row_potential[row] - a->column_potential[j];
    if (through < a->distance[j]) {
      a->distance[j] = through;
      a->previous[j] = column;
    }
    if (nearest < 0 || a->distance[j] < a->distance[nearest]) nearest = j;
  }
  return nearest;
}

/* Shortest path from `row` to a free column (Dijkstra on reduced costs); then potentials are mended by the distances.
 */
static int find_path(assignment *a, int row) {
  for (int j = 0; j < a->columns; j++) {
    a->distance[j] = INT64_MAX;
    a->is_done[j] = false;
  }
  int column = extend(a, row, -1, 0);
  while (a->row_of[column] >= 0) {
    a->is_done[column] = true;
    column = extend(a, a->row_of[column], column, a->distance[column]);
  }
  const int64_t length = a->distance[column];
  a->row_potential[row] += length;
  for (int j = 0; j < a->columns; j++) {
    if (!a->is_done[j]) continue;
    a->row_potential[a->row_of[j]] += length - a->distance[j];
    a->column_potential[j] -= length - a->distance[j];
  }
  return column;
}

static void assign_row(assignment *a, int row) {
  int column = find_path(a, row);
  for (int before; column >= 0; column = before) {
    before = a->previous[column];
    a->row_of[column] = before >= 0 ? a->row_of[before] : row;
  }
}

ae_status ae_score_match(const int64_t *table, int rows, int columns, int *match) {
  ae_status status;
  const bool is_wide = rows <= columns;
  assignment a = {.table = table};
  a.rows = is_wide ? rows : columns;
  a.columns = is_wide ? columns : rows;
  a.row_step = is_wide ? columns : 1;
  a.column_step = is_wide ? 1 : columns;
  AE_CHECK(assignment_create(&a));
  for (int i = 0; i < a.rows; i++) assign_row(&a, i);
  for (int i = 0; i < rows; i++) match[i] = -1;
  for (int j = 0; j < a.columns; j++) {
    if (a.row_of[j] < 0) continue;
    if (is_wide) match[a.row_of[j]] = j;
    else match[j] = a.row_of[j];
  }
cleanup:
  assignment_destroy(&a);
  return status;
}
