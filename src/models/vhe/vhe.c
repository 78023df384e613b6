/* Variational homoencoder (Hewitt, Nye, Gane, Jaakkola, Tenenbaum 2018): a latent c for the class of an example,
 * inferred from exemplars D of the class drawn from the whole dataset, and z for the example: loss = −ln p(x|c,z) +
 * KL(q(c|D)‖N(0,1)) / |class of x| + KL(q(z|x,c)‖p(z|c)). Classes are given or the clusters of the codes [z, c]
 * (pseudo_labels.h). */
#include "vhe.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/graph/ops.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/python.h"
#include "mpiae/models/rows.h"

#include <math.h>
#include <string.h>

extern const ae_model_type ae_model_vhe;

/* q(c|D) of the examples: D one's own, or the one that its class shares in its segment. */
static ae_tensor *build_posterior_c(vhe *model, int axis) {
  ae_graph *graph = model->base.graph;
  const bool shared = model->shared != NULL;
  const int64_t rows = model->sets * model->exemplars;
  model->set_axis = shared ? ae_graph_axis_varying(graph, model->sets) : axis;
  model->exemplar = ae_examples_input(&model->examples, graph, "exemplar",
                                      shared ? ae_graph_axis_varying(graph, rows) : ae_graph_axis(graph, rows));
  ae_tensor *posterior = ae_vhe_encoder_c(model, graph, model->exemplar, model->set_axis, model->exemplars);
  if (!shared) return posterior;
  model->set = ae_graph_input(graph, "set", axis, 0, NULL, false);
  return ae_gather_rows(graph, "posterior_c", posterior, model->set);
}

static ae_status build_training(vhe *model) {
  int axis;
  AE_RETURN_IF(ae_model_begin_graph(&model->base, &axis));
  ae_graph *graph = model->base.graph;
  model->x = ae_examples_input(&model->examples, graph, "x", axis);
  model->noise_c = ae_graph_input(graph, "noise_c", axis, 1, &model->latent, false);
  model->noise_z = ae_graph_input(graph, "noise_z", axis, 1, &model->latent, false);
  model->weight = ae_graph_input(graph, "class_weight", axis, 0, NULL, false);
  model->posterior_c = build_posterior_c(model, axis);
  ae_tensor *c = ae_gaussian_sample(graph, "c", model->posterior_c, model->noise_c);
  model->posterior_z = ae_vhe_encoder_z(model, graph, model->x, c);
  ae_tensor *z = ae_gaussian_sample(graph, "z", model->posterior_z, model->noise_z);
  ae_tensor *kl_z = ae_gaussian_kl(graph, "kl_z", model->posterior_z, ae_vhe_prior(model, graph, c));
  ae_tensor *kl_c = ae_gaussian_kl_standard(graph, "kl_c", model->posterior_c);
  ae_model_set_term(&model->base, 0,
                    ae_likelihood_loss(&model->likelihood, graph, ae_vhe_decoder(model, graph, c, z), model->x));
  ae_model_set_term(&model->base, 1, ae_weigh_rows(graph, "kl_c_share", kl_c, model->weight));
  ae_model_set_term(&model->base, 2, kl_z);
  ae_graph_keep(model->posterior_c);
  ae_graph_keep(model->posterior_z);
  ae_graph_keep(model->code[AE_PART_Z] = z);
  ae_graph_keep(model->code[AE_PART_C] = c);
  model->base.statistics = 2;
  return ae_graph_seal(graph);
}

static ae_status allocate_training(vhe *model) {
  const ae_model_setup *setup = &model->base.setup;
  if (ae_config_is(setup->config, "vhe.sets", "class")) {
    AE_RETURN_IF(ae_vhe_shared_sets_create(model->labels, (int)model->exemplars, &model->shared));
    model->sets = ae_vhe_shared_sets_capacity(model->shared);
  } else {
    AE_RETURN_IF(AE_NEW(model->drawn, ae_shards_own_count(&setup->data->shards) * model->exemplars));
    model->sets = setup->capacity;
  }
  const int64_t rows = model->sets * model->exemplars;
  AE_RETURN_IF(AE_NEW(model->wanted, rows));
  for (int i = 0; i < 2; i++) AE_RETURN_IF(AE_NEW(model->fetched[i], rows * setup->data->row_bytes));
  return build_training(model);
}

static void destroy(ae_model *base) {
  vhe *model = (vhe *)base;
  ae_window_destroy(&model->window);
  ae_graph_destroy(&model->base.graph);
  ae_vhe_destroy_inference(model);
  ae_vhe_shared_sets_destroy(&model->shared);
  ae_pseudo_labels_destroy(&model->labels);
  AE_FREE(model->drawn);
  AE_FREE(model->wanted);
  for (int i = 0; i < 2; i++) AE_FREE(model->fetched[i]);
  AE_FREE(model);
}

static const ae_figure kl_c_figure = {
    "kl_c", "divergence of the class code's posterior from its prior, divided by the size of the class",
    "divergence of the class posterior of the nearest cluster, divided by the cluster's size, on data.test", "nat",
    false};
static const ae_figure kl_z_figure = {
    "kl_z", "divergence of the example code's posterior from its prior given the class code",
    "divergence of the example code's posterior from its prior given the class code, on data.test", "nat", false};
static const ae_figure label_price_figure = {
    "label_price", NULL, "minus the logarithm of the nearest cluster's share, on data.test", "nat", false};

/* What the model tells of an example. */
static void describe(vhe *model) {
  ae_model *base = &model->base;
  const int64_t latent = model->latent;
  base->proper = ae_likelihood_is_proper(&model->likelihood, &model->examples);
  ae_model_add_term(base, ae_likelihood_figure(&model->likelihood), 1);
  ae_model_add_term(base, &kl_c_figure, 1);
  ae_model_add_term(base, &kl_z_figure, 1);
  ae_model_add_measure(base, &label_price_figure);
  ae_model_add_vector(base, "z_mean", "z", latent, "latent", "mean of the posterior of the example code z");
  ae_model_add_vector(base, "z_logstd", NULL, latent, "latent", "log standard deviation of the posterior of z");
  ae_model_add_vector(base, "c_mean", "c", latent, "latent", "mean of the posterior of the class code c");
  ae_model_add_vector(base, "c_logstd", NULL, latent, "latent", "log standard deviation of the posterior of c");
  ae_model_add_field(
      base, (ae_field){.name = "pseudo_label",
                       .type = AE_H5_INT32,
                       .width = 1,
                       .description = "class of each example: of a training example, that of the epoch that recorded "
                                      "the codes; of others, the nearest cluster"});
}

static ae_status accepts(const ae_model *base, const ae_dataset *data) {
  const vhe *model = (const vhe *)base;
  return ae_likelihood_accept(&model->likelihood, &model->examples, data);
}

static ae_status create(const ae_model_setup *setup, ae_model **out) {
  ae_status status;
  vhe *model = NULL;
  if (setup->data != NULL) AE_CHECK(ae_model_require_rows("vhe", setup->data));
  AE_CHECK(ae_comm_agree(setup->comm, AE_NEW(model, 1)));
  ae_model_init(&model->base, &ae_model_vhe, setup);
  model->latent = ae_config_integer(setup->config, "network.latent_size");
  model->exemplars = ae_config_integer(setup->config, "vhe.exemplars");
  AE_CHECK(ae_array_model_read(&model->base, true, &model->network, &model->examples, &model->likelihood));
  describe(model);
  AE_CHECK(ae_pseudo_labels_create(setup->comm, setup->config, setup->data, model->latent, &model->labels));
  AE_CHECK(ae_comm_agree(setup->comm, setup->data != NULL ? allocate_training(model) : AE_OK));
  AE_CHECK(ae_comm_agree(setup->comm, ae_vhe_build_inference(model)));
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
  const ae_status status = model->shared != NULL ? ae_vhe_shared_sets_draw(model->shared, epoch)
                                                 : ae_class_index_draw(model->labels->index, base->setup.seed, epoch,
                                                                       (int)model->exemplars, model->drawn);
  ae_profile_leave(previous);
  return status;
}

/* ‖∂ℓ/∂z‖² and ‖∂ℓ/∂c‖², ℓ the loss of the example: the gradients at hand are those of the mean over the batch. */
static void statistics(const ae_model *base, const ae_batch *batch, int64_t begin, int64_t end, double *sums) {
  const vhe *model = (const vhe *)base;
  const double rows = (double)batch->global_rows;
  for (int part = 0; part < 2; part++) {
    const float *gradient = model->code[part]->gradient;
    sums[part] = 0;
    for (int64_t i = begin * model->latent; i < end * model->latent; i++)
      sums[part] += rows * rows * (double)gradient[i] * (double)gradient[i];
  }
}

static ae_status epoch_end(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  double mean[2];
  for (int part = 0; part < 2; part++) mean[part] = base->statistic_sum[part] / (double)base->statistic_examples;
  ae_metrics_set(metrics, "grad_z", sqrt(mean[AE_PART_Z]));
  ae_metrics_set(metrics, "grad_c", sqrt(mean[AE_PART_C]));
  ae_metrics_set(metrics, "grad_ratio", sqrt(mean[AE_PART_Z] / mean[AE_PART_C]));
  return ae_pseudo_labels_epoch_end(((vhe *)base)->labels, epoch, mean);
}

/* The sets of a batch as segments of an axis have them: one for each row, unless they are shared. */
static const int64_t *set_offset(const vhe *model, const ae_batch *batch) {
  return model->shared != NULL ? model->shared->offset : batch->offset;
}

/* The exemplars of a batch, set by set, to `wanted`. Returns how many they are. */
static int64_t list_exemplars(const vhe *model, const ae_batch *batch) {
  const int64_t exemplars = model->exemplars, begin = ae_shards_own_begin(&model->base.setup.data->shards);
  const size_t bytes = (size_t)exemplars * sizeof *model->wanted;
  const int64_t *shared = model->shared != NULL ? ae_vhe_shared_sets_list(model->shared, batch) : NULL;
  const int64_t sets = set_offset(model, batch)[batch->segments];
  for (int64_t i = 0; i < sets; i++)
    memcpy(model->wanted + i * exemplars,
           shared != NULL ? shared + i * exemplars : model->drawn + (batch->example[i] - begin) * exemplars, bytes);
  return sets * exemplars;
}

static void prefetch(ae_model *base, const ae_batch *batch) {
  const vhe *model = (const vhe *)base;
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXEMPLARS);
  ae_window_fetch(model->window, model->wanted, list_exemplars(model, batch), model->fetched[batch->step % 2]);
  ae_profile_leave(previous);
}

/* Inputs of q(c|D): exemplars, which have come, and which set is whose. */
static void fill_sets(vhe *model, const ae_batch *batch) {
  const ae_model *base = &model->base;
  const int64_t *offset = set_offset(model, batch), count = offset[batch->segments] * model->exemplars;
  const ae_block exemplars = {base->setup.data, count, model->wanted, model->fetched[batch->step % 2], NULL};
  ae_graph_set_rows(base->graph, model->set_axis, offset);
  ae_graph_set_rows_scaled(base->graph, model->exemplar->axis, offset, model->exemplars);
  ae_examples_prepare(&model->examples, batch->epoch, &exemplars, model->exemplar->value);
  for (int64_t i = 0; model->shared != NULL && i < batch->offset[batch->segments]; i++)
    model->set->value[i] = (float)model->shared->of_row[i];
}

static void fill(ae_model *base, const ae_batch *batch) {
  vhe *model = (vhe *)base;
  const int64_t rows = batch->offset[batch->segments], begin = ae_shards_own_begin(&base->setup.data->shards);
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXEMPLARS);
  ae_window_wait(model->window);
  ae_profile_leave(previous);
  ae_graph_set_rows(base->graph, model->x->axis, batch->offset);
  fill_sets(model, batch);
  ae_examples_fill(&model->examples, base->setup.data, batch, model->x);
  ae_examples_fill_noise(base->setup.seed, batch, AE_RANDOM_NOISE_C, model->noise_c);
  ae_examples_fill_noise(base->setup.seed, batch, AE_RANDOM_NOISE_Z, model->noise_z);
  for (int64_t i = 0; i < rows; i++)
    model->weight->value[i] =
        1.0f / (float)ae_class_index_size(model->labels->index, model->labels->label[batch->example[i] - begin]);
}

static ae_status step_end(ae_model *base, const ae_batch *batch) {
  vhe *model = (vhe *)base;
  const int64_t width = 2 * model->latent;
  const ae_phase previous = ae_profile_enter(AE_PHASE_RECORD);
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++)
    ae_pseudo_labels_record(model->labels, batch->example[i], model->posterior_z->value + i * width,
                            model->posterior_c->value + i * width);
  ae_profile_leave(previous);
  return AE_OK;
}

static ae_status save(ae_model *base, ae_h5 *file) { return ae_pseudo_labels_save(((vhe *)base)->labels, file); }
static ae_status load(ae_model *base, ae_h5 *file) {
  vhe *model = (vhe *)base;
  AE_RETURN_IF(ae_pseudo_labels_load(model->labels, file));
  base->classes = model->labels->clusters;
  return AE_OK;
}

static int arrays(ae_model *base, ae_model_array *out) {
  ae_pseudo_labels *labels = ((vhe *)base)->labels;
  const int64_t clusters = labels->clusters, width = 2 * labels->latent;
  out[0] = (ae_model_array){"clusters.posterior", AE_H5_FLOAT32, 2, {clusters, width}, labels->posterior, false};
  out[1] = (ae_model_array){"clusters.centroid", AE_H5_FLOAT32, 2, {clusters, width}, labels->centroid, false};
  out[2] = (ae_model_array){"clusters.size", AE_H5_INT64, 1, {clusters}, labels->size, false};
  out[3] = (ae_model_array){"clusters.weight", AE_H5_FLOAT64, 1, {2}, labels->weight, false};
  return 4;
}

static void recorded(const ae_model *base, void *const *field) {
  ae_pseudo_labels_recorded(((const vhe *)base)->labels, field);
}

static const char *const label_sources[] = {"kmeans", "given", NULL};

static const char *const sharings[] = {"example", "class", NULL};

static const char *const weightings[] = {"none", "anneal", "gradient", "mutual-information", NULL};

static const ae_key own_keys[] = {
    {"vhe.labels", AE_KEY_CHOICE, "kmeans", 0, 0, label_sources, NULL, AE_KEY_FIXED,
     "classes: clusters of the codes, or the labels of the file (an unknown label, -1, gets a cluster)"},
    {"vhe.exemplars", AE_KEY_INTEGER, "5", 1, 1000, NULL, NULL, AE_KEY_FIXED,
     "examples of its class, drawn with replacement, that q(c|D) sees for each example (for vhe.sets=class: of a class)"},
    {"vhe.sets", AE_KEY_CHOICE, "example", 0, 0, sharings, NULL, AE_KEY_FIXED,
     "who has a set of exemplars: each example, or the examples of a class among those that a step takes from a shard: "
     "fewer exemplars are encoded, the gradient varies more. Either way an example may be among its own exemplars"},
    {"vhe.weighting", AE_KEY_CHOICE, "none", 0, 0, weightings, NULL, AE_KEY_FIXED,
     "how much z and c count when codes are clustered: alike, c more and more (anneal), or by what is known of them"},
    {"vhe.anneal_epochs", AE_KEY_REAL, "5", 0.001, 1e6, NULL, NULL, AE_KEY_FIXED,
     "epochs over which c gains its weight with vhe.weighting=anneal"},
    {0}};

static const ae_key *const keys[] = {
    ae_keys_common, ae_keys_network, ae_keys_latent, ae_keys_likelihood, own_keys, ae_keys_kmeans, NULL};

static const ae_key_condition conditions[] = {
    {"kmeans.clusters", "vhe.labels", "kmeans", false}, {"vhe.anneal_epochs", "vhe.weighting", "anneal", false}, {0}};

static const ae_figure *const figures[] = {
    &ae_cross_entropy_figure, &ae_squared_error_figure, &kl_c_figure, &kl_z_figure, &label_price_figure, NULL};

static const ae_column gradients[] = {
    {"grad_c", "root of the mean squared norm of the gradient of an example's loss by its class code c, as sampled", "",
     false},
    {"grad_z", "root of the mean squared norm of the gradient of an example's loss by its code z, as sampled", "",
     false},
    {"grad_ratio", "grad_z over grad_c: which of the codes the loss depends on", "", false},
    {0}};
static const ae_column *const columns[] = {ae_pseudo_labels_columns, gradients, ae_pseudo_labels_weight_columns, NULL};

static const ae_training_hooks training = {.resolve = ae_likelihood_resolve,
                                           .start = start,
                                           .epoch_begin = epoch_begin,
                                           .prefetch = prefetch,
                                           .fill = fill,
                                           .step_end = step_end,
                                           .statistics = statistics,
                                           .epoch_end = epoch_end,
                                           .recorded = recorded};

static const ae_inference_hooks inference = {
    .encode = ae_vhe_encode, .decode = ae_vhe_decode, .evaluate = ae_vhe_evaluate, .draw = ae_vhe_draw};

static const ae_class_hooks classes = {.one_shot = ae_vhe_one_shot, .likelihood = ae_vhe_likelihood};

static const char *const python[] = {ae_python_model, ae_python_network, ae_python_vhe, NULL};

const ae_model_type ae_model_vhe = {.name = "vhe",
                                    .summary = "variational homoencoder",
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
                                    .classes = &classes};
