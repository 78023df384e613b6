#include "run.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/nodes.h"
#include "mpiae/data/labels.h"
#include "mpiae/data/loader.h"
#include "mpiae/infer/evaluate.h"
#include "mpiae/models/configure.h"
#include "mpiae/models/model_table.h"
#include "mpiae/models/rows.h"
#include "mpiae/run/provenance.h"

#include <string.h>

static ae_status scale_data(ae_trainer *t) {
  const char *found;
  const char *asked = ae_config_is(t->config, "data.scale", "auto") ? "auto" : ae_config_text(t->config, "data.scale");
  AE_RETURN_IF(ae_data_scale_choose(t->comm, asked, t->data, &found, &t->scale));
  ae_config_set(t->config, "data.scale", found);
  AE_RETURN_IF(ae_dataset_use_scale(t->comm, t->data, &t->scale));
  if (t->test == NULL) return AE_OK;
  AE_RETURN_IF(ae_dataset_name_labels(t->comm, t->test, t->data->names));
  return t->test->features != t->data->features ? AE_OK /* the model will say that it does not fit */
                                                : ae_dataset_use_scale(t->comm, t->test, &t->scale);
}

/* Of a block by default: bytes that a disk reads well from anywhere, and blocks that a shard has at least, so that the two
 * windows are no more than half of it. */
enum { BLOCK_BYTES = 1 << 20, LEAST_BLOCKS = 64 };

/* Of what is read from the file in every epoch blocks are shuffled, whatever the number of ranks. */
static ae_status choose_shuffle(ae_trainer *t) {
  const ae_dataset *data = t->data;
  if (ae_config_is(t->config, "data.shuffle_block", "auto")) {
    const int64_t most = data->examples / data->shards.shards / LEAST_BLOCKS;
    const int64_t block = ae_max(1, ae_min(most, BLOCK_BYTES / data->row_bytes));
    return ae_config_set_integer(t->config, "data.shuffle_block", data->loader != NULL ? block : 0);
  }
  if (data->loader == NULL || ae_config_integer(t->config, "data.shuffle_block") > 0) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "data.shuffle_block=0 shuffles each shard as a whole, for which it has to be in memory, and %s is "
                 "more than data.memory: raise that, or begin a new run with blocks (data.shuffle_block=auto)",
                 data->path);
}

static ae_status open_data(ae_trainer *t) {
  const ae_phase previous = ae_profile_enter(AE_PHASE_READ);
  const int shards =
      ae_config_is(t->config, "data.shards", "auto") ? 0 : (int)ae_config_integer(t->config, "data.shards");
  const int64_t memory = ae_model_data_memory(t->config);
  const ae_slicing by_shards = {.shards = shards, .memory = memory},
                   by_blocks = {.block = AE_BLOCK_ROWS, .memory = memory};
  ae_status status = ae_error_prefix(
      ae_dataset_open_sliced(t->comm, ae_config_text(t->config, "data.train"), by_shards, &t->data), "data.train");
  if (status == AE_OK && !ae_config_is(t->config, "data.test", "none"))
    status = ae_error_prefix(
        ae_dataset_open_sliced(t->comm, ae_config_text(t->config, "data.test"), by_blocks, &t->test), "data.test");
  ae_profile_leave(previous);
  if (status != AE_OK) return status;
  AE_RETURN_IF(ae_comm_agree(t->comm, choose_shuffle(t)));
  AE_RETURN_IF(scale_data(t));
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_config_set_integer(t->config, "data.shards", t->data->shards.shards)));
  t->state = (ae_run_state){.seed = ae_config_integer(t->config, "train.seed"),
                            .shards = t->data->shards.shards,
                            .examples = t->data->examples,
                            .data_checksum = (int64_t)t->data->checksum,
                            .test_checksum = t->test != NULL ? (int64_t)t->test->checksum : 0,
                            .rank = t->data->rank};
  memcpy(t->state.dim, t->data->dim, sizeof t->state.dim);
  const ae_model_type *type = ae_model_find(ae_config_text(t->config, "model"));
  AE_RETURN_IF(ae_error_prefix(ae_model_check_kind(type, t->config, t->data), "data.train"));
  if (type->training->resolve == NULL) return AE_OK;
  return ae_comm_agree(t->comm, type->training->resolve(t->comm, t->config, t->data));
}

/* Own segments before the end of each gradient plane: the maximal subtrees in this rank's shards. */
static ae_status list_planes(ae_trainer *t) {
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

/* The first checkpoint would find out, after an epoch. */
static ae_status check_rows(const ae_params *params) {
  for (int i = 0; i < ae_params_count(params); i++) {
    const ae_parameter *parameter = ae_params_at(params, i);
    char shape[AE_SHAPE_SIZE];
    if (parameter->count / parameter->dim[0] <= AE_H5_MAX_ROW / (int64_t)sizeof(float)) continue;
    ae_print_shape(NULL, parameter->rank, parameter->dim, shape);
    return AE_FAIL(AE_USAGE, "parameter %s would be %s, too large for a checkpoint: ask for narrower layers",
                   parameter->path, shape);
  }
  return AE_OK;
}

/* With products=auto the first in the table that all ranks have; else what is asked for, or the reason
 * why some rank has it not. */
static ae_status choose_multiplier(const ae_trainer *t, const ae_multiplier **out) {
  const char *precision = ae_config_text(t->config, "train.precision");
  const char *library = ae_config_text(t->config, "train.products");
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_multiplier_find(precision, library, out)));
  const bool lacks = ae_comm_max(t->comm, strcmp((*out)->library, "blas") == 0);
  return lacks ? ae_comm_agree(t->comm, ae_multiplier_find(precision, "blas", out)) : AE_OK;
}

static ae_status build_model(ae_trainer *t) {
  const ae_multiplier *multiplier;
  AE_RETURN_IF(choose_multiplier(t, &multiplier));
  ae_model_setup setup = {.comm = t->comm,
                          .config = t->config,
                          .params = t->params,
                          .rank = t->data->rank,
                          .features = t->data->features,
                          .seed = (uint64_t)t->state.seed,
                          .scale = &t->scale,
                          .data = t->data,
                          .multiplier = multiplier,
                          .capacity = ae_sampler_capacity(t->sampler),
                          .plane_end = t->plane_end,
                          .planes = t->planes};
  memcpy(setup.dim, t->data->dim, sizeof setup.dim);
  ae_model_use_threads(t->config);
  AE_RETURN_IF(ae_model_find(ae_config_text(t->config, "model"))->create(&setup, &t->model));
  if (t->test != NULL) AE_RETURN_IF(ae_inference_accept(t->model, t->test));
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_params_seal(t->params)));
  return check_rows(t->params);
}

static ae_status build_exchange(ae_trainer *t) {
  ae_status status;
  float **planes = NULL;
  t->width = t->model->terms + t->model->statistics;
  AE_CHECK(ae_comm_agree(t->comm, AE_NEW(t->bucket_of, ae_params_count(t->params))));
  t->buckets = ae_buckets_cut(t->params, t->data->shards.ranks, t->border, t->bucket_of);
  t->verify_every = ae_config_integer(t->config, "train.verify_every");
  /* there is nothing to compare in one array for all */
  const ae_exchange_way way = t->verify_every > 0 ? AE_EXCHANGE_MESSAGES : AE_EXCHANGE_BEST;
  AE_CHECK(ae_exchange_create(t->comm, &t->data->shards, t->border, t->buckets, t->width, way, &t->exchange));
  status = AE_NEW(planes, t->planes);
  for (int i = 0; i < t->planes && status == AE_OK; i++) planes[i] = ae_exchange_gradient(t->exchange, i);
  if (status == AE_OK) status = ae_params_bind(t->params, ae_exchange_values(t->exchange), planes, t->planes);
  if (status == AE_OK) status = ae_optimizer_create(t->config, t->params, t->exchange, &t->optimizer);
  if (status == AE_OK && t->model->setup.multiplier->rounded)
    status = ae_optimizer_keep_rounded(t->optimizer, t->params);
  if (status == AE_OK) status = AE_NEW(t->terms, t->data->shards.count * t->width);
  if (status == AE_OK) status = AE_NEW(t->sums, t->width);
  if (status == AE_OK) status = ae_epoch_sums_create(t->model, &t->epoch_sums);
  AE_CHECK(ae_comm_agree(t->comm, status));
cleanup:
  AE_FREE(planes);
  return status;
}

static void show_column(ae_trainer *t, const char *prefix, const char *name) {
  char column[64];
  snprintf(column, sizeof column, "%s%s", prefix, name);
  ae_history_show(t->history, column);
}

/* The columns that the model has. */
static void show_columns(ae_trainer *t) {
  static const char *const all[] = {"epoch", "step", "seconds", "examples_per_second", "learning_rate", "train_loss"};
  const ae_column *const *own = t->model->columns;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) ae_history_show(t->history, all[i]);
  for (int i = 0; own != NULL && own[i] != NULL; i++)
    for (const ae_column *column = own[i]; column->name != NULL; column++) ae_history_show(t->history, column->name);
  for (int i = 0; i < t->model->terms; i++) show_column(t, "train_", t->model->term[i].figure->name);
  if (ae_config_is(t->config, "train.on_nonfinite", "skip")) ae_history_show(t->history, "skipped_steps");
  if (t->test == NULL) return;
  ae_history_show(t->history, "test_loss");
  for (int i = 0; i < t->model->terms; i++) show_column(t, "test_", t->model->term[i].figure->name);
  for (int i = 0; i < t->model->measures; i++) show_column(t, "test_", t->model->measure[i]->name);
}

/* The schedule is one of the whole run: resuming with more epochs does not bend it. A constant rate has no horizon. */
static ae_status fix_horizon(ae_trainer *t) {
  if (ae_config_is(t->config, "train.schedule_steps", "auto") && !ae_config_is(t->config, "train.schedule", "constant"))
    AE_RETURN_IF(ae_config_set_integer(t->config, "train.schedule_steps",
                                       ae_config_integer(t->config, "train.epochs") * ae_sampler_steps(t->sampler)));
  t->schedule = ae_schedule_read(t->config);
  return AE_OK;
}

static ae_status build(ae_trainer *t) {
  AE_RETURN_IF(open_data(t));
  AE_RETURN_IF(ae_comm_agree(t->comm, list_planes(t)));
  AE_RETURN_IF(
      ae_comm_agree(t->comm, ae_model_sampler(t->config, &t->data->shards, (uint64_t)t->state.seed, &t->sampler)));
  AE_RETURN_IF(ae_loader_follow(t->comm, t->data->loader, t->sampler));
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_params_create(&t->params)));
  AE_RETURN_IF(build_model(t));
  AE_RETURN_IF(build_exchange(t));
  AE_RETURN_IF(ae_comm_agree(t->comm, ae_history_create(t->model->units, &t->history)));
  show_columns(t);
  AE_RETURN_IF(ae_comm_agree(t->comm, fix_horizon(t)));
  const int64_t last_step = ae_config_integer(t->config, "train.steps");
  ae_progress_start(&t->progress, ae_config_integer(t->config, "train.epochs"), ae_sampler_steps(t->sampler),
                    last_step > 0 ? last_step : INT64_MAX, ae_config_real(t->config, "output.log_every"));
  return AE_OK;
}

/* What "auto" came to when the run began. */
static ae_status take_over(ae_trainer *t, const ae_config *then, const ae_key *key) {
  if (!ae_config_is(t->config, key->name, "auto") || ae_config_is(then, key->name, "auto")) return AE_OK;
  if (key->type == AE_KEY_CHOICE) return ae_config_set(t->config, key->name, ae_config_text(then, key->name));
  return ae_config_set_integer(t->config, key->name, ae_config_integer(then, key->name));
}

/* The configuration must be the checkpoint's but for keys that may change. */
static ae_status check_config(ae_trainer *t, const ae_config *then) {
  const char *model = ae_config_text(t->config, "model");
  const ae_key *const *tables = ae_model_find(model)->keys;
  for (int i = 0; strcmp(model, ae_config_text(then, "model")) == 0 && tables[i] != NULL; i++)
    for (const ae_key *key = tables[i]; key->name != NULL; key++)
      if ((key->type == AE_KEY_INTEGER || key->type == AE_KEY_CHOICE) && key->word != NULL &&
          key->resume == AE_KEY_FIXED)
        AE_RETURN_IF(ae_comm_agree(t->comm, take_over(t, then, key)));
  return ae_config_check_resume(t->config, then);
}

static ae_status check_data(const ae_trainer *t, const ae_run_state *then) {
  const bool same = then->examples == t->state.examples && then->data_checksum == t->state.data_checksum &&
                    then->rank == t->state.rank && memcmp(then->dim, t->state.dim, sizeof then->dim) == 0;
  return same
             ? AE_OK
             : AE_FAIL(
                   AE_USAGE,
                   "%s is not the dataset this run was started on (%lld examples there, %lld here, or other contents): "
                   "give that file as data.train, or start a new run",
                   t->data->path, (long long)then->examples, (long long)t->state.examples);
}

static ae_status check_place(const ae_trainer *t, const ae_run_state *then, const char *path) {
  if (then->epoch_step >= 0 && then->epoch_step < ae_sampler_steps(t->sampler)) return AE_OK;
  return AE_FAIL(AE_DATA, "%s: /state/epoch_step is %lld in an epoch of %lld steps: the file is damaged", path,
                 (long long)then->epoch_step, (long long)ae_sampler_steps(t->sampler));
}

/* Reads one checkpoint into what is built; builds first, for the shards that it has. *hopeless: no older one would do
 * better. */
static ae_status try_checkpoint(ae_trainer *t, int64_t step, bool *hopeless) {
  char path[AE_PATH_SIZE];
  ae_h5 *file = NULL;
  ae_config *then = NULL;
  ae_run_state state;
  ae_status status;
  ae_run_directory_checkpoint(t->directory, step, path);
  *hopeless = true; /* a file that cannot be opened now is not a damaged one */
  AE_CHECK(ae_h5_look(t->comm, path));
  *hopeless = false;
  AE_CHECK(ae_run_state_open(t->comm, path, &file, &then, &state));
  *hopeless = true;
  AE_CHECK(check_config(t, then));
  if (t->data == NULL) AE_CHECK(build(t));
  AE_CHECK(ae_comm_agree(t->comm, check_data(t, &state)));
  *hopeless = false;
  AE_CHECK(check_place(t, &state, path));
  ae_checkpoint checkpoint = ae_trainer_checkpoint(t);
  checkpoint.state = state;
  AE_CHECK(ae_checkpoint_read(&checkpoint, file));
  AE_CHECK(ae_trainer_read_origin(t, file));
  AE_CHECK(ae_provenance_compare(t->comm, t->model->setup.multiplier, file));
  if (state.test_checksum != t->state.test_checksum) {
    state.test_checksum = t->state.test_checksum;
    state.test_since = state.epoch;
  }
  t->state = state;
  t->newest = state.step;
cleanup:
  ae_h5_close(&file);
  ae_config_destroy(&then);
  return status;
}

static ae_status resume(ae_trainer *t, bool *resumed) {
  ae_status status;
  int64_t *steps = NULL;
  int count;
  bool hopeless = false;
  *resumed = false;
  AE_CHECK(ae_run_directory_checkpoints(t->comm, t->directory, &steps, &count));
  int tried = 0;
  for (; tried < count && !*resumed && !hopeless; tried++) {
    if (tried > 0) ae_log_warning("%s; trying the checkpoint before", ae_error_message(status));
    ae_error_clear(&status);
    status = try_checkpoint(t, steps[tried], &hopeless);
    *resumed = status == AE_OK;
    hopeless = hopeless || (status != AE_OK && ae_error_code(status) != AE_DATA) || ae_error_is_passing(status);
  }
  if (count > 0 && !*resumed && !hopeless)
    status =
        ae_error_prefix(status, "no checkpoint in %s can be read (--overwrite begins anew); the oldest", t->directory);
  for (int i = 0; i + 1 < tried && *resumed; i++) ae_run_directory_set_aside(t->comm, t->directory, steps[i]);
  if (*resumed) ae_run_directory_rewind(t->comm, t->directory, t->state.step, t->state.epoch);
cleanup:
  AE_FREE(steps);
  return status;
}

static ae_status begin(ae_trainer *t, const char *init_from) {
  AE_RETURN_IF(build(t));
  ae_params_start(t->params, (uint64_t)t->state.seed);
  if (init_from != NULL) AE_RETURN_IF(ae_trainer_init_from(t, init_from));
  AE_RETURN_IF(ae_provenance_compare(t->comm, t->model->setup.multiplier, NULL));
  return t->model->type->training->start != NULL ? t->model->type->training->start(t->model) : AE_OK;
}

ae_status ae_trainer_start(ae_trainer *t, ae_run_mode mode, const char *init_from) {
  bool resumed = false;
  if (mode == AE_RUN_RESUME) AE_RETURN_IF(resume(t, &resumed));
  if (!resumed) AE_RETURN_IF(begin(t, init_from));
  else if (init_from != NULL) ae_log_info("--init-from is of no use here: the run goes on from its own checkpoint");
  if (mode == AE_RUN_RESUME && !resumed) ae_run_directory_rewind(t->comm, t->directory, 0, 0);
  ae_model_warn_of_idle_keys(t->config);
  /* the values may be one array for all: nobody reads them before all have written the same */
  ae_comm_barrier(t->comm);
  return AE_OK;
}

void ae_trainer_destroy(ae_trainer *t) {
  ae_watchdog_stop(&t->watchdog);
  if (t->model != NULL) t->model->type->destroy(t->model);
  ae_history_destroy(&t->history);
  ae_optimizer_destroy(&t->optimizer);
  ae_exchange_destroy(&t->exchange);
  ae_params_destroy(&t->params);
  ae_sampler_destroy(&t->sampler);
  ae_dataset_close(&t->data);
  ae_dataset_close(&t->test);
  ae_data_scale_free(&t->scale);
  AE_FREE(t->plane_end);
  AE_FREE(t->bucket_of);
  AE_FREE(t->terms);
  AE_FREE(t->sums);
  ae_epoch_sums_destroy(&t->epoch_sums);
  AE_FREE(t->origin);
  ae_log_set_copy(NULL);
  if (t->log != NULL) fclose(t->log);
  ae_run_directory_release(t->directory, &t->lock);
}
