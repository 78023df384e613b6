#include "mpiae/models/dense.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/philox.h"
#include "mpiae/graph/ops.h"

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

ae_status ae_dense_check_data(const ae_model *model) {
  const ae_dataset *data = model->setup.data;
  const bool binarized = !ae_config_is(model->setup.config, "data.binarize", "none");
  if (data == NULL || (data->low >= 0 && data->high <= 1) || (is_gaussian(model) && !binarized)) return AE_OK;
  return AE_FAIL(AE_USAGE, "%s is for values in 0 to 1, but %s holds %g to %g: scale the data, or set %s",
                 binarized ? "data.binarize" : "network.likelihood=bernoulli", data->path, (double)data->low,
                 (double)data->high, binarized ? "data.binarize=none" : "network.likelihood=gaussian");
}

ae_tensor *ae_dense_loss(const ae_model *model, ae_graph *graph, ae_tensor *prediction, ae_tensor *x) {
  return is_gaussian(model) ? ae_gaussian_loss(graph, "squared_error", prediction, x)
                            : ae_bernoulli_loss(graph, "cross_entropy", prediction, x);
}

const char *ae_dense_loss_name(const ae_model *model) { return is_gaussian(model) ? "squared_error" : "cross_entropy"; }

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

void ae_dense_prepare(const ae_model *model, uint32_t epoch, const int64_t *examples, const void *rows, int64_t count,
                      float *out) {
  const ae_config *config = model->setup.config;
  ae_dataset_to_float(model->setup.data, rows, count, out);
  if (ae_config_is(config, "data.binarize", "none")) return;
  const uint32_t when = ae_config_is(config, "data.binarize", "dynamic") ? epoch : 0;
  for (int64_t i = 0; i < count; i++) binarize(model, when, examples[i], out + i * model->setup.features);
}

void ae_dense_fill_examples(const ae_model *model, const ae_batch *batch, ae_tensor *x) {
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++)
    ae_dense_prepare(model, batch->epoch, &batch->example[i], ae_dataset_row(model->setup.data, batch->example[i]), 1,
                     x->value + i * x->width);
}

void ae_dense_fill_noise(const ae_model *model, const ae_batch *batch, ae_purpose purpose, ae_tensor *noise) {
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++)
    ae_random_fill_normal(ae_stream_of(model->setup.seed, purpose, batch->epoch, batch->example[i]), noise->width,
                          noise->value + i * noise->width);
}

void ae_dense_share(const ae_comm *comm, int64_t count, int64_t *begin, int64_t *end) {
  const int64_t blocks = (count + AE_MODEL_BLOCK - 1) / AE_MODEL_BLOCK;
  const int rank = ae_comm_rank(comm), size = ae_comm_size(comm);
  *begin = ae_min(count, blocks * rank / size * AE_MODEL_BLOCK);
  *end = ae_min(count, blocks * (rank + 1) / size * AE_MODEL_BLOCK);
}
