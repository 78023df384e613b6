/* Variational autoencoder (Kingma & Welling 2014), dense. */
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/graph/ops.h"
#include "mpiae/models/dense.h"
#include "mpiae/models/keys.h"

#include <string.h>

extern const ae_model_type ae_model_vae;

typedef struct vae {
  ae_model base;
  int64_t latent;
  ae_tensor *x, *noise;        /* training */
  ae_graph *encoder, *decoder; /* inference, blocks of AE_MODEL_BLOCK rows */
  ae_tensor *in, *posterior;   /* of the encoder */
  ae_tensor *z, *prediction;   /* of the decoder */
} vae;

static ae_tensor *encode(const vae *model, ae_graph *graph, ae_tensor *x) {
  ae_tensor *h = ae_nn_hidden(graph, "encoder", &x, 1, ae_dense_hidden(model->base.setup.config), false);
  return ae_nn_gaussian(graph, "encoder/head", h, model->latent);
}

static ae_status build_training(vae *model) {
  const ae_model_setup *setup = &model->base.setup;
  AE_RETURN_IF(
      ae_graph_create(setup->params, setup->data->shards.count, setup->plane_end, setup->planes, &model->base.graph));
  ae_graph *graph = model->base.graph;
  const int axis = ae_graph_axis(graph, setup->capacity);
  model->x = ae_graph_input(graph, "x", axis, setup->rank, setup->dim, false);
  model->noise = ae_graph_input(graph, "noise", axis, 1, &model->latent, false);
  ae_tensor *q = encode(model, graph, model->x);
  ae_tensor *z = ae_gaussian_sample(graph, "z", q, model->noise);
  ae_tensor *prediction = ae_dense_decoder(&model->base, graph, &z, 1);
  ae_model_add_term(&model->base, ae_dense_loss_name(&model->base),
                    ae_dense_loss(&model->base, graph, prediction, model->x), 1);
  ae_model_add_term(&model->base, "kl", ae_gaussian_kl_standard(graph, "kl", q), 1);
  return ae_graph_seal(graph);
}

static ae_status build_inference(vae *model) {
  const ae_model_setup *setup = &model->base.setup;
  AE_RETURN_IF(ae_graph_create(setup->params, 1, NULL, 0, &model->encoder));
  int axis = ae_graph_axis(model->encoder, AE_MODEL_BLOCK);
  model->in = ae_graph_input(model->encoder, "x", axis, setup->rank, setup->dim, false);
  model->posterior = encode(model, model->encoder, model->in);
  ae_graph_keep(model->posterior);
  AE_RETURN_IF(ae_graph_seal(model->encoder));
  AE_RETURN_IF(ae_graph_create(setup->params, 1, NULL, 0, &model->decoder));
  axis = ae_graph_axis(model->decoder, AE_MODEL_BLOCK);
  model->z = ae_graph_input(model->decoder, "z", axis, 1, &model->latent, false);
  model->prediction = ae_dense_decoder(&model->base, model->decoder, &model->z, 1);
  ae_graph_keep(model->prediction);
  return ae_graph_seal(model->decoder);
}

static void destroy(ae_model *base) {
  vae *model = (vae *)base;
  ae_graph_destroy(&model->base.graph);
  ae_graph_destroy(&model->encoder);
  ae_graph_destroy(&model->decoder);
  AE_FREE(model);
}

static ae_status create(const ae_model_setup *setup, ae_model **out) {
  ae_status status;
  vae *model = NULL;
  AE_CHECK(AE_NEW(model, 1));
  ae_model_init(&model->base, &ae_model_vae, setup);
  model->latent = ae_config_integer(setup->config, "network.latent_size");
  AE_CHECK(ae_dense_check_data(&model->base));
  if (setup->data != NULL) AE_CHECK(build_training(model));
  AE_CHECK(build_inference(model));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  return ae_comm_agree(setup->comm, status);
}

static void fill(ae_model *base, const ae_batch *batch) {
  vae *model = (vae *)base;
  ae_graph_set_rows(base->graph, model->x->axis, batch->offset);
  ae_dense_fill_examples(base, batch, model->x);
  ae_dense_fill_noise(base, batch, AE_RANDOM_NOISE_Z, model->noise);
}

/* Posteriors of own examples [at, at + count) of a shard, count ≤ AE_MODEL_BLOCK, into (count, L) means and log
 * standard deviations. */
static void encode_block(vae *model, int64_t example, int64_t count, float *mean, float *logstd) {
  const int64_t latent = model->latent;
  ae_graph_set_rows(model->encoder, model->in->axis, (int64_t[]){0, count});
  ae_dataset_to_float(model->base.setup.data, ae_dataset_row(model->base.setup.data, example), count, model->in->value);
  ae_graph_forward(model->encoder, NULL);
  for (int64_t i = 0; i < count; i++) {
    memcpy(mean + i * latent, model->posterior->value + 2 * i * latent, (size_t)latent * sizeof *mean);
    memcpy(logstd + i * latent, model->posterior->value + (2 * i + 1) * latent, (size_t)latent * sizeof *logstd);
  }
}

/* One pass over own examples, in blocks that begin with each shard. */
static void encode_all(vae *model, float *mean, float *logstd) {
  const ae_shards *shards = &model->base.setup.data->shards;
  const int64_t begin = ae_shards_own_begin(shards);
  const ae_phase previous = ae_profile_enter(AE_PHASE_ENCODE);
  for (int v = shards->first; v < shards->first + shards->count; v++)
    for (int64_t at = ae_shards_begin(shards, v); at < ae_shards_begin(shards, v + 1); at += AE_MODEL_BLOCK) {
      const int64_t left = ae_shards_begin(shards, v + 1) - at;
      encode_block(model, at, left < AE_MODEL_BLOCK ? left : AE_MODEL_BLOCK, mean + (at - begin) * model->latent,
                   logstd + (at - begin) * model->latent);
    }
  ae_profile_leave(previous);
}

static ae_status write_codes(ae_model *base, ae_h5 *file) {
  vae *model = (vae *)base;
  const ae_shards *shards = &base->setup.data->shards;
  const int64_t begin = ae_shards_own_begin(shards), count = ae_shards_own_count(shards);
  ae_status status;
  float *mean = NULL, *logstd = NULL;
  status = AE_NEW(mean, count * model->latent);
  if (status == AE_OK) status = AE_NEW(logstd, count * model->latent);
  AE_CHECK(ae_comm_agree(base->setup.comm, status));
  encode_all(model, mean, logstd);
  AE_CHECK(ae_h5_create_axis(file, "/", "latent", model->latent, NULL, "dimension of the latent code z"));
  ae_h5_dataset dataset = {"/z_mean",
                           AE_H5_FLOAT32,
                           2,
                           {shards->examples, model->latent},
                           {"example", "latent"},
                           "mean of the posterior of z",
                           NULL};
  AE_CHECK(ae_h5_write(file, &dataset, begin, count, mean));
  dataset.path = "/z_logstd";
  dataset.description = "log standard deviation of the posterior of z";
  AE_CHECK(ae_h5_write(file, &dataset, begin, count, logstd));
cleanup:
  AE_FREE(mean);
  AE_FREE(logstd);
  return status;
}

/* Draws samples [at, at + count) into x and z. */
static void sample_block(vae *model, const ae_sample_request *request, int64_t at, int64_t count, float *x, float *z) {
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
  vae *model = (vae *)base;
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

static const ae_key *const keys[] = {ae_keys_common, ae_keys_network, NULL};

const ae_model_type ae_model_vae = {.name = "vae",
                                    .summary = "variational autoencoder",
                                    .keys = keys,
                                    .create = create,
                                    .destroy = destroy,
                                    .fill = fill,
                                    .write_codes = write_codes,
                                    .sample = sample};
