/* Associative compression network (Graves, Menick, van den Oord 2018): a variational autoencoder whose prior for an
 * example is told by the code ĉ of a similar one: loss = −ln p(x|z) + KL(q(z|x)‖p(z|ĉ)), ĉ the recorded mean of one of
 * the nearest neighbours of x's own. A code length given the others, not to be ranked against unconditional ones. */
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/graph/ops.h"
#include "mpiae/models/acn/code_memory.h"
#include "mpiae/models/array_model.h"
#include "mpiae/models/keys.h"
#include "mpiae/models/python.h"
#include "mpiae/models/standard_prior.h"
#include "mpiae/tensor/gaussian.h"

#include <string.h>

extern const ae_model_type ae_model_acn;

typedef struct acn {
  ae_model base;
  int64_t latent, neighbours;
  ae_network network;
  ae_examples examples;
  ae_likelihood likelihood;
  ae_code_memory *memory;
  /* training */
  ae_tensor *x, *noise, *c, *q; /* inputs: examples, N(0, 1), codes of neighbours; (μ | s) of the batch */
  int64_t *wanted;              /* (capacity): neighbours of the batch prefetched last */
  float *fetched[2];            /* (capacity, L): their codes, of even and odd steps */
  /* inference, blocks of AE_BLOCK_ROWS rows */
  ae_forward encoder, prior, decoder; /* x → (μ | s); ĉ → (μ | s); z → prediction */
  int64_t *nearest;                   /* (AE_BLOCK_ROWS, neighbours) of the block being evaluated */
  float *scratch;                     /* (AE_BLOCK_ROWS, L) */
} acn;

/* Networks. */

static ae_tensor *build_prior(const acn *model, ae_graph *graph, ae_tensor *c) {
  return ae_nn_gaussian_pair(graph, "prior_z", &c, 1, model->network.hidden, model->latent, 0, 1);
}

static ae_status build_training(acn *model) {
  int axis;
  AE_RETURN_IF(ae_model_begin_graph(&model->base, &axis));
  ae_graph *graph = model->base.graph;
  model->x = ae_examples_input(&model->examples, graph, "x", axis);
  model->noise = ae_graph_input(graph, "noise", axis, 1, &model->latent, false);
  model->c = ae_graph_input(graph, "neighbour", axis, 1, &model->latent, false);
  model->q = ae_network_encoder(&model->network, graph, model->x, model->latent, true);
  ae_tensor *z = ae_gaussian_sample(graph, "z", model->q, model->noise);
  ae_tensor *p = build_prior(model, graph, model->c);
  ae_tensor *prediction = ae_network_decoder(&model->network, graph, &z, 1);
  ae_model_set_term(&model->base, 0, ae_likelihood_loss(&model->likelihood, graph, prediction, model->x));
  ae_model_set_term(&model->base, 1, ae_gaussian_kl(graph, "kl", model->q, p));
  ae_graph_keep(model->q);
  return ae_graph_seal(graph);
}

static ae_status build_inference(acn *model) {
  ae_params *params = model->base.setup.params;
  ae_forward *prior = &model->prior;
  AE_RETURN_IF(
      ae_network_build_encoder(&model->network, &model->examples, params, model->latent, true, &model->encoder));
  AE_RETURN_IF(ae_network_build_decoder(&model->network, params, model->latent, &model->decoder));
  AE_RETURN_IF(ae_forward_begin(params, AE_BLOCK_ROWS, prior));
  prior->in[0] = ae_graph_input(prior->graph, "neighbour", prior->axis, 1, &model->latent, false);
  prior->out = build_prior(model, prior->graph, prior->in[0]);
  return ae_forward_seal(prior);
}

/* Making. */

static void destroy(ae_model *base) {
  acn *model = (acn *)base;
  ae_graph_destroy(&model->base.graph);
  ae_forward_destroy(&model->encoder);
  ae_forward_destroy(&model->prior);
  ae_forward_destroy(&model->decoder);
  ae_code_memory_destroy(&model->memory);
  AE_FREE(model->wanted);
  for (int i = 0; i < 2; i++) AE_FREE(model->fetched[i]);
  AE_FREE(model->nearest);
  AE_FREE(model->scratch);
  AE_FREE(model);
}

static void describe(acn *model) {
  ae_model *base = &model->base;
  ae_model_add_term(base, ae_likelihood_figure(&model->likelihood), 1);
  ae_model_add_term(base, &ae_standard_prior_figure, 1);
  ae_model_add_vector(base, "z_mean", "z", model->latent, "latent", "mean of the posterior of z");
  ae_model_add_vector(base, "z_logstd", NULL, model->latent, "latent", "log standard deviation of the posterior of z");
}

static ae_status allocate(acn *model) {
  const ae_model_setup *setup = &model->base.setup;
  AE_RETURN_IF(AE_NEW(model->nearest, AE_BLOCK_ROWS * model->neighbours));
  AE_RETURN_IF(AE_NEW(model->scratch, AE_BLOCK_ROWS * model->latent));
  AE_RETURN_IF(AE_NEW(model->wanted, setup->capacity));
  for (int i = 0; i < 2; i++) AE_RETURN_IF(AE_NEW(model->fetched[i], setup->capacity * model->latent));
  if (setup->data != NULL) AE_RETURN_IF(build_training(model));
  return build_inference(model);
}

static ae_status accepts(const ae_model *base, const ae_dataset *data) {
  const acn *model = (const acn *)base;
  return ae_likelihood_accept(&model->likelihood, &model->examples, data);
}

static ae_status create(const ae_model_setup *setup, ae_model **out) {
  ae_status status;
  acn *model = NULL;
  AE_CHECK(ae_comm_agree(setup->comm, AE_NEW(model, 1)));
  ae_model_init(&model->base, &ae_model_acn, setup);
  AE_CHECK(ae_array_model_read(&model->base, true, &model->network, &model->examples, &model->likelihood));
  model->latent = ae_config_integer(setup->config, "network.latent_size");
  model->neighbours = ae_config_integer(setup->config, "acn.neighbours");
  describe(model);
  AE_CHECK(ae_code_memory_create(setup->comm, setup->data, model->latent, (int)model->neighbours, setup->seed,
                                 &model->memory));
  AE_CHECK(ae_comm_agree(setup->comm, allocate(model)));
  *out = &model->base;
cleanup:
  if (status != AE_OK && model != NULL) destroy(&model->base);
  return status;
}

/* Training. */

static ae_status start(ae_model *base) {
  ae_code_memory_start(((acn *)base)->memory);
  return AE_OK;
}

static ae_status epoch_begin(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  (void)metrics;
  return ae_code_memory_epoch_begin(((acn *)base)->memory, epoch);
}

/* A test set and pictures are inference in the midst of training. */
static ae_status epoch_end(ae_model *base, uint32_t epoch, ae_metrics *metrics) {
  const ae_config *config = base->setup.config;
  const bool infers = !ae_config_is(config, "data.test", "none") || ae_config_integer(config, "output.samples") > 0;
  (void)epoch, (void)metrics;
  ae_code_memory_epoch_end(((acn *)base)->memory);
  return infers ? ae_code_memory_gather(((acn *)base)->memory) : AE_OK;
}

static ae_status save(ae_model *base, ae_h5 *file) { return ae_code_memory_save(((acn *)base)->memory, file); }
static ae_status load(ae_model *base, ae_h5 *file) { return ae_code_memory_load(((acn *)base)->memory, file); }

static int arrays(ae_model *base, ae_model_array *out) {
  const ae_code_memory *memory = ((acn *)base)->memory;
  *out = (ae_model_array){"memory.mean", AE_H5_FLOAT32, 2, {memory->examples, memory->latent}, memory->all, false};
  return 1;
}

static void prefetch(ae_model *base, const ae_batch *batch) {
  acn *model = (acn *)base;
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXEMPLARS);
  ae_code_memory_fetch(model->memory, batch, model->wanted, model->fetched[batch->step % 2]);
  ae_profile_leave(previous);
}

static void fill(ae_model *base, const ae_batch *batch) {
  acn *model = (acn *)base;
  const int64_t rows = batch->offset[batch->segments];
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXEMPLARS);
  ae_window_wait(model->memory->window);
  ae_profile_leave(previous);
  ae_graph_set_rows(base->graph, model->x->axis, batch->offset);
  ae_examples_fill(&model->examples, base->setup.data, batch, model->x);
  ae_examples_fill_noise(base->setup.seed, batch, AE_RANDOM_NOISE_Z, model->noise);
  memcpy(model->c->value, model->fetched[batch->step % 2], (size_t)(rows * model->latent) * sizeof(float));
}

static ae_status step_end(ae_model *base, const ae_batch *batch) {
  acn *model = (acn *)base;
  for (int64_t i = 0; i < batch->offset[batch->segments]; i++)
    ae_code_memory_record(model->memory, batch->example[i], model->q->value + i * 2 * model->latent);
  return AE_OK;
}

static void recorded(const ae_model *base, void *const *field) {
  const acn *model = (const acn *)base;
  const size_t bytes =
      (size_t)(ae_shards_own_count(&base->setup.data->shards) * model->latent) * sizeof *model->memory->mean;
  if (field[0] != NULL) memcpy(field[0], model->memory->mean, bytes);
  if (field[1] != NULL) memcpy(field[1], model->memory->logstd, bytes);
}

/* Inference. */

static ae_status encode(ae_model *base, const ae_block *block, void *const *field) {
  acn *model = (acn *)base;
  ae_examples_feed(&model->examples, &model->encoder, block);
  for (int part = 0; part < 2; part++)
    if (field[part] != NULL)
      ae_gaussian_part(block->count, model->latent, model->encoder.out->value, part, field[part]);
  return AE_OK;
}

static ae_status decode(ae_model *base, int64_t count, const float *code, float *x) {
  const acn *model = (const acn *)base;
  ae_forward_feed(&model->decoder, count, code);
  ae_likelihood_show(&model->likelihood, &model->examples, count, model->decoder.out->value, x);
  return AE_OK;
}

/* The nearest remembered codes of a block's examples. */
static ae_status recall(acn *model, int64_t count) {
  ae_gaussian_part(count, model->latent, model->encoder.out->value, 0, model->scratch);
  return ae_code_memory_recall(model->memory, count, model->scratch, model->nearest);
}

/* p(z | ĉ), ĉ drawn among the nearest. */
static void expect(acn *model, const ae_block *block, uint32_t draw) {
  for (int64_t i = 0; i < block->count; i++) {
    const int64_t *nearest = model->nearest + i * model->neighbours;
    int found = 0;
    while (found < model->neighbours && nearest[found] >= 0) found++;
    const ae_stream stream = ae_stream_of(model->base.setup.seed, AE_RANDOM_EVALUATE_C, draw, block->example[i]);
    memcpy(model->prior.in[0]->value + i * model->latent,
           model->memory->all + nearest[ae_random_below(stream, 0, found)] * model->latent,
           (size_t)model->latent * sizeof(float));
  }
  ae_forward_run(&model->prior, block->count);
}

static ae_status evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight) {
  acn *model = (acn *)base;
  const int64_t latent = model->latent, count = block->count;
  float loss[AE_BLOCK_ROWS], divergence[AE_BLOCK_ROWS];
  if (draw == 0) ae_examples_feed(&model->examples, &model->encoder, block);
  if (draw == 0) AE_RETURN_IF(recall(model, count));
  expect(model, block, draw);
  ae_examples_noise(base->setup.seed, block, AE_RANDOM_EVALUATE_Z, draw, latent, model->scratch);
  ae_gaussian_draw(count, latent, model->encoder.out->value, model->scratch, model->decoder.in[0]->value);
  ae_forward_run(&model->decoder, count);
  ae_likelihood_evaluate(&model->likelihood, count, base->setup.features, model->decoder.out->value,
                         model->encoder.in[0]->value, loss);
  ae_gaussian_divergence(count, latent, model->encoder.out->value, model->prior.out->value, divergence);
  (void)log_weight;
  for (int64_t i = 0; i < count; i++) {
    terms[2 * i] = (double)loss[i];
    terms[2 * i + 1] = (double)divergence[i];
  }
  return AE_OK;
}

/* Streams of a sample, told apart by their epoch. */
enum { DRAW_NEIGHBOUR, DRAW_Z };

/* z from what is expected beside a code remembered of some training example. */
static ae_status draw(ae_model *base, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                      int32_t *label) {
  acn *model = (acn *)base;
  const int64_t latent = model->latent;
  (void)label;
  for (int64_t i = 0; i < count; i++) {
    const ae_stream stream = ae_stream_of(request->seed, AE_RANDOM_SAMPLE, DRAW_NEIGHBOUR, at + i);
    const int64_t example = ae_random_below(stream, 0, model->memory->examples);
    memcpy(model->prior.in[0]->value + i * latent, model->memory->all + example * latent,
           (size_t)latent * sizeof(float));
    ae_random_fill_normal(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, DRAW_Z, at + i), latent,
                          model->scratch + i * latent);
  }
  ae_forward_run(&model->prior, count);
  ae_gaussian_draw(count, latent, model->prior.out->value, model->scratch, code);
  return AE_OK;
}

static const ae_key own_keys[] = {{"acn.neighbours", AE_KEY_INTEGER, "5", 1, 1000, NULL, NULL, AE_KEY_FIXED,
                                   "nearest neighbours in code space that the one telling the prior is drawn from"},
                                  {0}};

static const ae_key *const keys[] = {ae_keys_common,     ae_keys_network, ae_keys_latent,
                                     ae_keys_likelihood, own_keys,        NULL};

static const ae_figure *const figures[] = {&ae_cross_entropy_figure, &ae_squared_error_figure,
                                           &ae_standard_prior_figure, NULL};

static const ae_training_hooks training = {.resolve = ae_likelihood_resolve,
                                           .start = start,
                                           .epoch_begin = epoch_begin,
                                           .prefetch = prefetch,
                                           .fill = fill,
                                           .step_end = step_end,
                                           .epoch_end = epoch_end,
                                           .recorded = recorded};

static const ae_inference_hooks inference = {.encode = encode, .decode = decode, .evaluate = evaluate, .draw = draw};

static const char *const python[] = {ae_python_model, ae_python_network, ae_python_acn, NULL};

const ae_model_type ae_model_acn = {.name = "acn",
                                    .summary = "associative compression network",
                                    .keys = keys,
                                    .figures = figures,
                                    .create = create,
                                    .destroy = destroy,
                                    .arrays = arrays,
                                    .python = python,
                                    .save = save,
                                    .load = load,
                                    .accepts = accepts,
                                    .training = &training,
                                    .inference = &inference};
