/* Nearest centroids (of clusters, or entries of a codebook): matrix products in float32 rule out all that are surely
 * farther than the nearest, float64 decides among the rest. Local. */
#ifndef MPIAE_TENSOR_NEAREST_H
#define MPIAE_TENSOR_NEAREST_H

#include "mpiae/base/status.h"

#include <stdint.h>

/* Rows that are fastest to ask for at once; more are taken in blocks of as many. */
enum { AE_NEAREST_ROWS = 128 };

/* Larger values would overflow float32 when squared and summed. */
#define AE_NEAREST_LIMIT 1e15

typedef struct ae_nearest ae_nearest;

ae_status ae_nearest_create(int clusters, int64_t dim, ae_nearest **out);
void ae_nearest_destroy(ae_nearest **nearest);

/* Takes a copy of the centroids, (clusters, dim). */
void ae_nearest_set(ae_nearest *nearest, const float *centroid);

/* The centroid with the least ae_nearest_distance from each of `count` rows (count, dim), ties to the lowest: exactly,
 * whatever the kernels of the products, the other rows and the order of the centroids. Rows that are not finite get 0.
 */
void ae_nearest_find(ae_nearest *nearest, const float *rows, int64_t count, int32_t *label);

/* ‖a − b‖² in float64, in an order of additions fixed by dim alone. */
double ae_nearest_distance(const float *a, const float *b, int64_t dim);

#endif
