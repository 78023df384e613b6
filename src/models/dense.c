#include "mpiae/models/dense.h"

#include "mpiae/base/philox.h"
#include "mpiae/graph/ops.h"
#include "mpiae/tensor/gaussian.h"

ae_hidden ae_dense_hidden(const ae_config *config) {
  ae_hidden hidden;
  hidden.count = ae_config_integers(config, "network.hidden", &hidden.width);
  hidden.activation = ae_config_is(config, "network.activation", "tanh") ? AE_TANH : AE_RELU;
  return hidden;
}

ae_tensor *ae_dense_decoder(const ae_model *model, ae_graph *graph, ae_tensor *const *codes, int count) {
  const ae_hidden hidden = ae_dense_hidden(model->setup.config);
  ae_tensor *x = ae_nn_hidden(graph, "decoder", codes, count, hidden, true);
  return ae_nn_linear(graph, "decoder/output", &x, 1, model->setup.features, AE_LINEAR);
}

static bool is_gaussian(const ae_model *model) {
  return ae_config_is(model->setup.config, "network.likelihood", "gaussian");
}

static bool is_binarized(const ae_model *model) { return !ae_config_is(model->setup.config, "data.binarize", "none"); }

ae_status ae_dense_accepts(const ae_model *model, const ae_dataset *data) {
  if (ae_config_is(model->setup.config, "network.likelihood", "categorical"))
    return AE_FAIL(AE_USAGE,
                   "network.likelihood=categorical is for model 'vqvae': choose bernoulli or gaussian for '%s'",
                   model->type->name);
  const bool binarized = is_binarized(model);
  if ((data->low >= 0 && data->high <= 1) || (is_gaussian(model) && !binarized)) return AE_OK;
  return AE_FAIL(AE_USAGE, "%s is for values in 0 to 1, but %s holds %g to %g: scale the data, or set %s",
                 binarized ? "data.binarize" : "network.likelihood=bernoulli", data->path, (double)data->low,
                 (double)data->high, binarized ? "data.binarize=none" : "network.likelihood=gaussian");
}

bool ae_dense_is_proper(const ae_model *model) { return is_gaussian(model) || is_binarized(model); }

ae_tensor *ae_dense_loss(const ae_model *model, ae_graph *graph, ae_tensor *prediction, ae_tensor *x) {
  return is_gaussian(model) ? ae_gaussian_loss(graph, "squared_error", prediction, x)
                            : ae_bernoulli_loss(graph, "cross_entropy", prediction, x);
}

const char *ae_dense_loss_name(const ae_model *model) { return is_gaussian(model) ? "squared_error" : "cross_entropy"; }

void ae_dense_likelihood(const ae_model *model, int64_t count, const float *prediction, const float *x, float *out) {
  const int64_t width = model->setup.features;
  if (!is_gaussian(model)) {
    ae_bernoulli(count, width, prediction, x, out);
    return;
  }
  const float constant = (float)ae_gaussian_constant(width);
  ae_squared_error(count, width, prediction, x, out);
  for (int64_t i = 0; i < count; i++) out[i] += constant;
}

void ae_dense_mean(const ae_model *model, int64_t rows, float *prediction) {
  if (!is_gaussian(model)) ae_sigmoid(rows * model->setup.features, prediction, prediction);
}

/* x becomes 1 with probability x. */
static void binarize(const ae_model *model, uint32_t epoch, int64_t example, float *x) {
  const ae_stream stream = ae_stream_of(model->setup.seed, AE_RANDOM_BINARIZE, epoch, example);
  uint32_t words[4];
  for (int64_t i = 0; i < model->setup.features; i++) {
    if (i % 4 == 0) ae_philox(stream, (uint32_t)(i / 4), words);
    x[i] = (double)words[i % 4] < (double)x[i] * 0x1p32 ? 1 : 0;
  }
}

void ae_dense_prepare(const ae_model *model, uint32_t epoch, const ae_block *block, float *out) {
  const ae_config *config = model->setup.config;
  ae_dataset_to_float(block->data, block->rows, block->count, out);
  if (!is_binarized(model)) return;
  const uint32_t when = ae_config_is(config, "data.binarize", "dynamic") ? epoch : 0;
  for (int64_t i = 0; i < block->count; i++) binarize(model, when, block->example[i], out + i * model->setup.features);
}

void ae_dense_fill_examples(const ae_model *model, const ae_batch *batch, ae_tensor *x) {
  const ae_dataset *data = model->setup.data;
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++) {
    const int64_t example = batch->example[i];
    const ae_block one = {data, 1, &example, ae_dataset_row(data, example)};
    ae_dense_prepare(model, batch->epoch, &one, x->value + i * x->width);
  }
}

void ae_dense_fill_noise(const ae_model *model, const ae_batch *batch, ae_purpose purpose, ae_tensor *noise) {
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++)
    ae_random_fill_normal(ae_stream_of(model->setup.seed, purpose, batch->epoch, batch->example[i]), noise->width,
                          noise->value + i * noise->width);
}

void ae_dense_noise(const ae_model *model, const ae_block *block, ae_purpose purpose, uint32_t draw, int64_t latent,
                    float *noise) {
  for (int64_t i = 0; i < block->count; i++)
    ae_random_fill_normal(ae_stream_of(model->setup.seed, purpose, draw, block->example[i]), latent,
                          noise + i * latent);
}

void ae_dense_run(ae_graph *graph, const ae_tensor *input, int64_t count) {
  ae_graph_set_rows(graph, input->axis, (int64_t[]){0, count});
  ae_graph_forward(graph, NULL);
}
