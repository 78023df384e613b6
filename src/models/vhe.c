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
#include "mpiae/tensor/elementwise.h"
#include "mpiae/tensor/gaussian.h"

#include <math.h>
#include <string.h>

extern const ae_model_type ae_model_vhe;

/* A network for inference, on blocks of AE_BLOCK_ROWS rows. */
typedef struct network {
  ae_graph *graph;
  ae_tensor *x, *c, *z; /* its inputs */
  ae_tensor *out;
} network;

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
  /* inference */
  network encoder_c, encoder_z, prior, decoder; /* q(c|{x}), q(z|x,c), p(z|c), p(x|c,z) */
  float *pair;                                  /* (AE_BLOCK_ROWS, 2L): codes [z, c] */
  float *noise;                                 /* (AE_BLOCK_ROWS, L) */
  int32_t label[AE_BLOCK_ROWS];                 /* clusters of the block being evaluated */
} vhe;

static ae_tensor *build_prior(const vhe *model, ae_graph *graph, ae_tensor *c) {
  return ae_nn_gaussian_pair(graph, "prior_z", &c, 1, ae_dense_hidden(model->base.setup.config), model->latent, 0, 1);
}

static ae_tensor *build_decoder(const vhe *model, ae_graph *graph, ae_tensor *c, ae_tensor *z) {
  ae_tensor *const codes[] = {z, c};
  return ae_dense_decoder(&model->base, graph, codes, 2);
}

static ae_tensor *build_encoder_z(const vhe *model, ae_graph *graph, ae_tensor *x, ae_tensor *c) {
  ae_tensor *const seen[] = {x, c};
  return ae_nn_gaussian_pair(graph, "encoder_z", seen, 2, ae_dense_hidden(model->base.setup.config), model->latent, 0,
                             1);
}

static ae_status build_training(vhe *model) {
  const ae_model_setup *setup = &model->base.setup;
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
  model->posterior_c = ae_nn_gaussian_pair(graph, "encoder_c", &model->exemplar, 1, ae_dense_hidden(setup->config),
                                           model->latent, axis, model->exemplars);
  ae_tensor *c = ae_gaussian_sample(graph, "c", model->posterior_c, model->noise_c);
  model->posterior_z = build_encoder_z(model, graph, model->x, c);
  ae_tensor *z = ae_gaussian_sample(graph, "z", model->posterior_z, model->noise_z);
  ae_tensor *kl_z = ae_gaussian_kl(graph, "kl_z", model->posterior_z, build_prior(model, graph, c));
  ae_tensor *kl_c = ae_gaussian_kl_standard(graph, "kl_c", model->posterior_c);
  ae_model_set_term(&model->base, 0, ae_dense_loss(&model->base, graph, build_decoder(model, graph, c, z), model->x));
  ae_model_set_term(&model->base, 1, ae_weigh_rows(graph, "kl_c_share", kl_c, model->weight));
  ae_model_set_term(&model->base, 2, kl_z);
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

/* Starts a network with the inputs it has, each kept: draws of a block run it again. */
static ae_status begin_network(const vhe *model, network *net, bool x, bool c, bool z) {
  const ae_model_setup *setup = &model->base.setup;
  AE_RETURN_IF(ae_graph_create(setup->params, 1, NULL, 0, &net->graph));
  const int axis = ae_graph_axis(net->graph, AE_BLOCK_ROWS);
  if (x) net->x = ae_graph_input(net->graph, "x", axis, setup->rank, setup->dim, false);
  if (c) net->c = ae_graph_input(net->graph, "c", axis, 1, &model->latent, false);
  if (z) net->z = ae_graph_input(net->graph, "z", axis, 1, &model->latent, false);
  ae_graph_keep(net->x);
  ae_graph_keep(net->c);
  ae_graph_keep(net->z);
  return AE_OK;
}

static ae_status end_network(network *net, ae_tensor *out) {
  net->out = out;
  ae_graph_keep(out);
  return ae_graph_seal(net->graph);
}

static ae_status build_inference(vhe *model) {
  network *net = &model->encoder_c;
  AE_RETURN_IF(begin_network(model, net, true, false, false));
  AE_RETURN_IF(end_network(net, ae_nn_gaussian_pair(net->graph, "encoder_c", &net->x, 1,
                                                    ae_dense_hidden(model->base.setup.config), model->latent, 0, 1)));
  net = &model->encoder_z;
  AE_RETURN_IF(begin_network(model, net, true, true, false));
  AE_RETURN_IF(end_network(net, build_encoder_z(model, net->graph, net->x, net->c)));
  net = &model->prior;
  AE_RETURN_IF(begin_network(model, net, false, true, false));
  AE_RETURN_IF(end_network(net, build_prior(model, net->graph, net->c)));
  net = &model->decoder;
  AE_RETURN_IF(begin_network(model, net, false, true, true));
  AE_RETURN_IF(end_network(net, build_decoder(model, net->graph, net->c, net->z)));
  AE_RETURN_IF(AE_NEW(model->pair, AE_BLOCK_ROWS * 2 * model->latent));
  return AE_NEW(model->noise, AE_BLOCK_ROWS * model->latent);
}

static void destroy(ae_model *base) {
  vhe *model = (vhe *)base;
  ae_window_destroy(&model->window);
  ae_graph_destroy(&model->base.graph);
  ae_graph_destroy(&model->encoder_c.graph);
  ae_graph_destroy(&model->encoder_z.graph);
  ae_graph_destroy(&model->prior.graph);
  ae_graph_destroy(&model->decoder.graph);
  ae_pseudo_labels_destroy(&model->labels);
  AE_FREE(model->drawn);
  AE_FREE(model->wanted);
  AE_FREE(model->pair);
  AE_FREE(model->noise);
  for (int i = 0; i < 2; i++) AE_FREE(model->fetched[i]);
  AE_FREE(model);
}

/* What the model tells of an example. */
static void describe(vhe *model) {
  ae_model *base = &model->base;
  const int64_t latent = model->latent;
  base->proper = ae_dense_is_proper(base);
  ae_model_add_term(base, ae_dense_loss_name(base), 1);
  ae_model_add_term(base, "kl_c", 1);
  ae_model_add_term(base, "kl_z", 1);
  ae_model_add_measure(base, "label_price");
  ae_model_add_field(
      base, (ae_field){"z_mean", "z", AE_H5_FLOAT32, latent, "latent", "mean of the posterior of the example code z"});
  ae_model_add_field(base, (ae_field){"z_logstd", NULL, AE_H5_FLOAT32, latent, "latent",
                                      "log standard deviation of the posterior of z"});
  ae_model_add_field(
      base, (ae_field){"c_mean", "c", AE_H5_FLOAT32, latent, "latent", "mean of the posterior of the class code c"});
  ae_model_add_field(base, (ae_field){"c_logstd", NULL, AE_H5_FLOAT32, latent, "latent",
                                      "log standard deviation of the posterior of c"});
  ae_model_add_field(base, (ae_field){"pseudo_label", NULL, AE_H5_INT32, 1, NULL,
                                      "class of each example: of a training example, that of the epoch that recorded "
                                      "the codes; of others, the nearest cluster"});
}

static ae_status create(const ae_model_setup *setup, ae_model **out) {
  ae_status status;
  vhe *model = NULL;
  AE_CHECK(ae_comm_agree(setup->comm, AE_NEW(model, 1)));
  ae_model_init(&model->base, &ae_model_vhe, setup);
  model->latent = ae_config_integer(setup->config, "network.latent_size");
  model->exemplars = ae_config_integer(setup->config, "vhe.exemplars");
  describe(model);
  if (ae_dense_hidden(setup->config).count == 0)
    AE_RAISE(AE_USAGE, "network.hidden is empty, but the homoencoder's networks need at least one hidden layer");
  if (setup->data != NULL) AE_CHECK(ae_dense_accepts(&model->base, setup->data));
  AE_CHECK(ae_pseudo_labels_create(setup->comm, setup->config, setup->data, model->latent, &model->labels));
  AE_CHECK(ae_comm_agree(setup->comm, setup->data != NULL ? allocate_training(model) : AE_OK));
  AE_CHECK(ae_comm_agree(setup->comm, build_inference(model)));
  if (setup->data != NULL)
    AE_CHECK(
        ae_window_create(setup->comm, &setup->data->shards, setup->data->rows, setup->data->row_bytes, &model->window));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  return status;
}

static ae_status start(ae_model *base) {
  vhe *model = (vhe *)base;
  base->classes = model->labels->clusters;
  return ae_pseudo_labels_start(model->labels);
}

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
  const ae_block exemplars = {base->setup.data, rows * model->exemplars, model->wanted,
                              model->fetched[batch->step % 2]};
  ae_dense_prepare(base, batch->epoch, &exemplars, model->exemplar->value);
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
static ae_status load(ae_model *base, ae_h5 *file) {
  vhe *model = (vhe *)base;
  AE_RETURN_IF(ae_pseudo_labels_load(model->labels, file));
  base->classes = model->labels->clusters;
  return AE_OK;
}

static void recorded(const ae_model *base, void *const *field) {
  ae_pseudo_labels_recorded(((const vhe *)base)->labels, field);
}

/* Inference. */

/* Columns of rows (count, 2L): the half of means, or of log standard deviations, or of z or c of codes [z, c]. */
static void copy_half(const float *rows, int64_t count, int64_t latent, int half, float *out) {
  for (int64_t i = 0; i < count; i++)
    memcpy(out + i * latent, rows + (2 * i + half) * latent, (size_t)latent * sizeof *out);
}

static void put_half(const float *half_rows, int64_t count, int64_t latent, int half, float *rows) {
  for (int64_t i = 0; i < count; i++)
    memcpy(rows + (2 * i + half) * latent, half_rows + i * latent, (size_t)latent * sizeof *rows);
}

/* q(z | x, c) of a block whose x and c are in place; its means into the first half of `pair`, c into the second. */
static void infer_z(vhe *model, int64_t count) {
  const network *net = &model->encoder_z;
  ae_dense_run(net->graph, net->x, count);
  for (int64_t i = 0; i < count; i++)
    memcpy(model->pair + 2 * i * model->latent, net->out->value + 2 * i * model->latent,
           (size_t)model->latent * sizeof *model->pair);
  put_half(net->c->value, count, model->latent, 1, model->pair);
}

/* Each example as a class of its own: c = μ_c({x}), z = μ_z(x, c), into `pair`. */
static void infer_alone(vhe *model, const ae_block *block) {
  network *c = &model->encoder_c, *z = &model->encoder_z;
  ae_dense_prepare(&model->base, 0, block, c->x->value);
  memcpy(z->x->value, c->x->value, (size_t)(block->count * model->base.setup.features) * sizeof(float));
  ae_dense_run(c->graph, c->x, block->count);
  copy_half(c->out->value, block->count, model->latent, 0, z->c->value);
  infer_z(model, block->count);
}

/* The posterior of the class of row i. */
static const float *class_posterior(const vhe *model, int64_t i) {
  return model->labels->posterior + model->label[i] * 2 * model->latent;
}

/* Clusters of unseen examples: nearest to the codes they have alone. */
static ae_status infer_class(vhe *model, const ae_block *block) {
  infer_alone(model, block);
  return ae_kmeans_assign(model->pair, block->count, 2 * model->latent, model->labels->centroid,
                          model->labels->clusters, model->label, NULL);
}

static ae_status encode(ae_model *base, const ae_block *block, void *const *field) {
  vhe *model = (vhe *)base;
  const int64_t latent = model->latent, count = block->count;
  AE_RETURN_IF(infer_class(model, block));
  for (int64_t i = 0; i < count; i++) {
    memcpy(model->encoder_z.c->value + i * latent, class_posterior(model, i), (size_t)latent * sizeof(float));
    if (field[3] != NULL)
      memcpy((float *)field[3] + i * latent, class_posterior(model, i) + latent, (size_t)latent * sizeof(float));
  }
  infer_z(model, count);
  for (int half = 0; half < 2; half++)
    if (field[half] != NULL) copy_half(model->encoder_z.out->value, count, latent, half, field[half]);
  if (field[2] != NULL) copy_half(model->pair, count, latent, 1, field[2]);
  if (field[4] != NULL) memcpy(field[4], model->label, (size_t)count * sizeof *model->label);
  return AE_OK;
}

static ae_status one_shot(ae_model *base, const ae_block *block, float *code) {
  vhe *model = (vhe *)base;
  infer_alone(model, block);
  memcpy(code, model->pair, (size_t)(block->count * 2 * model->latent) * sizeof *code);
  return AE_OK;
}

static ae_status decode(ae_model *base, int64_t count, const float *code, float *x) {
  vhe *model = (vhe *)base;
  network *net = &model->decoder;
  copy_half(code, count, model->latent, 0, net->z->value);
  copy_half(code, count, model->latent, 1, net->c->value);
  ae_dense_run(net->graph, net->z, count);
  memcpy(x, net->out->value, (size_t)(count * base->setup.features) * sizeof *x);
  ae_dense_mean(base, count, x);
  return AE_OK;
}

/* c from its class, z from q(z | x, c), and what both lead to, for noise number `draw`. */
static void draw_codes(vhe *model, const ae_block *block, uint32_t draw) {
  const int64_t latent = model->latent, count = block->count;
  network *z = &model->encoder_z;
  ae_dense_noise(&model->base, block, AE_RANDOM_EVALUATE_C, draw, latent, model->noise);
  for (int64_t i = 0; i < count; i++)
    ae_gaussian_draw(1, latent, class_posterior(model, i), model->noise + i * latent, z->c->value + i * latent);
  ae_dense_run(z->graph, z->x, count);
  ae_dense_noise(&model->base, block, AE_RANDOM_EVALUATE_Z, draw, latent, model->noise);
  ae_gaussian_draw(count, latent, z->out->value, model->noise, model->decoder.z->value);
  memcpy(model->prior.c->value, z->c->value, (size_t)(count * latent) * sizeof(float));
  memcpy(model->decoder.c->value, z->c->value, (size_t)(count * latent) * sizeof(float));
  ae_dense_run(model->prior.graph, model->prior.c, count);
  ae_dense_run(model->decoder.graph, model->decoder.z, count);
}

static int64_t total_size(const ae_pseudo_labels *labels) {
  int64_t total = 0;
  for (int k = 0; k < labels->clusters; k++) total += labels->size[k];
  return total;
}

/* −ELBO given the nearest cluster k: c from q̄_k, whose own cost its examples share; the price of k beside it. */
static ae_status evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight) {
  vhe *model = (vhe *)base;
  const int64_t latent = model->latent, count = block->count;
  const int width = base->terms + base->measures;
  float loss[AE_BLOCK_ROWS], kl_z[AE_BLOCK_ROWS];
  if (draw == 0) AE_RETURN_IF(infer_class(model, block));
  draw_codes(model, block, draw);
  ae_dense_likelihood(base, count, model->decoder.out->value, model->encoder_z.x->value, loss);
  ae_gaussian_divergence(count, latent, model->encoder_z.out->value, model->prior.out->value, kl_z);
  ae_gaussian_log_ratio(count, latent, model->encoder_z.out->value, model->prior.out->value, model->noise,
                        model->decoder.z->value, log_weight);
  for (int64_t i = 0; i < count; i++) {
    const double size = (double)ae_max(1, model->labels->size[model->label[i]]);
    float kl_c;
    ae_gaussian_divergence(1, latent, class_posterior(model, i), NULL, &kl_c);
    double *row = terms + i * width;
    row[0] = (double)loss[i];
    row[1] = (double)kl_c / size;
    row[2] = (double)kl_z[i];
    row[3] = log((double)total_size(model->labels) / size);
    log_weight[i] -= (double)loss[i];
  }
  return AE_OK;
}

/* Streams of a sample, told apart by their epoch. */
enum { DRAW_CLASS, DRAW_C, DRAW_Z };

/* The class of a sample, by the shares of the clusters. */
static int32_t draw_class(const ae_pseudo_labels *labels, ae_stream stream) {
  int64_t place = ae_random_below(stream, 0, total_size(labels));
  int32_t k = 0;
  while (place >= labels->size[k]) place -= labels->size[k++];
  return k;
}

/* q(c | D) of the examples to draw more of: the mean of what each gives. */
static void infer_like(vhe *model, const ae_block *like, float *posterior) {
  const network *net = &model->encoder_c;
  ae_dense_prepare(&model->base, 0, like, net->x->value);
  ae_dense_run(net->graph, net->x, like->count);
  ae_column_sum(like->count, 2 * model->latent, net->out->value, false, posterior);
  ae_scale(2 * model->latent, 1.0f / (float)like->count, posterior, posterior);
}

static ae_status draw(ae_model *base, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                      int32_t *label) {
  vhe *model = (vhe *)base;
  const int64_t latent = model->latent;
  float *c = model->prior.c->value, *like = model->pair;
  if (request->like != NULL) infer_like(model, request->like, like);
  for (int64_t i = 0; i < count; i++) {
    const float *q = request->like != NULL ? like : NULL;
    ae_random_fill_normal(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, DRAW_C, at + i), latent, c + i * latent);
    ae_random_fill_normal(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, DRAW_Z, at + i), latent,
                          model->noise + i * latent);
    if (q == NULL && !request->from_prior) {
      label[i] = draw_class(model->labels, ae_stream_of(request->seed, AE_RANDOM_SAMPLE, DRAW_CLASS, at + i));
      q = model->labels->posterior + label[i] * 2 * latent;
    }
    if (q != NULL) ae_gaussian_draw(1, latent, q, c + i * latent, c + i * latent);
  }
  ae_dense_run(model->prior.graph, model->prior.c, count);
  ae_gaussian_draw(count, latent, model->prior.out->value, model->noise, model->noise);
  put_half(model->noise, count, latent, 0, code);
  put_half(c, count, latent, 1, code);
  return AE_OK;
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
                                    .accepts = ae_dense_accepts,
                                    .encode = encode,
                                    .recorded = recorded,
                                    .decode = decode,
                                    .evaluate = evaluate,
                                    .draw = draw,
                                    .one_shot = one_shot};
