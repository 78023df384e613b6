/* Chamfer distance between two sets of points (Fan et al. 2017): mean_i min_j d(a_i, b_j) + mean_j min_i d(a_i, b_j),
 * each point to its nearest of the other set, ties to the lowest index; 0 when a set is empty. Local.
 *
 * Distances are formed pair by pair from differences of coordinates, in an order fixed by the dimension: time grows
 * with (points of a) · (points of b) · dimension, memory with neither set. */
#ifndef MPIAE_TENSOR_CHAMFER_H
#define MPIAE_TENSOR_CHAMFER_H

#include <stdbool.h>
#include <stdint.h>

/* Between two points: Σ (a − b)²; or the mean over coordinates of Huber's ½ x² for |x| ≤ 1, else |x| − ½ (Huber 1964),
 * x = a − b. */
typedef enum ae_point_distance { AE_SQUARED, AE_HUBER } ae_point_distance;

/* Floats of scratch for points of this dimension. */
int64_t ae_chamfer_scratch(int64_t dim);

/* The nearest of b (count_b ≥ 1, dim) to each of a (count_a, dim): index[i], and the mean of the distances (0 when a is
 * empty). Infinite when a distance is neither finite nor comparable. */
float ae_chamfer_nearest(ae_point_distance kind, int64_t dim, int64_t count_a, const float *a, int64_t count_b,
                         const float *b, int32_t *index, float *scratch);

/* gradient (of a) += scale · ∂/∂a Σ_i d(a_i, b_index[i]); with `reverse` the index is that of
 * the nearest of a to each of b: += scale · ∂/∂a Σ_j d(a_index[j], b_j). count: entries of index. */
void ae_chamfer_pull(ae_point_distance kind, int64_t dim, int64_t count, const float *a, const float *b,
                     const int32_t *index, bool reverse, float scale, float *gradient);

#endif
