/* Autoencoder of sets of points, plain and variational (Kosiorek et al. 2020; Lee et al. 2019), and the predictor of
 * sizes, which is trained in a run of its own on codes of an autoencoder that stays as it is. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/graph/ops.h"
#include "mpiae/graph/ops_sets.h"
#include "mpiae/models/keys.h"
#include "mpiae/tensor/gaussian.h"
#include "set.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const ae_model_type ae_model_set_ae, ae_model_set_vae;

static const char *const names[AE_SET_FIGURES] = {"reconstruction", "kl",   "chamfer",   "huber",
                                                  "matching",       "size", "size_rmse", "size_acc"};

/* Training graphs. */

static ae_tensor *add_distance(const ae_set_model *model, ae_graph *graph, ae_tensor *prediction, ae_tensor *points) {
  const char *name = names[model->distance];
  if (model->distance == AE_SET_MATCHING) return ae_matching_loss(graph, name, prediction, points);
  return ae_chamfer_loss(graph, name, prediction, points, model->distance == AE_SET_HUBER ? AE_HUBER : AE_SQUARED);
}

static ae_status begin_graph(ae_set_model *model) {
  const ae_model_setup *setup = &model->base.setup;
  AE_RETURN_IF(
      ae_graph_create(setup->params, setup->data->shards.count, setup->plane_end, setup->planes, &model->base.graph));
  model->sets = ae_graph_axis(model->base.graph, setup->capacity);
  return AE_OK;
}

static ae_status build_autoencoder(ae_set_model *model) {
  const ae_model_setup *setup = &model->base.setup;
  int64_t most;
  AE_RETURN_IF(ae_dataset_most_points(setup->data, setup->capacity, &most));
  AE_RETURN_IF(AE_NEW(model->offset, setup->capacity + 1));
  AE_RETURN_IF(begin_graph(model));
  ae_graph *graph = model->base.graph;
  const int sets = model->sets, points = ae_graph_axis_grouped(graph, sets, most);
  model->points = ae_graph_input(graph, "points", points, 1, &model->network.dim, false);
  model->start = ae_graph_input(graph, "start", points, 1, &model->network.dim, false);
  ae_tensor *code = ae_set_encoder(&model->network, graph, model->points, sets);
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
  ae_model_set_term(&model->base, 0, ae_weigh_rows(graph, names[AE_SET_RECONSTRUCTION], distance, model->weight));
  ae_model_set_term(&model->base, 1, ae_gaussian_kl_standard(graph, names[AE_SET_KL], model->q));
  return ae_graph_seal(graph);
}

static ae_status build_predictor(ae_set_model *model) {
  const int64_t one = 1;
  AE_RETURN_IF(AE_NEW(model->frozen_noise, model->network.code));
  AE_RETURN_IF(begin_graph(model));
  ae_graph *graph = model->base.graph;
  model->code = ae_graph_input(graph, "code", model->sets, 1, &model->network.code, false);
  model->size = ae_graph_input(graph, "size", model->sets, 1, &one, false);
  model->logit = ae_set_size_predictor(&model->network, graph, model->code, model->most);
  ae_graph_keep(model->size);
  ae_graph_keep(model->logit);
  ae_model_set_term(&model->base, 0,
                    ae_softmax_loss(graph, names[AE_SET_SIZE], model->logit, model->size, model->most + 1));
  model->base.statistics = 1;
  return ae_graph_seal(graph);
}

/* Making. */

static void destroy(ae_model *base) {
  ae_set_model *model = (ae_set_model *)base;
  ae_graph_destroy(&base->graph);
  ae_set_destroy_inference(model);
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
  ae_model_add_term(&model->base, names[figure], (float)weight);
}

static void add_measure(ae_set_model *model, ae_set_figure figure) {
  model->figure[model->base.terms + model->base.measures] = figure;
  ae_model_add_measure(&model->base, names[figure]);
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

static void describe(ae_set_model *model) {
  static const char *const size_columns[] = {"size_rmse", NULL}, *const vae_columns[] = {"active_units", NULL};
  ae_model *base = &model->base;
  const bool variational = model->network.variational;
  if (!base->sized && !variational) base->units = "";
  base->columns = base->sized ? size_columns : variational ? vae_columns : NULL;
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

/* The hook: what would have to be matched must be so in reasonable time. Later on that is for evaluate to say. */
static ae_status accepts(const ae_model *base, const ae_dataset *data) {
  const ae_set_model *model = (const ae_set_model *)base;
  if (base->sized && data->most_points > model->most)
    ae_log_warning("%s has sets of up to %lld points: those of more than set.most_points=%lld count as sets of so many",
                   data->path, (long long)data->most_points, (long long)model->most);
  if (base->setup.data == NULL || base->sized || model->distance != AE_SET_MATCHING) return AE_OK;
  return ae_error_prefix(ae_matching_accepts(data->most_points), "%s", data->path);
}

static ae_status read_setup(ae_set_model *model, const ae_model_type *type, const ae_model_setup *setup) {
  const ae_config *config = setup->config;
  const bool variational = type == &ae_model_set_vae;
  ae_model_init(&model->base, type, setup);
  if (!ae_config_is(config, "data.binarize", "none") || ae_config_real(config, "data.center") != 0)
    return AE_FAIL(AE_USAGE, "data.binarize and data.center are for values of images, not for points: leave them out");
  AE_RETURN_IF(ae_set_network_read(config, setup->features, variational, &model->network));
  model->distance = read_distance(config);
  model->base.sized = ae_config_is(config, "set.stage", "size");
  if (model->base.sized) model->most = ae_config_integer(config, "set.most_points");
  if (variational) model->sigma = ae_config_real(config, "set.sigma");
  return setup->data != NULL ? accepts(&model->base, setup->data) : AE_OK;
}

static ae_status create(const ae_model_setup *setup, const ae_model_type *type, ae_model **out) {
  ae_status status;
  ae_set_model *model = NULL;
  AE_CHECK(AE_NEW(model, 1));
  AE_CHECK(read_setup(model, type, setup));
  describe(model);
  AE_CHECK(AE_NEW(model->mean, setup->features));
  AE_CHECK(AE_NEW(model->deviation, setup->features));
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

static bool takes_sets(const ae_config *config) {
  (void)config;
  return true;
}

static ae_status resolve(ae_config *config, const ae_dataset *data) {
  char number[32];
  if (!ae_config_is(config, "set.most_points", "auto")) return AE_OK;
  snprintf(number, sizeof number, "%lld", (long long)ae_max(1, data->most_points));
  ae_config_set(config, "set.most_points", number);
  return AE_OK;
}

/* State beside the parameters: what predictions begin as. */

/* Sums and sums of squares of the coordinates in each own shard. */
static void add_moments(const ae_dataset *data, double *moments) {
  const int64_t dim = data->features;
  const float *points = data->rows;
  for (int s = 0; s < data->shards.count; s++, moments += 2 * dim) {
    const int64_t first = ae_shards_own_begin(&data->shards), shard = data->shards.first + s;
    const int64_t begin = data->offset[ae_shards_begin(&data->shards, (int)shard) - first];
    const int64_t end = data->offset[ae_shards_begin(&data->shards, (int)shard + 1) - first];
    for (int64_t i = begin * dim; i < end * dim; i++) {
      moments[i % dim] += (double)points[i];
      moments[dim + i % dim] += (double)points[i] * (double)points[i];
    }
  }
}

static ae_status find_moments(ae_set_model *model) {
  const ae_model_setup *setup = &model->base.setup;
  const ae_dataset *data = setup->data;
  const int64_t dim = data->features;
  ae_status status;
  double *moments = NULL, *sum = NULL;
  if (data->points == 0) return AE_FAIL(AE_DATA, "%s: all its sets are empty: there is nothing to learn", data->path);
  status = AE_NEW(moments, 2 * dim * data->shards.count);
  if (status == AE_OK) status = AE_NEW(sum, 2 * dim);
  AE_CHECK(ae_comm_agree(setup->comm, status));
  add_moments(data, moments);
  AE_CHECK(ae_reduce_sum(setup->comm, &data->shards, moments, 2 * dim, sum));
  for (int64_t k = 0; k < dim; k++) {
    model->mean[k] = sum[k] / (double)data->points;
    model->deviation[k] = sqrt(fmax(0, sum[dim + k] / (double)data->points - model->mean[k] * model->mean[k]));
  }
  model->begun = true;
cleanup:
  AE_FREE(moments);
  AE_FREE(sum);
  return status;
}

static ae_status start(ae_model *base) {
  ae_set_model *model = (ae_set_model *)base;
  if (base->sized && !model->begun)
    return AE_FAIL(AE_USAGE, "set.stage=size trains the predictor of sizes on the codes of a model that was trained "
                             "with set.stage=autoencoder: name that with --init-from");
  if (model->begun) return AE_OK;
  AE_RETURN_IF(find_moments(model));
  float *bias = ae_params_value(base->setup.params, ae_set_output_bias(&model->network, base->setup.params));
  for (int64_t k = 0; k < model->network.dim; k++) bias[k] = (float)model->mean[k];
  return AE_OK;
}

static ae_status write_moment(const ae_set_model *model, ae_h5 *file, const char *path, const char *description,
                              const double *values) {
  const int64_t dim = model->network.dim;
  const ae_h5_dataset dataset = {path, AE_H5_FLOAT64, 1, {dim}, {"coordinate"}, description, NULL};
  return ae_h5_write(file, &dataset, 0, ae_comm_rank(model->base.setup.comm) == 0 ? dim : 0, values);
}

static ae_status save(ae_model *base, ae_h5 *file) {
  const ae_set_model *model = (const ae_set_model *)base;
  AE_RETURN_IF(ae_h5_create_group(file, "/set", "the Gaussian whose points predictions begin as"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/set", "coordinate", model->network.dim, NULL, "coordinate of a point"));
  AE_RETURN_IF(write_moment(model, file, "/set/mean", "mean of the training data's points", model->mean));
  return write_moment(model, file, "/set/deviation", "standard deviation of the training data's points",
                      model->deviation);
}

static ae_status load(ae_model *base, ae_h5 *file) {
  ae_set_model *model = (ae_set_model *)base;
  model->begun = true;
  AE_RETURN_IF(ae_h5_read(file, "/set/mean", AE_H5_FLOAT64, 1, 0, model->network.dim, model->mean));
  return ae_h5_read(file, "/set/deviation", AE_H5_FLOAT64, 1, 0, model->network.dim, model->deviation);
}

/* The other's decoder knows the points that the other's predictions begin as. */
static ae_status init_from(ae_model *base, const ae_config *config, ae_h5 *file) {
  static const char *const keys[] = {"set.width", "set.heads", "set.blocks"};
  const ae_config *own = base->setup.config;
  if (!ae_config_is(config, "model", base->type->name))
    return AE_FAIL(AE_USAGE, "%s is a model '%s': a '%s' begins with the parameters of its like", ae_h5_path(file),
                   ae_config_text(config, "model"), base->type->name);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (ae_config_integer(config, keys[i]) != ae_config_integer(own, keys[i]))
      return AE_FAIL(AE_USAGE, "%s has %s=%lld, but here it is %lld: the networks must be the same", ae_h5_path(file),
                     keys[i], (long long)ae_config_integer(config, keys[i]),
                     (long long)ae_config_integer(own, keys[i]));
  return load(base, file);
}

/* Training. */

static void fill_sets(ae_set_model *model, const ae_batch *batch) {
  const ae_dataset *data = model->base.setup.data;
  const int64_t dim = model->network.dim;
  model->offset[0] = 0;
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++) {
    int64_t count;
    const float *points = ae_dataset_set(data, batch->example[i], &count);
    const int64_t begin = model->offset[i] * dim;
    memcpy(model->points->value + begin, points, (size_t)(count * dim) * sizeof *points);
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
  const ae_dataset *data = model->base.setup.data;
  const int64_t code = model->network.code;
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++) {
    int64_t count;
    const float *own = ae_set_frozen(model, batch->example[i]);
    float *out = model->code->value + i * code;
    ae_dataset_set(data, batch->example[i], &count);
    model->size->value[i] = (float)ae_min(count, model->most);
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
  if (!model->network.variational) return;
  ae_network_fill_noise(base, batch, AE_RANDOM_NOISE_Z, model->noise);
  base->term[1].scale = ae_network_warm_up(base, batch);
}

static ae_status freeze(ae_set_model *model) {
  const ae_dataset *data = model->base.setup.data;
  const int64_t width = model->encoder.out->width;
  ae_block_walk walk;
  AE_RETURN_IF(AE_NEW(model->frozen, ae_shards_own_count(&data->shards) * width));
  for (ae_block_first(&walk, data); walk.block.count > 0; ae_block_next(&walk)) {
    AE_RETURN_IF(ae_set_run_encoder(model, walk.block.count, walk.block.offset, walk.block.rows));
    memcpy(model->frozen + walk.place * width, model->encoder.out->value,
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
    ae_network_sum_divergences(end - begin, latent, model->q->value + 2 * begin * latent, sums);
    return;
  }
  *sums = 0;
  for (int64_t i = begin; i < end; i++) {
    int64_t count;
    ae_dataset_set(base->setup.data, batch->example[i], &count);
    const double off = (double)(ae_set_likeliest(model, model->logit->value + i * (model->most + 1)) - count);
    *sums += off * off;
  }
}

static ae_status epoch_end(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  ae_set_model *model = (ae_set_model *)base;
  (void)epoch;
  if (base->sized)
    ae_metrics_set(metrics, "size_rmse", sqrt(base->statistic_sum[0] / (double)base->statistic_examples));
  else if (model->network.variational)
    ae_network_take_divergences(base, model->network.code, model->divergence, metrics);
  return AE_OK;
}

static ae_status annotate(const ae_model *base, ae_h5 *file) {
  const ae_set_model *model = (const ae_set_model *)base;
  if (base->sized) return AE_OK;
  return ae_network_write_divergences(base, file, model->network.code, model->divergence);
}

static const char *const stages[] = {"autoencoder", "size", NULL};
static const char *const losses[] = {"chamfer", "huber", "hungarian", NULL};

static const ae_key set_keys[] = {
    {"set.stage", AE_KEY_CHOICE, "autoencoder", 0, 0, stages, NULL, AE_KEY_FIXED,
     "what is trained: the autoencoder; or, beginning with --init-from such a run, the predictor of sizes alone"},
    {"set.width", AE_KEY_INTEGER, "256", 1, 65536, NULL, NULL, AE_KEY_FIXED,
     "dimensions of a point inside the networks; of set-ae also the numbers of a code"},
    {"set.heads", AE_KEY_INTEGER, "4", 1, 1024, NULL, NULL, AE_KEY_FIXED, "heads of attention; they divide the width"},
    {"set.blocks", AE_KEY_INTEGER, "3", 0, 16, NULL, NULL, AE_KEY_FIXED,
     "attention blocks of the encoder, and of the decoder"},
    {"set.loss", AE_KEY_CHOICE, "chamfer", 0, 0, losses, NULL, AE_KEY_FIXED,
     "distance of a set from its prediction: squared Chamfer, Huber's Chamfer, or that of the optimal matching, for "
     "sets of at most 2000 points"},
    {"set.most_points", AE_KEY_INTEGER, "auto", 1, 1e6, NULL, "auto", AE_KEY_FIXED,
     "set.stage=size: largest size that is predicted; larger sets count as such; auto = the largest of the training "
     "data"},
    {0}};

static const ae_key set_vae_keys[] = {
    {"set.latent_size", AE_KEY_INTEGER, "64", 1, 1e6, NULL, NULL, AE_KEY_FIXED, "dimensions of a latent code"},
    {"set.sigma", AE_KEY_REAL, "0.0357142857142857", 1e-9, 1e9, NULL, NULL, AE_KEY_FIXED,
     "standard deviation of points about their predictions, in the units of the data; default 1/28: a pixel of MNIST"},
    {0}};

static const ae_key *const ae_key_tables[] = {ae_keys_common, set_keys, NULL};
static const ae_key *const vae_key_tables[] = {ae_keys_common, set_keys, set_vae_keys, ae_keys_vae, NULL};
const ae_model_type ae_model_set_ae = {.name = "set-ae",
                                       .summary = "autoencoder of sets of points",
                                       .keys = ae_key_tables,
                                       .takes_sets = takes_sets,
                                       .resolve = resolve,
                                       .create = create_ae,
                                       .destroy = destroy,
                                       .own_parameters = AE_SET_SIZE_PATH,
                                       .init_from = init_from,
                                       .start = start,
                                       .epoch_begin = epoch_begin,
                                       .epoch_end = epoch_end,
                                       .save = save,
                                       .load = load,
                                       .fill = fill,
                                       .statistics = statistics,
                                       .accepts = accepts,
                                       .encode = ae_set_encode,
                                       .predict_sizes = ae_set_predict_sizes,
                                       .decode_sets = ae_set_decode,
                                       .add_matching = add_matching,
                                       .evaluate = ae_set_evaluate};

const ae_model_type ae_model_set_vae = {.name = "set-vae",
                                        .summary = "variational autoencoder of sets of points",
                                        .keys = vae_key_tables,
                                        .takes_sets = takes_sets,
                                        .resolve = resolve,
                                        .create = create_vae,
                                        .destroy = destroy,
                                        .own_parameters = AE_SET_SIZE_PATH,
                                        .init_from = init_from,
                                        .start = start,
                                        .epoch_begin = epoch_begin,
                                        .epoch_end = epoch_end,
                                        .save = save,
                                        .load = load,
                                        .fill = fill,
                                        .statistics = statistics,
                                        .accepts = accepts,
                                        .encode = ae_set_encode,
                                        .predict_sizes = ae_set_predict_sizes,
                                        .decode_sets = ae_set_decode,
                                        .add_matching = add_matching,
                                        .evaluate = ae_set_evaluate,
                                        .draw = ae_set_draw,
                                        .annotate = annotate};
