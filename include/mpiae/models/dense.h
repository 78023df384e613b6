/* Parts that dense models share. Local. */
#ifndef MPIAE_MODELS_DENSE_H
#define MPIAE_MODELS_DENSE_H

#include "mpiae/base/philox.h"
#include "mpiae/models/model.h"
#include "mpiae/nn/dense.h"

/* network.hidden and network.activation. */
ae_hidden ae_dense_hidden(const ae_config *config);

/* The hook `accepts`: AE_USAGE for values outside 0 … 1 under Bernoulli or to be binarised. */
ae_status ae_dense_accepts(const ae_model *model, const ae_dataset *data);

/* The mirrored decoder under "decoder": logits or means of the features from one or two codes. */
ae_tensor *ae_dense_decoder(const ae_model *model, ae_graph *graph, ae_tensor *const *codes, int count);

/* −ln p(x | prediction) per row by network.likelihood, and the name of its term ("cross_entropy", "squared_error"). */
ae_tensor *ae_dense_loss(const ae_model *model, ae_graph *graph, ae_tensor *prediction, ae_tensor *x);
const char *ae_dense_loss_name(const ae_model *model);

/* The same outside a graph: out (count). */
void ae_dense_likelihood(const ae_model *model, int64_t count, const float *prediction, const float *x, float *out);

/* Whether the data, as this configuration takes them, are ones the likelihood is a density or probability of: not grey
 * values under Bernoulli. */
bool ae_dense_is_proper(const ae_model *model);

/* Predictions → what one looks at, in place: probabilities for Bernoulli, means for Gaussian. */
void ae_dense_mean(const ae_model *model, int64_t rows, float *prediction);

/* A block as the network sees it in an epoch: floats (count, features), made black or white where data.binarize says
 * so, by Philox(seed, AE_RANDOM_BINARIZE, epoch, example); epoch 0 for static, and for inference. */
void ae_dense_prepare(const ae_model *model, uint32_t epoch, const ae_block *block, float *out);

/* Inputs of a batch: its examples as above; N(0, 1) noise for each of `latent` dimensions by (purpose, epoch, example).
 */
void ae_dense_fill_examples(const ae_model *model, const ae_batch *batch, ae_tensor *x);
void ae_dense_fill_noise(const ae_model *model, const ae_batch *batch, ae_purpose purpose, ae_tensor *noise);

/* N(0, 1) noise (count, latent) for the examples of a block, by (purpose, draw, example): for evaluate. */
void ae_dense_noise(const ae_model *model, const ae_block *block, ae_purpose purpose, uint32_t draw, int64_t latent,
                    float *noise);

/* Runs an inference graph on `count` rows of the axis of `input`. */
void ae_dense_run(ae_graph *graph, const ae_tensor *input, int64_t count);

#endif
