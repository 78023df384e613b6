/* Images as sets of points: each pixel above a threshold is the point (row / rows, column / columns), in row-major
 * order. Local. */
#ifndef MPIAE_DATA_POINTS_H
#define MPIAE_DATA_POINTS_H

#include "mpiae/h5/h5.h"

/* Of MNIST as sets of points: grey values above it, of 255 (Kosiorek et al. 2020). */
#define AE_POINTS_THRESHOLD 20

/* Points of an image of one channel (rows, columns), uint8 or float32 with the threshold in its units, into points
 * (·, 2); only counted when that is NULL. Returns their number. */
int64_t ae_points_of_image(ae_h5_type type, const void *image, int64_t rows, int64_t columns, float threshold,
                           float *points);

/* The same of `count` images, as packed sets: *offset count + 1, *points (offset[count], 2), owned by the caller, also
 * on failure. AE_INTERNAL without memory. */
ae_status ae_points_of_images(ae_h5_type type, const void *images, int64_t count, int64_t rows, int64_t columns,
                              float threshold, int64_t **offset, float **points);

/* A bound on the points of any `sets` of `count` packed sets: those of the largest. AE_INTERNAL without memory. */
ae_status ae_points_most(int64_t count, const int64_t *offset, int64_t sets, int64_t *points);

#endif
