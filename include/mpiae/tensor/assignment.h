/* The assignment problem: each row gets a column of its own at the least total cost, exactly, in whole numbers.
 * LAPJV (R. Jonker & A. Volgenant 1987, "A shortest augmenting path algorithm for dense and sparse linear
 * assignment problems", Computing 38, 325–340): column reduction, reduction transfer, augmenting row reduction, and
 * shortest augmenting paths for the rows that are left; O(rows² · columns) in the worst case. Where many are left of a
 * square problem, ε-scaling by auctions first (D. P. Bertsekas 1988, "The auction algorithm", Annals of Operations
 * Research 14, 105–123). Local. */
#ifndef MPIAE_TENSOR_ASSIGNMENT_H
#define MPIAE_TENSOR_ASSIGNMENT_H

#include "mpiae/base/status.h"

#include <stdint.h>

typedef struct ae_assignment ae_assignment;

/* For problems of up to so many rows and columns. Holds the costs: 8 · rows · columns bytes, and a little. */
ae_status ae_assignment_create(int64_t rows, int64_t columns, ae_assignment **out);
void ae_assignment_destroy(ae_assignment **assignment); /* NULL is fine */

/* Where to write the costs of a row of a problem of so many columns: whole numbers,
 * |cost| · (rows + 64) below 2^62. */
int64_t *ae_assignment_row(ae_assignment *assignment, int64_t columns, int64_t row);

/* column[i] of each row, rows ≤ columns. The costs stay. Several optima: which one depends on the costs alone. */
void ae_assignment_solve(ae_assignment *assignment, int64_t rows, int64_t columns, int32_t *column);

/* (columns) of the last problem, lent: numbers v_j that prove its optimum. c_ij − v_j is least in the row's own column;
 * v_j ≤ v of every column without a row. */
const int64_t *ae_assignment_potential(const ae_assignment *assignment);

#endif
