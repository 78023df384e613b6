/* Layers of networks on packed sets (graph/ops_sets.h): parameters and operations together. Local. Builders add
 * parameters under `path` to the graph's store (or find those another graph added) and return the output, or NULL after
 * an error that ae_graph_seal reports. Weights start Glorot uniform, U(±√(6 / (fan_in + fan_out))), biases at 0, gains
 * at 1. */
#ifndef MPIAE_NN_SET_H
#define MPIAE_NN_SET_H

#include "mpiae/graph/graph.h"

/* The attention block, normed after each sum (Vaswani et al. 2017; Kosiorek et al. 2020): h = LN(q + O A(Q q, K k, V
 * k)), LN(h + F₁ leaky(F₀ h)), A attention within each set in `heads` heads; all of the width d of the queries, which
 * `heads` divides. The output follows the queries; keys are points of the same sets, or the queries themselves
 * (self-attention). Nothing depends on the order of a set's points but that of the output on the queries'. An empty set
 * of keys adds 0. Parameters: <path>/query, key, value, output: weight (output, input); <path>/attention_norm,
 * forward_norm: gain, bias (output); <path>/forward_0, forward_1: weight (output, input), bias (output). */
ae_tensor *ae_nn_set_block(ae_graph *graph, const char *path, ae_tensor *queries, ae_tensor *keys, int64_t heads);

/* Pooling by learned seeds (Lee et al. 2019, eq. 11): the same block with the rows of <path>/seeds (seed, dimension),
 * of the points' width, as queries of every set. axis: grouped in groups of `seeds` by the sets; for one seed the axis
 * of sets itself. An empty set gives what the seed becomes without attention. */
ae_tensor *ae_nn_set_pool(ae_graph *graph, const char *path, ae_tensor *points, int axis, int64_t seeds, int64_t heads);

#endif
