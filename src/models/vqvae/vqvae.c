/* VQ-VAE (van den Oord et al. 2017): convolutional encoder, nearest entry of a codebook at each place of a map,
 * convolutional decoder. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/graph/ops.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/likelihood.h"
#include "mpiae/models/python.h"
#include "mpiae/models/vqvae/codebook.h"
#include "mpiae/nn/image.h"
#include "mpiae/tensor/elementwise.h"
#include "mpiae/tensor/softmax.h"

#include <math.h>
#include <zlib.h>

extern const ae_model_type ae_model_vqvae;

/* Levels of a number; rows that the decoder takes at once in inference: 256 logits for each number are many. */
enum { LEVELS = 256, DECODED = 32 };

typedef struct vqvae {
  ae_model base;
  bool categorical;
  ae_examples examples;
  ae_image image, map; /* of x; of the vectors at the encoder's end: D channels */
  double variance;     /* of the numbers of the training data; NaN before it is known */
  ae_codebook *codebook;
  ae_table table;
  ae_tensor *x, *level, *scale; /* training: the data; categorical: as whole numbers; what the error is times */
  ae_tensor *z, *index;         /* training: (rows, map), (rows, places) */
  ae_forward encoder, decoder;  /* inference: x → index; index → prediction, DECODED rows at most */
  ae_tensor *distance;          /* of the encoder: mean (z_e − e)² */
  float *norm;                  /* (DECODED, features, 2) with a categorical likelihood */
  float *shown;                 /* (DECODED, features) */
} vqvae;

/* Networks. */

static const ae_kernel halving = {{4, 4}, {1, 1}, 2, AE_MASK_NONE};
static const ae_kernel same = {{3, 3}, {1, 1}, 1, AE_MASK_NONE};
static const ae_kernel pointwise = {{1, 1}, {0, 0}, 1, AE_MASK_NONE};

static int64_t integer(const vqvae *model, const char *key) { return ae_config_integer(model->base.setup.config, key); }

/* The residual blocks under `path` and the activation behind them. */
static ae_tensor *add_residuals(const vqvae *model, ae_graph *graph, const char *path, ae_tensor *h) {
  char name[64];
  for (int64_t i = 0; i < integer(model, "vqvae.residual_blocks"); i++) {
    snprintf(name, sizeof name, "%s/residual_%d", path, (int)i);
    h = ae_nn_residual(graph, name, h, integer(model, "vqvae.residual_channels"));
  }
  snprintf(name, sizeof name, "%s/activation", path);
  return ae_activate(graph, name, h, AE_RELU);
}

static ae_tensor *build_encoder(const vqvae *model, ae_graph *graph, ae_tensor *x) {
  const int64_t channels = integer(model, "vqvae.channels");
  ae_tensor *h = ae_nn_convolution(graph, "encoder/halving_0", x, model->image, channels / 2, halving, AE_RELU);
  h = ae_nn_convolution(graph, "encoder/halving_1", h, ae_nn_image(h), channels, halving, AE_RELU);
  h = ae_nn_convolution(graph, "encoder/middle", h, ae_nn_image(h), channels, same, AE_LINEAR);
  h = add_residuals(model, graph, "encoder", h);
  return ae_nn_convolution(graph, "encoder/head", h, ae_nn_image(h), model->map.channels, pointwise, AE_LINEAR);
}

static ae_tensor *build_decoder(const vqvae *model, ae_graph *graph, ae_tensor *vectors) {
  const int64_t channels = integer(model, "vqvae.channels");
  const int64_t outputs = model->image.channels * (model->categorical ? LEVELS : 1);
  ae_tensor *h = ae_nn_convolution(graph, "decoder/middle", vectors, model->map, channels, same, AE_LINEAR);
  h = add_residuals(model, graph, "decoder", h);
  h = ae_nn_convolution_transposed(graph, "decoder/doubling_0", h, ae_nn_image(h), channels / 2, halving, AE_RELU);
  return ae_nn_convolution_transposed(graph, "decoder/output", h, ae_nn_image(h), outputs, halving, AE_LINEAR);
}

static ae_tensor *build_error(const vqvae *model, ae_graph *graph, ae_tensor *prediction) {
  ae_tensor *error = model->categorical ? ae_softmax_loss(graph, "cross_entropy", prediction, model->level, LEVELS)
                                        : ae_mean_squared_error(graph, "squared_error", prediction, model->x);
  return ae_weigh_rows(graph, "error", error, model->scale);
}

/* Whether the host has room for the codebook's sums, in float64: of each own shard, of all, and their averages. */
static ae_status expect_sums(const vqvae *model) {
  const int64_t entries = model->table.entries, width = model->codebook->averages ? model->table.width + 1 : 1;
  const double rows = (double)model->base.setup.data->shards.count + 2;
  return ae_memory_expect_each(rows * (double)entries * (double)width * sizeof(double),
                               "sums of vqvae.entries=%lld of %lld numbers for each shard of a rank",
                               (long long)entries, (long long)model->table.width);
}

static ae_status build_training(vqvae *model) {
  int axis;
  AE_RETURN_IF(expect_sums(model));
  AE_RETURN_IF(ae_model_begin_graph(&model->base, &axis));
  ae_graph *graph = model->base.graph;
  model->x = ae_examples_input(&model->examples, graph, "x", axis);
  model->scale = ae_graph_input(graph, "scale", axis, 0, NULL, false);
  if (model->categorical) model->level = ae_examples_input(&model->examples, graph, "level", axis);
  model->z = build_encoder(model, graph, model->x);
  model->index = ae_nearest_entry(graph, "index", model->z, model->table);
  ae_tensor *entry = ae_embed(graph, "entry", model->index, model->table);
  ae_tensor *prediction = build_decoder(model, graph, ae_straight_through(graph, "quantised", model->z, entry));
  ae_graph_keep(model->z);
  ae_graph_keep(model->index);
  ae_model_set_term(&model->base, 0, build_error(model, graph, prediction));
  ae_model_set_term(&model->base, 1, ae_mean_squared_error(graph, "commitment", model->z, entry));
  if (model->base.terms > 2)
    ae_model_set_term(&model->base, 2, ae_mean_squared_error(graph, "codebook", entry, model->z));
  return ae_graph_seal(graph);
}

static ae_status build_inference(vqvae *model) {
  const int64_t map[] = {model->map.rows, model->map.columns};
  ae_forward *pass = &model->encoder;
  AE_RETURN_IF(ae_forward_begin(model->base.setup.params, AE_BLOCK_ROWS, pass));
  pass->in[0] = ae_examples_input(&model->examples, pass->graph, "x", pass->axis);
  ae_tensor *z = build_encoder(model, pass->graph, pass->in[0]);
  pass->out = ae_nearest_entry(pass->graph, "index", z, model->table);
  ae_tensor *entry = ae_embed(pass->graph, "entry", pass->out, model->table);
  model->distance = ae_mean_squared_error(pass->graph, "distance", z, entry);
  ae_graph_keep(model->distance);
  AE_RETURN_IF(ae_forward_seal(pass));
  pass = &model->decoder;
  AE_RETURN_IF(ae_forward_begin(model->base.setup.params, DECODED, pass));
  pass->in[0] = ae_graph_input(pass->graph, "index", pass->axis, 2, map, false);
  pass->out = build_decoder(model, pass->graph, ae_embed(pass->graph, "entry", pass->in[0], model->table));
  return ae_forward_seal(pass);
}

/* Making. */

static void destroy(ae_model *base) {
  vqvae *model = (vqvae *)base;
  ae_graph_destroy(&model->base.graph);
  ae_forward_destroy(&model->encoder);
  ae_forward_destroy(&model->decoder);
  ae_codebook_destroy(&model->codebook);
  AE_FREE(model->norm);
  AE_FREE(model->shown);
  AE_FREE(model);
}

/* Far from the data float32 no longer tells their levels apart. */
static ae_status check_center(const vqvae *model) {
  const double center = ae_config_real(model->base.setup.config, "data.center");
  if (!model->categorical || fabs(center) <= 1) return AE_OK;
  return AE_FAIL(AE_USAGE, "data.center=%g is too far from the values 0 to 1 of network.likelihood=categorical",
                 center);
}

static ae_status accepts(const ae_model *base, const ae_dataset *data) {
  if (!((const vqvae *)base)->categorical || (data->low >= 0 && data->high <= 1)) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "network.likelihood=categorical is for 256 levels from 0 to 1, but %s holds %g to %g: scale the data, "
                 "or set network.likelihood=gaussian",
                 data->path, (double)data->low, (double)data->high);
}

/* The shapes, from those of an example. */
static ae_status measure(vqvae *model) {
  const ae_model_setup *setup = &model->base.setup;
  if (setup->rank != 3 || setup->dim[1] % 4 != 0 || setup->dim[2] % 4 != 0) {
    char shape[AE_SHAPE_SIZE];
    ae_print_shape("N", setup->rank, setup->dim, shape);
    return AE_FAIL(AE_USAGE, "model 'vqvae' halves images twice: it needs sides that 4 divides, (N, C, H, W), not %s",
                   shape);
  }
  model->image = (ae_image){setup->dim[1], setup->dim[2], setup->dim[0]};
  model->map = (ae_image){setup->dim[1] / 4, setup->dim[2] / 4, integer(model, "vqvae.entry_size")};
  return AE_OK;
}

static ae_status make_table(vqvae *model) {
  const ae_model_setup *setup = &model->base.setup;
  const bool averages = ae_config_is(setup->config, "vqvae.codebook", "ema");
  const int64_t shape[] = {integer(model, "vqvae.entries"), model->map.channels};
  static const char *const axes[] = {"entry", "code"};
  AE_RETURN_IF(ae_codebook_create(setup->comm, shape[0], shape[1], averages,
                                  ae_config_real(setup->config, "vqvae.decay"), integer(model, "vqvae.revive_after"),
                                  setup->seed, &model->codebook));
  model->table = (ae_table){shape[0], shape[1], NULL, model->codebook->entry};
  if (averages) return AE_OK;
  const float bound = sqrtf(3.0f / (float)shape[1]);
  model->table.parameter = ae_params_add(setup->params, "codebook/embedding", 2, shape, axes, bound, false);
  return AE_OK;
}

static const ae_figure commitment_figure = {
    "commitment", "mean squared distance of the encoder's numbers from their entries",
    "mean squared distance of the encoder's numbers from their entries, on data.test", "", false};
static const ae_figure codebook_figure = {"codebook", "the same, as the term that moves the entries", "the same", "",
                                          false};

static void describe(vqvae *model) {
  ae_model *base = &model->base;
  const int64_t places = model->map.rows * model->map.columns;
  ae_model_add_term(base, model->categorical ? &ae_cross_entropy_figure : &ae_squared_error_figure, 1);
  ae_model_add_term(base, &commitment_figure, (float)ae_config_real(base->setup.config, "vqvae.commitment"));
  if (!model->codebook->averages) ae_model_add_term(base, &codebook_figure, 1);
  ae_model_add_field(base, (ae_field){.name = "index",
                                      .code = "index",
                                      .type = AE_H5_INT32,
                                      .width = places,
                                      .axis = "map_row",
                                      .columns = model->map.columns,
                                      .column_axis = "map_column",
                                      .description = "entry of the codebook at each place"});
  base->entries = model->table.entries;
  base->per_number = model->categorical;
  base->units = model->categorical ? "nat for each number" : "";
}

static ae_status resolve(const ae_comm *comm, ae_config *config, const ae_dataset *data) {
  (void)comm, (void)data;
  if (!ae_config_is(config, "network.likelihood", "auto")) return AE_OK;
  return ae_config_set(config, "network.likelihood", "gaussian");
}

static ae_status create(const ae_model_setup *setup, ae_model **out) {
  ae_status status;
  vqvae *model = NULL;
  AE_CHECK(AE_NEW(model, 1));
  ae_model_init(&model->base, &ae_model_vqvae, setup);
  model->categorical = ae_config_is(setup->config, "network.likelihood", "categorical");
  model->variance = NAN;
  model->examples = ae_examples_of(setup, true);
  if (ae_config_is(setup->config, "network.likelihood", "bernoulli"))
    AE_RAISE(AE_USAGE, "network.likelihood=bernoulli is not for model 'vqvae': choose gaussian or categorical");
  if (!ae_config_is(setup->config, "data.binarize", "none"))
    AE_RAISE(AE_USAGE,
             "data.binarize is for likelihoods of black and white, which model 'vqvae' has not: leave it out");
  AE_CHECK(check_center(model));
  AE_CHECK(measure(model));
  AE_CHECK(AE_NEW(model->shown, DECODED * setup->features));
  if (model->categorical) AE_CHECK(AE_NEW(model->norm, DECODED * setup->features * 2));
  AE_CHECK(make_table(model));
  describe(model);
  if (setup->data != NULL) AE_CHECK(accepts(&model->base, setup->data));
  if (setup->data != NULL) AE_CHECK(build_training(model));
  AE_CHECK(build_inference(model));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  return ae_comm_agree(setup->comm, status);
}

/* State beside the parameters. */

/* Sum and sum of squares of the numbers of each own shard. */
static ae_status add_moments(const ae_dataset *data, double *moments) {
  float *rows = NULL;
  ae_block_walk walk;
  AE_RETURN_IF(AE_NEW(rows, AE_BLOCK_ROWS * data->features));
  for (ae_block_first(&walk, data); walk.block.count > 0; ae_block_next(&walk)) {
    ae_dataset_to_float(data, walk.block.rows, walk.block.count, rows);
    for (int64_t i = 0; i < walk.block.count * data->features; i++) {
      moments[2 * walk.shard] += (double)rows[i];
      moments[2 * walk.shard + 1] += (double)rows[i] * (double)rows[i];
    }
  }
  AE_FREE(rows);
  return ae_dataset_take_error(data);
}

static ae_status start(ae_model *base) {
  vqvae *model = (vqvae *)base;
  const ae_dataset *data = base->setup.data;
  ae_status status;
  double *moments = NULL, sum[2];
  status = AE_NEW(moments, 2 * data->shards.count);
  if (status == AE_OK) status = add_moments(data, moments);
  AE_CHECK(ae_comm_agree(base->setup.comm, status));
  AE_CHECK(ae_reduce_sum(base->setup.comm, &data->shards, moments, 2, sum));
  const double count = (double)data->examples * (double)data->features, mean = sum[0] / count;
  model->variance = sum[1] / count - mean * mean;
  if (!(model->variance > 1e-9 * sum[1] / count)) /* that of numbers which are the same is a matter of rounding */
    AE_RAISE(AE_DATA, "%s: all its numbers are the same, or nearly: there is nothing to learn", data->path);
cleanup:
  AE_FREE(moments);
  return status;
}

/* Entries that are moving averages are no parameters; those of the other model go with its networks. */
static ae_status init_from(ae_model *base, const ae_config *config, ae_h5 *file) {
  ae_codebook *codebook = ((vqvae *)base)->codebook;
  const char *const alike[] = {"vqvae.codebook",
                               "vqvae.entries",
                               "vqvae.entry_size",
                               "vqvae.channels",
                               "vqvae.residual_channels",
                               "vqvae.residual_blocks",
                               codebook->averages ? "vqvae.decay" : NULL, /* they are corrected for where they began */
                               NULL};
  AE_RETURN_IF(ae_model_check_origin(base, config, file, alike));
  return ae_codebook_take_over(codebook, file);
}

static ae_status adopt(ae_model *base) { return ae_codebook_adopt(((vqvae *)base)->codebook); }

static int arrays(ae_model *base, ae_model_array *out) {
  vqvae *model = (vqvae *)base;
  ae_codebook *codebook = model->codebook;
  const int64_t entries = codebook->entries, width = codebook->width;
  int count = 0;
  out[count++] = (ae_model_array){"data.variance", AE_H5_FLOAT64, 0, {0}, &model->variance, false};
  if (!codebook->averages) return count;
  out[count++] = (ae_model_array){"codebook.weight", AE_H5_FLOAT32, 2, {entries, width}, codebook->entry, true};
  out[count++] = (ae_model_array){"codebook.count", AE_H5_FLOAT64, 1, {entries}, codebook->count, true};
  out[count++] = (ae_model_array){"codebook.sum", AE_H5_FLOAT64, 2, {entries, width}, codebook->sum, true};
  out[count++] = (ae_model_array){"codebook.updates", AE_H5_INT64, 0, {0}, &codebook->updates, true};
  return count;
}

static ae_status save(ae_model *base, ae_h5 *file) {
  const vqvae *model = (const vqvae *)base;
  AE_RETURN_IF(ae_codebook_save(model->codebook, file));
  return ae_h5_put_real(file, "/codebook", "data_variance", model->variance);
}

static ae_status load(ae_model *base, ae_h5 *file) {
  vqvae *model = (vqvae *)base;
  AE_RETURN_IF(ae_codebook_load(model->codebook, file));
  return ae_h5_get_real(file, "/codebook", "data_variance", &model->variance);
}

/* Training. */

/* What an example's error is times: a share of the data's variance; nats of one number. */
static double scale(const vqvae *model) {
  return model->categorical ? 1 / (double)model->base.setup.features : 1 / model->variance;
}

/* Numbers in 0 … 1, centred or not, as whole levels. */
static void to_levels(const vqvae *model, int64_t count, const float *x, float *level) {
  const float shift = model->examples.center;
  for (int64_t i = 0; i < count; i++) level[i] = rintf((x[i] + shift) * (float)(LEVELS - 1));
}

static void fill(ae_model *base, const ae_batch *batch) {
  vqvae *model = (vqvae *)base;
  const int64_t rows = batch->offset[batch->segments];
  ae_graph_set_rows(base->graph, model->x->axis, batch->offset);
  ae_examples_fill(&model->examples, base->setup.data, batch, model->x);
  for (int64_t i = 0; i < rows; i++) model->scale->value[i] = (float)scale(model);
  if (model->categorical) to_levels(model, rows * base->setup.features, model->x->value, model->level->value);
}

static ae_status step_end(ae_model *base, const ae_batch *batch) {
  vqvae *model = (vqvae *)base;
  const ae_codebook_batch assignment = {batch, &base->setup.data->shards, model->map.rows * model->map.columns,
                                        model->z->value, model->index->value};
  return ae_codebook_update(model->codebook, &assignment);
}

static ae_status epoch_end(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  vqvae *model = (vqvae *)base;
  double perplexity;
  int64_t used;
  (void)epoch;
  ae_metrics_set(metrics, "codebook_revived", (double)model->codebook->revived);
  ae_codebook_epoch(model->codebook, &perplexity, &used);
  ae_metrics_set(metrics, "codebook_perplexity", perplexity);
  ae_metrics_set(metrics, "codebook_used", (double)used);
  return AE_OK;
}

/* Inference. */

static ae_status encode(ae_model *base, const ae_block *block, void *const *field) {
  vqvae *model = (vqvae *)base;
  ae_examples_feed(&model->examples, &model->encoder, block);
  for (int64_t i = 0; i < block->count * model->encoder.out->width && field[0] != NULL; i++)
    ((int32_t *)field[0])[i] = (int32_t)model->encoder.out->value[i];
  return AE_OK;
}

/* Σ over levels of probability times level, 0 … 1, centred. */
static void take_means(const vqvae *model, int64_t count, const float *logit, float *mean) {
  const float shift = model->examples.center;
  float share[LEVELS];
  for (int64_t i = 0; i < count; i++) {
    float sum = 0;
    ae_softmax(1, LEVELS, logit + i * LEVELS, share);
    for (int level = 0; level < LEVELS; level++) sum += share[level] * (float)level;
    mean[i] = sum / (float)(LEVELS - 1) - shift;
  }
}

static ae_status check_codes(const vqvae *model, int64_t count, const float *code) {
  for (int64_t i = 0; i < count * model->base.code_width; i++)
    if (!(code[i] >= 0 && code[i] < (float)model->table.entries) || code[i] != rintf(code[i]))
      return AE_FAIL(AE_DATA, "%g is no entry of the codebook, which has 0 to %lld: give codes of this model",
                     (double)code[i], (long long)model->table.entries - 1);
  return AE_OK;
}

/* Predictions for codes first … first+count−1 of `code`, at most DECODED of them. */
static void run_decoder(vqvae *model, int64_t first, int64_t count, const float *code) {
  ae_forward_feed(&model->decoder, count, code + first * model->base.code_width);
}

static ae_status decode(ae_model *base, int64_t count, const float *code, float *x) {
  vqvae *model = (vqvae *)base;
  const int64_t features = base->setup.features;
  AE_RETURN_IF(check_codes(model, count, code));
  for (int64_t first = 0; first < count; first += DECODED) {
    const int64_t rows = ae_min(DECODED, count - first);
    run_decoder(model, first, rows, code);
    if (model->categorical) take_means(model, rows * features, model->decoder.out->value, model->shown);
    ae_examples_show(&model->examples, rows, model->categorical ? model->shown : model->decoder.out->value,
                     x + first * features);
  }
  return AE_OK;
}

/* Errors of examples first … first+count−1 of the block that was encoded, from their predictions. */
static void take_errors(const vqvae *model, int64_t first, int64_t count, float *out) {
  const int64_t features = model->base.setup.features;
  const float *x = model->encoder.in[0]->value + first * features;
  float loss[DECODED];
  if (model->categorical) {
    to_levels(model, count * features, x, model->shown);
    ae_softmax_cross_entropy(count, features, LEVELS, model->decoder.out->value, model->shown, model->norm, loss);
  } else ae_squared_error(count, features, model->decoder.out->value, x, loss);
  const double times = scale(model) / (model->categorical ? 1 : (double)features);
  for (int64_t i = 0; i < count; i++) out[i] = (float)((double)loss[i] * times);
}

static ae_status evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight) {
  vqvae *model = (vqvae *)base;
  float error[DECODED];
  (void)draw, (void)log_weight;
  ae_examples_feed(&model->examples, &model->encoder, block);
  for (int64_t first = 0; first < block->count; first += DECODED) {
    const int64_t rows = ae_min(DECODED, block->count - first);
    run_decoder(model, first, rows, model->encoder.out->value);
    take_errors(model, first, rows, error);
    for (int64_t i = 0; i < rows; i++) terms[(first + i) * base->terms] = (double)error[i];
  }
  for (int64_t i = 0; i < block->count; i++)
    for (int t = 1; t < base->terms; t++) terms[i * base->terms + t] = (double)model->distance->value[i];
  return AE_OK;
}

/* From the prior; without one every entry is as likely as any other. */
static ae_status draw(ae_model *base, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                      int32_t *label) {
  const vqvae *model = (const vqvae *)base;
  if (request->prior != NULL)
    return request->prior->type->inference->draw(request->prior, request, at, count, code, label);
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = 0; j < base->code_width; j++)
      code[i * base->code_width + j] = (float)ae_random_below(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, 0, at + i),
                                                              (uint32_t)j, model->table.entries);
  return AE_OK;
}

/* By which a prior knows the codebook whose entries it has learned the order of. */
static int64_t codebook(const ae_model *base) {
  const vqvae *model = (const vqvae *)base;
  const float *entries = model->table.parameter != NULL
                             ? ae_params_value(model->base.setup.params, model->table.parameter)
                             : model->table.value;
  const size_t bytes = (size_t)(model->table.entries * model->table.width) * sizeof *entries;
  return (int64_t)crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)entries, bytes);
}

static const char *const codebooks[] = {"ema", "loss", NULL};

static const ae_key own_keys[] = {
    {"vqvae.entries", AE_KEY_INTEGER, "512", 2, 65536, NULL, NULL, AE_KEY_FIXED, "entries of the codebook, K"},
    {"vqvae.entry_size", AE_KEY_INTEGER, "64", 1, 4096, NULL, NULL, AE_KEY_FIXED, "dimensions of an entry, D"},
    {"vqvae.codebook", AE_KEY_CHOICE, "ema", 0, 0, codebooks, NULL, AE_KEY_FIXED,
     "what moves the entries: moving averages of the vectors assigned to them, or a term of the loss"},
    {"vqvae.decay", AE_KEY_REAL, "0.99", 0, 0.999999, NULL, NULL, AE_KEY_FIXED, "of the moving averages, a step"},
    {"vqvae.revive_after", AE_KEY_INTEGER, "0", 0, 1e9, NULL, NULL, AE_KEY_FREE,
     "steps after which an entry that was not used restarts at a vector of the batch; 0 = never; for "
     "vqvae.codebook=ema"},
    {"vqvae.commitment", AE_KEY_REAL, "0.25", 0, 1e6, NULL, NULL, AE_KEY_FIXED,
     "weight of the distance of the encoder's vectors from their entries"},
    {"vqvae.channels", AE_KEY_INTEGER, "128", 2, 65536, NULL, NULL, AE_KEY_FIXED, "channels of the networks' maps"},
    {"vqvae.residual_channels", AE_KEY_INTEGER, "32", 1, 65536, NULL, NULL, AE_KEY_FIXED,
     "channels inside a residual block"},
    {"vqvae.residual_blocks", AE_KEY_INTEGER, "2", 0, 64, NULL, NULL, AE_KEY_FIXED,
     "residual blocks of the encoder, and of the decoder"},
    {0}};

static const ae_key *const keys[] = {ae_keys_common, ae_keys_likelihood, own_keys, NULL};
static const ae_key_condition conditions[] = {
    {"vqvae.decay", "vqvae.codebook", "ema", false}, {"vqvae.revive_after", "vqvae.codebook", "ema", false}, {0}};

static const ae_figure *const figures[] = {&ae_cross_entropy_figure, &ae_squared_error_figure, &commitment_figure,
                                           &codebook_figure, NULL};

static const ae_column usage[] = {
    {"codebook_perplexity", "perplexity of the codebook's use over the epoch", "", false},
    {"codebook_used", "entries of the codebook used in the epoch", "", false},
    {"codebook_revived", "entries restarted in the epoch because they were not used", "", false},
    {0}};
static const ae_column *const columns[] = {usage, NULL};

static const ae_training_hooks training = {.resolve = resolve,
                                           .init_from = init_from,
                                           .adopt = adopt,
                                           .start = start,
                                           .fill = fill,
                                           .step_end = step_end,
                                           .epoch_end = epoch_end};

static const ae_inference_hooks inference = {.encode = encode, .decode = decode, .evaluate = evaluate, .draw = draw};

static const ae_index_hooks indices = {codebook};

static const char *const python[] = {ae_python_model, ae_python_vqvae, NULL};

const ae_model_type ae_model_vqvae = {.name = "vqvae",
                                      .summary = "autoencoder with a codebook (VQ-VAE)",
                                      .keys = keys,
                                      .conditions = conditions,
                                      .figures = figures,
                                      .columns = columns,
                                      .create = create,
                                      .destroy = destroy,
                                      .arrays = arrays,
                                      .python = python,
                                      .save = save,
                                      .load = load,
                                      .accepts = accepts,
                                      .training = &training,
                                      .inference = &inference,
                                      .indices = &indices};
