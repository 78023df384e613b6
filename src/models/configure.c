#include "mpiae/models/configure.h"

#include "mpiae/base/log.h"
#include "mpiae/models/model_table.h"
#include "mpiae/models/rows.h"
#include "mpiae/tensor/blas.h"

#include <string.h>

void ae_model_use_threads(const ae_config *config) {
  const int threads = (int)ae_config_integer(config, "train.threads");
  ae_blas_use_threads(threads);
  if (ae_blas_threads() != threads)
    ae_log_warning("train.threads is %d, but matrix products are computed on %d: %s has no more", threads,
                   ae_blas_threads(), ae_blas_library());
}

ae_status ae_model_check_kind(const ae_model_type *type, const ae_config *config, const ae_dataset *data) {
  const bool takes = type->sets != NULL && type->sets->takes(config), sets = data->offset != NULL;
  if (takes == sets) return type->sets != NULL ? ae_model_require_rows(type->name, data) : AE_OK;
  if (sets)
    return AE_FAIL(AE_USAGE, "%s holds sets of points, but model '%s' is for arrays: give data with /x", data->path,
                   type->name);
  return AE_FAIL(AE_USAGE,
                 "%s holds arrays, but model '%s' is for sets of points: give data with /points and /offset (mpiae "
                 "import --as-set and mpiae synth glyphs --layout set write such)",
                 data->path, type->name);
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
