/* What examples are to a set autoencoder: sets of points as they stand, or images (set.input=image), whose pixels above
 * set.threshold are the points that their codes are decoded to. Local, unless it says so. */
#ifndef MPIAE_MODELS_SET_EXAMPLES_H
#define MPIAE_MODELS_SET_EXAMPLES_H

#include "mpiae/models/model.h"

typedef struct ae_set_examples {
  bool images;
  float threshold; /* of pixels, scaled, before data.center is subtracted */
  int64_t rows, columns;
  int64_t dim; /* coordinates of a point */

  /* The own training examples: set i, from 0, has offset[i+1] − offset[i] points; lent, but for images. */
  const ae_dataset *data;
  int64_t count;
  const int64_t *offset;

  /* Made of images: those borders; the block last asked for. */
  int64_t *own_offset, *block_offset;
  float *block_points;
} ae_set_examples;

/* AE_USAGE when set.input=image and the data are no images of one channel. */
ae_status ae_set_examples_read(const ae_model_setup *setup, ae_set_examples *out);

/* Finds the own training examples. */
ae_status ae_set_examples_find(const ae_dataset *data, ae_set_examples *examples);
void ae_set_examples_free(ae_set_examples *examples);

/* Points of an own training example (global number): how many; and they, into (size, dim). */
int64_t ae_set_examples_size(const ae_set_examples *examples, int64_t example);
void ae_set_examples_points(const ae_set_examples *examples, int64_t example, float *points);

/* The block as sets: *sets has their offsets and points in place of its rows; lent, until the next call. */
ae_status ae_set_examples_of_block(ae_set_examples *examples, const ae_block *block, ae_block *sets);

/* Collective. Points of the largest set of the whole data, whose shape is that of the setup's. */
int64_t ae_set_examples_largest(const ae_set_examples *examples, const ae_comm *comm, const ae_dataset *data);

#endif
