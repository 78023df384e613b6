/* The operations one can put into a graph. Builders return the output tensor (lent, owned by the graph), or NULL after
 * an error that ae_graph_seal will report; NULL inputs are passed on. Rows of all inputs follow the same axis unless
 * told. */
#ifndef MPIAE_GRAPH_OPS_H
#define MPIAE_GRAPH_OPS_H

#include "mpiae/graph/graph.h"
#include "mpiae/tensor/elementwise.h"

/* y = f(Σ_i x_i W_iᵀ + b): the inputs stand side by side, width Σ widths = groups · I; weight has groups · O · I
 * numbers, (O, I) for each group of columns; bias groups · O. More than one input needs groups = 1. The output has
 * shape (groups · O). */
ae_tensor *ae_linear(ae_graph *graph, const char *name, ae_tensor *const *in, int inputs, const ae_parameter *weight,
                     const ae_parameter *bias, int64_t groups, ae_activation activation);

/* y = W x, without a bias; weight (O, I). */
ae_tensor *ae_project(ae_graph *graph, const char *name, ae_tensor *in, const ae_parameter *weight);

/* Mean of every `group` rows: the axis of the input has `group` times the rows of `axis`, row by row. */
ae_tensor *ae_mean_rows(ae_graph *graph, const char *name, ae_tensor *in, int axis, int64_t group);

/* z = μ + e^s ε of a diagonal Gaussian (μ | s), width 2L, and noise ε, width L (Kingma & Welling 2014, eq. 10). */
ae_tensor *ae_gaussian_sample(ae_graph *graph, const char *name, ae_tensor *gaussian, ae_tensor *noise);

/* KL(q‖p) per row (width 1) of diagonal Gaussians (μ | s): Σ s_p − s_q − ½ + (e^{2 s_q} + (μ_q − μ_p)²) / (2 e^{2
 * s_p}). */
ae_tensor *ae_gaussian_kl(ae_graph *graph, const char *name, ae_tensor *q, ae_tensor *p);

/* KL(q‖N(0, 1)) per row. */
ae_tensor *ae_gaussian_kl_standard(ae_graph *graph, const char *name, ae_tensor *q);

/* −ln p(x) per row, x needs no gradient. Bernoulli from logits (grey x gives the usual loss, no likelihood); Gaussian
 * of variance ½ with its constant: Σ (mean − x)² + (D/2) ln π. */
ae_tensor *ae_bernoulli_loss(ae_graph *graph, const char *name, ae_tensor *logit, ae_tensor *x);
ae_tensor *ae_gaussian_loss(ae_graph *graph, const char *name, ae_tensor *mean, ae_tensor *x);

/* Σ over numbers of (a − b)², divided by how many they are, per row; the gradient goes to a alone. */
ae_tensor *ae_mean_squared_error(ae_graph *graph, const char *name, ae_tensor *a, ae_tensor *b);

/* −Σ ln softmax(logit)[index] per row: the index tensor holds width W of whole numbers 0 … classes−1 as floats and
 * needs no gradient; logit has width W · classes, the logits of one number together. */
ae_tensor *ae_softmax_loss(ae_graph *graph, const char *name, ae_tensor *logit, ae_tensor *index, int64_t classes);

/* y = f(x). */
ae_tensor *ae_activate(ae_graph *graph, const char *name, ae_tensor *in, ae_activation activation);

/* a + b; b has the width of a, or one that divides it and is repeated along the row (a number for each channel added at
 * every place of an image). The shape of a. */
ae_tensor *ae_sum(ae_graph *graph, const char *name, ae_tensor *a, ae_tensor *b);

/* tanh(a) σ(b), a and b the two halves of the last dimension, which is halved (van den Oord et al. 2016, eq. 2). */
ae_tensor *ae_gate(ae_graph *graph, const char *name, ae_tensor *in);

/* K entries of D numbers: a parameter (K, D), or, with parameter NULL, numbers that the caller owns and may change
 * between passes. */
typedef struct ae_table {
  int64_t entries, width;
  const ae_parameter *parameter;
  const float *value;
} ae_table;

/* For each vector of D numbers in a row (its last dimension is D) the number of the nearest entry, squared Euclidean
 * distance, ties to the lowest; as floats, without a gradient. Shape: without the last dimension. */
ae_tensor *ae_nearest_entry(ae_graph *graph, const char *name, ae_tensor *in, ae_table table);

/* The entries of these numbers: shape of index, with the last dimension D. The gradient goes to the table when it is a
 * parameter. */
ae_tensor *ae_embed(ae_graph *graph, const char *name, ae_tensor *index, ae_table table);

/* The value of `value`, whose gradient is passed to `in` (van den Oord et al. 2017). */
ae_tensor *ae_straight_through(ae_graph *graph, const char *name, ae_tensor *in, ae_tensor *value);

/* Images are rows of shape (row, column, channel). */
typedef struct ae_image {
  int64_t rows, columns, channels;
} ae_image;

/* Which taps of a kernel count, in its rows or, when it has one row, its columns: all; those up to the middle one;
 * those before it (PixelCNN's masks B and A; van den Oord et al. 2016). */
typedef enum ae_mask { AE_MASK_NONE, AE_MASK_UP_TO, AE_MASK_BEFORE } ae_mask;

/* Sides, stride and zero padding of a convolution; padding[0] above and below, padding[1] left and right. */
typedef struct ae_kernel {
  int64_t side[2], padding[2];
  int64_t stride;
  ae_mask mask;
} ae_kernel;

/* y = f(W ∗ x + b): in has the width of `image`, weight is (output, row, column, input), bias (output). Side of the
 * output: (side + 2 · padding − side of the kernel) / stride + 1, rounded down. AE_USAGE when nothing is left of an
 * image. */
ae_tensor *ae_convolution(ae_graph *graph, const char *name, ae_tensor *in, ae_image image, const ae_parameter *weight,
                          const ae_parameter *bias, ae_kernel kernel, ae_activation activation);

/* Transposed: weight is (input, row, column, output). Side of the output: (side − 1) · stride − 2 · padding + kernel.
 * Masks are not for it. */
ae_tensor *ae_convolution_transposed(ae_graph *graph, const char *name, ae_tensor *in, ae_image image,
                                     const ae_parameter *weight, const ae_parameter *bias, ae_kernel kernel,
                                     ae_activation activation);

/* (x − μ) / √(σ² + 1e-6) · gain + bias, μ and σ² over the last dimension, of which gain and bias have the size (Ba et
 * al. 2016). The shape of x. */
ae_tensor *ae_layer_norm(ae_graph *graph, const char *name, ae_tensor *in, const ae_parameter *gain,
                         const ae_parameter *bias);

/* Every row times its number in `weight` (width 1, needs no gradient). */
ae_tensor *ae_weigh_rows(ae_graph *graph, const char *name, ae_tensor *in, ae_tensor *weight);

/* Rows of `in`, by number: row i of a segment is that row index[i] of the same segment on the axis of `in`. The index has
 * width 1, whole numbers from 0 as floats, and needs no gradient; the output follows its axis. The gradients of the rows
 * that took one are added in their order; of a row that none took, it is 0. */
ae_tensor *ae_gather_rows(ae_graph *graph, const char *name, ae_tensor *in, ae_tensor *index);

/* All operations, in order of name: a row is the descriptor ae_op_<row> of its file (graph/op.h). */
#define AE_OPS(ROW)                                                                                                    \
  ROW(activate)                                                                                                        \
  ROW(attention)                                                                                                       \
  ROW(bernoulli)                                                                                                       \
  ROW(chamfer)                                                                                                         \
  ROW(convolution)                                                                                                     \
  ROW(convolution_transposed)                                                                                          \
  ROW(embed)                                                                                                           \
  ROW(gate)                                                                                                            \
  ROW(gather_rows)                                                                                                     \
  ROW(gaussian)                                                                                                        \
  ROW(gaussian_kl)                                                                                                     \
  ROW(gaussian_sample)                                                                                                 \
  ROW(layer_norm)                                                                                                      \
  ROW(linear)                                                                                                          \
  ROW(matching)                                                                                                        \
  ROW(mean_rows)                                                                                                       \
  ROW(mean_squared_error)                                                                                              \
  ROW(nearest_entry)                                                                                                   \
  ROW(repeat_per_set)                                                                                                  \
  ROW(seeds)                                                                                                           \
  ROW(softmax)                                                                                                         \
  ROW(straight_through)                                                                                                \
  ROW(sum)                                                                                                             \
  ROW(sum_per_set)                                                                                                     \
  ROW(weigh_rows)

#endif
