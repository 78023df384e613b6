#include "mpiae/models/network.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/philox.h"
#include "mpiae/graph/ops.h"
#include "mpiae/nn/image.h"
#include "mpiae/tensor/gaussian.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Halves the sides of an image, and, transposed, doubles them. */
static const ae_kernel halving = {{4, 4}, {1, 1}, 2, AE_MASK_NONE};

enum { PATH_SIZE = 256 };

/* The convolutions: how many channels there are after each. */
typedef struct halvings {
  const int64_t *channels;
  int count;
} halvings;

static halvings halvings_of(const ae_model *model) {
  halvings found;
  found.count = ae_config_integers(model->setup.config, "network.channels", &found.channels);
  return found;
}

static bool is_convolutional(const ae_model *model) {
  return ae_config_is(model->setup.config, "network.kind", "conv");
}

static float center_of(const ae_model *model) { return (float)ae_config_real(model->setup.config, "data.center"); }

static ae_status check_center(const ae_model *model) {
  if (!model->bernoulli || ae_config_real(model->setup.config, "data.center") == 0) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "data.center=%g takes values out of 0 to 1, which network.likelihood=bernoulli is for: remove "
                 "it, or set network.likelihood=gaussian",
                 ae_config_real(model->setup.config, "data.center"));
}

/* How often both sides of an image can be halved. */
static int most_halvings(int64_t rows, int64_t columns) {
  int count = 0;
  for (; rows % 2 == 0 && columns % 2 == 0; rows /= 2, columns /= 2) count++;
  return count;
}

static ae_status check_sides(const ae_model *model) {
  const int64_t rows = model->setup.dim[1], columns = model->setup.dim[2];
  const int wanted = halvings_of(model).count, most = most_halvings(rows, columns);
  char remedy[64] = "set network.kind=dense";
  if (wanted <= most) return AE_OK;
  if (most > 0) snprintf(remedy, sizeof remedy, "give network.channels %d number%s at most", most, most > 1 ? "s" : "");
  return AE_FAIL(AE_USAGE,
                 "network.channels halves images %d times, but sides of %lld × %lld can be halved %d times only: %s",
                 wanted, (long long)rows, (long long)columns, most, remedy);
}

static ae_status check_images(const ae_model *model) {
  char shape[AE_SHAPE_SIZE];
  if (halvings_of(model).count == 0)
    return AE_FAIL(AE_USAGE, "network.channels is empty, but network.kind=conv needs one convolution at least");
  if (model->setup.rank == 3) return check_sides(model);
  ae_print_shape("N", model->setup.rank, model->setup.dim, shape);
  return AE_FAIL(AE_USAGE, "network.kind=conv is for images, (N, C, H, W), but the data are %s: set network.kind=dense",
                 shape);
}

ae_status ae_network_init_encoder(ae_model *model) {
  model->channels_last = is_convolutional(model);
  return model->channels_last ? check_images(model) : AE_OK;
}

ae_status ae_network_resolve(const ae_comm *comm, ae_config *config, const ae_dataset *data) {
  (void)comm, (void)data;
  if (ae_config_is(config, "network.likelihood", "auto")) ae_config_set(config, "network.likelihood", "bernoulli");
  return AE_OK;
}

ae_status ae_network_init(ae_model *model) {
  const ae_config *config = model->setup.config;
  model->bernoulli = !ae_config_is(config, "network.likelihood", "gaussian");
  if (ae_config_is(config, "network.likelihood", "categorical"))
    return AE_FAIL(AE_USAGE,
                   "network.likelihood=categorical is for model 'vqvae': choose bernoulli or gaussian for '%s'",
                   model->type->name);
  AE_RETURN_IF(check_center(model));
  return ae_network_init_encoder(model);
}

ae_hidden ae_network_hidden(const ae_config *config) {
  ae_hidden hidden;
  hidden.count = ae_config_integers(config, "network.hidden", &hidden.width);
  hidden.activation = ae_config_is(config, "network.activation", "tanh") ? AE_TANH : AE_RELU;
  return hidden;
}

ae_tensor *ae_network_input(const ae_model *model, ae_graph *graph, const char *name, int axis) {
  const ae_model_setup *setup = &model->setup;
  if (!model->channels_last) return ae_graph_input(graph, name, axis, setup->rank, setup->dim, false);
  return ae_graph_input(graph, name, axis, 3, (int64_t[]){setup->dim[1], setup->dim[2], setup->dim[0]}, false);
}

ae_tensor *ae_network_trunk(const ae_model *model, ae_graph *graph, const char *path, ae_tensor *x) {
  if (!is_convolutional(model)) return x;
  const halvings layers = halvings_of(model);
  const ae_activation activation = ae_network_hidden(model->setup.config).activation;
  char name[PATH_SIZE];
  for (int i = 0; i < layers.count && x != NULL; i++) {
    snprintf(name, sizeof name, "%s/conv_%d", path, i);
    x = ae_nn_convolution(graph, name, x, ae_nn_image(x), layers.channels[i], halving, activation);
  }
  return x;
}

/* From the last map of the trunk to the image: the same layers from last to first, transposed. */
static ae_tensor *add_doublings(const ae_model *model, ae_graph *graph, ae_tensor *x) {
  const halvings layers = halvings_of(model);
  const ae_activation activation = ae_network_hidden(model->setup.config).activation;
  const int64_t *dim = model->setup.dim;
  char name[PATH_SIZE];
  for (int i = layers.count - 1; i > 0; i--) {
    snprintf(name, sizeof name, "decoder/conv_%d", layers.count - 1 - i);
    const ae_image map = {dim[1] >> (i + 1), dim[2] >> (i + 1), layers.channels[i]};
    x = ae_nn_convolution_transposed(graph, name, x, map, layers.channels[i - 1], halving, activation);
  }
  const ae_image last = {dim[1] / 2, dim[2] / 2, layers.channels[0]};
  return ae_nn_convolution_transposed(graph, "decoder/output", x, last, dim[0], halving, AE_LINEAR);
}

ae_tensor *ae_network_decoder(const ae_model *model, ae_graph *graph, ae_tensor *const *codes, int count) {
  const ae_hidden hidden = ae_network_hidden(model->setup.config);
  ae_tensor *h = ae_nn_hidden(graph, "decoder", codes, count, hidden, true);
  ae_tensor *const *in = hidden.count > 0 ? &h : codes;
  if (hidden.count > 0) count = 1;
  if (!is_convolutional(model))
    return ae_nn_linear(graph, "decoder/output", in, count, model->setup.features, AE_LINEAR);
  const halvings layers = halvings_of(model);
  const int64_t places = (model->setup.dim[1] >> layers.count) * (model->setup.dim[2] >> layers.count);
  ae_tensor *map =
      ae_nn_linear(graph, "decoder/map", in, count, places * layers.channels[layers.count - 1], hidden.activation);
  return add_doublings(model, graph, map);
}

static bool is_binarized(const ae_model *model) { return !ae_config_is(model->setup.config, "data.binarize", "none"); }

ae_status ae_network_accepts(const ae_model *model, const ae_dataset *data) {
  const bool binarized = is_binarized(model);
  if ((data->low >= 0 && data->high <= 1) || (!model->bernoulli && !binarized)) return AE_OK;
  return AE_FAIL(AE_USAGE, "%s is for values in 0 to 1, but %s holds %g to %g: scale the data, or set %s",
                 binarized ? "data.binarize" : "network.likelihood=bernoulli", data->path, (double)data->low,
                 (double)data->high, binarized ? "data.binarize=none" : "network.likelihood=gaussian");
}

bool ae_network_is_proper(const ae_model *model) { return !model->bernoulli || is_binarized(model); }

ae_tensor *ae_network_loss(const ae_model *model, ae_graph *graph, ae_tensor *prediction, ae_tensor *x) {
  return model->bernoulli ? ae_bernoulli_loss(graph, "cross_entropy", prediction, x)
                          : ae_gaussian_loss(graph, "squared_error", prediction, x);
}

const ae_figure ae_cross_entropy_figure = {"cross_entropy", "reconstruction term of the training loss",
                                           "reconstruction term of the test loss", "nat", false};
const ae_figure ae_squared_error_figure = {
    "squared_error",
    "reconstruction term of the training loss, with the constant of the Gaussian; of a VQ-VAE the mean as a share of "
    "the data's variance",
    "reconstruction term of the test loss, with the constant of the Gaussian; of a VQ-VAE the mean as a share of the "
    "training data's variance",
    "nat", false};

const ae_figure *ae_network_figure(const ae_model *model) {
  return model->bernoulli ? &ae_cross_entropy_figure : &ae_squared_error_figure;
}

void ae_network_likelihood(const ae_model *model, int64_t count, const float *prediction, const float *x, float *out) {
  const int64_t width = model->setup.features;
  if (model->bernoulli) {
    ae_bernoulli(count, width, prediction, x, out);
    return;
  }
  const float constant = (float)ae_gaussian_constant(width);
  ae_squared_error(count, width, prediction, x, out);
  for (int64_t i = 0; i < count; i++) out[i] += constant;
}

/* Channels as they stand in rows that the networks see: each place's together. */
static int64_t channels_of(const ae_model *model) { return model->channels_last ? model->setup.dim[0] : 1; }

void ae_network_show(const ae_model *model, int64_t count, const float *prediction, float *x) {
  const int64_t features = model->setup.features, channels = channels_of(model), places = features / channels;
  const float center = center_of(model);
  for (int64_t i = 0; i < count; i++)
    for (int64_t c = 0; c < channels; c++)
      for (int64_t p = 0; p < places; p++)
        x[i * features + c * places + p] = prediction[i * features + p * channels + c] + center;
  if (model->bernoulli) ae_sigmoid(count * features, x, x);
}

/* x becomes 1 with probability x; the draws are numbered as the dataset has the features. */
static void binarize(const ae_model *model, uint32_t epoch, int64_t example, float *x) {
  const ae_stream stream = ae_stream_of(model->setup.seed, AE_RANDOM_BINARIZE, epoch, example);
  const int64_t channels = channels_of(model), places = model->setup.features / channels;
  uint32_t words[4];
  for (int64_t i = 0; i < model->setup.features; i++) {
    float *at = x + i % places * channels + i / places;
    if (i % 4 == 0) ae_philox(stream, (uint32_t)(i / 4), words);
    *at = (double)words[i % 4] < (double)*at * 0x1p32 ? 1 : 0;
  }
}

static void binarize_block(const ae_model *model, uint32_t epoch, const ae_block *block, float *out) {
  const uint32_t when = ae_config_is(model->setup.config, "data.binarize", "dynamic") ? epoch : 0;
  for (int64_t i = 0; i < block->count; i++) binarize(model, when, block->example[i], out + i * model->setup.features);
}

void ae_network_prepare(const ae_model *model, uint32_t epoch, const ae_block *block, float *out) {
  const float center = center_of(model);
  if (model->channels_last) ae_dataset_to_images(block->data, block->rows, block->count, out);
  else ae_dataset_to_float(block->data, block->rows, block->count, out);
  if (is_binarized(model)) binarize_block(model, epoch, block, out);
  for (int64_t i = 0; i < block->count * model->setup.features && center != 0; i++) out[i] -= center;
}

void ae_network_fill_examples(const ae_model *model, const ae_batch *batch, ae_tensor *x) {
  const ae_dataset *data = model->setup.data;
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++) {
    const int64_t example = batch->example[i];
    const ae_block one = {data, 1, &example, ae_dataset_row(data, example), NULL};
    ae_network_prepare(model, batch->epoch, &one, x->value + i * x->width);
  }
}

static void fill_noise(const ae_model *model, ae_purpose purpose, uint32_t epoch, int64_t count, const int64_t *example,
                       int64_t latent, float *noise) {
  for (int64_t i = 0; i < count; i++)
    ae_random_fill_normal(ae_stream_of(model->setup.seed, purpose, epoch, example[i]), latent, noise + i * latent);
}

void ae_network_fill_noise(const ae_model *model, const ae_batch *batch, ae_purpose purpose, ae_tensor *noise) {
  fill_noise(model, purpose, batch->epoch, batch->offset[batch->segments], batch->example, noise->width, noise->value);
}

void ae_network_noise(const ae_model *model, const ae_block *block, ae_purpose purpose, uint32_t draw, int64_t latent,
                      float *noise) {
  fill_noise(model, purpose, draw, block->count, block->example, latent, noise);
}

ae_status ae_network_blame_codes(ae_status status, uint32_t epoch) {
  if (ae_error_code(status) != AE_DATA) return status;
  const ae_status diverged =
      AE_FAIL(AE_DIVERGED, "epoch %u: the codes blew up (%s); a lower train.learning_rate usually helps", epoch,
              ae_error_message(status));
  ae_error_clear(&status);
  return diverged;
}

ae_status ae_network_draw(ae_model *model, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                          int32_t *label) {
  const int64_t latent = model->code_width;
  (void)label;
  for (int64_t i = 0; i < count; i++)
    ae_random_fill_normal(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, 0, at + i), latent, code + i * latent);
  return AE_OK;
}

void ae_network_run(ae_graph *graph, const ae_tensor *input, int64_t count) {
  ae_graph_set_rows(graph, input->axis, (int64_t[]){0, count});
  ae_graph_forward(graph, NULL);
}

ae_tensor *ae_network_encoder(const ae_model *model, ae_graph *graph, ae_tensor *x, int64_t latent, bool gaussian) {
  ae_tensor *h = ae_network_trunk(model, graph, "encoder", x);
  h = ae_nn_hidden(graph, "encoder", &h, 1, ae_network_hidden(model->setup.config), false);
  return gaussian ? ae_nn_gaussian(graph, "encoder/head", h, latent)
                  : ae_nn_linear(graph, "encoder/head", &h, 1, latent, AE_LINEAR);
}

ae_status ae_pass_begin(const ae_model *model, int64_t rows, ae_pass *pass, int *axis) {
  AE_RETURN_IF(ae_graph_create(model->setup.params, 1, NULL, 0, &pass->graph));
  *axis = ae_graph_axis(pass->graph, rows);
  return AE_OK;
}

ae_status ae_pass_seal(ae_pass *pass) {
  ae_graph_keep(pass->in);
  ae_graph_keep(pass->out);
  return ae_graph_seal(pass->graph);
}

void ae_pass_destroy(ae_pass *pass) { ae_graph_destroy(&pass->graph); }

ae_status ae_pass_build_encoder(const ae_model *model, int64_t latent, bool gaussian, ae_pass *pass) {
  int axis;
  AE_RETURN_IF(ae_pass_begin(model, AE_BLOCK_ROWS, pass, &axis));
  pass->in = ae_network_input(model, pass->graph, "x", axis);
  pass->out = ae_network_encoder(model, pass->graph, pass->in, latent, gaussian);
  return ae_pass_seal(pass);
}

ae_status ae_pass_build_decoder(const ae_model *model, int64_t latent, ae_pass *pass) {
  int axis;
  AE_RETURN_IF(ae_pass_begin(model, AE_BLOCK_ROWS, pass, &axis));
  pass->in = ae_graph_input(pass->graph, "z", axis, 1, &latent, false);
  pass->out = ae_network_decoder(model, pass->graph, &pass->in, 1);
  return ae_pass_seal(pass);
}

void ae_pass_encode(const ae_model *model, const ae_pass *encoder, const ae_block *block) {
  ae_network_prepare(model, 0, block, encoder->in->value);
  ae_network_run(encoder->graph, encoder->in, block->count);
}

void ae_pass_decode(const ae_model *model, const ae_pass *decoder, int64_t count, const float *code, float *x) {
  memcpy(decoder->in->value, code, (size_t)(count * decoder->in->width) * sizeof *code);
  ae_network_run(decoder->graph, decoder->in, count);
  ae_network_show(model, count, decoder->out->value, x);
}
