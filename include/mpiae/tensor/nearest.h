/* Nearest centroids (of clusters, or entries of a codebook) by matrix products: ‖x − c‖² = ‖x‖² − 2 x·c + ‖c‖², of
 * which ‖x‖² does not change who is nearest. Local. */
#ifndef MPIAE_TENSOR_NEAREST_H
#define MPIAE_TENSOR_NEAREST_H

#include "mpiae/base/status.h"

#include <stdint.h>

/* Rows in a block. The bits of a product may depend on its size, so callers place the blocks where no rank count
 * moves them. */
enum { AE_NEAREST_ROWS = 128 };

/* Larger values would overflow float32 when squared and summed. */
#define AE_NEAREST_LIMIT 1e15

typedef struct ae_nearest ae_nearest;

ae_status ae_nearest_create(int clusters, int64_t dim, ae_nearest **out);
void ae_nearest_destroy(ae_nearest **nearest);

/* Takes a copy of the centroids, (clusters, dim). */
void ae_nearest_set(ae_nearest *nearest, const float *centroid);

/* The nearest centroid of each of `count` rows (count, dim), in blocks counted from the first row. Ties to the
 * lowest. */
void ae_nearest_find(ae_nearest *nearest, const float *rows, int64_t count, int32_t *label);

/* ‖a − b‖² in float64, in an order of additions fixed by dim alone. */
double ae_nearest_distance(const float *a, const float *b, int64_t dim);

#endif
