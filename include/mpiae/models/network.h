/* What models share: the networks that network.kind asks for, dense or convolutional, what of an example they see, and
 * how likely it is under what they predict. Convolutional networks see and predict images channels last, (row, column,
 * channel); datasets, and whoever looks at what a model draws, have the channel first. Local. */
#ifndef MPIAE_MODELS_NETWORK_H
#define MPIAE_MODELS_NETWORK_H

#include "mpiae/base/philox.h"
#include "mpiae/models/model.h"
#include "mpiae/nn/dense.h"

/* The hook `resolve`: the likelihood is Bernoulli unless told. */
ae_status ae_network_resolve(const ae_comm *comm, ae_config *config, const ae_dataset *data);

/* For create, after ae_model_init, of a model whose encoder alone is such a network: sets channels_last. AE_USAGE when
 * the examples are no images that network.channels can halve. */
ae_status ae_network_init_encoder(ae_model *model);

/* The same of one that predicts examples, too: sets channels_last and bernoulli. AE_USAGE when the likelihood is not
 * for dense and convolutional networks, the examples are no images that network.channels can halve, or data.center does
 * not go with the likelihood. */
ae_status ae_network_init(ae_model *model);

/* network.hidden and network.activation. */
ae_hidden ae_network_hidden(const ae_config *config);

/* An input for examples, as the networks see them. */
ae_tensor *ae_network_input(const ae_model *model, ae_graph *graph, const char *name, int axis);

/* What stands between examples and the hidden layers of an encoder: convolutions <path>/conv_0, conv_1, … that halve
 * the sides of the image; nothing in dense networks. */
ae_tensor *ae_network_trunk(const ae_model *model, ae_graph *graph, const char *path, ae_tensor *x);

/* The hook `accepts`: AE_USAGE for values outside 0 … 1 under Bernoulli or to be binarised. */
ae_status ae_network_accepts(const ae_model *model, const ae_dataset *data);

/* The mirrored decoder under "decoder": logits or means of an example, as the networks see it, from one or two codes.
 */
ae_tensor *ae_network_decoder(const ae_model *model, ae_graph *graph, ae_tensor *const *codes, int count);

/* The terms "cross_entropy" and "squared_error". */
extern const ae_figure ae_cross_entropy_figure, ae_squared_error_figure;

/* −ln p(x | prediction) per row by network.likelihood, and which of the terms it is. */
ae_tensor *ae_network_loss(const ae_model *model, ae_graph *graph, ae_tensor *prediction, ae_tensor *x);
const ae_figure *ae_network_figure(const ae_model *model);

/* The same outside a graph: out (count). */
void ae_network_likelihood(const ae_model *model, int64_t count, const float *prediction, const float *x, float *out);

/* Whether the data, as this configuration takes them, are ones the likelihood is a density or probability of: not grey
 * values under Bernoulli. */
bool ae_network_is_proper(const ae_model *model);

/* Predictions (count, features) → examples as a dataset has them: probabilities for Bernoulli, else means. */
void ae_network_show(const ae_model *model, int64_t count, const float *prediction, float *x);

/* A block as the networks see it in an epoch: floats (count, features), made black or white where data.binarize says
 * so, by Philox(seed, AE_RANDOM_BINARIZE, epoch, example); epoch 0 for static, and for inference; less data.center. */
void ae_network_prepare(const ae_model *model, uint32_t epoch, const ae_block *block, float *out);

/* Inputs of a batch: its examples as above; N(0, 1) noise for each of `latent` dimensions by (purpose, epoch, example).
 */
void ae_network_fill_examples(const ae_model *model, const ae_batch *batch, ae_tensor *x);
void ae_network_fill_noise(const ae_model *model, const ae_batch *batch, ae_purpose purpose, ae_tensor *noise);

/* N(0, 1) noise (count, latent) for the examples of a block, by (purpose, draw, example): for evaluate. */
void ae_network_noise(const ae_model *model, const ae_block *block, ae_purpose purpose, uint32_t draw, int64_t latent,
                      float *noise);

/* Local. An error of the kind AE_DATA about rows that are codes of ours, not somebody's data, becomes AE_DIVERGED. */
ae_status ae_network_blame_codes(ae_status status, uint32_t epoch);

/* The hook of models whose prior over the code is N(0, 1) in each dimension. */
ae_status ae_network_draw(ae_model *model, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                          int32_t *label);

/* The encoder of one code under "encoder": trunk, hidden layers, then (μ | s) or, when not gaussian, the code. */
ae_tensor *ae_network_encoder(const ae_model *model, ae_graph *graph, ae_tensor *x, int64_t latent, bool gaussian);

/* A network for inference: an input, and what comes of it. Both are kept from one run to the next. */
typedef struct ae_pass {
  ae_graph *graph;
  ae_tensor *in, *out;
} ae_pass;

/* Begins one with an empty graph and *axis for at most `rows` rows; the caller sets in and out, then seals it. */
ae_status ae_pass_begin(const ae_model *model, int64_t rows, ae_pass *pass, int *axis);
ae_status ae_pass_seal(ae_pass *pass);
void ae_pass_destroy(ae_pass *pass); /* a zeroed one is fine */

/* The encoder above, and the decoder of one code, for blocks of AE_BLOCK_ROWS rows. */
ae_status ae_pass_build_encoder(const ae_model *model, int64_t latent, bool gaussian, ae_pass *pass);
ae_status ae_pass_build_decoder(const ae_model *model, int64_t latent, ae_pass *pass);

/* Runs the encoder on a block; the decoder on codes (count, latent), whose predictions become examples x. */
void ae_pass_encode(const ae_model *model, const ae_pass *encoder, const ae_block *block);
void ae_pass_decode(const ae_model *model, const ae_pass *decoder, int64_t count, const float *code, float *x);

/* Runs an inference graph on `count` rows of the axis of `input`. */
void ae_network_run(ae_graph *graph, const ae_tensor *input, int64_t count);

#endif
