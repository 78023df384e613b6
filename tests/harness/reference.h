/* Networks and densities in float64 on plain arrays, one example at a time: what models are checked against. */
#ifndef MPIAE_TESTS_REFERENCE_H
#define MPIAE_TESTS_REFERENCE_H

#include "mpiae/base/philox.h"
#include "mpiae/graph/params.h"

#include <stdbool.h>

/* Most hidden units of a network here. */
enum { AE_REFERENCE_WIDEST = 64 };

/* Values of a parameter; a missing one fails the test. */
const float *ae_reference_parameter(const ae_params *params, const char *path);

/* y = W x + b of layer `path`, rectified where told. */
void ae_reference_layer(const ae_params *params, const char *path, const double *x, int inputs, int outputs,
                        bool rectify, double *y);

/* (μ | s) of a pair of networks `path` with one hidden layer: statistic k has its own hidden layer and head. */
void ae_reference_pair(const ae_params *params, const char *path, const double *x, int inputs, int hidden, int latent,
                       double *out);

/* z = μ + e^s ε, and ε, the first numbers of a stream. */
void ae_reference_draw(ae_stream stream, int latent, const double *q, double *noise, double *z);

/* KL(q‖p) of (μ | s). */
double ae_reference_divergence(int latent, const double *q, const double *p);

/* ln of the density of (μ | s) at z, with its constant. */
double ae_reference_log_density(int latent, const double *q, const double *z);

/* −ln p(x) of a Bernoulli with these logits. */
double ae_reference_bernoulli(int features, const double *logit, const double *x);

#endif
