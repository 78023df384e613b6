#include "mpiae/train/trainer.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/nodes.h"
#include "mpiae/train/checkpoint.h"
#include "mpiae/train/progress.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Floats after which a bucket of the gradient exchange is closed: 1 MiB. */
enum { BUCKET_FLOATS = 1 << 18, MOST_BUCKETS = 1024 };

typedef struct trainer {
  const ae_comm *comm;
  ae_config *config;
  const char *directory;
  ae_dataset *data;
  ae_sampler *sampler;
  ae_params *params;
  ae_model *model;
  ae_exchange *exchange;
  ae_optimizer *optimizer;
  ae_history *history;
  ae_progress progress;
  ae_run_state state;
  int *plane_end, planes;
  int64_t border[MOST_BUCKETS + 1]; /* of buckets, in the flat buffer */
  int buckets;
  int *bucket_of;           /* of each parameter */
  int waiting[MOST_BUCKETS]; /* parameters whose gradient is not final yet */
  double *terms, *sums, *epoch_sums;
  double learning_rate, begun;
  FILE *log;
} trainer;

/* Start. */

static ae_status open_data(trainer *t) {
  const ae_phase previous = ae_profile_enter(AE_PHASE_READ);
  const int shards = ae_config_is(t->config, "data.shards", "auto") ? 0 : (int)ae_config_integer(t->config, "data.shards");
  const ae_status status = ae_dataset_open(t->comm, ae_config_text(t->config, "data.train"), shards, &t->data);
  ae_profile_leave(previous);
  if (status != AE_OK) return status;
  char number[32];
  snprintf(number, sizeof number, "%d", t->data->shards.shards);
  ae_config_set(t->config, "data.shards", number);
  t->state = (ae_run_state){.seed = ae_config_integer(t->config, "train.seed"),
                            .shards = t->data->shards.shards,
                            .examples = t->data->examples,
                            .data_checksum = (int64_t)t->data->checksum,
                            .rank = t->data->rank};
  memcpy(t->state.dim, t->data->dim, sizeof t->state.dim);
  return AE_OK;
}

/* Own segments before the end of each gradient plane: the maximal subtrees in this rank's shards. */
static ae_status list_planes(trainer *t) {
  ae_nodes nodes = {0};
  const ae_shards *shards = &t->data->shards;
  AE_RETURN_IF(ae_nodes_create(shards, &nodes));
  const int first = nodes.first[shards->rank];
  t->planes = nodes.first[shards->rank + 1] - first;
  const ae_status status = AE_NEW(t->plane_end, t->planes);
  for (int i = 0; i < t->planes && status == AE_OK; i++)
    t->plane_end[i] = (int)(nodes.range[first + i].end - shards->first);
  ae_nodes_free(&nodes);
  return status;
}

static ae_status build_model(trainer *t) {
  ae_model_setup setup = {.comm = t->comm,
                          .config = t->config,
                          .params = t->params,
                          .rank = t->data->rank,
                          .features = t->data->features,
                          .seed = (uint64_t)t->state.seed,
                          .data = t->data,
                          .capacity = ae_sampler_capacity(t->sampler),
                          .plane_end = t->plane_end,
                          .planes = t->planes};
  memcpy(setup.dim, t->data->dim, sizeof setup.dim);
  AE_RETURN_IF(ae_model_find(ae_config_text(t->config, "model"))->create(&setup, &t->model));
  return ae_comm_agree(t->comm, ae_params_seal(t->params));
}

/* Buckets of whole parameters; the last ones leave first in the backward pass. */
static ae_status cut_buckets(trainer *t) {
  const int count = ae_params_count(t->params);
  const int64_t size = ae_max(BUCKET_FLOATS, ae_params_size(t->params) / (MOST_BUCKETS - 1));
  AE_RETURN_IF(AE_NEW(t->bucket_of, count));
  for (int i = 0; i < count; i++) {
    const int64_t end = i + 1 < count ? ae_params_at(t->params, i + 1)->offset : ae_params_size(t->params);
    t->bucket_of[i] = t->buckets;
    t->border[t->buckets + 1] = end;
    if (end - t->border[t->buckets] >= size && i + 1 < count) t->buckets++;
  }
  t->buckets++;
  return AE_OK;
}

static ae_status build_exchange(trainer *t) {
  ae_status status;
  float **planes = NULL;
  AE_CHECK(ae_comm_agree(t->comm, cut_buckets(t)));
  AE_CHECK(ae_exchange_create(t->comm, &t->data->shards, t->border, t->buckets, t->model->terms, &t->exchange));
  status = AE_NEW(planes, t->planes);
  for (int i = 0; i < t->planes && status == AE_OK; i++) planes[i] = ae_exchange_gradient(t->exchange, i);
  if (status == AE_OK) status = ae_params_bind(t->params, ae_exchange_values(t->exchange), planes, t->planes);
  if (status == AE_OK) status = ae_optimizer_create(t->exchange, &t->optimizer);
  if (status == AE_OK) status = AE_NEW(t->terms, t->data->shards.count * t->model->terms);
  if (status == AE_OK) status = AE_NEW(t->sums, t->model->terms);
  if (status == AE_OK) status = AE_NEW(t->epoch_sums, t->model->terms);
  AE_CHECK(ae_comm_agree(t->comm, status));
cleanup:
  AE_FREE(planes);
  return status;
}

static ae_status build(trainer *t) {
  AE_RETURN_IF(open_data(t));
  AE_RETURN_IF(ae_comm_agree(t->comm, list_planes(t)));
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_sampler_create(&t->data->shards, ae_config_integer(t->config, "train.batch_size"),
                                                        (uint64_t)t->state.seed, &t->sampler)));
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_params_create(&t->params)));
  AE_RETURN_IF(build_model(t));
  AE_RETURN_IF(build_exchange(t));
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_history_create(&t->history)));
  ae_progress_start(&t->progress, ae_config_integer(t->config, "train.epochs"), ae_sampler_steps(t->sampler),
                    ae_config_real(t->config, "output.log_every"));
  return AE_OK;
}

static void destroy(trainer *t) {
  if (t->model != NULL) t->model->type->destroy(t->model);
  ae_history_destroy(&t->history);
  ae_optimizer_destroy(&t->optimizer);
  ae_exchange_destroy(&t->exchange);
  ae_params_destroy(&t->params);
  ae_sampler_destroy(&t->sampler);
  ae_dataset_close(&t->data);
  AE_FREE(t->plane_end);
  AE_FREE(t->bucket_of);
  AE_FREE(t->terms);
  AE_FREE(t->sums);
  AE_FREE(t->epoch_sums);
  ae_log_set_copy(NULL);
  if (t->log != NULL) fclose(t->log);
}

/* Resume. */

static ae_checkpoint checkpoint_of(const trainer *t) {
  return (ae_checkpoint){.comm = t->comm,
                         .config = t->config,
                         .model = t->model,
                         .params = t->params,
                         .exchange = t->exchange,
                         .optimizer = t->optimizer,
                         .history = t->history,
                         .state = t->state,
                         .seconds = ae_clock_seconds() - t->begun};
}

/* The configuration must be the checkpoint's but for keys that may change; an "auto" number of shards is the checkpoint's. */
static ae_status check_config(trainer *t, const ae_config *then) {
  if (ae_config_is(t->config, "data.shards", "auto")) {
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)ae_config_integer(then, "data.shards"));
    ae_config_set(t->config, "data.shards", number);
  }
  return ae_config_check_resume(t->config, then);
}

static ae_status check_data(const trainer *t, const ae_run_state *then) {
  const bool same = then->examples == t->state.examples && then->data_checksum == t->state.data_checksum &&
                    then->rank == t->state.rank && memcmp(then->dim, t->state.dim, sizeof then->dim) == 0;
  return same ? AE_OK
              : AE_FAIL(AE_USAGE,
                        "%s is not the dataset this run was started on (%lld examples there, %lld here, or other contents): "
                        "give that file as data.train, or start a new run",
                        t->data->path, (long long)then->examples, (long long)t->state.examples);
}

/* Builds on the first checkpoint that opens, reads on from it to older ones where one is damaged. */
static ae_status try_checkpoint(trainer *t, int64_t step) {
  char path[AE_PATH_SIZE];
  ae_h5 *file = NULL;
  ae_config *then = NULL;
  ae_run_state state;
  ae_status status;
  ae_run_directory_checkpoint(t->directory, step, path);
  AE_CHECK(ae_checkpoint_open(t->comm, path, &file, &then, &state));
  AE_CHECK(check_config(t, then));
  if (t->data == NULL) {
    status = build(t);
    /* a fault of the dataset is no fault of the checkpoint: no older one helps */
    if (ae_error_code(status) == AE_DATA) status = AE_FAIL(AE_USAGE, "%s", ae_error_message(status));
    AE_CHECK(status);
  }
  AE_CHECK(check_data(t, &state));
  ae_history_destroy(&t->history);
  AE_CHECK(ae_comm_agree(t->comm, ae_history_create(&t->history)));
  const ae_checkpoint checkpoint = checkpoint_of(t);
  AE_CHECK(ae_checkpoint_read(&checkpoint, file));
  AE_CHECK(ae_provenance_compare(t->comm, file));
  t->state = state;
  ae_log_info("resuming %s after epoch %lld, step %lld", path, (long long)state.epoch, (long long)state.step);
cleanup:
  ae_h5_close(&file);
  ae_config_destroy(&then);
  return status;
}

static ae_status resume(trainer *t, bool *resumed) {
  ae_status status;
  int64_t *steps = NULL;
  int count;
  *resumed = false;
  AE_CHECK(ae_run_directory_checkpoints(t->comm, t->directory, &steps, &count));
  for (int i = 0; i < count && !*resumed; i++) {
    ae_error_clear(&status);
    status = try_checkpoint(t, steps[i]);
    if (status != AE_OK && ae_error_code(status) != AE_DATA) break;
    *resumed = status == AE_OK;
    if (!*resumed && i + 1 < count) ae_log_warning("%s; trying the checkpoint before", ae_error_message(status));
  }
cleanup:
  AE_FREE(steps);
  return status;
}

static ae_status start(trainer *t, ae_run_mode mode) {
  bool resumed = false;
  if (mode == AE_RUN_RESUME) AE_RETURN_IF(resume(t, &resumed));
  if (resumed) return AE_OK;
  AE_RETURN_IF(build(t));
  ae_params_start(t->params, (uint64_t)t->state.seed);
  AE_RETURN_IF(ae_provenance_compare(t->comm, NULL));
  return t->model->type->start != NULL ? t->model->type->start(t->model) : AE_OK;
}

/* Files of the run. */

static ae_status write_text(const char *directory, const char *name, const char *text) {
  char path[AE_PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "w");
  if (file == NULL) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  const bool written = fputs(text, file) >= 0;
  if (fclose(file) != 0 || !written) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  return AE_OK;
}

/* Rank 0 alone writes text. */
static ae_status open_texts(trainer *t) {
  char path[AE_PATH_SIZE], *config = NULL;
  if (ae_comm_rank(t->comm) != 0) return AE_OK;
  AE_RETURN_IF(ae_config_format(t->config, &config));
  const ae_status status = write_text(t->directory, "config.yaml", config);
  AE_FREE(config);
  if (status != AE_OK) return status;
  snprintf(path, sizeof path, "%s/run.log", t->directory);
  t->log = fopen(path, "a");
  if (t->log == NULL) return AE_FAIL(AE_DATA, "%s cannot be written: %s", path, strerror(errno));
  ae_log_set_copy(t->log);
  return AE_OK;
}

static ae_status write_csv(const trainer *t) {
  char path[AE_PATH_SIZE];
  snprintf(path, sizeof path, "%s/metrics.csv", t->directory);
  return ae_comm_agree(t->comm, ae_comm_rank(t->comm) == 0 ? ae_history_write_csv(t->history, path) : AE_OK);
}

static ae_status fill_codes(ae_h5 *file, void *context) {
  const trainer *t = context;
  const ae_shards *shards = &t->data->shards;
  AE_RETURN_IF(ae_h5_put_text(file, "/", "mpiae_format", "codes"));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "mpiae_version", 1));
  AE_RETURN_IF(ae_h5_put_text(file, "/", "model", t->model->type->name));
  AE_RETURN_IF(ae_h5_put_integer(file, "/", "epoch", t->state.epoch));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "example", shards->examples, NULL, "training example, in dataset order"));
  AE_RETURN_IF(t->model->type->write_codes(t->model, file));
  const ae_h5_dataset label = {"/label", AE_H5_INT32, 1, {shards->examples}, {"example"}, "known label; -1 = unknown", NULL};
  if (t->data->label != NULL)
    AE_RETURN_IF(ae_h5_write(file, &label, ae_shards_own_begin(shards), ae_shards_own_count(shards), t->data->label));
  return ae_provenance_write(t->comm, file, ae_clock_seconds() - t->begun);
}

static ae_status write_codes(trainer *t) {
  char path[AE_PATH_SIZE];
  if (t->model->type->write_codes == NULL) return AE_OK;
  ae_run_directory_codes(t->directory, t->state.epoch, path);
  const ae_phase previous = ae_profile_enter(AE_PHASE_WRITE);
  const ae_status status = ae_h5_produce(t->comm, path, fill_codes, t);
  ae_profile_leave(previous);
  return status;
}

static ae_status write_checkpoint(const trainer *t) {
  char path[AE_PATH_SIZE];
  const ae_checkpoint checkpoint = checkpoint_of(t);
  ae_run_directory_checkpoint(t->directory, t->state.step, path);
  AE_RETURN_IF(ae_checkpoint_write(&checkpoint, path));
  return ae_run_directory_trim_checkpoints(t->comm, t->directory, (int)ae_config_integer(t->config, "checkpoint.keep"));
}

static bool is_due(const trainer *t) {
  return t->state.epoch % ae_config_integer(t->config, "checkpoint.every_epochs") == 0 ||
         t->state.epoch == t->progress.epochs;
}

static ae_status write_files(trainer *t) {
  if (ae_config_is(t->config, "output.codes", "all") || (ae_config_is(t->config, "output.codes", "last") && is_due(t)))
    AE_RETURN_IF(write_codes(t));
  if (ae_config_is(t->config, "output.codes", "last") && is_due(t))
    ae_run_directory_trim_codes(t->comm, t->directory, t->state.epoch);
  if (is_due(t)) AE_RETURN_IF(write_checkpoint(t));
  return write_csv(t);
}

/* A step. */

static void parameter_needed(void *context, const ae_parameter *parameter) {
  trainer *t = context;
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_need(t->exchange, t->bucket_of[parameter->number]);
  ae_profile_leave(previous);
}

static void gradient_ready(void *context, const ae_parameter *parameter) {
  trainer *t = context;
  const int bucket = t->bucket_of[parameter->number];
  if (--t->waiting[bucket] > 0) return;
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_start(t->exchange, bucket);
  ae_profile_leave(previous);
}

static void make_progress(void *context) {
  const trainer *t = context;
  const ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_progress(t->exchange);
  ae_profile_leave(previous);
}

/* Sums of the terms over each own shard's rows, and the gradient with which the backward pass begins. */
static void take_terms(trainer *t, const ae_batch *batch) {
  const int terms = t->model->terms;
  for (int i = 0; i < terms; i++) {
    const ae_term *term = &t->model->term[i];
    const float seed = term->weight / (float)batch->global_rows;
    for (int s = 0; s < batch->segments; s++) {
      double sum = 0;
      for (int64_t row = batch->offset[s]; row < batch->offset[s + 1]; row++) {
        sum += (double)term->rows->value[row];
        if (term->rows->gradient != NULL) term->rows->gradient[row] = seed;
      }
      t->terms[s * terms + i] = sum;
    }
  }
}

static ae_status name_divergence(const trainer *t, const ae_control *control, int64_t step) {
  const char *what = "the gradient";
  for (int i = t->model->terms - 1; i >= 0; i--)
    if (!isfinite(control->sums[i])) what = t->model->term[i].name;
  return AE_FAIL(AE_DIVERGED,
                 "step %lld of epoch %lld: %s is not finite. Nothing was updated; the last good checkpoint in %s is kept. A lower "
                 "train.learning_rate (now %g) usually helps",
                 (long long)step + 1, (long long)t->state.epoch + 1, what, t->directory, t->learning_rate);
}

/* Both halves of the exchange around the control reduction and the update. */
static ae_status reduce_and_update(trainer *t, const ae_batch *batch) {
  ae_phase previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_reduce(t->exchange);
  ae_profile_leave(previous);
  ae_control control = {.terms = t->terms, .sums = t->sums};
  previous = ae_profile_enter(AE_PHASE_CONTROL);
  ae_exchange_control(t->exchange, &control);
  ae_profile_leave(previous);
  bool finite = isfinite(control.squared_norm);
  for (int i = 0; i < t->model->terms; i++) finite = finite && isfinite(control.sums[i]);
  if (!finite) return name_divergence(t, &control, batch->step);
  previous = ae_profile_enter(AE_PHASE_OPTIMIZER);
  ae_optimizer_step(t->optimizer, t->learning_rate);
  ae_profile_leave(previous);
  previous = ae_profile_enter(AE_PHASE_EXCHANGE);
  ae_exchange_publish(t->exchange);
  ae_profile_leave(previous);
  return AE_OK;
}

static ae_status run_step(trainer *t, const ae_batch *batch, const ae_batch *next) {
  const ae_graph_hooks hooks = {t, parameter_needed, gradient_ready, make_progress};
  const ae_model_type *type = t->model->type;
  const ae_phase previous = ae_profile_enter(AE_PHASE_FILL);
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

static ae_status run_steps(trainer *t, uint32_t epoch) {
  const int64_t steps = ae_sampler_steps(t->sampler);
  ae_batch batch[2];
  ae_sampler_begin(t->sampler, epoch);
  memset(t->epoch_sums, 0, (size_t)t->model->terms * sizeof *t->epoch_sums);
  ae_sampler_batch(t->sampler, 0, &batch[0]);
  if (t->model->type->prefetch != NULL) t->model->type->prefetch(t->model, &batch[0]);
  for (int64_t step = 0; step < steps; step++) {
    if (step + 1 < steps) ae_sampler_batch(t->sampler, step + 1, &batch[(step + 1) % 2]);
    AE_RETURN_IF(run_step(t, &batch[step % 2], step + 1 < steps ? &batch[(step + 1) % 2] : NULL));
    t->state.step++;
    for (int i = 0; i < t->model->terms; i++) t->epoch_sums[i] += t->sums[i];
    ae_progress_step(&t->progress, t->model, epoch, step, t->epoch_sums, batch[step % 2].global_rows);
  }
  ae_exchange_settle(t->exchange);
  return AE_OK;
}

static void record_losses(const trainer *t, double seconds, ae_metrics *metrics) {
  const double examples = (double)t->data->examples;
  double loss = 0;
  for (int i = 0; i < t->model->terms; i++) {
    char column[64];
    snprintf(column, sizeof column, "train_%s", t->model->term[i].name);
    ae_metrics_set(metrics, column, t->epoch_sums[i] / examples);
    loss += (double)t->model->term[i].weight * t->epoch_sums[i] / examples;
  }
  ae_metrics_set(metrics, "train_loss", loss);
  ae_metrics_set(metrics, "epoch", (double)t->state.epoch);
  ae_metrics_set(metrics, "step", (double)t->state.step);
  ae_metrics_set(metrics, "learning_rate", t->learning_rate);
  ae_metrics_set(metrics, "seconds", seconds);
  ae_metrics_set(metrics, "examples_per_second", examples / seconds);
}

static ae_status run_epoch(trainer *t) {
  const uint32_t epoch = (uint32_t)t->state.epoch + 1;
  const ae_model_type *type = t->model->type;
  ae_metrics metrics;
  ae_metrics_clear(&metrics);
  ae_progress_epoch(&t->progress);
  if (type->epoch_begin != NULL) AE_RETURN_IF(type->epoch_begin(t->model, epoch, &metrics));
  AE_RETURN_IF(run_steps(t, epoch));
  if (type->epoch_end != NULL) AE_RETURN_IF(type->epoch_end(t->model, epoch, &metrics));
  t->state.epoch = epoch;
  record_losses(t, ae_clock_seconds() - t->progress.epoch_begun, &metrics);
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_history_add(t->history, &metrics)));
  ae_progress_epoch_end(&t->progress, t->model, epoch, &metrics);
  return write_files(t);
}

static void introduce(const trainer *t) {
  ae_log_info("%s: %lld parameters, %lld examples in %d shards on %d ranks, batch %lld, %lld steps an epoch; run directory %s",
              t->model->type->name, (long long)ae_params_elements(t->params), (long long)t->data->examples,
              t->data->shards.shards, t->data->shards.ranks, (long long)ae_config_integer(t->config, "train.batch_size"),
              (long long)ae_sampler_steps(t->sampler), t->directory);
}

ae_status ae_train(const ae_comm *comm, ae_config *config, const char *directory, ae_run_mode mode) {
  ae_status status;
  trainer t = {.comm = comm, .config = config, .directory = directory, .begun = ae_clock_seconds()};
  t.learning_rate = ae_config_real(config, "train.learning_rate");
  ae_profile_reset();
  AE_CHECK(ae_run_directory_prepare(comm, directory, mode));
  AE_CHECK(start(&t, mode));
  AE_CHECK(ae_comm_agree(comm, open_texts(&t)));
  AE_CHECK(write_csv(&t));
  introduce(&t);
  if (t.state.epoch >= t.progress.epochs) ae_log_info("all %lld epochs are done", (long long)t.progress.epochs);
  while (t.state.epoch < t.progress.epochs) AE_CHECK(run_epoch(&t));
  ae_progress_profile(comm);
cleanup:
  destroy(&t);
  return status;
}
