/* Gated PixelCNN over maps of whole numbers (van den Oord et al., "Conditional image generation with PixelCNN
 * decoders", 2016): a vertical stack that sees the rows above a place, and a horizontal one that sees it and the places
 * before in the row, so that every earlier place within reach counts, and no other. Local. */
#ifndef MPIAE_NN_PIXELCNN_H
#define MPIAE_NN_PIXELCNN_H

#include "mpiae/graph/graph.h"

typedef struct ae_pixelcnn {
  int64_t entries;  /* numbers are 0 … entries−1 */
  int64_t channels; /* C of both stacks */
  int64_t layers;
  int64_t kernel; /* side, odd, at least 3 */
  int64_t labels; /* kinds that it is conditioned on; 0 = none */
} ae_pixelcnn;

/* Logits (row, column, entry) of the numbers at each place, given those before it in raster order. index: shape (row,
 * column); label: one number a row, NULL without labels. Parameters: embedding/weight (entry, channel);
 * layer_<i>/{vertical, across, horizontal, output}, and label/weight (label, 2 channels) where there are labels;
 * head/{hidden, output}, 4C channels between. */
ae_tensor *ae_nn_pixelcnn(ae_graph *graph, ae_tensor *index, ae_tensor *label, ae_pixelcnn shape);

#endif
