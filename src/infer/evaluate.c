#include "mpiae/infer/evaluate.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/pass.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/models/configure.h"

#include <math.h>
#include <string.h>

static bool same_shape(const ae_model *model, const ae_dataset *data) {
  return data->rank == model->setup.rank &&
         memcmp(data->dim, model->setup.dim, (size_t)data->rank * sizeof *data->dim) == 0;
}

ae_status ae_inference_accept(const ae_model *model, const ae_dataset *data) {
  char ours[AE_SHAPE_SIZE], theirs[AE_SHAPE_SIZE];
  AE_RETURN_IF(ae_model_check_kind(model->type, model->setup.config, data));
  if (same_shape(model, data)) return model->type->accepts != NULL ? model->type->accepts(model, data) : AE_OK;
  if (data->offset != NULL)
    return AE_FAIL(
        AE_USAGE,
        "%s holds points of %lld coordinates, but the model is for %lld: give data like those it was trained "
        "on",
        data->path, (long long)data->features, (long long)model->setup.features);
  ae_print_shape("N", model->setup.rank, model->setup.dim, ours);
  ae_print_shape("N", data->rank, data->dim, theirs);
  return AE_FAIL(AE_USAGE,
                 "%s holds examples of shape %s, but the model is for %s: give data like those it was trained on",
                 data->path, theirs, ours);
}

/* Numbers of an example: terms and measures, then the log-mean-exp of its log weights. */
static int width_of(const ae_model *model) { return model->terms + model->measures + 1; }

/* Scratch of a pass. */
typedef struct pass {
  ae_model *model;
  int draws;
  double *terms;                   /* (AE_BLOCK_ROWS, terms + measures): of a draw */
  double *total;                   /* the same, summed over draws */
  double weight[AE_BLOCK_ROWS];    /* ln of a draw's importance weight */
  ae_log_sum bound[AE_BLOCK_ROWS]; /* of the weights of all draws */
} pass;

static ae_status evaluate_block(pass *p, const ae_block *block) {
  ae_model *model = p->model;
  const int width = model->terms + model->measures;
  memset(p->total, 0, (size_t)(block->count * width) * sizeof *p->total);
  for (int64_t i = 0; i < block->count; i++) p->bound[i] = AE_LOG_SUM;
  for (int draw = 0; draw < p->draws; draw++) {
    AE_RETURN_IF(model->type->inference->evaluate(model, block, (uint32_t)draw, p->terms, p->weight));
    for (int64_t i = 0; i < block->count * width; i++) p->total[i] += p->terms[i] / p->draws;
    for (int64_t i = 0; i < block->count && model->proper; i++) ae_log_sum_add(&p->bound[i], p->weight[i]);
  }
  return AE_OK;
}

/* Adds a block to the sums of its slice. */
static void add_block(const pass *p, int64_t count, double *sums) {
  const int width = width_of(p->model);
  for (int64_t i = 0; i < count; i++) {
    for (int j = 0; j < width - 1; j++) sums[j] += p->total[i * (width - 1) + j];
    if (p->model->proper) sums[width - 1] += ae_log_sum_mean(&p->bound[i], p->draws);
  }
}

static ae_status run_pass(pass *p, const ae_dataset *data, double *sums) {
  ae_status status = AE_OK;
  ae_block_walk walk;
  ae_pass told = {.what = "evaluated", .total = ae_shards_own_count(&data->shards)};
  for (ae_block_first(&walk, data); walk.block.count > 0 && status == AE_OK; ae_block_next(&walk)) {
    status = evaluate_block(p, &walk.block);
    if (status == AE_OK) add_block(p, walk.block.count, sums + walk.shard * width_of(p->model));
    ae_pass_on(&told, walk.place + walk.block.count);
  }
  ae_pass_end(&told);
  return ae_error_first(status, ae_dataset_take_error(data));
}

static void take_means(const ae_model *model, const ae_dataset *data, const double *sum, ae_evaluation *out) {
  const int width = width_of(model);
  const double examples = (double)data->examples;
  *out = (ae_evaluation){.examples = data->examples, .elbo = NAN, .bound = NAN};
  for (int i = 0; i < width - 1; i++) out->term[i] = sum[i] / examples;
  for (int i = 0; i < model->measures; i++)
    if (model->measure[i]->root) out->term[model->terms + i] = sqrt(out->term[model->terms + i]);
  for (int i = 0; i < model->terms; i++) out->loss += (double)model->term[i].weight * out->term[i];
  if (!model->proper) return;
  out->elbo = 0;
  for (int i = 0; i < model->terms; i++) out->elbo -= out->term[i];
  out->bound = sum[width - 1] / examples;
}

ae_status ae_inference_evaluate(ae_model *model, const ae_dataset *data, int draws, ae_evaluation *out) {
  ae_status status;
  double *sums = NULL, *sum = NULL;
  pass p = {.model = model, .draws = draws};
  const int width = width_of(model);
  const ae_phase previous = ae_profile_enter(AE_PHASE_EVALUATE);
  status = AE_NEW(sums, data->shards.count * width);
  if (status == AE_OK) status = AE_NEW(sum, width);
  if (status == AE_OK) status = AE_NEW(p.terms, AE_BLOCK_ROWS * width);
  if (status == AE_OK) status = AE_NEW(p.total, AE_BLOCK_ROWS * width);
  if (status == AE_OK) status = run_pass(&p, data, sums);
  AE_CHECK(ae_comm_agree(model->setup.comm, status));
  AE_CHECK(ae_reduce_sum(model->setup.comm, &data->shards, sums, width, sum));
  take_means(model, data, sum, out);
cleanup:
  AE_FREE(sums);
  AE_FREE(sum);
  AE_FREE(p.terms);
  AE_FREE(p.total);
  ae_profile_leave(previous);
  return status;
}
