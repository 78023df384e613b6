#include "keys.h"

#include "mpiae/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int count_keys(const ae_key *const *tables) {
  int count = 0;
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *key = tables[t]; key->name != NULL; key++) count++;
  return count;
}

static ae_status fill_defaults(ae_config *config) {
  int next = 0;
  for (int t = 0; config->tables[t] != NULL; t++)
    for (const ae_key *key = config->tables[t]; key->name != NULL; key++) {
      AE_ASSERT(ae_config_find(config, key->name) == NULL);
      ae_value *value = &config->values[next++];
      value->key = key;
      if (key->preset != NULL)
        AE_RETURN_IF(ae_error_prefix(ae_value_parse(value, key->preset, false), "default in the key table"));
    }
  return AE_OK;
}

ae_status ae_config_create(const ae_key *const *tables, ae_config **out) {
  ae_status status = AE_OK;
  ae_config *config = NULL;
  AE_CHECK(AE_NEW(config, 1));
  config->tables = tables;
  config->count = count_keys(tables);
  AE_CHECK(AE_NEW(config->values, config->count));
  AE_CHECK(fill_defaults(config));
  *out = config;
  return AE_OK;
cleanup:
  ae_config_destroy(&config);
  return status;
}

void ae_config_destroy(ae_config **config) {
  if (*config == NULL) return;
  for (int i = 0; (*config)->values != NULL && i < (*config)->count; i++) ae_value_free(&(*config)->values[i]);
  AE_FREE((*config)->values);
  AE_FREE(*config);
}

ae_value *ae_config_find(const ae_config *config, const char *name) {
  for (int i = 0; i < config->count; i++)
    if (config->values[i].key != NULL && strcmp(config->values[i].key->name, name) == 0) return &config->values[i];
  return NULL;
}

ae_value *ae_config_find_section(const ae_config *config, const char *name, size_t length) {
  for (int i = 0; i < config->count; i++) {
    const char *known = config->values[i].key->name;
    if (strncmp(known, name, length) == 0 && known[length] == '.') return &config->values[i];
  }
  return NULL;
}

ae_status ae_config_complete(const ae_config *config) {
  for (int i = 0; i < config->count; i++)
    if (config->values[i].text == NULL) {
      const char *name = config->values[i].key->name;
      return AE_FAIL(AE_USAGE, "%s has no value; write it into the configuration file, or %s=VALUE on the command line",
                     name, name);
    }
  return AE_OK;
}

/* Names of keys are literals in the program, so a miss is a bug; checked in release too: the alternative is a crash. */
static ae_value *require(const ae_config *config, const char *key) {
  ae_value *value = ae_config_find(config, key);
  if (value == NULL) ae_assert_failed(key, __FILE__, __LINE__);
  return value;
}

static const ae_value *require_type(const ae_config *config, const char *key, ae_key_type type) {
  const ae_value *value = require(config, key);
  if (value->key->type != type || value->text == NULL || value->is_word) ae_assert_failed(key, __FILE__, __LINE__);
  return value;
}

ae_status ae_config_set(ae_config *config, const char *key, const char *text) {
  const ae_status status = ae_value_parse(require(config, key), text, false);
  if (ae_error_code(status) == AE_USAGE) ae_assert_failed(ae_error_message(status), __FILE__, __LINE__);
  return status;
}

ae_status ae_config_set_integer(ae_config *config, const char *key, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%" PRId64, value);
  return ae_config_set(config, key, text);
}

int64_t ae_config_integer(const ae_config *config, const char *key) {
  return require_type(config, key, AE_KEY_INTEGER)->integer;
}

double ae_config_real(const ae_config *config, const char *key) { return require_type(config, key, AE_KEY_REAL)->real; }

bool ae_config_bool(const ae_config *config, const char *key) { return require_type(config, key, AE_KEY_BOOL)->truth; }

const char *ae_config_text(const ae_config *config, const char *key) {
  const ae_value *value = require(config, key);
  if (value->key->type == AE_KEY_CHOICE) return require_type(config, key, AE_KEY_CHOICE)->text;
  return require_type(config, key, AE_KEY_TEXT)->text;
}

/* A word that a key can never have would be silently false. */
static bool may_be(const ae_key *key, const char *word) {
  if (key->word != NULL && strcmp(key->word, word) == 0) return true;
  for (int i = 0; key->type == AE_KEY_CHOICE && key->choices[i] != NULL; i++)
    if (strcmp(key->choices[i], word) == 0) return true;
  return false;
}

bool ae_config_is(const ae_config *config, const char *key, const char *word) {
  const ae_value *value = require(config, key);
  AE_ASSERT(may_be(value->key, word));
  return value->text != NULL && strcmp(value->text, word) == 0;
}

int ae_config_integers(const ae_config *config, const char *key, const int64_t **values) {
  const ae_value *value = require_type(config, key, AE_KEY_INTEGERS);
  *values = value->integers;
  return value->count;
}

bool ae_config_was_overridden(const ae_config *config, const char *key) { return require(config, key)->overridden; }
bool ae_config_was_given(const ae_config *config, const char *key) { return require(config, key)->given; }
bool ae_config_has(const ae_config *config, const char *key) { return ae_config_find(config, key) != NULL; }

bool ae_config_is_default(const ae_config *config, const char *key) {
  const ae_value *value = require(config, key);
  if (value->key->preset == NULL) return false;
  ae_value preset = {.key = value->key};
  ae_status status = ae_value_parse(&preset, value->key->preset, false);
  const bool equal = status == AE_OK && ae_value_equal(value, &preset);
  ae_error_clear(&status);
  ae_value_free(&preset);
  return equal;
}

static const char *shown(const ae_value *value) { return value->text == NULL ? "(no value)" : value->text; }

ae_status ae_config_check_resume(const ae_config *now, const ae_config *then) {
  for (int i = 0; i < now->count; i++) {
    const ae_value *value = &now->values[i];
    const ae_value *before = ae_config_find(then, value->key->name);
    if (value->key->resume == AE_KEY_FREE || value->is_word || before == NULL || ae_value_equal(value, before))
      continue;
    return AE_FAIL(AE_USAGE,
                   "%s is now '%s' but was '%s' when the run was saved, and may not change; set %s=%s to resume, or "
                   "start a new run in another directory",
                   value->key->name, shown(value), shown(before), value->key->name, shown(before));
  }
  return AE_OK;
}

ae_status ae_config_check_keys(const ae_config *now, const ae_config *then, const char *const *keys, const char *name) {
  for (; *keys != NULL; keys++) {
    const ae_value *value = ae_config_find(now, *keys), *before = ae_config_find(then, *keys);
    if (value != NULL && before != NULL && !ae_value_equal(value, before))
      return AE_FAIL(AE_USAGE, "%s has %s=%s, but here it is %s: both must have the same", name, *keys, shown(before),
                     shown(value));
  }
  return AE_OK;
}

ae_status ae_config_check_section(const ae_config *now, const ae_config *then, const char *section) {
  const size_t length = strlen(section);
  for (int i = 0; i < now->count; i++) {
    const ae_value *value = &now->values[i], *before = ae_config_find(then, value->key->name);
    if (strncmp(value->key->name, section, length) != 0 || value->key->name[length] != '.') continue;
    if (before != NULL && !before->is_word && !ae_value_equal(value, before))
      return AE_FAIL(AE_USAGE, "%s is '%s' here but '%s' there", value->key->name, shown(value), shown(before));
  }
  return AE_OK;
}
