#include "mpiae/models/model.h"

#include "mpiae/base/log.h"
#include "mpiae/models/keys.h"
#include "mpiae/tensor/blas.h"

#include <stdio.h>
#include <string.h>

void ae_model_init(ae_model *model, const ae_model_type *type, const ae_model_setup *setup) {
  model->type = type;
  model->setup = *setup;
  model->units = "nat";
  model->columns = type->columns;
}

void ae_model_use_threads(const ae_config *config) {
  const int threads = (int)ae_config_integer(config, "train.threads");
  ae_blas_use_threads(threads);
  if (ae_blas_threads() != threads)
    ae_log_warning("train.threads is %d, but matrix products are computed on %d: %s has no more", threads,
                   ae_blas_threads(), ae_blas_library());
}

ae_status ae_model_check_kind(const ae_model_type *type, const ae_config *config, const ae_dataset *data) {
  const bool takes = type->sets != NULL && type->sets->takes(config), sets = data->offset != NULL;
  if (takes == sets) return AE_OK;
  if (sets)
    return AE_FAIL(AE_USAGE, "%s holds sets of points, but model '%s' is for arrays: give data with /x", data->path,
                   type->name);
  return AE_FAIL(AE_USAGE,
                 "%s holds arrays, but model '%s' is for sets of points: give data with /points and /offset (mpiae "
                 "import --as-set and mpiae synth glyphs --layout set write such)",
                 data->path, type->name);
}

ae_status ae_model_begin_graph(ae_model *model, int *axis) {
  const ae_model_setup *setup = &model->setup;
  AE_RETURN_IF(
      ae_graph_create(setup->params, setup->data->shards.count, setup->plane_end, setup->planes, &model->graph));
  *axis = ae_graph_axis(model->graph, setup->capacity);
  return AE_OK;
}

void ae_model_add_term(ae_model *model, const ae_figure *figure, float weight) {
  AE_ASSERT(model->terms < AE_MODEL_MAX_TERMS);
  model->term[model->terms++] = (ae_term){figure, weight, 1, NULL};
}

void ae_model_set_term(ae_model *model, int term, ae_tensor *rows) {
  AE_ASSERT(term < model->terms);
  if (rows == NULL) return;
  model->term[term].rows = rows;
  ae_graph_keep(rows);
  if (model->term[term].weight != 0) ae_graph_root(model->graph, rows);
}

void ae_model_add_measure(ae_model *model, const ae_figure *figure) {
  AE_ASSERT(model->measures < AE_MODEL_MAX_TERMS);
  model->measure[model->measures++] = figure;
}

void ae_model_add_field(ae_model *model, ae_field field) {
  AE_ASSERT(model->fields < AE_MODEL_MAX_FIELDS);
  model->field[model->fields++] = field;
  if (field.code != NULL) model->code_width += field.width;
}

void ae_model_add_vector(ae_model *model, const char *name, const char *code, int64_t width, const char *axis,
                         const char *description) {
  ae_model_add_field(
      model,
      (ae_field){
          .name = name, .code = code, .type = AE_H5_FLOAT32, .width = width, .axis = axis, .description = description});
}

static ae_status configure(const ae_key *const *tables, const char *text, int64_t length, const char *name,
                           const char *const *overrides, int count, ae_config **out) {
  ae_status status;
  AE_CHECK(ae_config_create(tables, out));
  if (text != NULL) AE_CHECK(ae_config_read(*out, text, length, name));
  for (int i = 0; i < count; i++) AE_CHECK(ae_config_override(*out, overrides[i]));
cleanup:
  if (status != AE_OK) ae_config_destroy(out);
  return status;
}

static bool has_key(const ae_key *const *tables, const char *name) {
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *key = tables[t]; key->name != NULL; key++)
      if (strcmp(key->name, name) == 0) return true;
  return false;
}

static bool knows_key(const ae_model_type *type, const void *key) { return has_key(type->keys, key); }

static ae_status refuse_foreign_keys(const ae_config *all, const ae_model_type *type, const char *name) {
  const ae_key *const *tables = ae_model_key_tables();
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *key = tables[t]; key->name != NULL; key++) {
      if (!ae_config_was_given(all, key->name) || has_key(type->keys, key->name)) continue;
      char owners[256] = "";
      ae_model_list(knows_key, key->name, owners, sizeof owners);
      if (ae_config_was_overridden(all, key->name)) name = "command line";
      return AE_FAIL(AE_USAGE, "%s: key '%s' is not for model '%s' (it is for: %s); remove it or change the model",
                     name, key->name, type->name, owners);
    }
  return AE_OK;
}

ae_status ae_model_check_origin(const ae_model *model, const ae_config *other, ae_h5 *file, const char *const *keys) {
  if (!ae_config_is(other, "model", model->type->name))
    return AE_FAIL(AE_USAGE, "%s is a model '%s': a '%s' begins with the parameters of its like", ae_h5_path(file),
                   ae_config_text(other, "model"), model->type->name);
  return ae_config_check_keys(model->setup.config, other, keys, ae_h5_path(file));
}

static bool is_idle(const ae_config *config, const ae_key_condition *condition) {
  return ae_config_has(config, condition->key) && ae_config_has(config, condition->other) &&
         !ae_config_is_default(config, condition->key) &&
         ae_config_is(config, condition->other, condition->word) == condition->unless;
}

/* The first of these conditions for which the key is idle, or NULL. */
static const ae_key_condition *find_idle(const ae_config *config, const ae_key_condition *conditions, const char *key) {
  for (; conditions != NULL && conditions->key != NULL; conditions++)
    if (strcmp(conditions->key, key) == 0 && is_idle(config, conditions)) return conditions;
  return NULL;
}

void ae_model_warn_of_idle_keys(const ae_config *config) {
  const ae_model_type *type = ae_model_find(ae_config_text(config, "model"));
  for (int t = 0; type->keys[t] != NULL; t++)
    for (const ae_key *key = type->keys[t]; key->name != NULL; key++) {
      const ae_key_condition *found = find_idle(config, type->conditions, key->name);
      if (found == NULL) found = find_idle(config, ae_key_conditions, key->name);
      if (found != NULL)
        ae_log_warning("%s has no effect here: it is for %s%s=%s", key->name, found->unless ? "anything but " : "",
                       found->other, found->word);
    }
}

ae_status ae_model_configure(const char *text, int64_t length, const char *name, const char *const *overrides,
                             int count, ae_config **out) {
  ae_status status;
  ae_config *all = NULL;
  *out = NULL;
  AE_CHECK(configure(ae_model_key_tables(), text, length, name, overrides, count, &all));
  AE_CHECK(ae_config_complete(all));
  const ae_model_type *type = ae_model_find(ae_config_text(all, "model"));
  AE_CHECK(refuse_foreign_keys(all, type, name));
  AE_CHECK(configure(type->keys, text, length, name, overrides, count, out));
cleanup:
  ae_config_destroy(&all);
  return status;
}

void ae_model_list(bool (*has)(const ae_model_type *type, const void *context), const void *context, char *out,
                   size_t size) {
  size_t used = 0;
  out[0] = '\0';
  for (const ae_model_type *const *type = ae_model_table(); *type != NULL; type++)
    if (has(*type, context) && used < size)
      used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", (*type)->name);
}

ae_status ae_model_blame_codes(ae_status status, uint32_t epoch) {
  if (ae_error_code(status) != AE_DATA) return status;
  const ae_status diverged =
      AE_FAIL(AE_DIVERGED, "epoch %u: the codes blew up (%s); a lower train.learning_rate usually helps", epoch,
              ae_error_message(status));
  ae_error_clear(&status);
  return diverged;
}

const char *ae_example_axis(int rank, int i) {
  static const char *const image[] = {"channel", "row", "column"};
  return rank == 1 ? "feature" : image[i];
}
