/* Autoencoder, and variational autoencoder (Kingma & Welling 2014), dense. The first is the second without noise and
 * divergence. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/graph/ops.h"
#include "mpiae/models/dense.h"
#include "mpiae/models/keys.h"

#include <math.h>
#include <string.h>

extern const ae_model_type ae_model_ae, ae_model_vae;

typedef struct autoencoder {
  ae_model base;
  bool variational;
  int64_t latent;
  ae_tensor *x, *noise, *q;    /* training; q = (μ | s) of the batch */
  ae_graph *encoder, *decoder; /* inference, blocks of AE_MODEL_BLOCK rows */
  ae_tensor *in, *code;        /* of the encoder: (μ | s), or the code of an AE */
  ae_tensor *z, *prediction;   /* of the decoder */
  uint32_t epoch;              /* the one that is, or was, trained */
  double *divergence;          /* of each latent dimension, mean over the last epoch; NaN before one */
} autoencoder;

static ae_tensor *encode(const autoencoder *model, ae_graph *graph, ae_tensor *x) {
  ae_tensor *h = ae_nn_hidden(graph, "encoder", &x, 1, ae_dense_hidden(model->base.setup.config), false);
  return model->variational ? ae_nn_gaussian(graph, "encoder/head", h, model->latent)
                            : ae_nn_linear(graph, "encoder/head", &h, 1, model->latent, AE_LINEAR);
}

static ae_status build_training(autoencoder *model) {
  const ae_model_setup *setup = &model->base.setup;
  AE_RETURN_IF(
      ae_graph_create(setup->params, setup->data->shards.count, setup->plane_end, setup->planes, &model->base.graph));
  ae_graph *graph = model->base.graph;
  const int axis = ae_graph_axis(graph, setup->capacity);
  model->x = ae_graph_input(graph, "x", axis, setup->rank, setup->dim, false);
  ae_tensor *z = model->q = encode(model, graph, model->x);
  if (model->variational) {
    model->noise = ae_graph_input(graph, "noise", axis, 1, &model->latent, false);
    z = ae_gaussian_sample(graph, "z", model->q, model->noise);
  }
  ae_tensor *prediction = ae_dense_decoder(&model->base, graph, &z, 1);
  ae_model_add_term(&model->base, ae_dense_loss_name(&model->base),
                    ae_dense_loss(&model->base, graph, prediction, model->x), 1);
  if (model->variational) {
    ae_model_add_term(&model->base, "kl", ae_gaussian_kl_standard(graph, "kl", model->q), 1);
    ae_graph_keep(model->q);
    model->base.statistics = (int)model->latent;
  }
  return ae_graph_seal(graph);
}

static ae_status build_inference(autoencoder *model) {
  const ae_model_setup *setup = &model->base.setup;
  AE_RETURN_IF(ae_graph_create(setup->params, 1, NULL, 0, &model->encoder));
  int axis = ae_graph_axis(model->encoder, AE_MODEL_BLOCK);
  model->in = ae_graph_input(model->encoder, "x", axis, setup->rank, setup->dim, false);
  model->code = encode(model, model->encoder, model->in);
  ae_graph_keep(model->code);
  AE_RETURN_IF(ae_graph_seal(model->encoder));
  AE_RETURN_IF(ae_graph_create(setup->params, 1, NULL, 0, &model->decoder));
  axis = ae_graph_axis(model->decoder, AE_MODEL_BLOCK);
  model->z = ae_graph_input(model->decoder, "z", axis, 1, &model->latent, false);
  model->prediction = ae_dense_decoder(&model->base, model->decoder, &model->z, 1);
  ae_graph_keep(model->prediction);
  return ae_graph_seal(model->decoder);
}

static void destroy(ae_model *base) {
  autoencoder *model = (autoencoder *)base;
  ae_graph_destroy(&model->base.graph);
  ae_graph_destroy(&model->encoder);
  ae_graph_destroy(&model->decoder);
  AE_FREE(model->divergence);
  AE_FREE(model);
}

static ae_status create(const ae_model_setup *setup, const ae_model_type *type, ae_model **out) {
  ae_status status;
  autoencoder *model = NULL;
  AE_CHECK(AE_NEW(model, 1));
  ae_model_init(&model->base, type, setup);
  model->variational = type == &ae_model_vae;
  model->latent = ae_config_integer(setup->config, "network.latent_size");
  AE_CHECK(AE_NEW(model->divergence, model->latent));
  for (int64_t i = 0; i < model->latent; i++) model->divergence[i] = NAN;
  AE_CHECK(ae_dense_check_data(&model->base));
  if (setup->data != NULL) AE_CHECK(build_training(model));
  AE_CHECK(build_inference(model));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  return ae_comm_agree(setup->comm, status);
}

static ae_status create_ae(const ae_model_setup *setup, ae_model **out) { return create(setup, &ae_model_ae, out); }
static ae_status create_vae(const ae_model_setup *setup, ae_model **out) { return create(setup, &ae_model_vae, out); }

/* β, rising from 0 over vae.warmup_epochs. */
static float divergence_weight(const autoencoder *model, const ae_batch *batch) {
  const double beta = ae_config_real(model->base.setup.config, "vae.beta");
  const double warmup = ae_config_real(model->base.setup.config, "vae.warmup_epochs");
  const double done = (double)(batch->epoch - 1) + (double)batch->step / (double)batch->steps;
  return (float)(done < warmup ? beta * done / warmup : beta);
}

static void fill(ae_model *base, const ae_batch *batch) {
  autoencoder *model = (autoencoder *)base;
  model->epoch = batch->epoch;
  ae_graph_set_rows(base->graph, model->x->axis, batch->offset);
  ae_dense_fill_examples(base, batch, model->x);
  if (!model->variational) return;
  ae_dense_fill_noise(base, batch, AE_RANDOM_NOISE_Z, model->noise);
  base->term[1].weight = divergence_weight(model, batch);
}

/* Divergence of each latent dimension. */
static void statistics(const ae_model *base, int64_t begin, int64_t end, double *sums) {
  const autoencoder *model = (const autoencoder *)base;
  memset(sums, 0, (size_t)model->latent * sizeof *sums);
  for (int64_t i = begin; i < end; i++)
    for (int64_t j = 0; j < model->latent; j++) {
      const double mean = (double)model->q->value[2 * i * model->latent + j];
      const double logstd = (double)model->q->value[(2 * i + 1) * model->latent + j];
      sums[j] += 0.5 * (exp(2 * logstd) + mean * mean - 1) - logstd;
    }
}

static ae_status epoch_end(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  autoencoder *model = (autoencoder *)base;
  int active = 0;
  (void)epoch;
  for (int64_t j = 0; j < model->latent; j++) {
    model->divergence[j] = base->statistic_sum[j] / (double)base->setup.data->examples;
    active += model->divergence[j] > 0.01;
  }
  ae_metrics_set(metrics, "active_units", active);
  return AE_OK;
}

/* Codes of own examples example … example+count−1, count ≤ AE_MODEL_BLOCK: means, and log standard deviations where not
 * NULL. */
static void encode_block(autoencoder *model, int64_t example, int64_t count, float *mean, float *logstd) {
  const int64_t latent = model->latent, width = model->code->width;
  int64_t examples[AE_MODEL_BLOCK];
  for (int64_t i = 0; i < count; i++) examples[i] = example + i;
  ae_graph_set_rows(model->encoder, model->in->axis, (int64_t[]){0, count});
  ae_dense_prepare(&model->base, model->epoch, examples, ae_dataset_row(model->base.setup.data, example), count,
                   model->in->value);
  ae_graph_forward(model->encoder, NULL);
  for (int64_t i = 0; i < count; i++) {
    const float *code = model->code->value + i * width;
    memcpy(mean + i * latent, code, (size_t)latent * sizeof *mean);
    if (logstd != NULL) memcpy(logstd + i * latent, code + latent, (size_t)latent * sizeof *logstd);
  }
}

/* One pass over own examples, in blocks that begin with each shard. */
static void encode_all(autoencoder *model, float *mean, float *logstd) {
  const ae_shards *shards = &model->base.setup.data->shards;
  const int64_t begin = ae_shards_own_begin(shards);
  const ae_phase previous = ae_profile_enter(AE_PHASE_ENCODE);
  for (int v = shards->first; v < shards->first + shards->count; v++)
    for (int64_t at = ae_shards_begin(shards, v); at < ae_shards_begin(shards, v + 1); at += AE_MODEL_BLOCK) {
      const int64_t place = (at - begin) * model->latent;
      encode_block(model, at, ae_min(ae_shards_begin(shards, v + 1) - at, AE_MODEL_BLOCK), mean + place,
                   logstd != NULL ? logstd + place : NULL);
    }
  ae_profile_leave(previous);
}

static ae_status write_posteriors(const autoencoder *model, ae_h5 *file, const float *mean, const float *logstd) {
  const ae_shards *shards = &model->base.setup.data->shards;
  const int64_t begin = ae_shards_own_begin(shards), count = ae_shards_own_count(shards);
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "latent", model->latent, NULL, "dimension of the latent code z"));
  ae_h5_dataset dataset = {"/z_mean",
                           AE_H5_FLOAT32,
                           2,
                           {shards->examples, model->latent},
                           {"example", "latent"},
                           model->variational ? "mean of the posterior of z" : "latent code z",
                           NULL};
  AE_RETURN_IF(ae_h5_write(file, &dataset, begin, count, mean));
  if (!model->variational) return AE_OK;
  dataset.path = "/z_logstd";
  dataset.description = "log standard deviation of the posterior of z";
  AE_RETURN_IF(ae_h5_write(file, &dataset, begin, count, logstd));
  const ae_h5_dataset divergence = {
      "/z_kl",    AE_H5_FLOAT64,
      1,          {model->latent},
      {"latent"}, "divergence of each dimension from the prior, mean over the epoch as it trained",
      "nat"};
  const int64_t rows = ae_comm_rank(model->base.setup.comm) == 0 ? model->latent : 0;
  return ae_h5_write(file, &divergence, 0, rows, model->divergence);
}

static ae_status write_codes(ae_model *base, ae_h5 *file) {
  autoencoder *model = (autoencoder *)base;
  const int64_t floats = ae_shards_own_count(&base->setup.data->shards) * model->latent;
  ae_status status;
  float *mean = NULL, *logstd = NULL;
  status = AE_NEW(mean, floats);
  if (status == AE_OK && model->variational) status = AE_NEW(logstd, floats);
  AE_CHECK(ae_comm_agree(base->setup.comm, status));
  encode_all(model, mean, logstd);
  AE_CHECK(write_posteriors(model, file, mean, logstd));
cleanup:
  AE_FREE(mean);
  AE_FREE(logstd);
  return status;
}

/* Draws samples [at, at + count) into x and z. */
static void sample_block(autoencoder *model, const ae_sample_request *request, int64_t at, int64_t count, float *x,
                         float *z) {
  const int64_t features = model->base.setup.features;
  ae_graph_set_rows(model->decoder, model->z->axis, (int64_t[]){0, count});
  for (int64_t i = 0; i < count; i++)
    ae_random_fill_normal(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, 0, at + i), model->latent,
                          model->z->value + i * model->latent);
  memcpy(z, model->z->value, (size_t)(count * model->latent) * sizeof *z);
  ae_graph_forward(model->decoder, NULL);
  memcpy(x, model->prediction->value, (size_t)(count * features) * sizeof *x);
  ae_dense_mean(&model->base, count, x);
}

static ae_status sample(ae_model *base, const ae_sample_request *request, ae_h5 *file) {
  autoencoder *model = (autoencoder *)base;
  int64_t begin, end;
  ae_status status;
  float *x = NULL, *z = NULL;
  ae_dense_share(base->setup.comm, request->count, &begin, &end);
  status = AE_NEW(x, (end - begin) * base->setup.features);
  if (status == AE_OK) status = AE_NEW(z, (end - begin) * model->latent);
  AE_CHECK(ae_comm_agree(base->setup.comm, status));
  for (int64_t at = begin; at < end; at += AE_MODEL_BLOCK)
    sample_block(model, request, at, end - at < AE_MODEL_BLOCK ? end - at : AE_MODEL_BLOCK,
                 x + (at - begin) * base->setup.features, z + (at - begin) * model->latent);
  AE_CHECK(ae_model_write_images(base, file, "/x", "sample", request->count, begin, end - begin, x,
                                 "decoded samples: mean of p(x | z)"));
  AE_CHECK(ae_h5_create_axis(file, "/", "latent", model->latent, NULL, "dimension of the latent code z"));
  const ae_h5_dataset codes = {"/z",
                               AE_H5_FLOAT32,
                               2,
                               {request->count, model->latent},
                               {"sample", "latent"},
                               "latent codes drawn from the prior",
                               NULL};
  AE_CHECK(ae_h5_write(file, &codes, begin, end - begin, z));
cleanup:
  AE_FREE(x);
  AE_FREE(z);
  return status;
}

static const ae_key *const ae_key_tables[] = {ae_keys_common, ae_keys_network, NULL};
static const ae_key *const vae_key_tables[] = {ae_keys_common, ae_keys_network, ae_keys_vae, NULL};
static const char *const vae_columns[] = {"active_units", NULL};

const ae_model_type ae_model_ae = {.name = "ae",
                                   .summary = "autoencoder",
                                   .keys = ae_key_tables,
                                   .create = create_ae,
                                   .destroy = destroy,
                                   .fill = fill,
                                   .write_codes = write_codes};

const ae_model_type ae_model_vae = {.name = "vae",
                                    .summary = "variational autoencoder",
                                    .keys = vae_key_tables,
                                    .columns = vae_columns,
                                    .create = create_vae,
                                    .destroy = destroy,
                                    .epoch_end = epoch_end,
                                    .fill = fill,
                                    .statistics = statistics,
                                    .write_codes = write_codes,
                                    .sample = sample};
