/* Variational homoencoder (Hewitt, Nye, Gane, Jaakkola, Tenenbaum 2018): a latent c for the class of an example,
 * inferred from exemplars D of the class drawn from the whole dataset, and z for the example: loss = −ln p(x|c,z) +
 * KL(q(c|D)‖N(0,1)) / |class of x| + KL(q(z|x,c)‖p(z|c)). Classes are given or the clusters of the codes [z, c]
 * (pseudo_labels.h). */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/window.h"
#include "mpiae/graph/ops.h"
#include "mpiae/models/dense.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/pseudo_labels.h"
#include "mpiae/tensor/gaussian.h"

#include <string.h>

extern const ae_model_type ae_model_vhe;

typedef struct vhe {
  ae_model base;
  int64_t latent, exemplars;
  ae_pseudo_labels *labels;
  /* training */
  ae_tensor *x, *exemplar, *noise_c, *noise_z, *weight; /* inputs; weight = 1 / |class of x| */
  ae_tensor *posterior_c, *posterior_z;
  ae_window *window;
  int64_t *drawn;   /* (own, exemplars): the epoch's exemplars of every own example */
  int64_t *wanted;  /* (capacity, exemplars): those of the batch prefetched last */
  char *fetched[2]; /* their rows, of even and odd steps */
  /* sampling, blocks of AE_MODEL_BLOCK rows */
  ae_graph *generator;
  ae_tensor *c, *noise, *z, *prediction;
} vhe;

/* p(z|c) and p(x|c, z): the half that training and sampling share. */
static ae_tensor *prior(const vhe *model, ae_graph *graph, ae_tensor *c) {
  return ae_nn_gaussian_pair(graph, "prior_z", &c, 1, ae_dense_hidden(model->base.setup.config), model->latent, 0, 1);
}

static ae_tensor *decode(const vhe *model, ae_graph *graph, ae_tensor *c, ae_tensor *z) {
  ae_tensor *const codes[] = {z, c};
  return ae_dense_decoder(&model->base, graph, codes, 2);
}

static ae_status build_training(vhe *model) {
  const ae_model_setup *setup = &model->base.setup;
  const ae_hidden hidden = ae_dense_hidden(setup->config);
  AE_RETURN_IF(
      ae_graph_create(setup->params, setup->data->shards.count, setup->plane_end, setup->planes, &model->base.graph));
  ae_graph *graph = model->base.graph;
  const int axis = ae_graph_axis(graph, setup->capacity);
  const int exemplar_axis = ae_graph_axis(graph, setup->capacity * model->exemplars);
  model->x = ae_graph_input(graph, "x", axis, setup->rank, setup->dim, false);
  model->exemplar = ae_graph_input(graph, "exemplar", exemplar_axis, setup->rank, setup->dim, false);
  model->noise_c = ae_graph_input(graph, "noise_c", axis, 1, &model->latent, false);
  model->noise_z = ae_graph_input(graph, "noise_z", axis, 1, &model->latent, false);
  model->weight = ae_graph_input(graph, "class_weight", axis, 0, NULL, false);
  model->posterior_c =
      ae_nn_gaussian_pair(graph, "encoder_c", &model->exemplar, 1, hidden, model->latent, axis, model->exemplars);
  ae_tensor *c = ae_gaussian_sample(graph, "c", model->posterior_c, model->noise_c);
  ae_tensor *const seen[] = {model->x, c};
  model->posterior_z = ae_nn_gaussian_pair(graph, "encoder_z", seen, 2, hidden, model->latent, axis, 1);
  ae_tensor *z = ae_gaussian_sample(graph, "z", model->posterior_z, model->noise_z);
  ae_tensor *kl_z = ae_gaussian_kl(graph, "kl_z", model->posterior_z, prior(model, graph, c));
  ae_tensor *kl_c = ae_gaussian_kl_standard(graph, "kl_c", model->posterior_c);
  ae_tensor *loss = ae_dense_loss(&model->base, graph, decode(model, graph, c, z), model->x);
  ae_model_add_term(&model->base, ae_dense_loss_name(&model->base), loss, 1);
  ae_model_add_term(&model->base, "kl_c", ae_weigh_rows(graph, "kl_c_share", kl_c, model->weight), 1);
  ae_model_add_term(&model->base, "kl_z", kl_z, 1);
  ae_graph_keep(model->posterior_c);
  ae_graph_keep(model->posterior_z);
  return ae_graph_seal(graph);
}

static ae_status allocate_training(vhe *model) {
  const ae_model_setup *setup = &model->base.setup;
  const int64_t rows = setup->capacity * model->exemplars;
  AE_RETURN_IF(AE_NEW(model->drawn, ae_shards_own_count(&setup->data->shards) * model->exemplars));
  AE_RETURN_IF(AE_NEW(model->wanted, rows));
  for (int i = 0; i < 2; i++) AE_RETURN_IF(AE_NEW(model->fetched[i], rows * setup->data->row_bytes));
  return build_training(model);
}

static ae_status build_generator(vhe *model) {
  AE_RETURN_IF(ae_graph_create(model->base.setup.params, 1, NULL, 0, &model->generator));
  ae_graph *graph = model->generator;
  const int axis = ae_graph_axis(graph, AE_MODEL_BLOCK);
  model->c = ae_graph_input(graph, "c", axis, 1, &model->latent, false);
  model->noise = ae_graph_input(graph, "noise_z", axis, 1, &model->latent, false);
  model->z = ae_gaussian_sample(graph, "z", prior(model, graph, model->c), model->noise);
  model->prediction = decode(model, graph, model->c, model->z);
  ae_graph_keep(model->c);
  ae_graph_keep(model->z);
  ae_graph_keep(model->prediction);
  return ae_graph_seal(graph);
}

static void destroy(ae_model *base) {
  vhe *model = (vhe *)base;
  ae_window_destroy(&model->window);
  ae_graph_destroy(&model->base.graph);
  ae_graph_destroy(&model->generator);
  ae_pseudo_labels_destroy(&model->labels);
  AE_FREE(model->drawn);
  AE_FREE(model->wanted);
  for (int i = 0; i < 2; i++) AE_FREE(model->fetched[i]);
  AE_FREE(model);
}

static ae_status create(const ae_model_setup *setup, ae_model **out) {
  ae_status status;
  vhe *model = NULL;
  AE_CHECK(ae_comm_agree(setup->comm, AE_NEW(model, 1)));
  ae_model_init(&model->base, &ae_model_vhe, setup);
  model->latent = ae_config_integer(setup->config, "network.latent_size");
  model->exemplars = ae_config_integer(setup->config, "vhe.exemplars");
  if (ae_dense_hidden(setup->config).count == 0)
    AE_RAISE(AE_USAGE, "network.hidden is empty, but the homoencoder's networks need at least one hidden layer");
  AE_CHECK(ae_dense_check_data(&model->base));
  AE_CHECK(ae_pseudo_labels_create(setup->comm, setup->config, setup->data, model->latent, &model->labels));
  AE_CHECK(ae_comm_agree(setup->comm, setup->data != NULL ? allocate_training(model) : AE_OK));
  AE_CHECK(ae_comm_agree(setup->comm, build_generator(model)));
  if (setup->data != NULL)
    AE_CHECK(
        ae_window_create(setup->comm, &setup->data->shards, setup->data->rows, setup->data->row_bytes, &model->window));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  return status;
}

static ae_status start(ae_model *base) { return ae_pseudo_labels_start(((vhe *)base)->labels); }

static ae_status epoch_begin(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  vhe *model = (vhe *)base;
  AE_RETURN_IF(ae_pseudo_labels_epoch_begin(model->labels, metrics));
  const ae_phase previous = ae_profile_enter(AE_PHASE_LABELS);
  const ae_status status =
      ae_class_index_draw(model->labels->index, base->setup.seed, epoch, (int)model->exemplars, model->drawn);
  ae_profile_leave(previous);
  return status;
}

static ae_status epoch_end(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  (void)metrics;
  return ae_pseudo_labels_epoch_end(((vhe *)base)->labels, epoch);
}

static void prefetch(ae_model *base, const ae_batch *batch) {
  vhe *model = (vhe *)base;
  const int64_t rows = batch->offset[batch->segments], begin = ae_shards_own_begin(&base->setup.data->shards);
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXEMPLARS);
  for (int64_t i = 0; i < rows; i++)
    memcpy(model->wanted + i * model->exemplars, model->drawn + (batch->example[i] - begin) * model->exemplars,
           (size_t)model->exemplars * sizeof *model->wanted);
  ae_window_fetch(model->window, model->wanted, rows * model->exemplars, model->fetched[batch->step % 2]);
  ae_profile_leave(previous);
}

static void fill(ae_model *base, const ae_batch *batch) {
  vhe *model = (vhe *)base;
  const int64_t rows = batch->offset[batch->segments], begin = ae_shards_own_begin(&base->setup.data->shards);
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXEMPLARS);
  ae_window_wait(model->window);
  ae_profile_leave(previous);
  ae_graph_set_rows(base->graph, model->x->axis, batch->offset);
  ae_graph_set_rows_scaled(base->graph, model->exemplar->axis, batch->offset, model->exemplars);
  ae_dense_fill_examples(base, batch, model->x);
  ae_dense_prepare(base, batch->epoch, model->wanted, model->fetched[batch->step % 2], rows * model->exemplars,
                   model->exemplar->value);
  ae_dense_fill_noise(base, batch, AE_RANDOM_NOISE_C, model->noise_c);
  ae_dense_fill_noise(base, batch, AE_RANDOM_NOISE_Z, model->noise_z);
  for (int64_t i = 0; i < rows; i++)
    model->weight->value[i] =
        1.0f / (float)ae_class_index_size(model->labels->index, model->labels->label[batch->example[i] - begin]);
}

static void step_end(ae_model *base, const ae_batch *batch) {
  vhe *model = (vhe *)base;
  const int64_t width = 2 * model->latent;
  const ae_phase previous = ae_profile_enter(AE_PHASE_RECORD);
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++)
    ae_pseudo_labels_record(model->labels, batch->example[i], model->posterior_z->value + i * width,
                            model->posterior_c->value + i * width);
  ae_profile_leave(previous);
}

static ae_status save(ae_model *base, ae_h5 *file) { return ae_pseudo_labels_save(((vhe *)base)->labels, file); }
static ae_status load(ae_model *base, ae_h5 *file) { return ae_pseudo_labels_load(((vhe *)base)->labels, file); }

static ae_status write_codes(ae_model *base, ae_h5 *file) {
  return ae_pseudo_labels_write_codes(((vhe *)base)->labels, file);
}

/* The class of a sample, by the shares of the clusters. */
static int32_t draw_class(const ae_pseudo_labels *labels, ae_stream stream) {
  int64_t total = 0;
  for (int k = 0; k < labels->clusters; k++) total += labels->size[k];
  int64_t place = ae_random_below(stream, 0, total);
  int32_t k = 0;
  while (place >= labels->size[k]) place -= labels->size[k++];
  return k;
}

/* Where the samples of this rank go. */
typedef struct samples {
  float *x, *c, *z;
  int32_t *label; /* −1 when c came from the prior */
} samples;

/* Streams of a sample, told apart by their epoch. */
enum { DRAW_CLASS, DRAW_C, DRAW_Z };

static void sample_block(vhe *model, const ae_sample_request *request, int64_t at, int64_t count, samples out) {
  const int64_t latent = model->latent, features = model->base.setup.features;
  ae_graph_set_rows(model->generator, model->c->axis, (int64_t[]){0, count});
  for (int64_t i = 0; i < count; i++) {
    float *c = model->c->value + i * latent;
    ae_random_fill_normal(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, DRAW_C, at + i), latent, c);
    ae_random_fill_normal(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, DRAW_Z, at + i), latent,
                          model->noise->value + i * latent);
    out.label[i] = -1;
    if (request->from_prior) continue;
    out.label[i] = draw_class(model->labels, ae_stream_of(request->seed, AE_RANDOM_SAMPLE, DRAW_CLASS, at + i));
    const float *q = model->labels->posterior + out.label[i] * 2 * latent;
    ae_gaussian_draw(1, latent, q, c, c);
  }
  ae_graph_forward(model->generator, NULL);
  memcpy(out.x, model->prediction->value, (size_t)(count * features) * sizeof *out.x);
  memcpy(out.c, model->c->value, (size_t)(count * latent) * sizeof *out.c);
  memcpy(out.z, model->z->value, (size_t)(count * latent) * sizeof *out.z);
  ae_dense_mean(&model->base, count, out.x);
}

static ae_status write_samples(const vhe *model, ae_h5 *file, int64_t total, int64_t begin, int64_t count,
                               samples rows) {
  AE_RETURN_IF(ae_model_write_images(&model->base, file, "/x", "sample", total, begin, count, rows.x,
                                     "decoded samples: mean of p(x | c, z)"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "latent", model->latent, NULL, "dimension of a latent code"));
  ae_h5_dataset codes = {"/c", AE_H5_FLOAT32, 2, {total, model->latent}, {"sample", "latent"}, "class codes drawn",
                         NULL};
  AE_RETURN_IF(ae_h5_write(file, &codes, begin, count, rows.c));
  codes.path = "/z";
  codes.description = "example codes drawn from p(z | c)";
  AE_RETURN_IF(ae_h5_write(file, &codes, begin, count, rows.z));
  const ae_h5_dataset label = {"/pseudo_label",
                               AE_H5_INT32,
                               1,
                               {total},
                               {"sample"},
                               "cluster whose class posterior gave c; -1 = c from the prior",
                               NULL};
  return ae_h5_write(file, &label, begin, count, rows.label);
}

static ae_status sample(ae_model *base, const ae_sample_request *request, ae_h5 *file) {
  vhe *model = (vhe *)base;
  int64_t begin, end;
  ae_status status;
  samples rows = {0};
  ae_dense_share(base->setup.comm, request->count, &begin, &end);
  status = AE_NEW(rows.x, (end - begin) * base->setup.features);
  if (status == AE_OK) status = AE_NEW(rows.c, (end - begin) * model->latent);
  if (status == AE_OK) status = AE_NEW(rows.z, (end - begin) * model->latent);
  if (status == AE_OK) status = AE_NEW(rows.label, end - begin);
  AE_CHECK(ae_comm_agree(base->setup.comm, status));
  for (int64_t at = begin; at < end; at += AE_MODEL_BLOCK) {
    const int64_t place = at - begin;
    const samples block = {rows.x + place * base->setup.features, rows.c + place * model->latent,
                           rows.z + place * model->latent, rows.label + place};
    sample_block(model, request, at, ae_min(AE_MODEL_BLOCK, end - at), block);
  }
  AE_CHECK(write_samples(model, file, request->count, begin, end - begin, rows));
cleanup:
  AE_FREE(rows.x);
  AE_FREE(rows.c);
  AE_FREE(rows.z);
  AE_FREE(rows.label);
  return status;
}

static const char *const label_sources[] = {"kmeans", "given", NULL};

static const ae_key own_keys[] = {
    {"vhe.labels", AE_KEY_CHOICE, "kmeans", 0, 0, label_sources, NULL, AE_KEY_FIXED,
     "classes: clusters of the codes, or the labels of the file (an unknown label, -1, gets a cluster)"},
    {"vhe.exemplars", AE_KEY_INTEGER, "5", 1, 1000, NULL, NULL, AE_KEY_FIXED,
     "examples of its class, drawn with replacement, that q(c|D) sees for each example"},
    {0}};

static const ae_key *const keys[] = {ae_keys_common, ae_keys_network, own_keys, ae_keys_kmeans, NULL};

static const char *const columns[] = {
    "label_entropy",     "label_nmi",   "label_acc",      "label_ari",   "previous_nmi",  "changed", "inertia",
    "kmeans_iterations", "cluster_min", "cluster_median", "cluster_max", "cluster_empty", NULL};

const ae_model_type ae_model_vhe = {.name = "vhe",
                                    .summary = "variational homoencoder",
                                    .keys = keys,
                                    .columns = columns,
                                    .create = create,
                                    .destroy = destroy,
                                    .start = start,
                                    .epoch_begin = epoch_begin,
                                    .epoch_end = epoch_end,
                                    .save = save,
                                    .load = load,
                                    .prefetch = prefetch,
                                    .fill = fill,
                                    .step_end = step_end,
                                    .write_codes = write_codes,
                                    .sample = sample};
