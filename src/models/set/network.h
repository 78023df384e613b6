/* The networks of the set autoencoders: encoder, decoder (a transformer that predicts sets; Kosiorek et al. 2020), and
 * the predictor of sizes; of attention blocks (nn/set.h; Lee et al. 2019). Local. Builders add parameters to the
 * graph's store, or find those another graph added, and return the output, or NULL after an error that ae_graph_seal
 * reports. */
#ifndef MPIAE_MODELS_SET_NETWORK_H
#define MPIAE_MODELS_SET_NETWORK_H

#include "mpiae/config/config.h"
#include "mpiae/graph/graph.h"

typedef struct ae_set_network {
  int64_t dim; /* coordinates of a point */
  int64_t width, heads, blocks;
  int64_t code;     /* numbers of a code: the width, or the latent size */
  bool variational; /* the encoder gives (μ | s) */
} ae_set_network;

/* set.width, set.heads, set.blocks, and set.latent_size of a variational one. AE_USAGE when the heads do not divide the
 * width. */
ae_status ae_set_network_read(const ae_config *config, int64_t dim, bool variational, ae_set_network *out);

/* Points (·, d) → the code of each set, on the axis `sets` that groups them: pointwise d → width / 4 → width, the
 * blocks, pooling by one learned seed with one head; then, of a variational one, width → width / 2 → (μ | s). */
ae_tensor *ae_set_encoder(const ae_set_network *network, ae_graph *graph, ae_tensor *points, int sets);

/* The code of each set and the points that its prediction begins as → the points of the prediction. Begins with a
 * linear layer over point and code side by side, in two parts that are each started by their own number of inputs
 * (PyTorch's start of one layer would go by both together): a point has few, and what tells it from the others must not
 * drown in the code that they share. Then the blocks, and a last layer whose weights start at 0 and whose bias
 * (ae_set_output_bias) is for the caller to start. */
ae_tensor *ae_set_decoder(const ae_set_network *network, ae_graph *graph, ae_tensor *code, ae_tensor *start);
const ae_parameter *ae_set_output_bias(const ae_set_network *network, ae_params *params);

/* Parameters of the predictor are under this. */
#define AE_SET_SIZE_PATH "size/"

/* A code → logits for the sizes 0 … most: code → width / 2 ReLU → most + 1. */
ae_tensor *ae_set_size_predictor(const ae_set_network *network, ae_graph *graph, ae_tensor *code, int64_t most);

#endif
