/* An array as a reader gives it to the importer, and how an array is taken as examples. Local. */
#ifndef MPIAE_DATA_ARRAY_H
#define MPIAE_DATA_ARRAY_H

#include "mpiae/h5/h5.h"

#define AE_ARRAY_MAX_RANK 4

/* For messages: what ae_array_shape takes. */
#define AE_ARRAY_SHAPES "(N), (N, F), (N, H, W) or (N, C, H, W)"

/* What a file is read for. */
typedef enum ae_array_use { AE_ARRAY_EXAMPLES, AE_ARRAY_LABELS } ae_array_use;

/* A whole file in memory. */
typedef struct ae_array {
  int rank; /* 1 … AE_ARRAY_MAX_RANK */
  int64_t dim[AE_ARRAY_MAX_RANK];
  ae_h5_type type; /* AE_H5_UINT8 or AE_H5_FLOAT32; of labels any, AE_H5_INT64 too */
  void *values;    /* row-major; owned */
  int32_t *label;  /* of each example, where they stand in the same file; else NULL; owned */
} ae_array;

void ae_array_free(ae_array *array);

/* Bytes of an array whose numbers take `size` bytes each, of sizes read from a file: AE_DATA naming it when they, zeros
 * left out, go beyond 2⁶³. */
ae_status ae_array_bytes(const char *path, const ae_array *array, int64_t size, int64_t *bytes);

/* Shape of one example in an array whose first axis is the examples: (N) → (1), (N, F) → (F), (N, H, W) → (1, H, W),
 * (N, C, H, W) → (C, H, W); axes that are not there get 0. False for another number of axes. */
bool ae_array_shape(int rank, const int64_t *dim, int *example_rank, int64_t example_dim[3]);

#endif
