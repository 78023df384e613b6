/* Examples as networks see them: floats less data.center, black or white where data.binarize says so, images with the
 * channel first, as a dataset has them, or last. And the noise that belongs to examples. Local. */
#ifndef MPIAE_MODELS_EXAMPLES_H
#define MPIAE_MODELS_EXAMPLES_H

#include "mpiae/base/philox.h"
#include "mpiae/models/forward.h"
#include "mpiae/models/model.h"

typedef struct ae_examples {
  uint64_t seed;
  int rank;
  int64_t dim[3], features; /* of one, as a dataset has it */
  bool channels_last;       /* seen as (row, column, channel) */
  bool binarized, dynamic;  /* dynamic: anew every epoch */
  float center;
} ae_examples;

ae_examples ae_examples_of(const ae_model_setup *setup, bool channels_last);

/* AE_USAGE for values outside 0 … 1 that are to be binarised. */
ae_status ae_examples_accept(const ae_examples *examples, const ae_dataset *data);

/* An input of a graph for them. */
ae_tensor *ae_examples_input(const ae_examples *examples, ae_graph *graph, const char *name, int axis);

/* A block as seen in an epoch, (count, features); what is binarised, by Philox(seed, AE_RANDOM_BINARIZE, epoch,
 * example), epoch 0 for static and for inference. Those of a batch, as an input. A block through a network whose first
 * input it is. */
void ae_examples_prepare(const ae_examples *examples, uint32_t epoch, const ae_block *block, float *out);
void ae_examples_fill(const ae_examples *examples, const ae_dataset *data, const ae_batch *batch, ae_tensor *x);
void ae_examples_feed(const ae_examples *examples, const ae_forward *forward, const ae_block *block);

/* Back: what networks predict (count, features) → examples as a dataset has them. */
void ae_examples_show(const ae_examples *examples, int64_t count, const float *prediction, float *x);

/* N(0, 1) noise in each of `latent` dimensions: of a batch, as an input, by Philox(seed, purpose, epoch, example); and
 * (count, latent) of a block, by (seed, purpose, draw, example). */
void ae_examples_fill_noise(uint64_t seed, const ae_batch *batch, ae_purpose purpose, ae_tensor *noise);
void ae_examples_noise(uint64_t seed, const ae_block *block, ae_purpose purpose, uint32_t draw, int64_t latent,
                       float *noise);

#endif
