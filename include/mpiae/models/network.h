/* The networks that network.kind asks for, dense or convolutional, between examples and codes. Convolutional ones see
 * and predict images channels last. Local. Builders add parameters to the graph's store, or find those another graph
 * added, and return the output, or NULL after an error that ae_graph_seal reports. */
#ifndef MPIAE_MODELS_NETWORK_H
#define MPIAE_MODELS_NETWORK_H

#include "mpiae/models/examples.h"
#include "mpiae/nn/dense.h"

/* Keys of the section `network`; lists are lent by the configuration. */
typedef struct ae_network {
  bool convolutional;
  const int64_t *channels; /* after each convolution, which halves the sides of an image; NULL of a dense one */
  int halvings;
  ae_hidden hidden;
  int64_t rows, columns, depth; /* of an image */
  int64_t features;             /* of an example */
} ae_network;

/* AE_USAGE when network.kind=conv and the examples are no images that network.channels can halve. */
ae_status ae_network_read(const ae_model_setup *setup, ae_network *out);

/* What stands between examples and the hidden layers of an encoder: convolutions <path>/conv_0, conv_1, … that halve
 * the sides of the image; nothing in dense networks. */
ae_tensor *ae_network_trunk(const ae_network *network, ae_graph *graph, const char *path, ae_tensor *x);

/* The encoder of one code under "encoder": trunk, hidden layers, then (μ | s) or, when not gaussian, the code. */
ae_tensor *ae_network_encoder(const ae_network *network, ae_graph *graph, ae_tensor *x, int64_t latent, bool gaussian);

/* The mirrored decoder under "decoder": what is predicted of an example, as networks see it, from one or two codes. */
ae_tensor *ae_network_decoder(const ae_network *network, ae_graph *graph, ae_tensor *const *codes, int count);

/* Those two for inference, on blocks of AE_BLOCK_ROWS rows. */
ae_status ae_network_build_encoder(const ae_network *network, const ae_examples *examples, ae_params *params,
                                   int64_t latent, bool gaussian, ae_forward *out);
ae_status ae_network_build_decoder(const ae_network *network, ae_params *params, int64_t latent, ae_forward *out);

#endif
