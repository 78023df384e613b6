#include "mpiae/train/trainer.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/profile.h"
#include "mpiae/data/loader.h"
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

/* Buckets without a trained parameter: nobody asks for their values in the forward pass, or gives their gradients. */
static void start_untrained(ae_trainer *t) {
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  for (int b = 0; b < t->buckets; b++) {
    if (t->waiting[b] > 0) continue;
    ae_exchange_need(t->exchange, b);
    ae_exchange_start(t->exchange, b);
  }
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
      if (term->weight != 0 && term->rows->gradient != NULL) term->rows->gradient[row] = seed;
    }
    t->terms[s * t->width + number] = sum;
  }
}

static void take_terms(ae_trainer *t, const ae_batch *batch) {
  const ae_model *model = t->model;
  for (int i = 0; i < model->terms; i++) take_term(t, batch, i);
}

static void take_statistics(ae_trainer *t, const ae_batch *batch) {
  const ae_model *model = t->model;
  if (model->statistics == 0) return;
  for (int s = 0; s < batch->segments; s++)
    model->type->training->statistics(model, batch, batch->offset[s], batch->offset[s + 1],
                                      t->terms + s * t->width + model->terms);
}

/* What of a step is not finite, or NULL: the same on all ranks. */
static const char *name_nonfinite(const ae_trainer *t, const ae_control *control) {
  const char *what = isfinite(control->squared_norm) ? NULL : "the gradient";
  for (int i = t->width - 1; i >= 0; i--)
    if (!isfinite(control->sums[i]))
      what = i < t->model->terms ? t->model->term[i].figure->name : "a statistic of the model";
  return what;
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

static ae_status fail_of_divergence(const ae_trainer *t, const char *what, int64_t step) {
  char kept[64] = "there is no checkpoint yet", help[192];
  if (t->newest > 0) snprintf(kept, sizeof kept, "the checkpoint of step %lld is kept", (long long)t->newest);
  /* nothing has been learned yet that could have blown up */
  if (t->state.step == 0 && fmaxf(fabsf(t->data->low), fabsf(t->data->high)) > 10)
    snprintf(help, sizeof help, "The data hold %g to %g: scale them to about -1 to 1", (double)t->data->low,
             (double)t->data->high);
  else if (t->state.step == 0)
    snprintf(help, sizeof help,
             "The parameters it began with blow up: is data.center right, and the model of --init-from?");
  else
    snprintf(help, sizeof help,
             "A lower train.learning_rate (now %g) usually helps; train.on_nonfinite=skip leaves such steps out",
             t->learning_rate);
  return AE_FAIL(AE_DIVERGED, "step %lld of epoch %lld: %s is not finite. Nothing of that step was applied; %s. %s",
                 (long long)step + 1, (long long)t->state.epoch + 1, what, kept, help);
}

static void update(ae_trainer *t, const ae_control *control) {
  const ae_phase previous = ae_profile_enter(AE_PHASE_OPTIMIZER);
  ae_optimizer_step(t->optimizer, t->learning_rate, control->squared_norm);
  ae_profile_leave(previous);
}

/* Whether the step after the next `ahead` steps is the last of its epoch. */
static bool next_ends_epoch(const ae_trainer *t, int64_t ahead) {
  const int64_t steps = ae_sampler_steps(t->sampler);
  return (t->state.epoch_step + ahead) % steps == steps - 1;
}

/* Among the flags of a step, beside those of stop.h: some rank could not read its examples. */
#define UNREADABLE (UINT32_C(1) << 31)

/* Both halves of the exchange around the control reduction and the update. A step that is left out publishes the values
 * that are there. */
static ae_status reduce_and_update(ae_trainer *t, const ae_batch *batch, bool *skipped) {
  ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_reduce(t->exchange);
  ae_profile_leave(previous);
  ae_control control = {.terms = t->terms, .sums = t->sums, .flags = ae_stop_own(&t->stop, next_ends_epoch(t, 1))};
  if (ae_loader_has_failed(t->data->loader)) control.flags |= UNREADABLE;
  previous = ae_profile_enter(AE_PHASE_CONTROL);
  ae_exchange_control(t->exchange, &control);
  ae_profile_leave(previous);
  if ((control.flags & UNREADABLE) != 0) return ae_comm_agree(t->comm, ae_dataset_take_error(t->data));
  t->stop.flags |= control.flags;
  AE_RETURN_IF(verify(t));
  const char *what = name_nonfinite(t, &control);
  *skipped = what != NULL;
  if (what == NULL) update(t, &control);
  else if (ae_config_is(t->config, "train.on_nonfinite", "stop")) return fail_of_divergence(t, what, batch->step);
  else
    ae_log_detail("step %lld of epoch %u: %s is not finite: left out", (long long)batch->step + 1, batch->epoch, what);
  previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_publish(t->exchange);
  ae_profile_leave(previous);
  return AE_OK;
}

static void count_step(ae_trainer *t, const ae_batch *batch, bool skipped) {
  if (skipped) ae_epoch_sums_skip(&t->epoch_sums);
  else ae_epoch_sums_add(&t->epoch_sums, t->model, t->sums, batch->global_rows);
  t->state.step++;
  t->state.epoch_step++;
}

static ae_status run_step(ae_trainer *t, const ae_batch *batch, const ae_batch *next) {
  const ae_graph_hooks hooks = {t, parameter_needed, gradient_ready, make_progress};
  const ae_model_type *type = t->model->type;
  const ae_phase previous = ae_profile_enter(AE_PHASE_FILL);
  bool skipped = false;
  ae_profile_set_step(t->state.step + 1);
  t->learning_rate = ae_schedule_rate(&t->schedule, t->state.step);
  ae_loader_step(t->data->loader, batch);
  type->training->fill(t->model, batch);
  if (next != NULL && type->training->prefetch != NULL) type->training->prefetch(t->model, next);
  ae_profile_enter(AE_PHASE_STEP);
  memset(t->waiting, 0, sizeof t->waiting);
  for (int i = 0; i < ae_params_count(t->params); i++)
    t->waiting[t->bucket_of[i]] += ae_params_at(t->params, i)->trained;
  ae_graph_forward(t->model->graph, &hooks);
  start_untrained(t);
  take_terms(t, batch);
  ae_graph_backward(t->model->graph, &hooks);
  take_statistics(t, batch);
  ae_status status = reduce_and_update(t, batch, &skipped);
  if (status == AE_OK && !skipped && type->training->step_end != NULL)
    status = type->training->step_end(t->model, batch);
  if (status == AE_OK) count_step(t, batch, skipped);
  ae_profile_leave(previous);
  return status;
}

/* An epoch. */

/* News, and a checkpoint when one is due; or what a follower does. */
static ae_status follow_step(ae_trainer *t, uint32_t epoch, const ae_batch *batch, bool *enough) {
  if (t->follower != NULL) {
    const ae_checkpoint held = ae_trainer_checkpoint(t);
    return t->follower->after(t->follower->context, &held, enough);
  }
  ae_progress_step(&t->progress, t->model, epoch, batch->step, &t->epoch_sums, batch->global_rows);
  AE_RETURN_IF(ae_trainer_write_step(t));
  *enough = t->stop.flags != 0;
  return AE_OK;
}

/* From where the epoch stands to its end, or to where train.steps, a signal or the time limit ends the run. */
static ae_status run_steps(ae_trainer *t, uint32_t epoch) {
  const int64_t first = t->state.epoch_step;
  const int64_t end = ae_min(ae_sampler_steps(t->sampler), t->progress.last_step - (t->state.step - first));
  ae_batch batch[2];
  ae_sampler_begin(t->sampler, epoch);
  ae_sampler_batch(t->sampler, first, &batch[first % 2]);
  ae_loader_begin(t->data->loader, t->sampler, &batch[first % 2]);
  if (t->model->type->training->prefetch != NULL) t->model->type->training->prefetch(t->model, &batch[first % 2]);
  bool enough = false;
  for (int64_t step = first; step < end && !enough; step++) {
    if (step + 1 < end) ae_sampler_batch(t->sampler, step + 1, &batch[(step + 1) % 2]);
    const double begun = ae_clock_seconds();
    AE_RETURN_IF(run_step(t, &batch[step % 2], step + 1 < end ? &batch[(step + 1) % 2] : NULL));
    t->stop.step = ae_clock_seconds() - begun;
    AE_RETURN_IF(follow_step(t, epoch, &batch[step % 2], &enough));
  }
  ae_exchange_settle(t->exchange);
  return AE_OK;
}

static ae_status tell_skipped(const ae_trainer *t, uint32_t epoch) {
  const int64_t skipped = ae_epoch_sums_skipped(&t->epoch_sums), steps = t->state.epoch_step;
  if (skipped == steps)
    return AE_FAIL(AE_DIVERGED,
                   "epoch %u: not one of its steps had a finite loss and gradient. A lower "
                   "train.learning_rate (now %g) usually helps",
                   epoch, t->learning_rate);
  if (skipped > 0)
    ae_log_warning(
        "epoch %u: %lld of %lld steps were left out, their loss or gradient was not finite; run.log names them", epoch,
        (long long)skipped, (long long)steps);
  return AE_OK;
}

static void record_losses(const ae_trainer *t, double seconds, ae_metrics *metrics) {
  const double examples = (double)ae_epoch_sums_examples(&t->epoch_sums);
  for (int i = 0; i < t->model->terms; i++) {
    char column[64];
    snprintf(column, sizeof column, "train_%s", t->model->term[i].figure->name);
    ae_metrics_set(metrics, column, t->epoch_sums.value[i] / examples);
  }
  ae_metrics_set(metrics, "train_loss", ae_epoch_sums_loss(&t->epoch_sums) / examples);
  ae_metrics_set(metrics, "epoch", (double)t->state.epoch);
  ae_metrics_set(metrics, "step", (double)t->state.step);
  ae_metrics_set(metrics, "learning_rate", t->learning_rate);
  ae_metrics_set(metrics, "seconds", seconds);
  ae_metrics_set(metrics, "examples_per_second", (double)t->data->examples / seconds);
  ae_metrics_set(metrics, "skipped_steps", (double)ae_epoch_sums_skipped(&t->epoch_sums));
}

static void begin_epoch(ae_trainer *t) {
  const int64_t batch = ae_config_integer(t->config, "train.batch_size");
  if (t->state.epoch_step == 0) ae_epoch_sums_clear(&t->epoch_sums);
  ae_progress_epoch(&t->progress, t->state.epoch_step * batch, t->epoch_sums.seconds);
}

static ae_status end_epoch(ae_trainer *t, uint32_t epoch, ae_metrics *metrics) {
  const ae_model_type *type = t->model->type;
  const double begun = ae_clock_seconds();
  AE_RETURN_IF(tell_skipped(t, epoch));
  t->model->statistic_sum = t->epoch_sums.value + t->model->terms;
  t->model->statistic_examples = ae_epoch_sums_examples(&t->epoch_sums);
  if (type->training->epoch_end != NULL) AE_RETURN_IF(type->training->epoch_end(t->model, epoch, metrics));
  AE_RETURN_IF(ae_trainer_test(t, metrics));
  t->state.epoch = epoch;
  t->state.epoch_step = 0;
  double seconds = ae_clock_seconds() - t->progress.epoch_begun;
  ae_comm_broadcast(t->comm, &seconds, sizeof seconds);
  record_losses(t, seconds, metrics);
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_history_add(t->history, metrics)));
  ae_progress_epoch_end(&t->progress, t->model, epoch, metrics);
  ae_stop_agree(t->comm, &t->stop, next_ends_epoch(t, 0));
  AE_RETURN_IF(ae_trainer_write_files(t));
  t->stop.end_of_epoch = ae_clock_seconds() - begun;
  return AE_OK;
}

/* A whole epoch, or what is missing of one that was cut, or as much of it as may be done now. */
static ae_status run_epoch(ae_trainer *t) {
  const uint32_t epoch = (uint32_t)t->state.epoch + 1;
  const ae_model_type *type = t->model->type;
  ae_metrics metrics;
  ae_metrics_clear(&metrics);
  begin_epoch(t);
  if (type->training->epoch_begin != NULL) AE_RETURN_IF(type->training->epoch_begin(t->model, epoch, &metrics));
  AE_RETURN_IF(run_steps(t, epoch));
  return t->state.epoch_step == ae_sampler_steps(t->sampler) ? end_epoch(t, epoch, &metrics) : AE_OK;
}

static const char *plural(int64_t count) { return count == 1 ? "" : "s"; }

static void tell_exchange(const ae_trainer *t) {
  const int domains = ae_exchange_domains(t->exchange), partials = ae_exchange_partials(t->exchange);
  ae_log_detail("gradients in %d bucket%s, between %d shared-memory domain%s", t->buckets, plural(t->buckets), domains,
                plural(domains));
  if (partials > 1 && t->verify_every == 0)
    ae_log_warning("between nodes go %d sums of each gradient, where one would do if all had the same power of two of "
                   "shards: see data.shards and the ranks of a node",
                   partials);
}

static void introduce(const ae_trainer *t, ae_run_mode mode) {
  const ae_shards *shards = &t->data->shards;
  char shape[AE_SHAPE_SIZE];
  ae_print_shape(NULL, t->data->rank, t->data->dim, shape);
  const bool sets = t->data->offset != NULL;
  ae_log_info("%s: %lld parameters, %lld %s of shape %s in %d shard%s on %d rank%s, batch %lld, %lld step%s an "
              "epoch; run directory %s",
              t->model->type->name, (long long)ae_params_elements(t->params), (long long)t->data->examples,
              sets ? "sets of points" : "examples", shape, shards->shards, plural(shards->shards), shards->ranks,
              plural(shards->ranks), (long long)ae_config_integer(t->config, "train.batch_size"),
              (long long)ae_sampler_steps(t->sampler), plural(ae_sampler_steps(t->sampler)), t->directory);
  if (t->origin != NULL) ae_log_info("the first parameters %s from %s", t->state.step > 0 ? "came" : "come", t->origin);
  if (t->state.epoch_step > 0)
    ae_log_info("going on in epoch %lld, after %lld of its steps; step %lld", (long long)t->state.epoch + 1,
                (long long)t->state.epoch_step, (long long)t->state.step);
  else if (t->state.epoch > 0)
    ae_log_info("going on after epoch %lld, step %lld", (long long)t->state.epoch, (long long)t->state.step);
  else if (mode == AE_RUN_RESUME) ae_log_info("no checkpoint is there yet: starting from the beginning");
  const ae_multiplier *multiplier = t->model->setup.multiplier;
  ae_log_detail("matrix products in %s by %s (elsewhere by %s, kernels '%s'); %.1f MB of activations and scratch",
                multiplier->precision, multiplier->name(), ae_blas_library(), ae_blas_core(),
                1e-6 * (double)ae_graph_bytes(t->model->graph));
  tell_exchange(t);
}

/* The figures of the last epoch, and of the best. */
static void tell_losses(const ae_trainer *t) {
  const int last = ae_history_rows(t->history) - 1;
  if (last < 0) return;
  char test[64] = "";
  if (t->test != NULL) snprintf(test, sizeof test, ", test loss %#.6g", ae_history_get(t->history, last, "test_loss"));
  ae_log_info("after epoch %d: loss %#.6g%s", last + 1, ae_history_get(t->history, last, "train_loss"), test);
  if (t->test == NULL) return;
  double loss;
  const int best = ae_trainer_best_epoch(t, &loss);
  ae_log_info("lowest test loss: %#.6g after epoch %d", loss, best);
}

static void conclude(const ae_trainer *t, const char *why) {
  char path[AE_PATH_SIZE];
  if (t->state.epoch < t->progress.epochs) ae_log_info("the run ends: %s", why);
  tell_losses(t);
  ae_run_directory_checkpoint(t->directory, t->state.step, path);
  ae_progress_profile(t->comm);
  ae_log_info("done: %s", path);
}

/* After saving, as much as there was to save. */
static ae_status conclude_early(const ae_trainer *t) {
  char path[AE_PATH_SIZE];
  ae_run_directory_checkpoint(t->directory, t->newest, path);
  ae_progress_profile(t->comm);
  return AE_FAIL(AE_STOPPED, "stopped by %s after step %lld, in %s: run again with --resume to go on",
                 ae_stop_reason(&t->stop), (long long)t->newest, path);
}

/* A signal may have come before the first step. That step is done nevertheless when there is no checkpoint to go on
 * from, and when only the time is up: a run that is launched again and again comes on at least. */
static bool stops_at_once(ae_trainer *t) {
  const double limit =
      ae_config_is(t->config, "train.time_limit", "auto") ? -1 : ae_config_real(t->config, "train.time_limit");
  if (ae_comm_rank(t->comm) == 0) ae_stop_limit(&t->stop, limit, t->begun);
  ae_stop_agree(t->comm, &t->stop, next_ends_epoch(t, 0));
  if (ae_stop_is_signal(&t->stop) && t->newest > 0) return true;
  if (t->stop.flags != 0)
    ae_log_info("%s before the first step of this launch: one step is done first", ae_stop_reason(&t->stop));
  return false;
}

static ae_status run(ae_trainer *t, ae_run_mode mode, const char *init_from) {
  char why[AE_ENDING_SIZE];
  ae_stop_listen(ae_comm_rank(t->comm) == 0);
  AE_RETURN_IF(ae_run_directory_take(t->comm, t->directory, mode, &t->lock));
  const double patience = ae_config_real(t->config, "train.stall_seconds");
  const double end = ae_config_real(t->config, "train.stall_abort_seconds");
  AE_RETURN_IF(ae_watchdog_start(t->comm, t->directory, patience, end, &t->watchdog));
  AE_RETURN_IF(ae_trainer_start(t, mode, init_from));
  if (ae_trainer_is_over(t, why)) {
    ae_log_info("%s: %s: nothing to do", t->directory, why);
    return AE_OK;
  }
  /* only now is it known that the new run can begin */
  if (mode == AE_RUN_OVERWRITE) AE_RETURN_IF(ae_run_directory_clear(t->comm, t->directory));
  AE_RETURN_IF(ae_trainer_open_files(t));
  introduce(t, mode);
  if (stops_at_once(t)) return conclude_early(t);
  do AE_RETURN_IF(run_epoch(t));
  while (t->stop.flags == 0 && !ae_trainer_is_over(t, why));
  if (!ae_trainer_is_over(t, why)) return conclude_early(t);
  conclude(t, why);
  return AE_OK;
}

ae_status ae_train(const ae_comm *comm, ae_config *config, const char *directory, ae_run_mode mode,
                   const char *init_from) {
  ae_trainer t = {
      .comm = comm, .config = config, .directory = directory, .begun = ae_clock_seconds(), .lock = {.descriptor = -1}};
  ae_profile_reset();
  const ae_status status = run(&t, mode, init_from);
  if (status != AE_OK && t.log != NULL)
    fprintf(t.log, "mpiae: %s%s\n", ae_error_code(status) == AE_STOPPED ? "" : "error: ", ae_error_message(status));
  ae_trainer_destroy(&t);
  return status;
}

static ae_status run_followed(ae_trainer *t) {
  ae_metrics metrics;
  ae_metrics_clear(&metrics);
  AE_RETURN_IF(ae_trainer_start(t, AE_RUN_NEW, NULL));
  const ae_training_hooks *hooks = t->model->type->training;
  begin_epoch(t);
  if (hooks->epoch_begin != NULL) AE_RETURN_IF(hooks->epoch_begin(t->model, 1, &metrics));
  return run_steps(t, 1);
}

ae_status ae_train_followed(const ae_comm *comm, ae_config *config, const ae_follower *follower) {
  ae_trainer t = {
      .comm = comm, .config = config, .begun = ae_clock_seconds(), .lock = {.descriptor = -1}, .follower = follower};
  ae_profile_reset();
  const ae_status status = run_followed(&t);
  ae_trainer_destroy(&t);
  return status;
}
