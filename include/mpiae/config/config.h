/* Configuration: one table of keys → parsing, command-line overrides, generated help, the resolved config.yaml of a
 * run and the copy in each checkpoint. Keys are dotted names ("train.epochs"), nested maps in YAML. */
#ifndef MPIAE_CONFIG_CONFIG_H
#define MPIAE_CONFIG_CONFIG_H

#include "mpiae/base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum ae_key_type {
  AE_KEY_INTEGER,
  AE_KEY_REAL,
  AE_KEY_BOOL,
  AE_KEY_TEXT,
  AE_KEY_CHOICE,
  AE_KEY_INTEGERS
} ae_key_type;

/* Whether --resume may come with another value. */
typedef enum ae_key_resume { AE_KEY_FIXED, AE_KEY_FREE } ae_key_resume;

/* One key. A table ends with a row whose name is NULL. */
typedef struct ae_key {
  const char *name; /* "train.epochs" */
  ae_key_type type;
  const char *preset; /* default, as one would write it in YAML; NULL = must be given */
  double low, high;   /* bounds of numbers (each number, for lists), inclusive; both 0 = unbounded; a choice with
                               * bounds may be such a number, too */
  const char *const *choices; /* AE_KEY_CHOICE: NULL-terminated */
  const char *word;           /* a word allowed in place of a number ("auto"), or NULL; asked with ae_config_is */
  ae_key_resume resume;
  const char *help; /* one line for `mpiae help config` */
} ae_key;

typedef struct ae_config ae_config;

/* Local. A configuration whose every key has its default. `tables` is a NULL-terminated list of key tables, lent for
 * life. */
ae_status ae_config_create(const ae_key *const *tables, ae_config **out);
void ae_config_destroy(ae_config **config);

/* Local. Reads YAML text; `name` is what messages call it. Errors (AE_USAGE), each with name, line and, for an unknown
 * key, the nearest known one: syntax, unknown key, wrong type, out of bounds, duplicate key, not a map. */
ae_status ae_config_read(ae_config *config, const char *text, int64_t length, const char *name);

/* Local. One KEY=VALUE from the command line. Errors as above. */
ae_status ae_config_override(ae_config *config, const char *assignment);

/* Local. After all reading: every key without default has a value. */
ae_status ae_config_complete(const ae_config *config);

/* Local. Sets a key the program resolves itself ("auto" → number). The value must be valid:
 * asserted. */
ae_status ae_config_set(ae_config *config, const char *key, const char *value);
ae_status ae_config_set_integer(ae_config *config, const char *key, int64_t value);

/* Readers; an unknown key or another type is a bug of the caller (asserted). Text is lent. */
int64_t ae_config_integer(const ae_config *config, const char *key);
double ae_config_real(const ae_config *config, const char *key);
bool ae_config_bool(const ae_config *config, const char *key);
const char *ae_config_text(const ae_config *config, const char *key);          /* TEXT, and the word of a CHOICE */
bool ae_config_is(const ae_config *config, const char *key, const char *word); /* CHOICE or word == `word` */
int ae_config_integers(const ae_config *config, const char *key, const int64_t **values); /* lent; returns the count */
bool ae_config_was_overridden(const ae_config *config, const char *key);                  /* by the command line */
bool ae_config_was_given(const ae_config *config, const char *key);  /* by file or override, not the default */
bool ae_config_is_default(const ae_config *config, const char *key); /* given or not */
bool ae_config_has(const ae_config *config, const char *key);        /* of any type; the one reader that may miss */

/* Local. The configuration as YAML text, every key with its value, in table order, nested; owned by the caller. Reading
 * it back gives an equal configuration. */
ae_status ae_config_format(const ae_config *config, char **out);

/* Local. For resume: compares with what the checkpoint had. AE_USAGE naming the first AE_KEY_FIXED key that differs and
 * both values. A word ("auto") in `now` leaves the choice to the program and agrees with anything. */
ae_status ae_config_check_resume(const ae_config *now, const ae_config *then);

/* Local. AE_USAGE naming the first of the NULL-terminated keys whose values differ, and both values; keys
 * that one of the two lacks are passed by. `name`: where `then` is from. */
ae_status ae_config_check_keys(const ae_config *now, const ae_config *then, const char *const *keys, const char *name);

/* Local. AE_USAGE naming the first key of a section ("network") whose values differ, and both; keys that one of the two
 * lacks are passed by, as are those that `then` leaves to the program ("auto"). */
ae_status ae_config_check_section(const ae_config *now, const ae_config *then, const char *section);

/* Local. `mpiae help config`: type, default, bounds or choices, and meaning of one key, of all keys of a section
 * ("train") or, of "", of all. Returns how many there are. */
int ae_config_print_keys(const ae_key *const *tables, const char *name, FILE *out);

/* Local. What a key takes, its default, and whether it may change on resume, in one line; owned by the caller. */
ae_status ae_key_explain(const ae_key *key, char **out);

/* Local. The nearest of NULL-terminated `words` to `word` by edit distance, or NULL when none is near. Also for
 * commands. */
const char *ae_nearest_word(const char *word, const char *const *words);

#endif
