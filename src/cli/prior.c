#include "prior.h"

#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/models/model_table.h"

static bool prices(const ae_model_type *type, const void *unused) {
  (void)unused;
  return type->prior != NULL;
}

static ae_status check(const ae_result *result, const char *name, const ae_model *prior) {
  const ae_model *model = result->loaded->model;
  char models[128];
  if (prior->type->prior == NULL) {
    ae_model_list(prices, NULL, models, sizeof models);
    return AE_FAIL(AE_USAGE, "--prior %s: model '%s' is no prior over codes; these are: %s", name, prior->type->name,
                   models);
  }
  if (prior->code_width != model->code_width || prior->entries != model->entries)
    return AE_FAIL(AE_USAGE,
                   "--prior %s is over %lld indices below %lld, but a code of %s has %lld below %lld: train it on what "
                   "encode writes of this model",
                   name, (long long)prior->code_width, (long long)prior->entries, result->name,
                   (long long)model->code_width, (long long)model->entries);
  const int64_t there = prior->field[0].columns, here = model->field[0].columns;
  if (there != here)
    return AE_FAIL(AE_USAGE, "--prior %s is over maps of %lld × %lld indices, but those of %s have %lld × %lld", name,
                   (long long)(prior->code_width / there), (long long)there, result->name,
                   (long long)(model->code_width / here), (long long)here);
  const int64_t trained = prior->type->indices->codebook(prior), own = model->type->indices->codebook(model);
  if (trained == 0)
    ae_log_warning("--prior %s: the indices that it learned from did not tell their codebook; make sure that it is "
                   "that of %s",
                   name, result->name);
  if (trained == own || trained == 0) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "--prior %s is over the indices of another codebook than that of %s: encode the data with this model "
                 "and train the prior on that",
                 name, result->name);
}

ae_status ae_prior_open(const ae_result *result, const char *name, ae_loaded **out) {
  const ae_model *model = result->loaded->model;
  if (model->type->prior != NULL)
    return AE_FAIL(AE_USAGE, "--prior: %s is itself a prior: give the model of the codes first, and %s with --prior",
                   result->name, result->name);
  if (model->entries == 0 || model->type->indices == NULL)
    return AE_FAIL(AE_USAGE, "--prior: model '%s' has no codebook, whose indices a prior would be over",
                   model->type->name);
  AE_RETURN_IF(ae_loaded_open(result->comm, name, false, out)); /* the model's results are those without a prior */
  return check(result, name, (*out)->model);
}

/* Sums over the own slices. */
static ae_status add_prices(const ae_result *result, ae_model *prior, const float *rows, double *sums) {
  double nats[AE_BLOCK_ROWS];
  ae_block_walk walk;
  for (ae_block_first(&walk, result->data); walk.block.count > 0; ae_block_next(&walk)) {
    const int32_t *label = result->data->label != NULL ? result->data->label + walk.place : NULL;
    AE_RETURN_IF(
        prior->type->prior->price(prior, walk.block.count, rows + walk.place * prior->code_width, label, nats));
    for (int64_t i = 0; i < walk.block.count; i++) sums[walk.shard] += nats[i];
  }
  return AE_OK;
}

ae_status ae_prior_price(const ae_result *result, ae_model *prior, const float *rows, double *nats) {
  ae_status status;
  double *sums = NULL;
  status = AE_NEW(sums, result->data->shards.count);
  if (status == AE_OK) status = add_prices(result, prior, rows, sums);
  AE_CHECK(ae_comm_agree(result->comm, status));
  AE_CHECK(ae_reduce_sum(result->comm, &result->data->shards, sums, 1, nats));
  *nats /= (double)result->data->examples;
cleanup:
  AE_FREE(sums);
  return status;
}
