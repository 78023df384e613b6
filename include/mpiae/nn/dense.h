/* Layers of dense networks: parameters and operations together. Local. Builders add parameters under `path` to the
 * graph's store (or find those another graph added) and return the output, or NULL after an error that ae_graph_seal
 * reports. Weights and biases start at U(±1/√fan_in). */
#ifndef MPIAE_NN_DENSE_H
#define MPIAE_NN_DENSE_H

#include "mpiae/graph/graph.h"
#include "mpiae/tensor/elementwise.h"

/* Widths of the hidden layers and what stands between them. */
typedef struct ae_hidden {
  const int64_t *width; /* lent */
  int count;            /* ≥ 0 */
  ae_activation activation;
} ae_hidden;

/* <path>/weight (output, input), <path>/bias (output): y = f(W [x_0, x_1, …] + b). */
ae_tensor *ae_nn_linear(ae_graph *graph, const char *path, ae_tensor *const *in, int inputs, int64_t width,
                        ae_activation activation);

/* Layers <path>/hidden_0, hidden_1, …; without hidden layers the (single) input. reversed: last width first. */
ae_tensor *ae_nn_hidden(ae_graph *graph, const char *path, ae_tensor *const *in, int inputs, ae_hidden hidden,
                        bool reversed);

/* (μ | s) of `latent` dimensions by one linear layer: <path>/weight (statistic, output, input), statistic = mean,
 * logstd. */
ae_tensor *ae_nn_gaussian(ae_graph *graph, const char *path, ae_tensor *in, int64_t latent);

/* μ and s by two networks of the same shape on the same inputs, run as one of double width: <path>/hidden_i and
 * <path>/head with a leading axis `statistic` in every parameter. group > 1: the inputs have `group` rows for each row
 * of `axis`, and the mean over them is taken before the head, with which it commutes. At least one hidden layer. */
ae_tensor *ae_nn_gaussian_pair(ae_graph *graph, const char *path, ae_tensor *const *in, int inputs, ae_hidden hidden,
                               int64_t latent, int axis, int64_t group);

#endif
