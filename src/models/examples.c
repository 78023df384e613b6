#include "mpiae/models/examples.h"

#include <string.h>

ae_examples ae_examples_of(const ae_model_setup *setup, bool channels_last) {
  ae_examples examples = {.seed = setup->seed,
                          .rank = setup->rank,
                          .features = setup->features,
                          .channels_last = channels_last,
                          .binarized = !ae_config_is(setup->config, "data.binarize", "none"),
                          .dynamic = ae_config_is(setup->config, "data.binarize", "dynamic"),
                          .center = (float)ae_config_real(setup->config, "data.center")};
  memcpy(examples.dim, setup->dim, sizeof examples.dim);
  return examples;
}

ae_status ae_examples_accept(const ae_examples *examples, const ae_dataset *data) {
  if (!examples->binarized || (data->low >= 0 && data->high <= 1)) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "data.binarize is for values in 0 to 1, but %s holds %.9g to %.9g" AE_SCALE_REMEDY
                 ", or data.binarize=none",
                 data->path, (double)data->low, (double)data->high);
}

ae_tensor *ae_examples_input(const ae_examples *examples, ae_graph *graph, const char *name, int axis) {
  const int64_t *dim = examples->dim;
  if (!examples->channels_last) return ae_graph_input(graph, name, axis, examples->rank, dim, false);
  return ae_graph_input(graph, name, axis, 3, (int64_t[]){dim[1], dim[2], dim[0]}, false);
}

/* Channels as they stand in rows that the networks see: each place's together. */
static int64_t channels_of(const ae_examples *examples) { return examples->channels_last ? examples->dim[0] : 1; }

/* x becomes 1 with probability x; the draws are numbered as the dataset has the features. */
static void binarize(const ae_examples *examples, uint32_t epoch, int64_t example, float *x) {
  const ae_stream stream = ae_stream_of(examples->seed, AE_RANDOM_BINARIZE, epoch, example);
  const int64_t channels = channels_of(examples), places = examples->features / channels;
  uint32_t words[4];
  for (int64_t i = 0; i < examples->features; i++) {
    float *at = x + i % places * channels + i / places;
    if (i % 4 == 0) ae_philox(stream, (uint32_t)(i / 4), words);
    *at = (double)words[i % 4] < (double)*at * 0x1p32 ? 1 : 0;
  }
}

void ae_examples_prepare(const ae_examples *examples, uint32_t epoch, const ae_block *block, float *out) {
  const int64_t features = examples->features;
  if (examples->channels_last) ae_dataset_to_images(block->data, block->rows, block->count, out);
  else ae_dataset_to_float(block->data, block->rows, block->count, out);
  for (int64_t i = 0; i < block->count && examples->binarized; i++)
    binarize(examples, examples->dynamic ? epoch : 0, block->example[i], out + i * features);
  for (int64_t i = 0; i < block->count * features && examples->center != 0; i++) out[i] -= examples->center;
}

void ae_examples_fill(const ae_examples *examples, const ae_dataset *data, const ae_batch *batch, ae_tensor *x) {
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++) {
    const int64_t example = batch->example[i];
    const ae_block one = {data, 1, &example, ae_dataset_row(data, example), NULL};
    ae_examples_prepare(examples, batch->epoch, &one, x->value + i * x->width);
  }
}

void ae_examples_feed(const ae_examples *examples, const ae_forward *forward, const ae_block *block) {
  ae_examples_prepare(examples, 0, block, forward->in[0]->value);
  ae_forward_run(forward, block->count);
}

void ae_examples_show(const ae_examples *examples, int64_t count, const float *prediction, float *x) {
  const int64_t features = examples->features, channels = channels_of(examples), places = features / channels;
  for (int64_t i = 0; i < count; i++)
    for (int64_t c = 0; c < channels; c++)
      for (int64_t p = 0; p < places; p++)
        x[i * features + c * places + p] = prediction[i * features + p * channels + c] + examples->center;
}

static void fill_noise(uint64_t seed, ae_purpose purpose, uint32_t epoch, int64_t count, const int64_t *example,
                       int64_t latent, float *noise) {
  for (int64_t i = 0; i < count; i++)
    ae_random_fill_normal(ae_stream_of(seed, purpose, epoch, example[i]), latent, noise + i * latent);
}

void ae_examples_fill_noise(uint64_t seed, const ae_batch *batch, ae_purpose purpose, ae_tensor *noise) {
  fill_noise(seed, purpose, batch->epoch, batch->offset[batch->segments], batch->example, noise->width, noise->value);
}

void ae_examples_noise(uint64_t seed, const ae_block *block, ae_purpose purpose, uint32_t draw, int64_t latent,
                       float *noise) {
  fill_noise(seed, purpose, draw, block->count, block->example, latent, noise);
}
