/* Parts that dense models share. Local. */
#ifndef MPIAE_MODELS_DENSE_H
#define MPIAE_MODELS_DENSE_H

#include "mpiae/base/philox.h"
#include "mpiae/models/model.h"
#include "mpiae/nn/dense.h"

/* network.hidden and network.activation. */
ae_hidden ae_dense_hidden(const ae_config *config);

/* Whether the data can be trained on: AE_USAGE for values outside 0 … 1 under Bernoulli or to be binarised. */
ae_status ae_dense_check_data(const ae_model *model);

/* The mirrored decoder under "decoder": logits or means of the features from one or two codes. */
ae_tensor *ae_dense_decoder(const ae_model *model, ae_graph *graph, ae_tensor *const *codes, int count);

/* −ln p(x | prediction) per row by network.likelihood, and the name of its term ("cross_entropy", "squared_error"). */
ae_tensor *ae_dense_loss(const ae_model *model, ae_graph *graph, ae_tensor *prediction, ae_tensor *x);
const char *ae_dense_loss_name(const ae_model *model);

/* Predictions → what one looks at, in place: probabilities for Bernoulli, means for Gaussian. */
void ae_dense_mean(const ae_model *model, int64_t rows, float *prediction);

/* `count` rows of examples (global numbers) in the stored type, as the network sees them in this epoch: floats, made
 * black or white where data.binarize says so, by Philox(seed, AE_RANDOM_BINARIZE, epoch or 0, example). */
void ae_dense_prepare(const ae_model *model, uint32_t epoch, const int64_t *examples, const void *rows, int64_t count,
                      float *out);

/* Inputs of a batch: its examples as above; N(0, 1) noise for each of `latent` dimensions by (purpose, epoch, example).
 */
void ae_dense_fill_examples(const ae_model *model, const ae_batch *batch, ae_tensor *x);
void ae_dense_fill_noise(const ae_model *model, const ae_batch *batch, ae_purpose purpose, ae_tensor *noise);

/* The rows of the blocks of AE_MODEL_BLOCK that this rank has of `count`: [*begin, *end). */
void ae_dense_share(const ae_comm *comm, int64_t count, int64_t *begin, int64_t *end);

#endif
