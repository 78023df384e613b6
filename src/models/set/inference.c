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

static ae_status begin_pass(const ae_set_model *model, ae_set_pass *pass, int64_t points, int *sets) {
  AE_RETURN_IF(ae_graph_create(model->base.setup.params, 1, NULL, 0, &pass->graph));
  *sets = ae_graph_axis(pass->graph, AE_BLOCK_ROWS);
  pass->points = ae_graph_axis_grouped(pass->graph, *sets, points);
  return AE_OK;
}

static ae_tensor *add_input(ae_graph *graph, const char *name, int axis, int64_t width) {
  ae_tensor *input = ae_graph_input(graph, name, axis, 1, &width, false);
  ae_graph_keep(input);
  return input;
}

static ae_status build_image_encoder(ae_set_model *model) {
  ae_pass pass = {0};
  const ae_status status = ae_pass_build_encoder(&model->base, model->network.code, model->network.variational, &pass);
  model->encoder = (ae_set_pass){.graph = pass.graph, .image = pass.in, .out = pass.out};
  return status;
}

static ae_status build_encoder(ae_set_model *model, int64_t points) {
  ae_set_pass *pass = &model->encoder;
  int sets;
  AE_RETURN_IF(begin_pass(model, pass, points, &sets));
  pass->point = add_input(pass->graph, "points", pass->points, model->network.dim);
  pass->out = ae_set_encoder(&model->network, pass->graph, pass->point, sets);
  ae_graph_keep(pass->out);
  return ae_graph_seal(pass->graph);
}

static ae_status build_decoder(ae_set_model *model, int64_t points) {
  ae_set_pass *pass = &model->decoder;
  int sets;
  AE_RETURN_IF(begin_pass(model, pass, points, &sets));
  pass->code = add_input(pass->graph, "code", sets, model->network.code);
  pass->point = add_input(pass->graph, "start", pass->points, model->network.dim);
  pass->out = ae_set_decoder(&model->network, pass->graph, pass->code, pass->point);
  ae_graph_keep(pass->out);
  return ae_graph_seal(pass->graph);
}

static ae_status build_predictor(ae_set_model *model) {
  ae_set_pass *pass = &model->predictor;
  AE_RETURN_IF(ae_graph_create(model->base.setup.params, 1, NULL, 0, &pass->graph));
  pass->code = add_input(pass->graph, "code", ae_graph_axis(pass->graph, AE_BLOCK_ROWS), model->network.code);
  pass->out = ae_set_size_predictor(&model->network, pass->graph, pass->code, model->most);
  ae_graph_keep(pass->out);
  return ae_graph_seal(pass->graph);
}

/* Rows of the width of a point inside the networks that are alive at once in a pass, about. */
enum { ROWS_OF_A_POINT = 5 };

/* A pass for so many points at least. */
static ae_status reserve(ae_set_model *model, ae_set_pass *pass, ae_status (*build)(ae_set_model *, int64_t),
                         int64_t points) {
  if (pass->graph != NULL && points <= pass->capacity) return AE_OK;
  AE_RETURN_IF(ae_memory_expect((double)(points * ROWS_OF_A_POINT * model->network.width) * sizeof(float),
                                "sets of %lld points", (long long)points));
  ae_graph_destroy(&pass->graph);
  pass->capacity = points;
  const ae_status status = build(model, points);
  if (status != AE_OK) ae_graph_destroy(&pass->graph);
  return status;
}

ae_status ae_set_build_inference(ae_set_model *model) {
  const int64_t numbers = AE_BLOCK_ROWS * model->network.code;
  AE_RETURN_IF(AE_NEW(model->drawn, numbers));
  AE_RETURN_IF(AE_NEW(model->z, numbers));
  AE_RETURN_IF(AE_NEW(model->scratch, ae_chamfer_scratch(model->network.dim)));
  AE_RETURN_IF(model->examples.images ? build_image_encoder(model)
                                      : reserve(model, &model->encoder, build_encoder, AE_BLOCK_POINTS));
  AE_RETURN_IF(reserve(model, &model->decoder, build_decoder, AE_BLOCK_POINTS));
  return model->base.sized ? build_predictor(model) : AE_OK;
}

void ae_set_destroy_inference(ae_set_model *model) {
  ae_graph_destroy(&model->encoder.graph);
  ae_graph_destroy(&model->decoder.graph);
  ae_graph_destroy(&model->predictor.graph);
  AE_FREE(model->drawn);
  AE_FREE(model->z);
  AE_FREE(model->nearest);
  AE_FREE(model->scratch);
  ae_matching_destroy(&model->matching);
}

/* Runs a pass on sets whose inputs are filled. */
static void run(ae_set_pass *pass, int sets, int64_t count, const int64_t *offset) {
  ae_graph_set_rows(pass->graph, sets, (int64_t[]){0, count});
  if (offset != NULL) ae_graph_set_groups(pass->graph, pass->points, offset);
  ae_graph_forward(pass->graph, NULL);
}

ae_status ae_set_run_encoder(ae_set_model *model, const ae_block *block) {
  ae_set_pass *pass = &model->encoder;
  if (pass->image != NULL) {
    ae_network_prepare(&model->base, 0, block, pass->image->value);
    run(pass, pass->out->axis, block->count, NULL);
    return AE_OK;
  }
  const int64_t points = block->offset[block->count];
  AE_RETURN_IF(reserve(model, pass, build_encoder, points));
  memcpy(pass->point->value, block->rows, (size_t)(points * model->network.dim) * sizeof(float));
  run(pass, pass->out->axis, block->count, block->offset);
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
  memcpy(pass->code->value, code, (size_t)(count * model->network.code) * sizeof *code);
  for (int64_t i = 0; i < count; i++)
    ae_set_fill_start(model, ae_stream_of(seed, AE_RANDOM_SEEN_POINT, draw, number[i]), offset[i + 1] - offset[i],
                      pass->point->value + offset[i] * model->network.dim);
  run(pass, pass->code->axis, count, offset);
  return AE_OK;
}

/* How many of the `count` sets from `begin` on are decoded at once, and their own offsets. */
static int64_t part_of(int64_t count, const int64_t *offset, int64_t begin, int64_t own[AE_BLOCK_ROWS + 1]) {
  int64_t end = begin + 1;
  while (end < count && end - begin < AE_BLOCK_ROWS && offset[end + 1] - offset[begin] <= AE_BLOCK_POINTS) end++;
  for (int64_t i = begin; i <= end; i++) own[i - begin] = offset[i] - offset[begin];
  return end - begin;
}

static void run_predictor(ae_set_model *model, int64_t count, const float *code) {
  ae_set_pass *pass = &model->predictor;
  memcpy(pass->code->value, code, (size_t)(count * model->network.code) * sizeof *code);
  run(pass, pass->code->axis, count, NULL);
}

/* Codes. */

ae_status ae_set_of_block(ae_model *base, const ae_block *block, ae_block *sets) {
  return ae_set_examples_of_block(&((ae_set_model *)base)->examples, block, sets);
}

const float *ae_set_frozen(const ae_set_model *model, int64_t example) {
  const int64_t place = example - ae_shards_own_begin(&model->base.setup.data->shards);
  return model->frozen + place * model->encoder.out->width;
}

ae_status ae_set_encode(ae_model *base, const ae_block *block, void *const *field) {
  ae_set_model *model = (ae_set_model *)base;
  const int64_t code = model->network.code;
  const bool known = model->frozen != NULL && block->data == base->setup.data;
  if (!known) AE_RETURN_IF(ae_set_run_encoder(model, block));
  for (int64_t i = 0; i < block->count; i++) {
    const float *out =
        known ? ae_set_frozen(model, block->example[i]) : model->encoder.out->value + i * model->encoder.out->width;
    for (int part = 0; part < base->fields; part++)
      if (field[part] != NULL) memcpy((float *)field[part] + i * code, out + part * code, (size_t)code * sizeof *out);
  }
  return AE_OK;
}

/* Figures. */

/* A plain autoencoder has no noise: its code is what it is. */
static void draw_codes(ae_set_model *model, const ae_block *block, uint32_t draw) {
  const int64_t code = model->network.code;
  const float *out = model->encoder.out->value;
  if (model->network.variational) {
    ae_network_noise(&model->base, block, AE_RANDOM_EVALUATE_Z, draw, code, model->drawn);
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
      find_distances(model, sets, at + i, model->decoder.out->value + own[i] * model->network.dim, figure[at + i]);
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
  if (base->sized) run_predictor(model, block->count, model->z);
  if (model->network.variational)
    ae_gaussian_divergence(block->count, model->network.code, model->encoder.out->value, NULL, divergence);
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
    run_predictor(model, count, codes->code + at * base->code_width);
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
    memcpy(points + offset[at] * dim, model->decoder.out->value, (size_t)(own[count] * dim) * sizeof *points);
  }
  return AE_OK;
}
