/* What examples are to a set autoencoder: sets of points as they stand, or images (set.input=image), whose pixels above
 * set.threshold are the points that their codes are decoded to. Local, unless it says so. */
#ifndef MPIAE_MODELS_SET_EXAMPLES_H
#define MPIAE_MODELS_SET_EXAMPLES_H

#include "mpiae/models/model.h"

typedef struct ae_set_examples {
  bool images;
  float threshold; /* of pixels, bytes as shares of 255, before data.center is subtracted */
  int64_t rows, columns;
  int64_t dim; /* coordinates of a point */

  /* The own training examples, packed: set i, from 0, is points offset[i] … offset[i+1]; lent, but for images. */
  int64_t first, count;
  const int64_t *offset;
  const float *points;

  /* Made of images: the training examples, and the block last asked for. */
  int64_t *own_offset, *block_offset;
  float *own_points, *block_points;
} ae_set_examples;

/* AE_USAGE when set.input=image and the data are no images of one channel. */
ae_status ae_set_examples_read(const ae_model_setup *setup, ae_set_examples *out);

/* Finds the own training examples. */
ae_status ae_set_examples_find(const ae_dataset *data, ae_set_examples *examples);
void ae_set_examples_free(ae_set_examples *examples);

/* Points of an own training example (global number): (*count, dim); lent. */
const float *ae_set_examples_own(const ae_set_examples *examples, int64_t example, int64_t *count);

/* The block as sets: *sets has their offsets and points in place of its rows; lent, until the next call. */
ae_status ae_set_examples_of_block(ae_set_examples *examples, const ae_block *block, ae_block *sets);

/* Collective. Points of the largest set of the whole data, whose shape is that of the setup's. */
int64_t ae_set_examples_largest(const ae_set_examples *examples, const ae_comm *comm, const ae_dataset *data);

#endif
