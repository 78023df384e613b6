#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/tensor/elementwise.h"
#include "mpiae/tensor/gaussian.h"
#include "vhe.h"

#include <math.h>
#include <string.h>

ae_tensor *ae_vhe_prior(const vhe *model, ae_graph *graph, ae_tensor *c) {
  return ae_nn_gaussian_pair(graph, "prior_z", &c, 1, model->network.hidden, model->latent, 0, 1);
}

ae_tensor *ae_vhe_decoder(const vhe *model, ae_graph *graph, ae_tensor *c, ae_tensor *z) {
  ae_tensor *const codes[] = {z, c};
  return ae_network_decoder(&model->network, graph, codes, 2);
}

ae_tensor *ae_vhe_encoder_c(const vhe *model, ae_graph *graph, ae_tensor *x, int axis, int64_t exemplars) {
  ae_tensor *seen = ae_network_trunk(&model->network, graph, "encoder_c", x);
  return ae_nn_gaussian_pair(graph, "encoder_c", &seen, 1, model->network.hidden, model->latent, axis, exemplars);
}

ae_tensor *ae_vhe_encoder_z(const vhe *model, ae_graph *graph, ae_tensor *x, ae_tensor *c) {
  ae_tensor *const seen[] = {ae_network_trunk(&model->network, graph, "encoder_z", x), c};
  return ae_nn_gaussian_pair(graph, "encoder_z", seen, 2, model->network.hidden, model->latent, 0, 1);
}

/* Begins a network with the inputs it has. */
static ae_status begin_network(const vhe *model, ae_forward *net, bool x, bool c, bool z) {
  AE_RETURN_IF(ae_forward_begin(model->base.setup.params, AE_BLOCK_ROWS, net));
  if (x) net->in[IN_X] = ae_examples_input(&model->examples, net->graph, "x", net->axis);
  if (c) net->in[IN_C] = ae_graph_input(net->graph, "c", net->axis, 1, &model->latent, false);
  if (z) net->in[IN_Z] = ae_graph_input(net->graph, "z", net->axis, 1, &model->latent, false);
  return AE_OK;
}

static ae_status end_network(ae_forward *net, ae_tensor *out) {
  net->out = out;
  return ae_forward_seal(net);
}

ae_status ae_vhe_build_inference(vhe *model) {
  ae_forward *net = &model->encoder_c;
  AE_RETURN_IF(begin_network(model, net, true, false, false));
  AE_RETURN_IF(end_network(net, ae_vhe_encoder_c(model, net->graph, net->in[IN_X], 0, 1)));
  net = &model->encoder_z;
  AE_RETURN_IF(begin_network(model, net, true, true, false));
  AE_RETURN_IF(end_network(net, ae_vhe_encoder_z(model, net->graph, net->in[IN_X], net->in[IN_C])));
  net = &model->prior;
  AE_RETURN_IF(begin_network(model, net, false, true, false));
  AE_RETURN_IF(end_network(net, ae_vhe_prior(model, net->graph, net->in[IN_C])));
  net = &model->decoder;
  AE_RETURN_IF(begin_network(model, net, false, true, true));
  AE_RETURN_IF(end_network(net, ae_vhe_decoder(model, net->graph, net->in[IN_C], net->in[IN_Z])));
  AE_RETURN_IF(AE_NEW(model->pair, AE_BLOCK_ROWS * 2 * model->latent));
  return AE_NEW(model->noise, AE_BLOCK_ROWS * model->latent);
}

void ae_vhe_destroy_inference(vhe *model) {
  ae_forward_destroy(&model->encoder_c);
  ae_forward_destroy(&model->encoder_z);
  ae_forward_destroy(&model->prior);
  ae_forward_destroy(&model->decoder);
  AE_FREE(model->pair);
  AE_FREE(model->noise);
}

/* Into columns of codes [z, c], those of z or of c. */
static void put_half(const float *half_rows, int64_t count, int64_t latent, int half, float *rows) {
  for (int64_t i = 0; i < count; i++)
    memcpy(rows + (2 * i + half) * latent, half_rows + i * latent, (size_t)latent * sizeof *rows);
}

/* q(z | x, c) of a block whose x and c are in place; its means into the first half of `pair`, c into the second. */
static void infer_z(vhe *model, int64_t count) {
  const ae_forward *net = &model->encoder_z;
  ae_forward_run(net, count);
  for (int64_t i = 0; i < count; i++)
    memcpy(model->pair + 2 * i * model->latent, net->out->value + 2 * i * model->latent,
           (size_t)model->latent * sizeof *model->pair);
  put_half(net->in[IN_C]->value, count, model->latent, 1, model->pair);
}

/* Each example as a class of its own: c = μ_c({x}), z = μ_z(x, c), into `pair`. */
static void infer_alone(vhe *model, const ae_block *block) {
  const ae_forward *c = &model->encoder_c, *z = &model->encoder_z;
  ae_examples_feed(&model->examples, c, block);
  memcpy(z->in[IN_X]->value, c->in[IN_X]->value, (size_t)(block->count * model->base.setup.features) * sizeof(float));
  ae_gaussian_part(block->count, model->latent, c->out->value, 0, z->in[IN_C]->value);
  infer_z(model, block->count);
}

/* The posterior of the class of row i. */
static const float *class_posterior(const vhe *model, int64_t i) {
  return model->labels->posterior + model->label[i] * 2 * model->latent;
}

/* Clusters of unseen examples: nearest to the codes they have alone. */
static ae_status infer_class(vhe *model, const ae_block *block) {
  infer_alone(model, block);
  return ae_pseudo_labels_assign(model->labels, block->count, model->pair, model->label);
}

ae_status ae_vhe_encode(ae_model *base, const ae_block *block, void *const *field) {
  vhe *model = (vhe *)base;
  const int64_t latent = model->latent, count = block->count;
  AE_RETURN_IF(infer_class(model, block));
  for (int64_t i = 0; i < count; i++) {
    memcpy(model->encoder_z.in[IN_C]->value + i * latent, class_posterior(model, i), (size_t)latent * sizeof(float));
    if (field[3] != NULL)
      memcpy((float *)field[3] + i * latent, class_posterior(model, i) + latent, (size_t)latent * sizeof(float));
  }
  infer_z(model, count);
  for (int half = 0; half < 2; half++)
    if (field[half] != NULL) ae_gaussian_part(count, latent, model->encoder_z.out->value, half, field[half]);
  if (field[2] != NULL) ae_gaussian_part(count, latent, model->pair, 1, field[2]);
  if (field[4] != NULL) memcpy(field[4], model->label, (size_t)count * sizeof *model->label);
  return AE_OK;
}

ae_status ae_vhe_one_shot(ae_model *base, const ae_block *block, float *code) {
  vhe *model = (vhe *)base;
  infer_alone(model, block);
  memcpy(code, model->pair, (size_t)(block->count * 2 * model->latent) * sizeof *code);
  return AE_OK;
}

ae_status ae_vhe_decode(ae_model *base, int64_t count, const float *code, float *x) {
  vhe *model = (vhe *)base;
  const ae_forward *net = &model->decoder;
  ae_gaussian_part(count, model->latent, code, 0, net->in[IN_Z]->value);
  ae_gaussian_part(count, model->latent, code, 1, net->in[IN_C]->value);
  ae_forward_run(net, count);
  ae_likelihood_show(&model->likelihood, &model->examples, count, net->out->value, x);
  return AE_OK;
}

/* c from its class, or with the same noise for all from the posterior `shared`; z from q(z | x, c); and what both lead
 * to, for noise number `draw`. */
static void draw_codes(vhe *model, const ae_block *block, uint32_t draw, const float *shared) {
  const int64_t latent = model->latent, count = block->count;
  const ae_forward *z = &model->encoder_z;
  ae_examples_noise(model->base.setup.seed, block, AE_RANDOM_EVALUATE_C, draw, latent, model->noise);
  for (int64_t i = 0; i < count; i++)
    ae_gaussian_draw(1, latent, shared != NULL ? shared : class_posterior(model, i),
                     model->noise + (shared != NULL ? 0 : i * latent), z->in[IN_C]->value + i * latent);
  ae_forward_run(z, count);
  ae_examples_noise(model->base.setup.seed, block, AE_RANDOM_EVALUATE_Z, draw, latent, model->noise);
  ae_gaussian_draw(count, latent, z->out->value, model->noise, model->decoder.in[IN_Z]->value);
  memcpy(model->prior.in[IN_C]->value, z->in[IN_C]->value, (size_t)(count * latent) * sizeof(float));
  memcpy(model->decoder.in[IN_C]->value, z->in[IN_C]->value, (size_t)(count * latent) * sizeof(float));
  ae_forward_run(&model->prior, count);
  ae_forward_run(&model->decoder, count);
}

static int64_t total_size(const ae_pseudo_labels *labels) {
  int64_t total = 0;
  for (int k = 0; k < labels->clusters; k++) total += labels->size[k];
  return total;
}

/* −ELBO given the nearest cluster k: c from q̄_k, whose own cost its examples share; the price of k beside it. */
ae_status ae_vhe_evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight) {
  vhe *model = (vhe *)base;
  const int64_t latent = model->latent, count = block->count;
  const int width = base->terms + base->measures;
  float loss[AE_BLOCK_ROWS], kl_z[AE_BLOCK_ROWS];
  if (draw == 0) AE_RETURN_IF(infer_class(model, block));
  draw_codes(model, block, draw, NULL);
  ae_likelihood_evaluate(&model->likelihood, count, base->setup.features, model->decoder.out->value,
                         model->encoder_z.in[IN_X]->value, loss);
  ae_gaussian_divergence(count, latent, model->encoder_z.out->value, model->prior.out->value, kl_z);
  ae_gaussian_log_ratio(count, latent, model->encoder_z.out->value, model->prior.out->value, model->noise,
                        model->decoder.in[IN_Z]->value, log_weight);
  for (int64_t i = 0; i < count; i++) {
    const double size = (double)ae_max(1, model->labels->size[model->label[i]]);
    float kl_c;
    ae_gaussian_divergence(1, latent, class_posterior(model, i), NULL, &kl_c);
    double *row = terms + i * width;
    row[0] = (double)loss[i];
    row[1] = (double)kl_c / size;
    row[2] = (double)kl_z[i];
    row[3] = log((double)total_size(model->labels) / size);
    log_weight[i] -= (double)loss[i] + row[1];
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
  const ae_forward *net = &model->encoder_c;
  ae_examples_feed(&model->examples, net, like);
  ae_column_sum(like->count, 2 * model->latent, net->out->value, false, posterior);
  ae_scale(2 * model->latent, 1.0f / (float)like->count, posterior, posterior);
}

ae_status ae_vhe_draw(ae_model *base, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                      int32_t *label) {
  vhe *model = (vhe *)base;
  const int64_t latent = model->latent;
  float *c = model->prior.in[IN_C]->value, *like = model->pair;
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
  ae_forward_run(&model->prior, count);
  ae_gaussian_draw(count, latent, model->prior.out->value, model->noise, model->noise);
  put_half(model->noise, count, latent, 0, code);
  put_half(c, count, latent, 1, code);
  return AE_OK;
}

ae_status ae_vhe_likelihood(ae_model *base, const ae_block *like, const ae_block *queries, int draws, double *out) {
  vhe *model = (vhe *)base;
  const int64_t latent = model->latent, count = queries->count;
  float loss[AE_BLOCK_ROWS];
  double weight[AE_BLOCK_ROWS];
  ae_log_sum likely[AE_BLOCK_ROWS];
  infer_like(model, like, model->pair);
  ae_examples_prepare(&model->examples, 0, queries, model->encoder_z.in[IN_X]->value);
  for (int64_t i = 0; i < count; i++) likely[i] = AE_LOG_SUM;
  for (int draw = 0; draw < draws; draw++) {
    draw_codes(model, queries, (uint32_t)draw, model->pair);
    ae_likelihood_evaluate(&model->likelihood, count, base->setup.features, model->decoder.out->value,
                           model->encoder_z.in[IN_X]->value, loss);
    ae_gaussian_log_ratio(count, latent, model->encoder_z.out->value, model->prior.out->value, model->noise,
                          model->decoder.in[IN_Z]->value, weight);
    for (int64_t i = 0; i < count; i++) ae_log_sum_add(&likely[i], weight[i] - (double)loss[i]);
  }
  for (int64_t i = 0; i < count; i++) out[i] = ae_log_sum_mean(&likely[i], draws);
  return AE_OK;
}
