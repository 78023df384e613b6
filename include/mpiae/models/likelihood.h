/* How likely an example is under what a network predicts: network.likelihood, of dense and convolutional networks.
 * Local. */
#ifndef MPIAE_MODELS_LIKELIHOOD_H
#define MPIAE_MODELS_LIKELIHOOD_H

#include "mpiae/models/examples.h"

typedef struct ae_likelihood {
  bool bernoulli; /* predictions are logits; else means of Gaussians of variance ½ */
} ae_likelihood;

/* The terms "cross_entropy" and "squared_error". */
extern const ae_figure ae_cross_entropy_figure, ae_squared_error_figure;

/* The hook `resolve`: Bernoulli unless told. */
ae_status ae_likelihood_resolve(const ae_comm *comm, ae_config *config, const ae_dataset *data);

/* AE_USAGE when it is one that `model` has not, or data.center does not go with it. */
ae_status ae_likelihood_read(const ae_config *config, const char *model, ae_likelihood *out);

/* AE_USAGE for values outside 0 … 1 under Bernoulli, or to be binarised. */
ae_status ae_likelihood_accept(const ae_likelihood *likelihood, const ae_examples *examples, const ae_dataset *data);

/* Whether examples as they are seen are ones it is a density or probability of: not grey values under Bernoulli. */
bool ae_likelihood_is_proper(const ae_likelihood *likelihood, const ae_examples *examples);

/* −ln p(x | prediction) of each row, and which of the terms it is; the same outside a graph, (count, features) both, out
 * (count). */
ae_tensor *ae_likelihood_loss(const ae_likelihood *likelihood, ae_graph *graph, ae_tensor *prediction, ae_tensor *x);
const ae_figure *ae_likelihood_figure(const ae_likelihood *likelihood);
void ae_likelihood_evaluate(const ae_likelihood *likelihood, int64_t count, int64_t features, const float *prediction,
                            const float *x, float *out);

/* Predictions → what one looks at: probabilities for Bernoulli, else means, as a dataset has examples. */
void ae_likelihood_show(const ae_likelihood *likelihood, const ae_examples *examples, int64_t count,
                        const float *prediction, float *x);

#endif
