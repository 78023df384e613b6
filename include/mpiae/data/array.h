/* An array as a foreign file holds it, and how an array is taken as examples. Local. */
#ifndef MPIAE_DATA_ARRAY_H
#define MPIAE_DATA_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

/* For messages: what ae_array_shape takes. */
#define AE_ARRAY_SHAPES "(N), (N, F), (N, H, W) or (N, C, H, W)"

/* Shape of one example in an array whose first axis is the examples: (N) → (1), (N, F) → (F), (N, H, W) → (1, H, W),
 * (N, C, H, W) → (C, H, W); axes that are not there get 0. False for another number of axes. */
bool ae_array_shape(int rank, const int64_t *dim, int *example_rank, int64_t example_dim[3]);

#endif
