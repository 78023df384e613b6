/* Inside config/: a key's value, and what a configuration is made of. */
#ifndef MPIAE_CONFIG_KEYS_H
#define MPIAE_CONFIG_KEYS_H

#include "mpiae/config/config.h"

/* The value of one key. Of the parsed forms, the one of the key's type holds. */
typedef struct ae_value {
  const ae_key *key;
  char *text; /* as one would write it in YAML (texts without quotes); owned; NULL = no value yet */
  int64_t integer;
  double real;
  bool truth;
  int64_t *integers; /* owned */
  int count;
  bool is_word;    /* holds key->word in place of a number */
  bool given;      /* by a file or the command line */
  bool overridden; /* by the command line */
  int line;        /* in the text being read; 0 = not met in it */
} ae_value;

struct ae_config {
  const ae_key *const *tables;
  ae_value *values; /* in table order */
  int count;
};

/* Replaces the value by what `text` says; on an error (AE_USAGE, names the key) it stays as it was. `quoted`: stood in
 * quotes, so it is no number. */
ae_status ae_value_parse(ae_value *value, const char *text, bool quoted);
void ae_value_free(ae_value *value);
bool ae_value_equal(const ae_value *a, const ae_value *b);

/* NULL when there is no such key. */
ae_value *ae_config_find(const ae_config *config, const char *name);

/* The first value whose key lies in section `name` ("train"), or NULL. */
ae_value *ae_config_find_section(const ae_config *config, const char *name, size_t length);

/* The known key that looks most like `name`: by the whole name, or by its last word where the section is wrong. */
const char *ae_nearest_key(const ae_config *config, const char *name);

/* "one of a, b, c", "an integer from 1 to 9 or auto": what a key takes, for messages and help. */
ae_status ae_key_describe(const ae_key *key, char **out);

#endif
