/* Layers of networks on images (row, column, channel): parameters and operations together. Local. Builders add
 * parameters under `path` to the graph's store (or find those another graph added) and return the output, or NULL after
 * an error that ae_graph_seal reports. Weights and biases start at U(±1/√fan_in), fan_in = taps × channels of the
 * input; for transposed convolutions taps × channels of the output, as in PyTorch, whose figures are the reference. */
#ifndef MPIAE_NN_IMAGE_H
#define MPIAE_NN_IMAGE_H

#include "mpiae/graph/ops.h"

/* The image a tensor of shape (row, column, channel) holds; of NULL, an empty one. */
ae_image ae_nn_image(const ae_tensor *tensor);

/* <path>/weight (output, row, column, input), <path>/bias (output). `image`: what the input holds (its own shape may be
 * flat). */
ae_tensor *ae_nn_convolution(ae_graph *graph, const char *path, ae_tensor *in, ae_image image, int64_t outputs,
                             ae_kernel kernel, ae_activation activation);

/* <path>/weight (input, row, column, output), <path>/bias (output). */
ae_tensor *ae_nn_convolution_transposed(ae_graph *graph, const char *path, ae_tensor *in, ae_image image,
                                        int64_t outputs, ae_kernel kernel, ae_activation activation);

/* x + W₂ ∗ relu(W₁ ∗ relu(x)): W₁ 3 × 3 to `hidden` channels under <path>/wide, W₂ 1 × 1 back under <path>/narrow (van
 * den Oord et al. 2017). */
ae_tensor *ae_nn_residual(ae_graph *graph, const char *path, ae_tensor *in, int64_t hidden);

#endif
