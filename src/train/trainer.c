#include "mpiae/train/trainer.h"

#include "mpiae/base/log.h"
#include "mpiae/base/profile.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/train/verify.h"
#include "run.h"

#include <math.h>
#include <string.h>

/* A step. */

static void parameter_needed(void *context, const ae_parameter *parameter) {
  ae_trainer *t = context;
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_need(t->exchange, t->bucket_of[parameter->number]);
  ae_profile_leave(previous);
}

static void gradient_ready(void *context, const ae_parameter *parameter) {
  ae_trainer *t = context;
  const int bucket = t->bucket_of[parameter->number];
  if (--t->waiting[bucket] > 0) return;
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_start(t->exchange, bucket);
  ae_profile_leave(previous);
}

static void make_progress(void *context) {
  const ae_trainer *t = context;
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_progress(t->exchange);
  ae_profile_leave(previous);
}

/* Sums of a term over each own shard's rows, and the gradient with which the backward pass begins. */
static void take_term(ae_trainer *t, const ae_batch *batch, int number) {
  const ae_term *term = &t->model->term[number];
  const float seed = term->weight * term->scale / (float)batch->global_rows;
  for (int s = 0; s < batch->segments; s++) {
    double sum = 0;
    for (int64_t row = batch->offset[s]; row < batch->offset[s + 1]; row++) {
      sum += (double)term->rows->value[row];
      if (term->rows->gradient != NULL) term->rows->gradient[row] = seed;
    }
    t->terms[s * t->width + number] = sum;
  }
}

static void take_terms(ae_trainer *t, const ae_batch *batch) {
  const ae_model *model = t->model;
  for (int i = 0; i < model->terms; i++) take_term(t, batch, i);
  if (model->statistics == 0) return;
  for (int s = 0; s < batch->segments; s++)
    model->type->statistics(model, batch->offset[s], batch->offset[s + 1], t->terms + s * t->width + model->terms);
}

static ae_status name_divergence(const ae_trainer *t, const ae_control *control, int64_t step) {
  const char *what = "the gradient";
  for (int i = t->model->terms - 1; i >= 0; i--)
    if (!isfinite(control->sums[i])) what = t->model->term[i].name;
  return AE_FAIL(AE_DIVERGED,
                 "step %lld of epoch %lld: %s is not finite. Nothing of that step was applied%s. A lower "
                 "train.learning_rate (now %g) usually helps",
                 (long long)step + 1, (long long)t->state.epoch + 1, what,
                 t->state.epoch > 0 ? "; the checkpoints before it are kept" : "; there is no checkpoint yet",
                 t->learning_rate);
}

/* Before the update: copies have served a whole step by then, and the owners send new ones after it. */
static ae_status verify(const ae_trainer *t) {
  if (t->verify_every == 0 || (t->state.step + 1) % t->verify_every != 0) return AE_OK;
  ae_exchange_settle(t->exchange);
  const ae_phase previous = ae_profile_enter(AE_PHASE_VERIFY);
  const ae_status status = ae_verify_parameters(t->comm, t->params);
  ae_profile_leave(previous);
  return ae_error_prefix(status, "step %lld", (long long)t->state.step + 1);
}

/* Both halves of the exchange around the control reduction and the update. */
static ae_status reduce_and_update(ae_trainer *t, const ae_batch *batch) {
  ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_reduce(t->exchange);
  ae_profile_leave(previous);
  ae_control control = {.terms = t->terms, .sums = t->sums};
  previous = ae_profile_enter(AE_PHASE_CONTROL);
  ae_exchange_control(t->exchange, &control);
  ae_profile_leave(previous);
  AE_RETURN_IF(verify(t));
  bool finite = isfinite(control.squared_norm);
  for (int i = 0; i < t->width; i++) finite = finite && isfinite(control.sums[i]);
  if (!finite) return name_divergence(t, &control, batch->step);
  previous = ae_profile_enter(AE_PHASE_OPTIMIZER);
  ae_optimizer_step(t->optimizer, t->learning_rate, control.squared_norm);
  ae_profile_leave(previous);
  previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_publish(t->exchange);
  ae_profile_leave(previous);
  return AE_OK;
}

static ae_status run_step(ae_trainer *t, const ae_batch *batch, const ae_batch *next) {
  const ae_graph_hooks hooks = {t, parameter_needed, gradient_ready, make_progress};
  const ae_model_type *type = t->model->type;
  const ae_phase previous = ae_profile_enter(AE_PHASE_FILL);
  ae_profile_set_step(t->state.step + 1);
  t->learning_rate = ae_schedule_rate(&t->schedule, t->state.step);
  type->fill(t->model, batch);
  if (next != NULL && type->prefetch != NULL) type->prefetch(t->model, next);
  ae_profile_enter(AE_PHASE_STEP);
  memset(t->waiting, 0, sizeof t->waiting);
  for (int i = 0; i < ae_params_count(t->params); i++) t->waiting[t->bucket_of[i]]++;
  ae_graph_forward(t->model->graph, &hooks);
  take_terms(t, batch);
  ae_graph_backward(t->model->graph, &hooks);
  const ae_status status = reduce_and_update(t, batch);
  if (status == AE_OK && type->step_end != NULL) type->step_end(t->model, batch);
  ae_profile_leave(previous);
  return status;
}

/* An epoch. */

static void add_to_epoch(ae_trainer *t) {
  for (int i = 0; i < t->width; i++) t->epoch_sums[i] += t->sums[i];
  for (int i = 0; i < t->model->terms; i++)
    t->epoch_loss += (double)(t->model->term[i].weight * t->model->term[i].scale) * t->sums[i];
}

static ae_status run_steps(ae_trainer *t, uint32_t epoch) {
  const int64_t steps = ae_sampler_steps(t->sampler);
  ae_batch batch[2];
  ae_sampler_begin(t->sampler, epoch);
  memset(t->epoch_sums, 0, (size_t)t->width * sizeof *t->epoch_sums);
  t->epoch_loss = 0;
  ae_sampler_batch(t->sampler, 0, &batch[0]);
  if (t->model->type->prefetch != NULL) t->model->type->prefetch(t->model, &batch[0]);
  for (int64_t step = 0; step < steps; step++) {
    if (step + 1 < steps) ae_sampler_batch(t->sampler, step + 1, &batch[(step + 1) % 2]);
    AE_RETURN_IF(run_step(t, &batch[step % 2], step + 1 < steps ? &batch[(step + 1) % 2] : NULL));
    t->state.step++;
    add_to_epoch(t);
    ae_progress_step(&t->progress, t->model, epoch, step, t->epoch_loss, t->epoch_sums, batch[step % 2].global_rows);
  }
  ae_exchange_settle(t->exchange);
  return AE_OK;
}

static void record_losses(const ae_trainer *t, double seconds, ae_metrics *metrics) {
  const double examples = (double)t->data->examples;
  for (int i = 0; i < t->model->terms; i++) {
    char column[64];
    snprintf(column, sizeof column, "train_%s", t->model->term[i].name);
    ae_metrics_set(metrics, column, t->epoch_sums[i] / examples);
  }
  ae_metrics_set(metrics, "train_loss", t->epoch_loss / examples);
  ae_metrics_set(metrics, "epoch", (double)t->state.epoch);
  ae_metrics_set(metrics, "step", (double)t->state.step);
  ae_metrics_set(metrics, "learning_rate", t->learning_rate);
  ae_metrics_set(metrics, "seconds", seconds);
  ae_metrics_set(metrics, "examples_per_second", examples / seconds);
}

static ae_status run_epoch(ae_trainer *t) {
  const uint32_t epoch = (uint32_t)t->state.epoch + 1;
  const ae_model_type *type = t->model->type;
  ae_metrics metrics;
  ae_metrics_clear(&metrics);
  ae_progress_epoch(&t->progress);
  if (type->epoch_begin != NULL) AE_RETURN_IF(type->epoch_begin(t->model, epoch, &metrics));
  AE_RETURN_IF(run_steps(t, epoch));
  t->model->statistic_sum = t->epoch_sums + t->model->terms;
  if (type->epoch_end != NULL) AE_RETURN_IF(type->epoch_end(t->model, epoch, &metrics));
  AE_RETURN_IF(ae_trainer_test(t, &metrics));
  t->state.epoch = epoch;
  record_losses(t, ae_clock_seconds() - t->progress.epoch_begun, &metrics);
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_history_add(t->history, &metrics)));
  ae_progress_epoch_end(&t->progress, t->model, epoch, &metrics);
  return ae_trainer_write_files(t);
}

static const char *plural(int64_t count) { return count == 1 ? "" : "s"; }

static void introduce(const ae_trainer *t, ae_run_mode mode) {
  const ae_shards *shards = &t->data->shards;
  ae_log_info("%s: %lld parameters, %lld examples in %d shard%s on %d rank%s, batch %lld, %lld step%s an epoch; run "
              "directory %s",
              t->model->type->name, (long long)ae_params_elements(t->params), (long long)t->data->examples,
              shards->shards, plural(shards->shards), shards->ranks, plural(shards->ranks),
              (long long)ae_config_integer(t->config, "train.batch_size"), (long long)ae_sampler_steps(t->sampler),
              plural(ae_sampler_steps(t->sampler)), t->directory);
  if (t->state.epoch > 0)
    ae_log_info("going on after epoch %lld, step %lld", (long long)t->state.epoch, (long long)t->state.step);
  else if (mode == AE_RUN_RESUME) ae_log_info("no checkpoint is there yet: starting from the beginning");
  ae_log_detail("BLAS kernels for %s; %d bucket%s of gradients; %.1f MB of activations and scratch", ae_blas_core(),
                t->buckets, plural(t->buckets), 1e-6 * (double)ae_graph_bytes(t->model->graph));
}

static void conclude(const ae_trainer *t) {
  char path[AE_PATH_SIZE];
  ae_run_directory_checkpoint(t->directory, t->state.step, path);
  ae_progress_profile(t->comm);
  ae_log_info("done: %s", path);
}

static ae_status run(ae_trainer *t, ae_run_mode mode) {
  AE_RETURN_IF(ae_run_directory_take(t->comm, t->directory, mode, &t->lock));
  const double patience = ae_config_real(t->config, "train.stall_seconds");
  AE_RETURN_IF(ae_watchdog_start(t->comm, t->directory, patience, &t->watchdog));
  AE_RETURN_IF(ae_trainer_start(t, mode));
  if (t->state.epoch >= t->progress.epochs) {
    ae_log_info("%s: %lld epoch%s done, train.epochs is %lld: nothing to do", t->directory, (long long)t->state.epoch,
                plural(t->state.epoch), (long long)t->progress.epochs);
    return AE_OK;
  }
  /* only now is it known that the new run can begin */
  if (mode == AE_RUN_OVERWRITE) AE_RETURN_IF(ae_run_directory_clear(t->comm, t->directory));
  AE_RETURN_IF(ae_trainer_open_files(t));
  introduce(t, mode);
  while (t->state.epoch < t->progress.epochs) AE_RETURN_IF(run_epoch(t));
  conclude(t);
  return AE_OK;
}

ae_status ae_train(const ae_comm *comm, ae_config *config, const char *directory, ae_run_mode mode) {
  ae_trainer t = {.comm = comm, .config = config, .directory = directory, .begun = ae_clock_seconds(), .lock = -1};
  ae_profile_reset();
  const ae_status status = run(&t, mode);
  if (status != AE_OK && t.log != NULL) fprintf(t.log, "mpiae: error: %s\n", ae_error_message(status));
  ae_trainer_destroy(&t);
  return status;
}
