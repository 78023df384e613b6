/* Optimal matching of two sets of points of the same size: the one-to-one map with the least sum of squared distances.
 * Exact for distances rounded to 2^-50 of the squared diagonal of the box about all points (float coordinates have
 * 2^-24). Local. */
#ifndef MPIAE_TENSOR_MATCHING_H
#define MPIAE_TENSOR_MATCHING_H

#include "mpiae/base/status.h"

#include <stdint.h>

/* Largest set: the time grows with the cube. */
enum { AE_MATCHING_POINTS = 2000 };

typedef struct ae_matching ae_matching;

/* For sets of up to `points` points, at most AE_MATCHING_POINTS; 8 · points² bytes and a little, 32 MiB at most. */
ae_status ae_matching_create(int64_t points, ae_matching **out);
void ae_matching_destroy(ae_matching **matching); /* NULL is fine */

/* a and b (count, dim), count ≥ 1: a_i belongs to b_index[i]. Returns the mean of ‖a_i − b_index[i]‖². Points whose
 * distances are not finite stay in their order. */
float ae_matching_find(ae_matching *matching, int64_t dim, int64_t count, const float *a, const float *b,
                       int32_t *index);

#endif
