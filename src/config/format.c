#include "keys.h"

#include "mpiae/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A text that reads back as itself without quotes. */
static bool is_plain(const char *text) {
  static const char *const special[] = {"null", "true", "false", "yes", "no", "on", "off", NULL};
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
  for (int i = 0; special[i] != NULL; i++)
    if (strcmp(text, special[i]) == 0) return false;
  /* what begins like a number may be one to others */
  return text[0] != '\0' && strchr("-+.0123456789", text[0]) == NULL && text[strspn(text, safe)] == '\0';
}

static void print_quoted(const char *text, FILE *out) {
  fputc('"', out);
  for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\') fprintf(out, "\\%c", *c);
    else if (*c < 0x20 || *c == 0x7F) fprintf(out, "\\x%02x", *c);
    else fputc(*c, out);
  }
  fputc('"', out);
}

/* YAML 1.1, which many read, takes 1e-3 for a text and 1.0e-03 for a number. */
static void print_real(double real, FILE *out) {
  char text[40];
  snprintf(text, sizeof text, "%.15g", real);
  if (strtod(text, NULL) != real) snprintf(text, sizeof text, "%.17g", real);
  const size_t mantissa = strcspn(text, "e");
  fprintf(out, "%.*s%s%s", (int)mantissa, text,
          text[mantissa] != '\0' && memchr(text, '.', mantissa) == NULL ? ".0" : "", text + mantissa);
}

static void print_value(const ae_value *value, FILE *out) {
  if (value->key->type == AE_KEY_REAL && !value->is_word) print_real(value->real, out);
  else if (value->key->type == AE_KEY_INTEGER && !value->is_word) fprintf(out, "%" PRId64, value->integer);
  else if (value->key->type != AE_KEY_TEXT || is_plain(value->text)) fputs(value->text, out);
  else print_quoted(value->text, out);
}

/* Whether no key before `index` with a value stands in the same section. */
static bool begins_section(const ae_config *config, int index, size_t length) {
  const char *name = config->values[index].key->name;
  for (int i = 0; i < index; i++)
    if (config->values[i].text != NULL && strncmp(config->values[i].key->name, name, length + 1) == 0) return false;
  return true;
}

/* Prints the keys under the first `prefix` characters of key `from`, each section once, where its first key stands. */
static void print_section(const ae_config *config, int from, size_t prefix, int depth, FILE *out) {
  const char *section = config->values[from].key->name;
  for (int i = from; i < config->count; i++) {
    const ae_value *value = &config->values[i];
    const char *name = value->key->name;
    if (value->text == NULL || strncmp(name, section, prefix) != 0) continue;
    const char *word = name + prefix, *dot = strchr(word, '.');
    if (dot == NULL) {
      fprintf(out, "%*s%s: ", 2 * depth, "", word);
      print_value(value, out);
      fputc('\n', out);
    } else if (begins_section(config, i, (size_t)(dot - name))) {
      fprintf(out, "%*s%.*s:\n", 2 * depth, "", (int)(dot - word), word);
      print_section(config, i, (size_t)(dot - name) + 1, depth + 1, out);
    }
  }
}

ae_status ae_config_format(const ae_config *config, char **out) {
  char *text = NULL;
  size_t length = 0;
  FILE *stream = open_memstream(&text, &length);
  if (stream == NULL) return AE_FAIL(AE_INTERNAL, "out of memory");
  if (config->count > 0) print_section(config, 0, 0, 0, stream);
  ae_status status = fclose(stream) == 0 ? ae_memory_text(text, out) : AE_FAIL(AE_INTERNAL, "out of memory");
  free(text);
  return status;
}

ae_status ae_key_explain(const ae_key *key, char **out) {
  char *description = NULL, *text = NULL;
  size_t length = 0;
  AE_RETURN_IF(ae_key_describe(key, &description));
  FILE *stream = open_memstream(&text, &length);
  if (stream != NULL) {
    fprintf(stream, "%s; ", description);
    if (key->preset == NULL) fputs("must be given", stream);
    else fprintf(stream, "default %s", key->preset[0] == '\0' ? "empty" : key->preset);
    if (key->resume == AE_KEY_FREE) fputs("; may change on --resume", stream);
  }
  AE_FREE(description);
  ae_status status =
      stream != NULL && fclose(stream) == 0 ? ae_memory_text(text, out) : AE_FAIL(AE_INTERNAL, "out of memory");
  free(text);
  return status;
}

static void print_key(const ae_key *key, FILE *out) {
  char *text = NULL;
  ae_status status = ae_key_explain(key, &text);
  fprintf(out, "  %s\n      %s\n      %s\n", key->name, status == AE_OK ? text : "", key->help);
  ae_error_clear(&status);
  AE_FREE(text);
}

int ae_config_print_keys(const ae_key *const *tables, const char *name, FILE *out) {
  const size_t length = strlen(name);
  int count = 0;
  for (int t = 0; tables[t] != NULL; t++)
    for (const ae_key *key = tables[t]; key->name != NULL; key++) {
      const char end = strncmp(key->name, name, length) == 0 ? key->name[length] : 'x';
      if (length > 0 && end != '\0' && end != '.') continue;
      print_key(key, out);
      count++;
    }
  return count;
}
