#include "mpiae/cluster/score.h"

#include "mpiae/base/memory.h"
#include "mpiae/tensor/assignment.h"

/* The smaller side is assigned, at a cost of −table. */
ae_status ae_score_match(const int64_t *table, int rows, int columns, int *match) {
  ae_status status;
  const bool is_wide = rows <= columns;
  const int64_t few = is_wide ? rows : columns, many = is_wide ? columns : rows;
  ae_assignment *assignment = NULL;
  int32_t *found = NULL;
  AE_CHECK(ae_assignment_create(few, many, &assignment));
  AE_CHECK(AE_NEW(found, few));
  for (int64_t i = 0; i < few; i++) {
    int64_t *cost = ae_assignment_row(assignment, many, i);
    for (int64_t j = 0; j < many; j++) cost[j] = -(is_wide ? table[i * many + j] : table[j * few + i]);
  }
  ae_assignment_solve(assignment, few, many, found);
  for (int i = 0; i < rows; i++) match[i] = -1;
  for (int i = 0; i < few; i++) {
    if (is_wide) match[i] = found[i];
    else match[found[i]] = i;
  }
cleanup:
  ae_assignment_destroy(&assignment);
  AE_FREE(found);
  return status;
}
