/* The assignment problem: each row gets a column of its own at the least total cost, exactly, in whole numbers.
 * Shortest augmenting paths (Jonker & Volgenant 1987), started from the least cost of every row; O(rows² · columns) in
 * the worst case. Local. */
#ifndef MPIAE_TENSOR_ASSIGNMENT_H
#define MPIAE_TENSOR_ASSIGNMENT_H

#include "mpiae/base/status.h"

#include <stdint.h>

typedef struct ae_assignment ae_assignment;

/* For problems of up to so many rows and columns. */
ae_status ae_assignment_create(int64_t rows, int64_t columns, ae_assignment **out);
void ae_assignment_destroy(ae_assignment **assignment); /* NULL is fine */

/* column[i] of each row, rows ≤ columns; cost (rows, columns), |cost| · (rows + 1) below 2^62. Several optima: which
 * one depends on the costs alone. */
void ae_assignment_solve(ae_assignment *assignment, int64_t rows, int64_t columns, const int64_t *cost,
                         int32_t *column);

#endif
