/* Gated PixelCNN over maps of indices: the prior of a model whose codes are such (van den Oord et al. 2016; 2017, sec.
 * 3.3). */
#include "mpiae/nn/pixelcnn.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/graph/ops.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/likelihood.h"
#include "mpiae/models/python.h"
#include "mpiae/tensor/softmax.h"

#include <math.h>
#include <string.h>

extern const ae_model_type ae_model_pixelcnn;

/* Places of maps that a graph of inference takes at once; most entries and labels, most layers that a graph holds. */
enum { PLACES = 16384, MOST_ENTRIES = 65536, MOST_LABELS = 65536, MOST_LAYERS = 40 };

typedef struct pixelcnn {
  ae_model base;
  ae_pixelcnn shape;
  int64_t codebook;         /* whose indices; 0 = not known */
  ae_tensor *index, *label; /* training */
  ae_forward network;       /* inference, blocks of `rows` rows: index, label → logits */
  int64_t rows;
  ae_tensor *loss;      /* of it */
  float *code;          /* (AE_BLOCK_ROWS, features): a block as floats */
  int64_t *label_count; /* (labels): in the training data */
} pixelcnn;

static int64_t integer(const ae_config *config, const char *key) { return ae_config_integer(config, key); }

/* Making. */

static ae_tensor *add_inputs(const pixelcnn *model, ae_graph *graph, int axis, ae_tensor **label) {
  ae_tensor *index = ae_graph_input(graph, "index", axis, 2, model->base.setup.dim + 1, false);
  if (model->shape.labels > 0) *label = ae_graph_input(graph, "label", axis, 0, NULL, false);
  return index;
}

static ae_status build_training(pixelcnn *model) {
  int axis;
  AE_RETURN_IF(ae_model_begin_graph(&model->base, &axis));
  ae_graph *graph = model->base.graph;
  model->index = add_inputs(model, graph, axis, &model->label);
  ae_tensor *logit = ae_nn_pixelcnn(graph, model->index, model->label, model->shape);
  ae_model_set_term(&model->base, 0,
                    ae_softmax_loss(graph, "cross_entropy", logit, model->index, model->shape.entries));
  return ae_graph_seal(graph);
}

static ae_status build_inference(pixelcnn *model) {
  ae_forward *net = &model->network;
  AE_RETURN_IF(ae_forward_begin(model->base.setup.params, model->rows, net));
  net->in[0] = add_inputs(model, net->graph, net->axis, &net->in[1]);
  net->out = ae_nn_pixelcnn(net->graph, net->in[0], net->in[1], model->shape);
  model->loss = ae_softmax_loss(net->graph, "cross_entropy", net->out, net->in[0], model->shape.entries);
  ae_graph_keep(model->loss);
  return ae_forward_seal(net);
}

static void destroy(ae_model *base) {
  pixelcnn *model = (pixelcnn *)base;
  ae_graph_destroy(&model->base.graph);
  ae_forward_destroy(&model->network);
  AE_FREE(model->code);
  AE_FREE(model->label_count);
  AE_FREE(model);
}

static ae_status check_indices(const ae_dataset *data) {
  if (data->whole && data->low >= 0 && data->high < (float)MOST_ENTRIES) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "model 'pixelcnn' is for indices, whole numbers from 0 to at most %d, but %s holds others, %g to %g: "
                 "give what encode writes, FILE.h5:/index%s",
                 MOST_ENTRIES - 1, data->path, (double)data->low, (double)data->high,
                 data->type == AE_H5_UINT8 ? " (bytes are divided by 255 unless data.scale=none)" : "");
}

static ae_status accepts(const ae_model *base, const ae_dataset *data) {
  const pixelcnn *model = (const pixelcnn *)base;
  const long long entries = model->shape.entries, labels = model->shape.labels;
  AE_RETURN_IF(check_indices(data));
  if (data->high >= (float)entries)
    return AE_FAIL(AE_USAGE, "%s holds the index %g, but pixelcnn.entries is %lld: indices are below it", data->path,
                   (double)data->high, entries);
  if (data->entries > 0 && data->entries != entries)
    return AE_FAIL(AE_USAGE, "%s holds indices of a codebook of %lld entries, but pixelcnn.entries is %lld", data->path,
                   (long long)data->entries, entries);
  if (data->codebook != 0 && model->codebook != 0 && data->codebook != model->codebook)
    return AE_FAIL(AE_USAGE,
                   "%s holds indices of another codebook than the training data: encode both with the same model",
                   data->path);
  if (labels > 0 && data->classes > labels)
    return AE_FAIL(AE_USAGE, "%s has labels up to %d, but pixelcnn.labels is %lld: labels are below it", data->path,
                   data->classes - 1, labels);
  return AE_OK;
}

static ae_status check_shape(const pixelcnn *model) {
  const ae_model_setup *setup = &model->base.setup;
  if (setup->rank != 3 || setup->dim[0] != 1) {
    char shape[AE_SHAPE_SIZE];
    ae_print_shape("N", setup->rank, setup->dim, shape);
    return AE_FAIL(AE_USAGE, "model 'pixelcnn' is for maps of indices, (N, rows, columns), not for examples %s", shape);
  }
  if (model->shape.kernel % 2 == 0)
    return AE_FAIL(AE_USAGE, "pixelcnn.kernel is %lld, but it must be odd: a place has as many neighbours on each side",
                   (long long)model->shape.kernel);
  if (!ae_config_is(setup->config, "data.binarize", "none") || ae_config_real(setup->config, "data.center") != 0)
    return AE_FAIL(AE_USAGE, "data.binarize and data.center are for values of images, not for indices: leave them out");
  return AE_OK;
}

/* Own labels; all must be known. */
static ae_status count_labels(const ae_dataset *data, int64_t *count) {
  if (data->label == NULL)
    return AE_FAIL(AE_USAGE, "pixelcnn.labels asks for labels, but %s has none: set it to 0", data->path);
  for (int64_t i = 0; i < ae_shards_own_count(&data->shards); i++) {
    if (data->label[i] < 0)
      return AE_FAIL(AE_USAGE,
                     "%s: the label of example %lld is unknown, but pixelcnn.labels asks for all: set it to 0, or "
                     "leave such examples out",
                     data->path, (long long)(ae_shards_own_begin(&data->shards) + i));
    count[data->label[i]]++;
  }
  return AE_OK;
}

static ae_status take_data(pixelcnn *model, const ae_dataset *data) {
  model->codebook = data->codebook;
  AE_RETURN_IF(accepts(&model->base, data));
  if (model->shape.labels > 0) AE_RETURN_IF(count_labels(data, model->label_count));
  return build_training(model);
}

static void describe(pixelcnn *model) {
  ae_model *base = &model->base;
  ae_model_add_term(base, &ae_cross_entropy_figure, 1);
  ae_model_add_field(base, (ae_field){.name = "index",
                                      .code = "index",
                                      .type = AE_H5_INT32,
                                      .width = base->setup.features,
                                      .axis = "map_row",
                                      .columns = base->setup.dim[2],
                                      .column_axis = "map_column",
                                      .description = "entry of the codebook at each place"});
  base->entries = model->shape.entries;
  base->labels = (int)model->shape.labels;
  base->proper = true;
}

static ae_status make(pixelcnn *model) {
  const ae_model_setup *setup = &model->base.setup;
  AE_RETURN_IF(check_shape(model));
  describe(model);
  model->rows = ae_max(1, ae_min(AE_BLOCK_ROWS, PLACES / setup->features));
  AE_RETURN_IF(AE_NEW(model->code, AE_BLOCK_ROWS * setup->features));
  AE_RETURN_IF(AE_NEW(model->label_count, model->shape.labels));
  if (setup->data != NULL) AE_RETURN_IF(take_data(model, setup->data));
  return build_inference(model);
}

static ae_status create(const ae_model_setup *setup, ae_model **out) {
  ae_status status;
  pixelcnn *model = NULL;
  const ae_config *config = setup->config;
  AE_CHECK(AE_NEW(model, 1));
  ae_model_init(&model->base, &ae_model_pixelcnn, setup);
  model->shape = (ae_pixelcnn){integer(config, "pixelcnn.entries"), integer(config, "pixelcnn.channels"),
                               integer(config, "pixelcnn.layers"), integer(config, "pixelcnn.kernel"),
                               integer(config, "pixelcnn.labels")};
  AE_CHECK(make(model));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  status = ae_comm_agree(setup->comm, status);
  if (status == AE_OK && setup->data != NULL) ae_reduce_integers(setup->comm, model->label_count, model->shape.labels);
  return status;
}

static ae_status resolve(const ae_comm *comm, ae_config *config, const ae_dataset *data) {
  (void)comm;
  AE_RETURN_IF(check_indices(data));
  if (ae_config_is(config, "pixelcnn.entries", "auto")) {
    const int64_t entries = ae_max(2, data->entries > 0 ? data->entries : (int64_t)data->high + 1);
    if (entries > MOST_ENTRIES)
      return AE_FAIL(AE_USAGE, "%s holds indices of a codebook of %lld entries; pixelcnn.entries is at most %d",
                     data->path, (long long)entries, MOST_ENTRIES);
    if (data->entries == 0)
      ae_log_info("pixelcnn.entries is %lld, by the largest index in %s: it does not tell how many its codebook has",
                  (long long)entries, data->path);
    AE_RETURN_IF(ae_config_set_integer(config, "pixelcnn.entries", entries));
  }
  if (!ae_config_is(config, "pixelcnn.labels", "auto")) return AE_OK;
  if (data->classes == 0 || data->classes > MOST_LABELS)
    return AE_FAIL(AE_USAGE, "pixelcnn.labels is auto, but %s %s: set it to 0, or give labels", data->path,
                   data->classes == 0 ? data->no_labels : "has too many of them");
  return ae_config_set_integer(config, "pixelcnn.labels", data->classes);
}

/* State beside the parameters. */

static ae_status save(ae_model *base, ae_h5 *file) {
  const pixelcnn *model = (const pixelcnn *)base;
  const int64_t labels = model->shape.labels;
  AE_RETURN_IF(ae_h5_create_group(file, "/prior", "what the indices are of"));
  AE_RETURN_IF(ae_h5_put_integer(file, "/prior", "codebook", model->codebook));
  if (labels == 0) return AE_OK;
  AE_RETURN_IF(ae_h5_create_axis(file, "/prior", "label", labels, NULL, "label of an example"));
  const ae_h5_dataset count = {
      "/prior/label_count", AE_H5_INT64, 1, {labels}, {"label"}, "training examples with this label", NULL};
  return ae_h5_write_whole(file, &count, model->label_count);
}

static ae_status load(ae_model *base, ae_h5 *file) {
  pixelcnn *model = (pixelcnn *)base;
  const int64_t labels = model->shape.labels;
  int64_t total = 0;
  AE_RETURN_IF(ae_h5_get_integer(file, "/prior", "codebook", &model->codebook));
  if (labels == 0) return AE_OK;
  AE_RETURN_IF(ae_h5_read(file, "/prior/label_count", AE_H5_INT64, 1, 0, labels, model->label_count));
  for (int64_t k = 0; k < labels && total >= 0; k++)
    total = model->label_count[k] < 0 ? -1 : total + model->label_count[k];
  if (total > 0) return AE_OK;
  return AE_FAIL(AE_DATA, "%s: /prior/label_count holds numbers that cannot be: the file is damaged or was changed",
                 ae_h5_path(file));
}

static void fill(ae_model *base, const ae_batch *batch) {
  const pixelcnn *model = (const pixelcnn *)base;
  const ae_dataset *data = base->setup.data;
  const int64_t first = ae_shards_own_begin(&data->shards);
  ae_graph_set_rows(base->graph, model->index->axis, batch->offset);
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++) {
    ae_dataset_to_float(data, ae_dataset_row(data, batch->example[i]), 1, model->index->value + i * data->features);
    if (model->label != NULL) model->label->value[i] = (float)data->label[batch->example[i] - first];
  }
}

/* Inference. */

/* Maps and their labels, at most model->rows of them, through the network. */
static void run(pixelcnn *model, int64_t count, const float *index, const int32_t *label) {
  ae_tensor *given = model->network.in[1];
  for (int64_t i = 0; i < count && given != NULL; i++) given->value[i] = (float)label[i];
  ae_forward_feed(&model->network, count, index);
}

/* Training examples, of all labels. */
static double count_examples(const pixelcnn *model) {
  int64_t total = 0;
  for (int64_t k = 0; k < model->shape.labels; k++) total += model->label_count[k];
  return (double)total;
}

/* −ln Σ_k π_k p(x | k), π_k the shares of the labels in training. */
static void price_unlabelled(pixelcnn *model, int64_t count, const float *code, double *nats) {
  const double examples = count_examples(model);
  ae_log_sum likely[AE_BLOCK_ROWS];
  int32_t label[AE_BLOCK_ROWS];
  for (int64_t i = 0; i < count; i++) likely[i] = AE_LOG_SUM;
  for (int32_t k = 0; k < model->shape.labels; k++) {
    const double share = (double)model->label_count[k] / examples;
    if (share == 0) continue;
    for (int64_t i = 0; i < count; i++) label[i] = k;
    run(model, count, code, label);
    for (int64_t i = 0; i < count; i++) ae_log_sum_add(&likely[i], log(share) - (double)model->loss->value[i]);
  }
  for (int64_t i = 0; i < count; i++) nats[i] = -ae_log_sum_mean(&likely[i], 1);
}

static bool is_known(const pixelcnn *model, int32_t label) { return label >= 0 && label < model->shape.labels; }

/* At most model->rows of them. */
static void price_rows(pixelcnn *model, int64_t count, const float *code, const int32_t *label, double *nats) {
  int32_t given[AE_BLOCK_ROWS] = {0};
  bool priced[AE_BLOCK_ROWS] = {false}; /* by what is given */
  int64_t all = 0;
  for (int64_t i = 0; i < count; i++) {
    const bool known = label != NULL && is_known(model, label[i]);
    given[i] = known ? label[i] : 0;
    priced[i] = known || model->shape.labels == 0;
    all += priced[i];
  }
  if (all < count) price_unlabelled(model, count, code, nats);
  if (all > 0) run(model, count, code, given);
  for (int64_t i = 0; i < count; i++)
    if (priced[i]) nats[i] = (double)model->loss->value[i];
}

static ae_status price(ae_model *base, int64_t count, const float *code, const int32_t *label, double *nats) {
  pixelcnn *model = (pixelcnn *)base;
  for (int64_t at = 0; at < count; at += model->rows)
    price_rows(model, ae_min(model->rows, count - at), code + at * base->code_width, label != NULL ? label + at : NULL,
               nats + at);
  return AE_OK;
}

static ae_status evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight) {
  pixelcnn *model = (pixelcnn *)base;
  const ae_dataset *data = block->data;
  int32_t label[AE_BLOCK_ROWS];
  (void)draw;
  ae_dataset_to_float(data, block->rows, block->count, model->code);
  for (int64_t i = 0; i < block->count && data->label != NULL; i++)
    label[i] = data->label[block->example[i] - ae_shards_own_begin(&data->shards)];
  AE_RETURN_IF(price(base, block->count, model->code, data->label != NULL ? label : NULL, terms));
  for (int64_t i = 0; i < block->count; i++) log_weight[i] = -terms[i];
  return AE_OK;
}

/* By the shares of the labels in training; index: the number of the stream that is used up. */
static int32_t draw_label(const pixelcnn *model, ae_stream stream, uint32_t index) {
  const double uniform = ae_random_uniform(stream, index), examples = count_examples(model);
  double reached = 0;
  int32_t last = 0;
  for (int32_t k = 0; k < model->shape.labels; k++) {
    if (model->label_count[k] == 0) continue;
    last = k;
    reached += (double)model->label_count[k] / examples;
    if (reached > uniform) break;
  }
  return last;
}

/* Place by place: each is drawn from its logits given those before it; what stands behind does not count. */
static void draw_rows(pixelcnn *model, uint64_t seed, int64_t at, int64_t count, float *code, const int32_t *label) {
  const int64_t places = model->base.code_width, entries = model->shape.entries;
  memset(code, 0, (size_t)(count * places) * sizeof *code);
  for (int64_t place = 0; place < places; place++) {
    run(model, count, code, label);
    for (int64_t i = 0; i < count; i++) {
      const double uniform = ae_random_uniform(ae_stream_of(seed, AE_RANDOM_SAMPLE, 0, at + i), (uint32_t)place);
      code[i * places + place] =
          (float)ae_softmax_draw(entries, model->network.out->value + (i * places + place) * entries, uniform);
    }
  }
}

static ae_status draw(ae_model *base, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                      int32_t *label) {
  pixelcnn *model = (pixelcnn *)base;
  for (int64_t i = 0; i < count && model->shape.labels > 0; i++)
    label[i] = request->labelled ? request->label
                                 : draw_label(model, ae_stream_of(request->seed, AE_RANDOM_SAMPLE, 0, at + i),
                                              (uint32_t)base->code_width);
  for (int64_t i = 0; i < count; i += model->rows)
    draw_rows(model, request->seed, at + i, ae_min(model->rows, count - i), code + i * base->code_width, label + i);
  return AE_OK;
}

/* A map is its own code. */
static ae_status decode(ae_model *base, int64_t count, const float *code, float *x) {
  memcpy(x, code, (size_t)(count * base->code_width) * sizeof *x);
  return AE_OK;
}

static int64_t codebook(const ae_model *base) { return ((const pixelcnn *)base)->codebook; }

static const ae_key own_keys[] = {
    {"pixelcnn.entries", AE_KEY_INTEGER, "auto", 2, MOST_ENTRIES, NULL, "auto", AE_KEY_FIXED,
     "indices are below it; auto = as many as the codebook that data.train is of has, or one more than its largest "
     "index"},
    {"pixelcnn.channels", AE_KEY_INTEGER, "128", 1, 65536, NULL, NULL, AE_KEY_FIXED, "channels of the two stacks"},
    {"pixelcnn.layers", AE_KEY_INTEGER, "8", 1, MOST_LAYERS, NULL, NULL, AE_KEY_FIXED, "gated layers"},
    {"pixelcnn.kernel", AE_KEY_INTEGER, "3", 3, 63, NULL, NULL, AE_KEY_FIXED,
     "side of the kernels, odd; every layer reaches half of it further"},
    {"pixelcnn.labels", AE_KEY_INTEGER, "0", 0, MOST_LABELS, NULL, "auto", AE_KEY_FIXED,
     "conditions on the label, one of so many; 0 = does not; auto = as many as data.train has"},
    {0}};

static const ae_key *const keys[] = {ae_keys_common, own_keys, NULL};

static const ae_figure *const figures[] = {&ae_cross_entropy_figure, NULL};

static const ae_training_hooks training = {.resolve = resolve, .fill = fill};

static const ae_inference_hooks inference = {.decode = decode, .evaluate = evaluate, .draw = draw};

static const ae_index_hooks indices = {codebook};
static const ae_prior_hooks prior = {price};

static const char *const python[] = {ae_python_model, ae_python_pixelcnn, NULL};

const ae_model_type ae_model_pixelcnn = {.name = "pixelcnn",
                                         .summary = "prior over maps of indices (gated PixelCNN)",
                                         .keys = keys,
                                         .figures = figures,
                                         .create = create,
                                         .destroy = destroy,
                                         .python = python,
                                         .save = save,
                                         .load = load,
                                         .accepts = accepts,
                                         .training = &training,
                                         .inference = &inference,
                                         .indices = &indices,
                                         .prior = &prior};
