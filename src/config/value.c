#include "keys.h"

#include "mpiae/base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bounds beyond this are there for the parser and of no interest to a reader. */
#define BOUND_WORTH_SAYING 1e15

static bool is_bounded(const ae_key *key) { return key->low != 0 || key->high != 0; }

static const char *type_name(const ae_key *key) {
  switch (key->type) {
  case AE_KEY_INTEGER:
    return "an integer";
  case AE_KEY_REAL:
    return "a number";
  case AE_KEY_BOOL:
    return "true or false";
  case AE_KEY_TEXT:
    return "a text";
  case AE_KEY_CHOICE:
    return "one of";
  case AE_KEY_INTEGERS:
    return "a list of integers";
  }
  return "";
}

static void print_bounds(const ae_key *key, FILE *out) {
  if (!is_bounded(key)) return;
  bool low = key->low > -BOUND_WORTH_SAYING, high = key->high < BOUND_WORTH_SAYING;
  if (low && high) fprintf(out, " from %.15g to %.15g", key->low, key->high);
  else if (low) fprintf(out, " of at least %.15g", key->low);
  else if (high) fprintf(out, " of at most %.15g", key->high);
}

static void print_description(const ae_key *key, FILE *out) {
  fputs(type_name(key), out);
  if (key->type == AE_KEY_CHOICE)
    for (int i = 0; key->choices[i] != NULL; i++) fprintf(out, "%s %s", i > 0 ? "," : "", key->choices[i]);
  if (key->type == AE_KEY_CHOICE && is_bounded(key)) fputs(", or a number", out);
  print_bounds(key, out);
  if (key->word != NULL) fprintf(out, " or %s", key->word);
}

ae_status ae_key_describe(const ae_key *key, char **out) {
  char *text = NULL;
  size_t length = 0;
  FILE *stream = open_memstream(&text, &length);
  if (stream == NULL) return AE_FAIL(AE_INTERNAL, "out of memory");
  print_description(key, stream);
  ae_status status = fclose(stream) == 0 ? ae_memory_text(text, out) : AE_FAIL(AE_INTERNAL, "out of memory");
  free(text);
  return status;
}

/* A whole decimal number at *text; moves *text behind it. */
static bool scan_integer(const char **text, int64_t *out) {
  const char *digits = *text + (**text == '-' || **text == '+');
  if (*digits < '0' || *digits > '9') return false;
  char *end = NULL;
  errno = 0;
  long long number = strtoll(*text, &end, 10);
  if (errno != 0) return false;
  *text = end;
  *out = (int64_t)number;
  return true;
}

/* A bound that is not worth saying but here. */
static bool is_beyond(const ae_key *key, const char *text) {
  int64_t number;
  return key->type == AE_KEY_INTEGER && key->high >= BOUND_WORTH_SAYING && text[0] != '\0' &&
         text[strspn(text, "0123456789")] == '\0' && (!scan_integer(&text, &number) || (double)number > key->high);
}

static ae_status refuse(const ae_key *key, const char *text, bool quoted) {
  char *description = NULL;
  if (is_beyond(key, text)) return AE_FAIL(AE_USAGE, "%s must be at most %.15g, not '%s'", key->name, key->high, text);
  AE_RETURN_IF(ae_key_describe(key, &description));
  const char *near = key->type == AE_KEY_CHOICE ? ae_nearest_word(text, key->choices) : NULL;
  const char *what = quoted && key->type != AE_KEY_CHOICE ? "the text " : "";
  ae_status status = near != NULL ? AE_FAIL(AE_USAGE, "%s must be %s, not '%s'; did you mean '%s'?", key->name,
                                            description, text, near)
                                  : AE_FAIL(AE_USAGE, "%s must be %s, not %s'%s'", key->name, description, what, text);
  AE_FREE(description);
  return status;
}

static bool within(const ae_key *key, double number) {
  return !is_bounded(key) || (number >= key->low && number <= key->high);
}

static bool parse_integer(const ae_key *key, const char *text, int64_t *out) {
  return scan_integer(&text, out) && *text == '\0' && within(key, (double)*out);
}

static bool parse_real(const ae_key *key, const char *text, double *out) {
  /* strtod also takes hexadecimal, "inf" and "nan", which no key means. */
  if (*text == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return false;
  char *end = NULL;
  *out = strtod(text, &end);
  return *end == '\0' && isfinite(*out) && within(key, *out);
}

static void skip_blanks(const char **text) { *text += strspn(*text, " \t"); }

static ae_status parse_integers(const ae_key *key, const char *text, ae_value *out, bool *fits) {
  const char *at = text;
  int most = 1;
  for (const char *c = text; *c != '\0'; c++) most += *c == ',';
  AE_RETURN_IF(AE_NEW(out->integers, most));
  *fits = false;
  skip_blanks(&at);
  bool bracket = *at == '[';
  if (bracket) at++;
  skip_blanks(&at);
  bool more = !(bracket && *at == ']');
  while (more) {
    int64_t *number = &out->integers[out->count++];
    if (!scan_integer(&at, number) || !within(key, (double)*number)) return AE_OK;
    skip_blanks(&at);
    more = *at == ',';
    if (more) at++;
    skip_blanks(&at);
  }
  if (bracket && *at++ != ']') return AE_OK;
  skip_blanks(&at);
  *fits = *at == '\0';
  return AE_OK;
}

static ae_status format_integers(ae_value *value) {
  size_t size = 3 + 22 * (size_t)value->count, used = 1;
  AE_RETURN_IF(AE_NEW(value->text, size));
  value->text[0] = '[';
  for (int i = 0; i < value->count; i++)
    used += (size_t)snprintf(value->text + used, size - used, "%s%" PRId64, i > 0 ? ", " : "", value->integers[i]);
  value->text[used] = ']';
  return AE_OK;
}

static bool parse_bool(const char *text, bool *out) {
  *out = strcmp(text, "true") == 0;
  return *out || strcmp(text, "false") == 0;
}

static bool is_choice(const ae_key *key, const char *text) {
  for (int i = 0; key->choices[i] != NULL; i++)
    if (strcmp(text, key->choices[i]) == 0) return true;
  return false;
}

/* YAML and HDF5 texts are UTF-8, so nothing else could be written into a run and read back. */
static bool is_utf8(const char *text) {
  const unsigned char *c = (const unsigned char *)text;
  while (*c != '\0') {
    int follow = *c < 0x80                 ? 0
                 : *c >= 0xC2 && *c < 0xE0 ? 1
                 : *c >= 0xE0 && *c < 0xF0 ? 2
                 : *c >= 0xF0 && *c < 0xF5 ? 3
                                           : -1;
    if (follow < 0) return false;
    for (c++; follow > 0; follow--, c++)
      if ((*c & 0xC0) != 0x80) return false;
  }
  return true;
}

static ae_status parse_typed(const ae_key *key, const char *text, ae_value *out, bool *fits) {
  switch (key->type) {
  case AE_KEY_INTEGER:
    *fits = parse_integer(key, text, &out->integer);
    break;
  case AE_KEY_REAL:
    *fits = parse_real(key, text, &out->real);
    break;
  case AE_KEY_BOOL:
    *fits = parse_bool(text, &out->truth);
    break;
  case AE_KEY_TEXT:
    *fits = true;
    break;
  case AE_KEY_CHOICE:
    *fits = is_choice(key, text) || (is_bounded(key) && parse_real(key, text, &out->real));
    break;
  case AE_KEY_INTEGERS:
    return parse_integers(key, text, out, fits);
  }
  return AE_OK;
}

ae_status ae_value_parse(ae_value *value, const char *text, bool quoted) {
  ae_status status = AE_OK;
  const ae_key *key = value->key;
  ae_value fresh = {.key = key, .given = value->given, .overridden = value->overridden, .line = value->line};
  bool textual = key->type == AE_KEY_TEXT || key->type == AE_KEY_CHOICE, fits = false;
  if (!is_utf8(text)) AE_RAISE(AE_USAGE, "%s is not written in UTF-8", key->name);
  fresh.is_word = key->word != NULL && strcmp(text, key->word) == 0;
  if (fresh.is_word) fits = true;
  else if (textual || !quoted) AE_CHECK(parse_typed(key, text, &fresh, &fits));
  if (!fits) {
    status = refuse(key, text, quoted);
    goto cleanup;
  }
  if (key->type == AE_KEY_INTEGERS && !fresh.is_word) AE_CHECK(format_integers(&fresh));
  else AE_CHECK(ae_memory_text(text, &fresh.text));
  ae_value_free(value);
  *value = fresh;
  return AE_OK;
cleanup:
  ae_value_free(&fresh);
  return status;
}

void ae_value_free(ae_value *value) {
  AE_FREE(value->text);
  AE_FREE(value->integers);
  value->count = 0;
}

bool ae_value_equal(const ae_value *a, const ae_value *b) {
  if (a->text == NULL || b->text == NULL) return a->text == b->text;
  if (a->is_word || b->is_word || a->key->type != b->key->type) return strcmp(a->text, b->text) == 0;
  switch (a->key->type) {
  case AE_KEY_INTEGER:
    return a->integer == b->integer;
  case AE_KEY_REAL:
    return a->real == b->real;
  default:
    return strcmp(a->text, b->text) == 0;
  }
}
