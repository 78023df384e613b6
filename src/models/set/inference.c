/* What a trained set autoencoder says of sets: codes, distances, sizes, and sets made of codes. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/graph/ops_sets.h"
#include "mpiae/tensor/chamfer.h"
#include "mpiae/tensor/gaussian.h"
#include "mpiae/tensor/softmax.h"
#include "set.h"

#include <math.h>
#include <string.h>

/* Networks. */

static ae_status begin_pass(const ae_set_model *model, ae_set_pass *pass, int64_t points) {
  AE_RETURN_IF(ae_forward_begin(model->base.setup.params, AE_BLOCK_ROWS, &pass->net));
  pass->points = ae_graph_axis_grouped(pass->net.graph, pass->net.axis, points);
  return AE_OK;
}

static ae_tensor *add_input(const ae_forward *net, const char *name, int axis, int64_t width) {
  return ae_graph_input(net->graph, name, axis, 1, &width, false);
}

static ae_status build_encoder(ae_set_model *model, int64_t points) {
  ae_set_pass *pass = &model->encoder;
  ae_forward *net = &pass->net;
  AE_RETURN_IF(begin_pass(model, pass, points));
  net->in[IN_SEEN] = add_input(net, "points", pass->points, model->network.dim);
  net->out = ae_set_encoder(&model->network, net->graph, net->in[IN_SEEN], net->axis);
  return ae_forward_seal(net);
}

static ae_status build_decoder(ae_set_model *model, int64_t points) {
  ae_set_pass *pass = &model->decoder;
  ae_forward *net = &pass->net;
  AE_RETURN_IF(begin_pass(model, pass, points));
  net->in[IN_CODE] = add_input(net, "code", net->axis, model->network.code);
  net->in[IN_START] = add_input(net, "start", pass->points, model->network.dim);
  net->out = ae_set_decoder(&model->network, net->graph, net->in[IN_CODE], net->in[IN_START]);
  return ae_forward_seal(net);
}

static ae_status build_predictor(ae_set_model *model) {
  ae_forward *net = &model->predictor;
  AE_RETURN_IF(ae_forward_begin(model->base.setup.params, AE_BLOCK_ROWS, net));
  net->in[IN_CODE] = add_input(net, "code", net->axis, model->network.code);
  net->out = ae_set_size_predictor(&model->network, net->graph, net->in[IN_CODE], model->most);
  return ae_forward_seal(net);
}

/* Rows of the width of a point inside the networks that are alive at once in a pass, about. */
enum { ROWS_OF_A_POINT = 5 };

/* A pass for so many points at least. */
static ae_status reserve(ae_set_model *model, ae_set_pass *pass, ae_status (*build)(ae_set_model *, int64_t),
                         int64_t points) {
  if (pass->net.graph != NULL && points <= pass->capacity) return AE_OK;
  AE_RETURN_IF(ae_memory_expect((double)(points * ROWS_OF_A_POINT * model->network.width) * sizeof(float),
                                "sets of %lld points", (long long)points));
  ae_forward_destroy(&pass->net);
  pass->capacity = points;
  const ae_status status = build(model, points);
  if (status != AE_OK) ae_forward_destroy(&pass->net);
  return status;
}

ae_status ae_set_build_inference(ae_set_model *model) {
  const int64_t numbers = AE_BLOCK_ROWS * model->network.code;
  AE_RETURN_IF(AE_NEW(model->drawn, numbers));
  AE_RETURN_IF(AE_NEW(model->z, numbers));
  AE_RETURN_IF(AE_NEW(model->scratch, ae_chamfer_scratch(model->network.dim)));
  AE_RETURN_IF(model->examples.images
                   ? ae_network_build_encoder(&model->image_network, &model->images, model->base.setup.params,
                                              model->network.code, model->network.variational, &model->encoder.net)
                   : reserve(model, &model->encoder, build_encoder, AE_BLOCK_POINTS));
  AE_RETURN_IF(reserve(model, &model->decoder, build_decoder, AE_BLOCK_POINTS));
  return model->base.sized ? build_predictor(model) : AE_OK;
}

void ae_set_destroy_inference(ae_set_model *model) {
  ae_forward_destroy(&model->encoder.net);
  ae_forward_destroy(&model->decoder.net);
  ae_forward_destroy(&model->predictor);
  AE_FREE(model->drawn);
  AE_FREE(model->z);
  AE_FREE(model->nearest);
  AE_FREE(model->scratch);
  ae_matching_destroy(&model->matching);
}

/* Runs a pass on sets whose inputs are filled. */
static void run(const ae_set_pass *pass, int64_t count, const int64_t *offset) {
  ae_graph_set_rows(pass->net.graph, pass->net.axis, (int64_t[]){0, count});
  ae_graph_set_groups(pass->net.graph, pass->points, offset);
  ae_graph_forward(pass->net.graph, NULL);
}

ae_status ae_set_run_encoder(ae_set_model *model, const ae_block *block) {
  ae_set_pass *pass = &model->encoder;
  if (model->examples.images) {
    ae_examples_feed(&model->images, &pass->net, block);
    return AE_OK;
  }
  const int64_t points = block->offset[block->count];
  AE_RETURN_IF(reserve(model, pass, build_encoder, points));
  memcpy(pass->net.in[IN_SEEN]->value, block->rows, (size_t)(points * model->network.dim) * sizeof(float));
  run(pass, block->count, block->offset);
  return AE_OK;
}

void ae_set_fill_start(const ae_set_model *model, ae_stream stream, int64_t count, float *points) {
  const int64_t dim = model->network.dim;
  ae_random_fill_normal(stream, count * dim, points);
  for (int64_t i = 0; i < count; i++)
    for (int64_t k = 0; k < dim; k++)
      points[i * dim + k] = (float)(model->mean[k] + model->deviation[k] * (double)points[i * dim + k]);
}

/* Sets of these sizes from codes, as many as a block has. */
static ae_status run_decoder(ae_set_model *model, int64_t count, const int64_t *offset, const float *code,
                             const int64_t *number, uint64_t seed, uint32_t draw) {
  ae_set_pass *pass = &model->decoder;
  AE_RETURN_IF(reserve(model, pass, build_decoder, offset[count]));
  memcpy(pass->net.in[IN_CODE]->value, code, (size_t)(count * model->network.code) * sizeof *code);
  for (int64_t i = 0; i < count; i++)
    ae_set_fill_start(model, ae_stream_of(seed, AE_RANDOM_SEEN_POINT, draw, number[i]), offset[i + 1] - offset[i],
                      pass->net.in[IN_START]->value + offset[i] * model->network.dim);
  run(pass, count, offset);
  return AE_OK;
}

/* How many of the `count` sets from `begin` on are decoded at once, and their own offsets. */
static int64_t part_of(int64_t count, const int64_t *offset, int64_t begin, int64_t own[AE_BLOCK_ROWS + 1]) {
  int64_t end = begin + 1;
  while (end < count && end - begin < AE_BLOCK_ROWS && offset[end + 1] - offset[begin] <= AE_BLOCK_POINTS) end++;
  for (int64_t i = begin; i <= end; i++) own[i - begin] = offset[i] - offset[begin];
  return end - begin;
}

/* Codes. */

ae_status ae_set_of_block(ae_model *base, const ae_block *block, ae_block *sets) {
  return ae_set_examples_of_block(&((ae_set_model *)base)->examples, block, sets);
}

bool ae_set_matches(const ae_set_model *model) { return !model->base.sized && model->distance == AE_SET_MATCHING; }

const float *ae_set_frozen(const ae_set_model *model, int64_t example) {
  const int64_t place = example - ae_shards_own_begin(&model->base.setup.data->shards);
  return model->frozen + place * model->encoder.net.out->width;
}

ae_status ae_set_encode(ae_model *base, const ae_block *block, void *const *field) {
  ae_set_model *model = (ae_set_model *)base;
  const int64_t code = model->network.code;
  const bool known = model->frozen != NULL && block->data == base->setup.data;
  if (!known) AE_RETURN_IF(ae_set_run_encoder(model, block));
  for (int64_t i = 0; i < block->count; i++) {
    const float *out = known ? ae_set_frozen(model, block->example[i])
                             : model->encoder.net.out->value + i * model->encoder.net.out->width;
    for (int part = 0; part < base->fields; part++)
      if (field[part] != NULL) memcpy((float *)field[part] + i * code, out + part * code, (size_t)code * sizeof *out);
  }
  return AE_OK;
}

/* Figures. */

/* A plain autoencoder has no noise: its code is what it is. */
static void draw_codes(ae_set_model *model, const ae_block *block, uint32_t draw) {
  const int64_t code = model->network.code;
  const float *out = model->encoder.net.out->value;
  if (model->network.variational) {
    ae_examples_noise(model->base.setup.seed, block, AE_RANDOM_EVALUATE_Z, draw, code, model->drawn);
    ae_gaussian_draw(block->count, code, out, model->drawn, model->z);
  } else memcpy(model->z, out, (size_t)(block->count * code) * sizeof *out);
}

static bool wants(const ae_set_model *model, ae_set_figure figure) {
  for (int i = 0; i < model->base.terms + model->base.measures; i++)
    if (model->figure[i] == figure) return true;
  return false;
}

/* What distances need: an entry for each point of the largest set; the workspace of matchings. Those asked for have to
 * be had; a loss has no value where they are out of reach. */
static ae_status prepare_distances(ae_set_model *model, const ae_block *sets) {
  int64_t most = 1;
  for (int64_t i = 0; i < sets->count; i++) most = ae_max(most, sets->offset[i + 1] - sets->offset[i]);
  if (wants(model, AE_SET_MATCHING) && !ae_set_matches(model))
    AE_RETURN_IF(ae_error_prefix(ae_matching_accepts(most), "%s", sets->data->path));
  if (wants(model, AE_SET_MATCHING) && model->matching == NULL)
    AE_RETURN_IF(ae_matching_create(AE_MATCHING_POINTS, &model->matching));
  if (most <= model->nearest_size) return AE_OK;
  AE_FREE(model->nearest);
  model->nearest_size = 0;
  AE_RETURN_IF(AE_NEW(model->nearest, most));
  model->nearest_size = most;
  return AE_OK;
}

/* Between a set and its prediction, of as many points; not empty. */
static float distance_of(ae_set_model *model, ae_set_figure figure, int64_t count, const float *a, const float *b) {
  const int64_t dim = model->network.dim;
  const ae_point_distance kind = figure == AE_SET_HUBER ? AE_HUBER : AE_SQUARED;
  if (figure == AE_SET_MATCHING && count > AE_MATCHING_POINTS) return NAN;
  if (figure == AE_SET_MATCHING) return ae_matching_find(model->matching, dim, count, a, b, model->nearest);
  return ae_chamfer_nearest(kind, dim, count, a, count, b, model->nearest, model->scratch) +
         ae_chamfer_nearest(kind, dim, count, b, count, a, model->nearest, model->scratch);
}

/* The distances of set i from its prediction. */
static void find_distances(ae_set_model *model, const ae_block *sets, int64_t i, const float *prediction,
                           double *figure) {
  const int64_t begin = sets->offset[i], count = sets->offset[i + 1] - begin;
  const float *points = (const float *)sets->rows + begin * model->network.dim;
  for (ae_set_figure kind = AE_SET_CHAMFER; kind <= AE_SET_MATCHING && count > 0; kind++)
    if (wants(model, kind)) figure[kind] = (double)distance_of(model, kind, count, prediction, points);
  if (model->network.variational)
    figure[AE_SET_RECONSTRUCTION] = (double)count * figure[model->distance] / (2 * model->sigma * model->sigma);
}

/* Decodes the drawn codes part by part: sets of images may have any number of points. */
static ae_status judge_sets(ae_set_model *model, const ae_block *sets, uint32_t draw, double figure[][AE_SET_FIGURES]) {
  int64_t own[AE_BLOCK_ROWS + 1];
  for (int64_t at = 0, count = 0; at < sets->count; at += count) {
    count = part_of(sets->count, sets->offset, at, own);
    AE_RETURN_IF(run_decoder(model, count, own, model->z + at * model->network.code, sets->example + at,
                             model->base.setup.seed, draw));
    for (int64_t i = 0; i < count; i++)
      find_distances(model, sets, at + i, model->decoder.net.out->value + own[i] * model->network.dim, figure[at + i]);
  }
  return AE_OK;
}

static void judge_size(const ae_set_model *model, int64_t row, int64_t size, double *figure) {
  const int64_t classes = model->most + 1;
  const float *logit = model->predictor.out->value + row * classes, known = (float)ae_min(size, model->most);
  const double off = (double)(ae_set_likeliest(model, logit) - size);
  float norm[2], loss;
  ae_softmax_cross_entropy(1, 1, classes, logit, &known, norm, &loss);
  figure[AE_SET_SIZE] = (double)loss;
  figure[AE_SET_SIZE_ERROR] = off * off;
  figure[AE_SET_SIZE_HIT] = off == 0;
}

ae_status ae_set_evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight) {
  ae_set_model *model = (ae_set_model *)base;
  const int figures = base->terms + base->measures;
  float divergence[AE_BLOCK_ROWS] = {0};
  double figure[AE_BLOCK_ROWS][AE_SET_FIGURES] = {0};
  ae_block sets;
  (void)log_weight;
  AE_RETURN_IF(ae_set_of_block(base, block, &sets));
  AE_RETURN_IF(prepare_distances(model, &sets));
  if (draw == 0) AE_RETURN_IF(ae_set_run_encoder(model, block));
  draw_codes(model, block, draw);
  if (wants(model, AE_SET_CHAMFER)) AE_RETURN_IF(judge_sets(model, &sets, draw, figure));
  if (base->sized) ae_forward_feed(&model->predictor, block->count, model->z);
  if (model->network.variational)
    ae_gaussian_divergence(block->count, model->network.code, model->encoder.net.out->value, NULL, divergence);
  for (int64_t i = 0; i < block->count; i++) {
    figure[i][AE_SET_KL] = (double)divergence[i];
    if (base->sized) judge_size(model, i, sets.offset[i + 1] - sets.offset[i], figure[i]);
    for (int j = 0; j < figures; j++) terms[i * figures + j] = figure[i][model->figure[j]];
  }
  return AE_OK;
}

/* Sets made of codes. */

int64_t ae_set_likeliest(const ae_set_model *model, const float *logit) {
  int64_t found = 0;
  for (int64_t size = 1; size <= model->most; size++)
    if (logit[size] > logit[found]) found = size;
  return found;
}

ae_status ae_set_predict_sizes(ae_model *base, const ae_set_codes *codes, bool drawn, int64_t *sizes) {
  ae_set_model *model = (ae_set_model *)base;
  const int64_t classes = model->most + 1;
  AE_ASSERT(base->sized);
  for (int64_t at = 0; at < codes->count; at += AE_BLOCK_ROWS) {
    const int64_t count = ae_min(AE_BLOCK_ROWS, codes->count - at);
    ae_forward_feed(&model->predictor, count, codes->code + at * base->code_width);
    for (int64_t i = 0; i < count; i++) {
      const float *logit = model->predictor.out->value + i * classes;
      const ae_stream stream = ae_stream_of(codes->seed, AE_RANDOM_SIZE, 0, codes->number[at + i]);
      sizes[at + i] =
          drawn ? ae_softmax_draw(classes, logit, ae_random_uniform(stream, 0)) : ae_set_likeliest(model, logit);
    }
  }
  return AE_OK;
}

ae_status ae_set_decode(ae_model *base, const ae_set_codes *codes, const int64_t *offset, float *points) {
  ae_set_model *model = (ae_set_model *)base;
  const int64_t dim = model->network.dim;
  int64_t own[AE_BLOCK_ROWS + 1];
  for (int64_t at = 0, count = 0; at < codes->count; at += count) {
    count = part_of(codes->count, offset, at, own);
    AE_RETURN_IF(
        run_decoder(model, count, own, codes->code + at * base->code_width, codes->number + at, codes->seed, 0));
    memcpy(points + offset[at] * dim, model->decoder.net.out->value, (size_t)(own[count] * dim) * sizeof *points);
  }
  return AE_OK;
}
