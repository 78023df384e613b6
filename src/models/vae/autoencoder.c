/* Autoencoder, and variational autoencoder (Kingma & Welling 2014), dense or convolutional. The first is the second
 * without noise and divergence. */
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/graph/ops.h"
#include "mpiae/models/array_model.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/python.h"
#include "mpiae/models/standard_prior.h"
#include "mpiae/tensor/gaussian.h"

#include <math.h>
#include <string.h>

extern const ae_model_type ae_model_ae, ae_model_vae;

typedef struct autoencoder {
  ae_model base;
  bool variational;
  int64_t latent;
  ae_network network;
  ae_examples examples;
  ae_likelihood likelihood;
  ae_tensor *x, *noise, *q;    /* training; q = (μ | s) of the batch */
  ae_forward encoder, decoder; /* inference: x → (μ | s), or the code of an AE; z → prediction */
  float *scratch;              /* (AE_BLOCK_ROWS, L): noise of a draw */
  double *divergence;          /* of each latent dimension, mean over the last epoch; NaN before one */
} autoencoder;

static ae_status build_training(autoencoder *model) {
  int axis;
  AE_RETURN_IF(ae_model_begin_graph(&model->base, &axis));
  ae_graph *graph = model->base.graph;
  model->x = ae_examples_input(&model->examples, graph, "x", axis);
  ae_tensor *z = model->q = ae_network_encoder(&model->network, graph, model->x, model->latent, model->variational);
  if (model->variational) {
    model->noise = ae_graph_input(graph, "noise", axis, 1, &model->latent, false);
    z = ae_gaussian_sample(graph, "z", model->q, model->noise);
  }
  ae_tensor *prediction = ae_network_decoder(&model->network, graph, &z, 1);
  ae_model_set_term(&model->base, 0, ae_likelihood_loss(&model->likelihood, graph, prediction, model->x));
  if (model->variational) {
    ae_model_set_term(&model->base, 1, ae_gaussian_kl_standard(graph, "kl", model->q));
    ae_graph_keep(model->q);
    model->base.statistics = (int)model->latent;
  }
  return ae_graph_seal(graph);
}

static void destroy(ae_model *base) {
  autoencoder *model = (autoencoder *)base;
  ae_graph_destroy(&model->base.graph);
  ae_forward_destroy(&model->encoder);
  ae_forward_destroy(&model->decoder);
  AE_FREE(model->scratch);
  AE_FREE(model->divergence);
  AE_FREE(model);
}

/* What the model tells of an example. */
static void describe(autoencoder *model) {
  ae_model *base = &model->base;
  const bool variational = model->variational;
  ae_model_add_term(base, ae_likelihood_figure(&model->likelihood), 1);
  ae_model_add_vector(base, "z_mean", "z", model->latent, "latent",
                      variational ? "mean of the posterior of z" : "latent code z");
  if (!variational) return;
  ae_model_add_term(base, &ae_standard_prior_figure, (float)ae_config_real(base->setup.config, "vae.beta"));
  ae_model_add_vector(base, "z_logstd", NULL, model->latent, "latent", "log standard deviation of the posterior of z");
  base->proper = ae_likelihood_is_proper(&model->likelihood, &model->examples);
}

static ae_status accepts(const ae_model *base, const ae_dataset *data) {
  const autoencoder *model = (const autoencoder *)base;
  return ae_likelihood_accept(&model->likelihood, &model->examples, data);
}

static ae_status create(const ae_model_setup *setup, const ae_model_type *type, ae_model **out) {
  ae_status status;
  autoencoder *model = NULL;
  AE_CHECK(AE_NEW(model, 1));
  ae_model_init(&model->base, type, setup);
  model->variational = type == &ae_model_vae;
  model->latent = ae_config_integer(setup->config, "network.latent_size");
  AE_CHECK(ae_array_model_read(&model->base, false, &model->network, &model->examples, &model->likelihood));
  describe(model);
  AE_CHECK(AE_NEW(model->scratch, AE_BLOCK_ROWS * model->latent));
  AE_CHECK(AE_NEW(model->divergence, model->latent));
  for (int64_t i = 0; i < model->latent; i++) model->divergence[i] = NAN;
  if (setup->data != NULL) AE_CHECK(build_training(model));
  AE_CHECK(ae_network_build_encoder(&model->network, &model->examples, setup->params, model->latent, model->variational,
                                    &model->encoder));
  AE_CHECK(ae_network_build_decoder(&model->network, setup->params, model->latent, &model->decoder));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  return ae_comm_agree(setup->comm, status);
}

static ae_status create_ae(const ae_model_setup *setup, ae_model **out) { return create(setup, &ae_model_ae, out); }
static ae_status create_vae(const ae_model_setup *setup, ae_model **out) { return create(setup, &ae_model_vae, out); }

static void fill(ae_model *base, const ae_batch *batch) {
  autoencoder *model = (autoencoder *)base;
  ae_graph_set_rows(base->graph, model->x->axis, batch->offset);
  ae_examples_fill(&model->examples, base->setup.data, batch, model->x);
  if (!model->variational) return;
  ae_examples_fill_noise(base->setup.seed, batch, AE_RANDOM_NOISE_Z, model->noise);
  base->term[1].scale = ae_standard_prior_warm_up(base, batch);
}

/* Divergence of each latent dimension. */
static void statistics(const ae_model *base, const ae_batch *batch, int64_t begin, int64_t end, double *sums) {
  const autoencoder *model = (const autoencoder *)base;
  (void)batch;
  ae_standard_prior_sum(end - begin, model->latent, model->q->value + 2 * begin * model->latent, sums);
}

static ae_status epoch_end(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  autoencoder *model = (autoencoder *)base;
  (void)epoch;
  ae_standard_prior_take(base, model->latent, model->divergence, metrics);
  return AE_OK;
}

static ae_status annotate(const ae_model *base, ae_h5 *file) {
  const autoencoder *model = (const autoencoder *)base;
  return ae_standard_prior_write(file, model->latent, model->divergence);
}

/* Inference. */

static ae_status encode(ae_model *base, const ae_block *block, void *const *field) {
  autoencoder *model = (autoencoder *)base;
  const float *out = model->encoder.out->value;
  const size_t bytes = (size_t)(block->count * model->latent) * sizeof *out;
  ae_examples_feed(&model->examples, &model->encoder, block);
  if (!model->variational && field[0] != NULL) memcpy(field[0], out, bytes);
  for (int part = 0; part < 2 && model->variational; part++)
    if (field[part] != NULL) ae_gaussian_part(block->count, model->latent, out, part, field[part]);
  return AE_OK;
}

static ae_status decode(ae_model *base, int64_t count, const float *code, float *x) {
  const autoencoder *model = (const autoencoder *)base;
  ae_forward_feed(&model->decoder, count, code);
  ae_likelihood_show(&model->likelihood, &model->examples, count, model->decoder.out->value, x);
  return AE_OK;
}

/* An AE has no noise: its code is what it is. */
static void draw_codes(autoencoder *model, const ae_block *block, uint32_t draw) {
  if (!model->variational) {
    memcpy(model->decoder.in[0]->value, model->encoder.out->value,
           (size_t)(block->count * model->latent) * sizeof(float));
    return;
  }
  ae_examples_noise(model->base.setup.seed, block, AE_RANDOM_EVALUATE_Z, draw, model->latent, model->scratch);
  ae_gaussian_draw(block->count, model->latent, model->encoder.out->value, model->scratch, model->decoder.in[0]->value);
}

static ae_status evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight) {
  autoencoder *model = (autoencoder *)base;
  const int64_t latent = model->latent, count = block->count;
  float loss[AE_BLOCK_ROWS], divergence[AE_BLOCK_ROWS];
  if (draw == 0) ae_examples_feed(&model->examples, &model->encoder, block);
  draw_codes(model, block, draw);
  ae_forward_run(&model->decoder, count);
  ae_likelihood_evaluate(&model->likelihood, count, base->setup.features, model->decoder.out->value,
                         model->encoder.in[0]->value, loss);
  if (model->variational) {
    ae_gaussian_divergence(count, latent, model->encoder.out->value, NULL, divergence);
    ae_gaussian_log_ratio(count, latent, model->encoder.out->value, NULL, model->scratch, model->decoder.in[0]->value,
                          log_weight);
  }
  for (int64_t i = 0; i < count; i++) {
    terms[i * base->terms] = (double)loss[i];
    if (!model->variational) continue;
    terms[i * base->terms + 1] = (double)divergence[i];
    log_weight[i] -= (double)loss[i];
  }
  return AE_OK;
}

static const ae_key *const ae_key_tables[] = {ae_keys_common, ae_keys_network, ae_keys_latent, ae_keys_likelihood,
                                              NULL};
static const ae_key *const vae_key_tables[] = {ae_keys_common,     ae_keys_network, ae_keys_latent,
                                               ae_keys_likelihood, ae_keys_vae,     NULL};
static const ae_figure *const ae_figures[] = {&ae_cross_entropy_figure, &ae_squared_error_figure, NULL};
static const ae_figure *const vae_figures[] = {&ae_cross_entropy_figure, &ae_squared_error_figure,
                                               &ae_standard_prior_figure, NULL};
static const ae_column *const vae_columns[] = {ae_standard_prior_columns, NULL};

static const ae_training_hooks ae_training = {.resolve = ae_likelihood_resolve, .fill = fill};
static const ae_training_hooks vae_training = {.resolve = ae_likelihood_resolve,
                                               .fill = fill,
                                               .statistics = statistics,
                                               .epoch_end = epoch_end,
                                               .annotate = annotate};

static const ae_inference_hooks ae_inference = {.encode = encode, .decode = decode, .evaluate = evaluate};
static const ae_inference_hooks vae_inference = {
    .encode = encode, .decode = decode, .evaluate = evaluate, .draw = ae_standard_prior_draw};

static const char *const python[] = {ae_python_model, ae_python_network, ae_python_autoencoder, NULL};

const ae_model_type ae_model_ae = {.name = "ae",
                                   .summary = "autoencoder",
                                   .keys = ae_key_tables,
                                   .figures = ae_figures,
                                   .create = create_ae,
                                   .destroy = destroy,
                                   .python = python,
                                   .accepts = accepts,
                                   .training = &ae_training,
                                   .inference = &ae_inference};

const ae_model_type ae_model_vae = {.name = "vae",
                                    .summary = "variational autoencoder",
                                    .keys = vae_key_tables,
                                    .figures = vae_figures,
                                    .columns = vae_columns,
                                    .create = create_vae,
                                    .destroy = destroy,
                                    .python = python,
                                    .accepts = accepts,
                                    .training = &vae_training,
                                    .inference = &vae_inference};
