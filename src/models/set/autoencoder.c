/* Autoencoder of sets of points, plain and variational (Kosiorek et al. 2020; Lee et al. 2019), and the predictor of
 * sizes, which is trained in a run of its own on codes of an autoencoder that stays as it is. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/points.h"
#include "mpiae/data/sampler.h"
#include "mpiae/graph/ops.h"
#include "mpiae/graph/ops_sets.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/python.h"
#include "mpiae/models/rows.h"
#include "mpiae/models/standard_prior.h"
#include "mpiae/tensor/gaussian.h"
#include "set.h"

#include <math.h>
#include <string.h>

extern const ae_model_type ae_model_set_ae, ae_model_set_vae;

/* The largest set.most_points. */
#define MOST_POINTS 1000000

static const ae_figure figures[AE_SET_FIGURES] = {
    {"reconstruction", "distance of a set from its prediction times its points / (2 sigma^2)",
     "distance of a set from its prediction times its points / (2 sigma^2), on data.test", "nat", false},
    {"kl", "divergence of the posterior from the prior", "divergence of the posterior from the prior, on data.test",
     "nat", false},
    {"chamfer", "squared Chamfer distance of a set from its prediction",
     "squared Chamfer distance of a set from its prediction, on data.test", "", false},
    {"huber", "Chamfer distance of a set from its prediction, Huber's for each coordinate",
     "Chamfer distance of a set from its prediction, Huber's for each coordinate, on data.test", "", false},
    {"matching", "mean squared distance of points from those they are matched with in the prediction",
     "mean squared distance of points from those they are matched with, on data.test", "", false},
    {"size", "minus the logarithm of the probability of a set's size given its code",
     "minus the logarithm of the probability of a set's size given its code, on data.test", "nat", false},
    {"size_rmse", NULL,
     "root of the mean squared error of the likeliest size of a set, also of one above set.most_points, on data.test",
     "", true},
    {"size_acc", NULL, "share of sets whose likeliest size is theirs, on data.test", "", false}};

/* Training graphs. */

static ae_tensor *add_distance(const ae_set_model *model, ae_graph *graph, ae_tensor *prediction, ae_tensor *points) {
  const char *name = figures[model->distance].name;
  if (model->distance == AE_SET_MATCHING) return ae_matching_loss(graph, name, prediction, points);
  return ae_chamfer_loss(graph, name, prediction, points, model->distance == AE_SET_HUBER ? AE_HUBER : AE_SQUARED);
}

static ae_tensor *add_encoder(ae_set_model *model, ae_graph *graph) {
  if (!model->examples.images) return ae_set_encoder(&model->network, graph, model->points, model->sets);
  model->image = ae_examples_input(&model->images, graph, "image", model->sets);
  return ae_network_encoder(&model->image_network, graph, model->image, model->network.code,
                            model->network.variational);
}

/* Rows of the width of a point that its backward pass needs, about: of a block, and of what is before and behind. */
enum { ROWS_OF_A_BLOCK = 8, ROWS_AROUND = 6 };

/* Whether the host has room for so many points of a step: encoded and decoded. */
static ae_status expect_points(const ae_set_model *model, int64_t points) {
  const ae_config *config = model->base.setup.config;
  const int networks = model->examples.images ? 1 : 2; /* of points */
  const double rows = (double)(networks * ROWS_OF_A_BLOCK * model->network.blocks + ROWS_AROUND);
  return ae_memory_expect_each((double)points * rows * (double)model->network.width * sizeof(float),
                               "train.batch_size=%lld: steps of up to %lld points",
                               (long long)ae_config_integer(config, "train.batch_size"), (long long)points);
}

/* Own examples that are looked at, over all epochs, to know the largest step: some seconds. */
enum { MOST_LOOKED_AT = 100000000 };

/* The most points that a step can have: that of the epochs to come; of very many, a bound. A few large sets among small
 * ones seldom meet. */
static ae_status find_most(const ae_set_model *model, int64_t *most) {
  const ae_model_setup *setup = &model->base.setup;
  const int64_t epochs = ae_config_integer(setup->config, "train.epochs"), own = model->examples.count;
  ae_sampler *sampler;
  if (own > 0 && epochs > MOST_LOOKED_AT / own)
    return ae_points_most(own, model->examples.offset, setup->capacity, most);
  AE_RETURN_IF(ae_model_sampler(setup->config, &setup->data->shards, setup->seed, &sampler));
  *most = ae_sampler_most_points(sampler, (uint32_t)epochs, model->examples.offset);
  ae_sampler_destroy(&sampler);
  return AE_OK;
}

static ae_status build_autoencoder(ae_set_model *model) {
  const ae_model_setup *setup = &model->base.setup;
  int64_t most;
  AE_RETURN_IF(find_most(model, &most));
  AE_RETURN_IF(expect_points(model, most));
  AE_RETURN_IF(AE_NEW(model->offset, setup->capacity + 1));
  AE_RETURN_IF(ae_model_begin_graph(&model->base, &model->sets));
  ae_graph *graph = model->base.graph;
  const int sets = model->sets, points = ae_graph_axis_grouped(graph, sets, most);
  model->points = ae_graph_input(graph, "points", points, 1, &model->network.dim, false);
  model->start = ae_graph_input(graph, "start", points, 1, &model->network.dim, false);
  ae_tensor *code = add_encoder(model, graph);
  if (model->network.variational) {
    model->q = code;
    ae_graph_keep(model->q);
    model->noise = ae_graph_input(graph, "noise", sets, 1, &model->network.code, false);
    code = ae_gaussian_sample(graph, "z", model->q, model->noise);
  }
  ae_tensor *distance =
      add_distance(model, graph, ae_set_decoder(&model->network, graph, code, model->start), model->points);
  for (int i = 0; i < model->base.terms; i++)
    if (model->figure[i] == model->distance) ae_model_set_term(&model->base, i, distance);
  if (!model->network.variational) return ae_graph_seal(graph);
  model->base.statistics = (int)model->network.code;
  model->weight = ae_graph_input(graph, "weight", sets, 0, NULL, false);
  ae_model_set_term(&model->base, 0,
                    ae_weigh_rows(graph, figures[AE_SET_RECONSTRUCTION].name, distance, model->weight));
  ae_model_set_term(&model->base, 1, ae_gaussian_kl_standard(graph, figures[AE_SET_KL].name, model->q));
  return ae_graph_seal(graph);
}

/* Logits, their gradients and what products of them keep; the weights, their gradients and the optimizer's state. */
static ae_status expect_sizes(const ae_set_model *model) {
  const double rows =
      6.0 * (double)model->base.setup.capacity + (double)AE_BLOCK_ROWS + 2.0 * (double)model->network.width;
  return ae_memory_expect_each(rows * (double)model->most * sizeof(float), "a predictor with set.most_points=%lld",
                               (long long)model->most);
}

static ae_status build_predictor(ae_set_model *model) {
  const int64_t one = 1;
  AE_RETURN_IF(expect_sizes(model));
  AE_RETURN_IF(AE_NEW(model->frozen_noise, model->network.code));
  AE_RETURN_IF(ae_model_begin_graph(&model->base, &model->sets));
  ae_graph *graph = model->base.graph;
  model->code = ae_graph_input(graph, "code", model->sets, 1, &model->network.code, false);
  model->size = ae_graph_input(graph, "size", model->sets, 1, &one, false);
  model->logit = ae_set_size_predictor(&model->network, graph, model->code, model->most);
  ae_graph_keep(model->size);
  ae_graph_keep(model->logit);
  ae_model_set_term(&model->base, 0,
                    ae_softmax_loss(graph, figures[AE_SET_SIZE].name, model->logit, model->size, model->most + 1));
  model->base.statistics = 1;
  return ae_graph_seal(graph);
}

/* Making. */

static void destroy(ae_model *base) {
  ae_set_model *model = (ae_set_model *)base;
  ae_graph_destroy(&base->graph);
  ae_set_destroy_inference(model);
  ae_set_examples_free(&model->examples);
  AE_FREE(model->mean);
  AE_FREE(model->deviation);
  AE_FREE(model->offset);
  AE_FREE(model->divergence);
  AE_FREE(model->frozen);
  AE_FREE(model->frozen_noise);
  AE_FREE(model);
}

static void add_term(ae_set_model *model, ae_set_figure figure, double weight) {
  model->figure[model->base.terms] = figure;
  ae_model_add_term(&model->base, &figures[figure], (float)weight);
}

static void add_measure(ae_set_model *model, ae_set_figure figure) {
  model->figure[model->base.terms + model->base.measures] = figure;
  ae_model_add_measure(&model->base, &figures[figure]);
}

/* Terms and measures. The training of a predictor leaves out what stays as it is. */
static void describe_figures(ae_set_model *model) {
  const bool variational = model->network.variational, sized = model->base.sized;
  if (sized) add_term(model, AE_SET_SIZE, 1);
  else if (variational) {
    add_term(model, AE_SET_RECONSTRUCTION, 1);
    add_term(model, AE_SET_KL, ae_config_real(model->base.setup.config, "vae.beta"));
  }
  if (!sized) add_term(model, model->distance, variational ? 0 : 1);
  if (sized) {
    add_measure(model, AE_SET_SIZE_ERROR);
    add_measure(model, AE_SET_SIZE_HIT);
  }
  if (sized && model->base.setup.data != NULL) return;
  if (sized || model->distance != AE_SET_CHAMFER) add_measure(model, AE_SET_CHAMFER);
  if (sized || model->distance != AE_SET_HUBER) add_measure(model, AE_SET_HUBER);
  if (sized && variational) add_measure(model, AE_SET_KL);
}

static void add_matching(ae_model *base) {
  ae_set_model *model = (ae_set_model *)base;
  if (base->sized || model->distance != AE_SET_MATCHING) add_measure(model, AE_SET_MATCHING);
}

static const ae_column sizes[] = {
    {"size_rmse",
     "root of the mean squared error of the likeliest size of a set, averaged over the epoch as it trained", "", false},
    {0}};
static const ae_column *const size_columns[] = {sizes, NULL};
static const ae_column *const divergence_columns[] = {ae_standard_prior_columns, NULL};
static const ae_column *const vae_columns[] = {ae_standard_prior_columns, sizes, NULL};

static void describe(ae_set_model *model) {
  ae_model *base = &model->base;
  const bool variational = model->network.variational;
  if (!base->sized && !variational) base->units = "";
  base->columns = base->sized ? size_columns : variational ? divergence_columns : NULL;
  describe_figures(model);
  ae_model_add_vector(base, "z_mean", "z", model->network.code, "latent",
                      variational ? "mean of the posterior of z" : "latent code z");
  if (variational)
    ae_model_add_vector(base, "z_logstd", NULL, model->network.code, "latent",
                        "log standard deviation of the posterior of z");
}

static ae_set_figure read_distance(const ae_config *config) {
  if (ae_config_is(config, "set.loss", "hungarian")) return AE_SET_MATCHING;
  return ae_config_is(config, "set.loss", "huber") ? AE_SET_HUBER : AE_SET_CHAMFER;
}

/* Sets of `most` points for a loss that matches: in training it must do so in reasonable time. */
static ae_status accepts_matching(const ae_model *base, const ae_dataset *data, int64_t most) {
  ae_status status = ae_error_prefix(ae_matching_accepts(most), "%s", data->path);
  if (status == AE_OK || base->setup.data != NULL) return status;
  ae_log_warning("%s; so evaluate cannot tell the loss of this model, set.loss=hungarian", ae_error_message(status));
  ae_error_clear(&status);
  return AE_OK;
}

/* The hook. What `evaluate --matching` asks for beyond the loss is for evaluate to refuse. */
static ae_status accepts(const ae_model *base, const ae_dataset *data) {
  const ae_set_model *model = (const ae_set_model *)base;
  const int64_t most = ae_set_examples_largest(&model->examples, base->setup.comm, data);
  if (model->examples.images) AE_RETURN_IF(ae_examples_accept(&model->images, data));
  if (base->sized && most > model->most)
    ae_log_warning("%s has sets of up to %lld points: those of more than set.most_points=%lld count as sets of so many",
                   data->path, (long long)most, (long long)model->most);
  return ae_set_matches(model) ? accepts_matching(base, data, most) : AE_OK;
}

/* One threshold is for all pixels. */
static ae_status check_scale(const ae_config *config) {
  if (!ae_config_is(config, "data.scale", "standardize")) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "data.scale=standardize scales each pixel by itself, but set.threshold is one for all: leave "
                 "it out, or choose 0-1 or a number");
}

/* What encodes examples. */
static ae_status init_encoder(ae_set_model *model) {
  const ae_config *config = model->base.setup.config;
  if (model->examples.images) {
    AE_RETURN_IF(check_scale(config));
    AE_RETURN_IF(ae_network_read(&model->base.setup, &model->image_network));
    model->images = ae_examples_of(&model->base.setup, model->image_network.convolutional);
    return AE_OK;
  }
  if (ae_config_is(config, "data.binarize", "none") && ae_config_real(config, "data.center") == 0) return AE_OK;
  return AE_FAIL(AE_USAGE, "data.binarize and data.center are for values of images, not for points: leave them out");
}

static ae_status read_setup(ae_set_model *model, const ae_model_type *type, const ae_model_setup *setup) {
  const ae_config *config = setup->config;
  const bool variational = type == &ae_model_set_vae;
  ae_model_init(&model->base, type, setup);
  AE_RETURN_IF(ae_set_examples_read(setup, &model->examples));
  AE_RETURN_IF(init_encoder(model));
  model->base.coordinates = model->examples.dim;
  AE_RETURN_IF(ae_set_network_read(config, model->examples.dim, variational, &model->network));
  model->distance = read_distance(config);
  model->base.sized = ae_config_is(config, "set.stage", "size");
  if (model->base.sized) model->most = ae_config_integer(config, "set.most_points");
  if (variational) model->sigma = ae_config_real(config, "set.sigma");
  return setup->data != NULL ? accepts(&model->base, setup->data) : AE_OK;
}

static ae_status create(const ae_model_setup *setup, const ae_model_type *type, ae_model **out) {
  ae_status status;
  ae_set_model *model = NULL;
  AE_CHECK(ae_comm_agree(setup->comm, AE_NEW(model, 1)));
  AE_CHECK(read_setup(model, type, setup));
  describe(model);
  if (setup->data != NULL) AE_CHECK(ae_set_examples_find(setup->data, &model->examples));
  AE_CHECK(AE_NEW(model->mean, model->network.dim));
  AE_CHECK(AE_NEW(model->deviation, model->network.dim));
  AE_CHECK(AE_NEW(model->divergence, model->network.code));
  for (int64_t i = 0; i < model->network.code; i++) model->divergence[i] = NAN;
  if (setup->data != NULL) AE_CHECK(model->base.sized ? build_predictor(model) : build_autoencoder(model));
  AE_CHECK(ae_set_build_inference(model));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  return ae_comm_agree(setup->comm, status);
}

static ae_status create_ae(const ae_model_setup *setup, ae_model **out) { return create(setup, &ae_model_set_ae, out); }
static ae_status create_vae(const ae_model_setup *setup, ae_model **out) {
  return create(setup, &ae_model_set_vae, out);
}

static bool takes(const ae_config *config) { return ae_config_is(config, "set.input", "points"); }

static ae_status resolve(const ae_comm *comm, ae_config *config, const ae_dataset *data) {
  ae_set_examples examples;
  ae_model_setup setup = {.config = config, .rank = data->rank, .features = data->features};
  if (!ae_config_is(config, "set.stage", "size") || !ae_config_is(config, "set.most_points", "auto")) return AE_OK;
  memcpy(setup.dim, data->dim, sizeof setup.dim);
  AE_RETURN_IF(ae_set_examples_read(&setup, &examples));
  const int64_t largest = ae_set_examples_largest(&examples, comm, data);
  return ae_config_set_integer(config, "set.most_points", ae_min(ae_max(1, largest), MOST_POINTS));
}

/* Training. */

static void fill_sets(ae_set_model *model, const ae_batch *batch) {
  const int64_t dim = model->network.dim;
  model->offset[0] = 0;
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++) {
    const int64_t count = ae_set_examples_size(&model->examples, batch->example[i]), begin = model->offset[i] * dim;
    ae_set_examples_points(&model->examples, batch->example[i], model->points->value + begin);
    ae_set_fill_start(model, ae_stream_of(model->base.setup.seed, AE_RANDOM_POINT, batch->epoch, batch->example[i]),
                      count, model->start->value + begin);
    if (model->network.variational)
      model->weight->value[i] = (float)((double)count / (2 * model->sigma * model->sigma));
    model->offset[i + 1] = model->offset[i] + count;
  }
  ae_graph_set_rows(model->base.graph, model->sets, batch->offset);
  ae_graph_set_groups(model->base.graph, model->points->axis, model->offset);
}

/* Of frozen codes: drawn anew every epoch where they have a distribution. */
static void fill_codes(ae_set_model *model, const ae_batch *batch) {
  const int64_t code = model->network.code;
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++) {
    const float *own = ae_set_frozen(model, batch->example[i]);
    float *out = model->code->value + i * code;
    model->size->value[i] = (float)ae_min(ae_set_examples_size(&model->examples, batch->example[i]), model->most);
    if (!model->network.variational) {
      memcpy(out, own, (size_t)code * sizeof *out);
      continue;
    }
    ae_random_fill_normal(ae_stream_of(model->base.setup.seed, AE_RANDOM_NOISE_Z, batch->epoch, batch->example[i]),
                          code, model->frozen_noise);
    ae_gaussian_draw(1, code, own, model->frozen_noise, out);
  }
  ae_graph_set_rows(model->base.graph, model->sets, batch->offset);
}

static void fill(ae_model *base, const ae_batch *batch) {
  ae_set_model *model = (ae_set_model *)base;
  if (base->sized) {
    fill_codes(model, batch);
    return;
  }
  fill_sets(model, batch);
  if (model->image != NULL) ae_examples_fill(&model->images, base->setup.data, batch, model->image);
  if (!model->network.variational) return;
  ae_examples_fill_noise(base->setup.seed, batch, AE_RANDOM_NOISE_Z, model->noise);
  base->term[1].scale = ae_standard_prior_warm_up(base, batch);
}

static ae_status freeze(ae_set_model *model) {
  const ae_dataset *data = model->base.setup.data;
  const int64_t width = model->encoder.net.out->width;
  ae_block_walk walk;
  AE_RETURN_IF(AE_NEW(model->frozen, ae_shards_own_count(&data->shards) * width));
  for (ae_block_first(&walk, data); walk.block.count > 0; ae_block_next(&walk)) {
    AE_RETURN_IF(ae_set_run_encoder(model, &walk.block));
    memcpy(model->frozen + walk.place * width, model->encoder.net.out->value,
           (size_t)(walk.block.count * width) * sizeof(float));
  }
  return AE_OK;
}

/* The encoder stays as it is: one pass of it serves all epochs. */
static ae_status epoch_begin(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  ae_set_model *model = (ae_set_model *)base;
  (void)epoch, (void)metrics;
  if (!base->sized || model->frozen != NULL) return AE_OK;
  return ae_comm_agree(base->setup.comm, freeze(model));
}

/* Squared errors of the likeliest sizes; or divergences of the latent dimensions. */
static void statistics(const ae_model *base, const ae_batch *batch, int64_t begin, int64_t end, double *sums) {
  const ae_set_model *model = (const ae_set_model *)base;
  if (!base->sized) {
    const int64_t latent = model->network.code;
    ae_standard_prior_sum(end - begin, latent, model->q->value + 2 * begin * latent, sums);
    return;
  }
  *sums = 0;
  for (int64_t i = begin; i < end; i++) {
    const int64_t size = ae_set_examples_size(&model->examples, batch->example[i]);
    const double off = (double)(ae_set_likeliest(model, model->logit->value + i * (model->most + 1)) - size);
    *sums += off * off;
  }
}

static ae_status epoch_end(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  ae_set_model *model = (ae_set_model *)base;
  (void)epoch;
  if (base->sized)
    ae_metrics_set(metrics, "size_rmse", sqrt(base->statistic_sum[0] / (double)base->statistic_examples));
  else if (model->network.variational) ae_standard_prior_take(base, model->network.code, model->divergence, metrics);
  return AE_OK;
}

static ae_status annotate(const ae_model *base, ae_h5 *file) {
  const ae_set_model *model = (const ae_set_model *)base;
  if (base->sized) return AE_OK;
  return ae_standard_prior_write(file, model->network.code, model->divergence);
}

static const char *const stages[] = {"autoencoder", "size", NULL};
static const char *const inputs[] = {"points", "image", NULL};
static const char *const losses[] = {"chamfer", "huber", "hungarian", NULL};

static const ae_key set_keys[] = {
    {"set.stage", AE_KEY_CHOICE, "autoencoder", 0, 0, stages, NULL, AE_KEY_FIXED,
     "what is trained: the autoencoder; or, beginning with --init-from such a run, the predictor of sizes alone"},
    {"set.input", AE_KEY_CHOICE, "points", 0, 0, inputs, NULL, AE_KEY_FIXED,
     "what is encoded: sets of points; or images, by the layers of network.kind, whose bright pixels are the points "
     "that are decoded"},
    {"set.threshold", AE_KEY_REAL, "0.0784313725490196", -1e30, 1e30, NULL, NULL, AE_KEY_FIXED,
     "set.input=image: a pixel of a larger value, bytes being shares of 255, is a point; default 20 of 255"},
    {"set.width", AE_KEY_INTEGER, "256", 1, 65536, NULL, NULL, AE_KEY_FIXED,
     "dimensions of a point inside the networks; of set-ae also the numbers of a code"},
    {"set.heads", AE_KEY_INTEGER, "4", 1, 1024, NULL, NULL, AE_KEY_FIXED, "heads of attention; they divide the width"},
    {"set.blocks", AE_KEY_INTEGER, "3", 0, 16, NULL, NULL, AE_KEY_FIXED,
     "attention blocks of the encoder, and of the decoder"},
    {"set.loss", AE_KEY_CHOICE, "chamfer", 0, 0, losses, NULL, AE_KEY_FIXED,
     "set.stage=autoencoder: distance of a set from its prediction: squared Chamfer, Huber's Chamfer, or that of the "
     "optimal matching, for "
     "sets of at most 2000 points"},
    {"set.most_points", AE_KEY_INTEGER, "auto", 1, MOST_POINTS, NULL, "auto", AE_KEY_FIXED,
     "set.stage=size: largest size that is predicted; larger sets count as such; auto = the largest of the training "
     "data"},
    {0}};

static const ae_key set_vae_keys[] = {
    {"set.latent_size", AE_KEY_INTEGER, "64", 1, 1e6, NULL, NULL, AE_KEY_FIXED, "dimensions of a latent code"},
    {"set.sigma", AE_KEY_REAL, "0.0357142857142857", 1e-9, 1e9, NULL, NULL, AE_KEY_FIXED,
     "standard deviation of points about their predictions, in the units of the data; default 1/28: a pixel of MNIST"},
    {0}};

static const ae_key *const ae_key_tables[] = {ae_keys_common, set_keys, ae_keys_network, NULL};
static const ae_key *const vae_key_tables[] = {ae_keys_common, set_keys,        set_vae_keys,
                                               ae_keys_vae,    ae_keys_network, NULL};

static const ae_key_condition conditions[] = {{"network.kind", "set.input", "image", false},
                                              {"network.channels", "set.input", "image", false},
                                              {"network.hidden", "set.input", "image", false},
                                              {"network.activation", "set.input", "image", false},
                                              {"vae.beta", "set.stage", "autoencoder", false},
                                              {"vae.warmup_epochs", "set.stage", "autoencoder", false},
                                              {"set.threshold", "set.input", "image", false},
                                              {"set.loss", "set.stage", "autoencoder", false},
                                              {"set.sigma", "set.stage", "autoencoder", false},
                                              {"set.most_points", "set.stage", "size", false},
                                              {0}};

static const ae_figure *const told[] = {
    &figures[AE_SET_RECONSTRUCTION], &figures[AE_SET_KL],       &figures[AE_SET_CHAMFER],
    &figures[AE_SET_HUBER],          &figures[AE_SET_MATCHING], &figures[AE_SET_SIZE],
    &figures[AE_SET_SIZE_ERROR],     &figures[AE_SET_SIZE_HIT], NULL};

#define TRAINING                                                                                                       \
  .resolve = resolve, .own_parameters = AE_SET_SIZE_PATH, .init_from = ae_set_init_from, .adopt = ae_set_adopt,        \
  .start = ae_set_start, .epoch_begin = epoch_begin, .fill = fill, .statistics = statistics, .epoch_end = epoch_end
static const ae_training_hooks ae_training = {TRAINING}, vae_training = {TRAINING, .annotate = annotate};

static const ae_inference_hooks ae_inference = {.encode = ae_set_encode, .evaluate = ae_set_evaluate};
static const ae_inference_hooks vae_inference = {
    .encode = ae_set_encode, .evaluate = ae_set_evaluate, .draw = ae_standard_prior_draw};

static const ae_set_hooks sets = {.takes = takes,
                                  .of_block = ae_set_of_block,
                                  .predict_sizes = ae_set_predict_sizes,
                                  .decode = ae_set_decode,
                                  .add_matching = add_matching};

static const char *const python[] = {ae_python_model, ae_python_network, ae_python_sets, NULL};

const ae_model_type ae_model_set_ae = {.name = "set-ae",
                                       .summary = "autoencoder of sets of points",
                                       .keys = ae_key_tables,
                                       .conditions = conditions,
                                       .figures = told,
                                       .columns = size_columns,
                                       .create = create_ae,
                                       .destroy = destroy,
                                       .arrays = ae_set_arrays,
                                       .python = python,
                                       .save = ae_set_save,
                                       .load = ae_set_load,
                                       .accepts = accepts,
                                       .training = &ae_training,
                                       .inference = &ae_inference,
                                       .sets = &sets};

const ae_model_type ae_model_set_vae = {.name = "set-vae",
                                        .summary = "variational autoencoder of sets of points",
                                        .keys = vae_key_tables,
                                        .conditions = conditions,
                                        .figures = told,
                                        .columns = vae_columns,
                                        .create = create_vae,
                                        .destroy = destroy,
                                        .arrays = ae_set_arrays,
                                        .python = python,
                                        .save = ae_set_save,
                                        .load = ae_set_load,
                                        .accepts = accepts,
                                        .training = &vae_training,
                                        .inference = &vae_inference,
                                        .sets = &sets};
