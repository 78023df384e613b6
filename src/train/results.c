/* What a run gives after an epoch besides its checkpoint: losses of the test set, codes, pictures for the film. */
#include "mpiae/base/profile.h"
#include "mpiae/infer/codes.h"
#include "mpiae/infer/decoding.h"
#include "mpiae/infer/evaluate.h"
#include "mpiae/run/provenance.h"
#include "run.h"

/* Figures of the test set, where there is one: columns test_<term>. */
ae_status ae_trainer_test(ae_trainer *t, ae_metrics *metrics) {
  ae_evaluation found;
  const ae_model *model = t->model;
  char column[64];
  if (t->test == NULL) return AE_OK;
  AE_RETURN_IF(ae_inference_evaluate(t->model, t->test, 1, &found));
  ae_metrics_set(metrics, "test_loss", found.loss);
  for (int i = 0; i < model->terms + model->measures; i++) {
    snprintf(column, sizeof column, "test_%s",
             i < model->terms ? model->term[i].figure->name : model->measure[i - model->terms]->name);
    ae_metrics_set(metrics, column, found.term[i]);
  }
  return AE_OK;
}

/* What is written into a file of results after an epoch. */
typedef struct results {
  const ae_trainer *t;
  const ae_codes *codes;
  int64_t pictures;
} results;

static ae_status fill_codes(ae_h5 *file, void *context) {
  const results *what = context;
  const ae_trainer *t = what->t;
  AE_RETURN_IF(ae_inference_begin(t->model, file, "codes", t->state.epoch, t->state.step));
  AE_RETURN_IF(ae_codes_write(t->model, file, t->data, what->codes));
  if (t->model->type->training->annotate != NULL) AE_RETURN_IF(t->model->type->training->annotate(t->model, file));
  return ae_provenance_write(t->comm, file, t->model->setup.multiplier, ae_clock_seconds() - t->begun);
}

static ae_status produce(const ae_trainer *t, const char *path, ae_status (*fill)(ae_h5 *file, void *context),
                         results *what) {
  const ae_phase previous = ae_profile_enter(AE_PHASE_WRITE);
  const ae_status status = ae_h5_produce(t->comm, path, fill, what);
  ae_profile_leave(previous);
  return status;
}

/* As recorded in training, or by a pass now. */
ae_status ae_trainer_write_codes(ae_trainer *t) {
  ae_status status;
  ae_codes codes = {0};
  char path[AE_PATH_SIZE];
  if (t->model->fields == 0 || t->model->type->inference->encode == NULL) return AE_OK;
  ae_run_directory_codes(t->directory, t->state.epoch, path);
  AE_CHECK(ae_comm_agree(t->comm, ae_codes_create(t->model, ae_shards_own_count(&t->data->shards), &codes)));
  if (t->model->type->training->recorded != NULL) t->model->type->training->recorded(t->model, codes.field);
  else AE_CHECK(ae_inference_encode(t->model, t->data, &codes));
  results what = {.t = t, .codes = &codes};
  AE_CHECK(produce(t, path, fill_codes, &what));
cleanup:
  ae_codes_free(&codes);
  return status;
}

/* The same examples and the same noise every epoch. */
static ae_status fill_samples(ae_h5 *file, void *context) {
  const results *what = context;
  const ae_trainer *t = what->t;
  const ae_dataset *data = t->test != NULL ? t->test : t->data;
  const ae_decoding *decoding = ae_decoding_of(t->model->type);
  const ae_sample_request request = {.count = what->pictures, .seed = 1};
  AE_RETURN_IF(ae_inference_begin(t->model, file, "film", t->state.epoch, t->state.step));
  if (decoding != NULL && t->model->type->inference->encode != NULL)
    AE_RETURN_IF(decoding->reconstruct(t->model, file, data, what->pictures));
  if (decoding != NULL && t->model->type->inference->draw != NULL)
    AE_RETURN_IF(ae_decoding_sample(t->model, file, &request, 0, t->model->sized ? NULL : data, "sampled"));
  return ae_provenance_write(t->comm, file, t->model->setup.multiplier, ae_clock_seconds() - t->begun);
}

ae_status ae_trainer_write_samples(ae_trainer *t) {
  char path[AE_PATH_SIZE];
  results what = {.t = t, .pictures = ae_config_integer(t->config, "output.samples")};
  if (what.pictures == 0) return AE_OK;
  ae_run_directory_samples(t->directory, t->state.epoch, path);
  return produce(t, path, fill_samples, &what);
}
