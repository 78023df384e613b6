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

/* Every row times its number in `weight` (width 1, needs no gradient). */
ae_tensor *ae_weigh_rows(ae_graph *graph, const char *name, ae_tensor *in, ae_tensor *weight);

#endif
